/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads a configuration file by the table of config-keys.c.
 */

#include "config-keys.h"
#include "../config.h"
#include "../gesso.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

/* A key on its way from the file into the struct. */
typedef struct
{
  const char *path;
  const GessoConfigKey *key;
  JsonNode *value;
  guint8 *field; /* NULL: none */
  int *n_levels; /* NULL: the part has no levels */
  GError **error;
} Reading;

gboolean
gesso_config_refuse (const char *path, const char *key, JsonNode *value, const char *what, GError **error)
{
  g_autofree char *text = gesso_json_to_text (value);

  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s: the value %s of \"%s\" %s. Choose another model, or download this one again."), path, text, key,
               what);
  return FALSE;
}

gboolean
gesso_config_refuse_int (const char *path, const char *key, int value, const char *what, GError **error)
{
  g_autoptr (JsonNode) node = json_node_init_int (json_node_alloc (), value);

  return gesso_config_refuse (path, key, node, what, error);
}

static gboolean
refuse (const Reading *reading, const char *what)
{
  return gesso_config_refuse (reading->path, reading->key->key, reading->value, what, reading->error);
}

/* "1e-05" and "65536": short, and the same in every locale. */
static char *
number_text (double number)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  return g_strdup (g_ascii_formatd (buffer, sizeof buffer, "%.8g", number));
}

static gboolean
refuse_range (const Reading *reading)
{
  g_autofree char *min = number_text (reading->key->min);
  g_autofree char *max = number_text (reading->key->max);
  g_autofree char *what = NULL;

  if (reading->key->min == reading->key->max)
    what = g_strdup_printf (_ ("is not supported: only %s is"), min);
  else
    what = g_strdup_printf (_ ("is out of range: %s to %s is supported"), min, max);
  return refuse (reading, what);
}

static gboolean
get_int (const Reading *reading, JsonNode *node, int *number)
{
  gint64 value;

  if (!gesso_json_is_integer (node))
    return refuse (reading, _ ("is not the whole number it should be"));
  value = json_node_get_int (node);
  if (value < (gint64) reading->key->min || value > (gint64) reading->key->max)
    return refuse_range (reading);
  *number = (int) value;
  return TRUE;
}

static gboolean
get_real (const Reading *reading, double *number)
{
  if (!gesso_json_is_number (reading->value))
    return refuse (reading, _ ("is not the number it should be"));
  *number = json_node_get_double (reading->value);
  if (!(*number >= reading->key->min && *number <= reading->key->max))
    return refuse_range (reading);
  return TRUE;
}

static gboolean
get_choice (const Reading *reading, JsonNode *node, int *number)
{
  const char *name = NULL;
  g_autoptr (GString) known = g_string_new (NULL);
  g_autofree char *what = NULL;

  if (JSON_NODE_HOLDS_NULL (node))
    name = GESSO_CHOICE_NULL;
  else if (gesso_json_is_string (node))
    name = json_node_get_string (node);
  for (const GessoKeyChoice *choice = reading->key->choices; choice->name; choice++)
    {
      gboolean same = name
                      && (reading->key->ignore_case ? g_ascii_strcasecmp (name, choice->name) == 0
                                                    : strcmp (name, choice->name) == 0);

      if (same && strcmp (choice->name, GESSO_CHOICE_NULL) == 0)
        same = JSON_NODE_HOLDS_NULL (node);
      if (same)
        {
          *number = choice->value;
          return TRUE;
        }
      g_string_append_printf (known, "%s%s", known->len ? ", " : "", choice->name);
    }
  what = g_strdup_printf (_ ("is not supported: only %s"), known->str);
  return refuse (reading, what);
}

/* The list of one element a level, or NULL. */
static JsonArray *
get_level_list (const Reading *reading)
{
  g_autofree char *what = NULL;
  JsonArray *array;

  if (!JSON_NODE_HOLDS_ARRAY (reading->value))
    {
      refuse (reading, _ ("is not the list it should be"));
      return NULL;
    }
  array = json_node_get_array (reading->value);
  if (json_array_get_length (array) == (guint) *reading->n_levels)
    return array;
  what = g_strdup_printf (_ ("should have as many elements as \"block_out_channels\", %d"), *reading->n_levels);
  refuse (reading, what);
  return NULL;
}

static gboolean
read_levels (const Reading *reading)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (reading->value) ? json_node_get_array (reading->value) : NULL;
  const guint length = array ? json_array_get_length (array) : 0;
  g_autofree char *what = NULL;

  if (length < 1 || length > GESSO_MAX_LEVELS)
    {
      what = g_strdup_printf (_ ("should be a list of 1 to %d numbers"), GESSO_MAX_LEVELS);
      return refuse (reading, what);
    }
  for (guint i = 0; i < length; i++)
    if (!get_int (reading, json_array_get_element (array, i), (int *) reading->field + i))
      return FALSE;
  *reading->n_levels = (int) length;
  return TRUE;
}

static gboolean
read_level_ints (const Reading *reading)
{
  int *field = (int *) reading->field;
  JsonArray *array;

  if (!JSON_NODE_HOLDS_ARRAY (reading->value))
    {
      if (!get_int (reading, reading->value, &field[0]))
        return FALSE;
      for (int i = 1; i < *reading->n_levels; i++)
        field[i] = field[0];
      return TRUE;
    }
  array = get_level_list (reading);
  for (int i = 0; array && i < *reading->n_levels; i++)
    if (!get_int (reading, json_array_get_element (array, (guint) i), &field[i]))
      return FALSE;
  return array != NULL;
}

static gboolean
read_level_choices (const Reading *reading)
{
  JsonArray *array = get_level_list (reading);
  int values[GESSO_MAX_LEVELS] = { 0 };

  for (int i = 0; array && i < *reading->n_levels; i++)
    if (!get_choice (reading, json_array_get_element (array, (guint) i), &values[i]))
      return FALSE;
  if (array && reading->field)
    memcpy (reading->field, values, sizeof values);
  return array != NULL;
}

static gboolean
read_same_int (const Reading *reading)
{
  int *field = (int *) reading->field;
  JsonArray *array;

  if (!JSON_NODE_HOLDS_ARRAY (reading->value))
    return get_int (reading, reading->value, field);
  array = get_level_list (reading);
  for (int i = 0; array && i < *reading->n_levels; i++)
    {
      int number;

      if (!get_int (reading, json_array_get_element (array, (guint) i), &number))
        return FALSE;
      if (i > 0 && number != *field)
        return refuse (reading, _ ("is not supported: its elements differ"));
      *field = number;
    }
  return array != NULL;
}

static gboolean
read_size (const Reading *reading)
{
  int *field = (int *) reading->field;
  JsonArray *array;

  if (JSON_NODE_HOLDS_NULL (reading->value))
    {
      field[0] = field[1] = 64;
      return TRUE;
    }
  if (!JSON_NODE_HOLDS_ARRAY (reading->value))
    {
      if (!get_int (reading, reading->value, &field[0]))
        return FALSE;
      field[1] = field[0];
      return TRUE;
    }
  array = json_node_get_array (reading->value);
  if (json_array_get_length (array) != 2)
    return refuse (reading, _ ("should be a number or [height, width]"));
  return get_int (reading, json_array_get_element (array, 0), &field[0])
         && get_int (reading, json_array_get_element (array, 1), &field[1]);
}

/* diffusers asks whether such a value is true, which null is not: its own converter writes "upcast_attention": null. */
static gboolean
get_boolean (const Reading *reading, gboolean *value)
{
  if (!JSON_NODE_HOLDS_NULL (reading->value) && !gesso_json_is_boolean (reading->value))
    return refuse (reading, _ ("is not the true or false it should be"));
  *value = !JSON_NODE_HOLDS_NULL (reading->value) && json_node_get_boolean (reading->value);
  return TRUE;
}

static gboolean
is_false (JsonNode *node)
{
  return gesso_json_is_boolean (node) && !json_node_get_boolean (node);
}

static gboolean
same_value (JsonNode *a, JsonNode *b)
{
  if (gesso_json_is_number (a) && gesso_json_is_number (b))
    return json_node_get_double (a) == json_node_get_double (b);
  return json_node_equal (a, b);
}

static gboolean
check_fixed (const Reading *reading)
{
  const GessoConfigKey *key = reading->key;
  g_autoptr (JsonNode) fallback = json_from_string (key->fallback, NULL);
  g_autoptr (JsonNode) also = json_from_string (key->also ? key->also : key->fallback, NULL);
  g_autofree char *what = NULL;
  gboolean harmless = same_value (reading->value, fallback) || same_value (reading->value, also)
                      || (key->kind == GESSO_KEY_FIXED && is_false (fallback) && JSON_NODE_HOLDS_NULL (reading->value));

  if (key->kind == GESSO_KEY_EACH_FIXED && JSON_NODE_HOLDS_ARRAY (reading->value))
    {
      JsonArray *array = get_level_list (reading);

      if (!array)
        return FALSE;
      harmless = TRUE;
      for (guint i = 0; i < json_array_get_length (array); i++)
        harmless = harmless && same_value (json_array_get_element (array, i), fallback);
    }
  if (harmless)
    return TRUE;
  what = g_strdup_printf (_ ("is not supported: only %s is"), key->fallback);
  return refuse (reading, what);
}

static gboolean
read_key (const Reading *reading)
{
  switch (reading->key->kind)
    {
    case GESSO_KEY_INT:
      return get_int (reading, reading->value, (int *) reading->field);
    case GESSO_KEY_REAL:
      return get_real (reading, (double *) reading->field);
    case GESSO_KEY_BOOL:
      return get_boolean (reading, (gboolean *) reading->field);
    case GESSO_KEY_CHOICE:
      return get_choice (reading, reading->value, (int *) reading->field);
    case GESSO_KEY_LEVELS:
      return read_levels (reading);
    case GESSO_KEY_LEVEL_INTS:
      return read_level_ints (reading);
    case GESSO_KEY_LEVEL_CHOICES:
      return read_level_choices (reading);
    case GESSO_KEY_SAME_INT:
      return read_same_int (reading);
    case GESSO_KEY_SIZE:
      return read_size (reading);
    case GESSO_KEY_FIXED:
    case GESSO_KEY_EACH_FIXED:
      return check_fixed (reading);
    case GESSO_KEY_OWN:
    default:
      return TRUE;
    }
}

gboolean
gesso_config_read (const char *path, JsonObject *object, const GessoConfigTable *table, gpointer config, GError **error)
{
  guint8 *base = config;

  for (const GessoConfigKey *key = table->keys; key->key; key++)
    {
      g_autoptr (JsonNode) fallback = json_from_string (key->fallback, NULL);
      JsonNode *given = json_object_get_member (object, key->key);
      Reading reading = { .path = path, .key = key, .value = given ? given : fallback, .error = error };

      reading.field = key->field == GESSO_NO_FIELD ? NULL : base + key->field;
      reading.n_levels = table->n_levels == GESSO_NO_FIELD ? NULL : (int *) (base + table->n_levels);
      if (!read_key (&reading))
        return FALSE;
    }
  return TRUE;
}
