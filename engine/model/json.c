/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "json.h"
#include "../cancel.h"
#include "../shown-text.h"
#include "lfs-pointer.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

/* json-glib recurses on nesting and spends about a hundred bytes on a value, so both are counted beforehand. The
 * files of a model nest four deep; the header of the largest network here has some 10,000 values. */
#define MAX_NESTING 32
#define MAX_VALUES 400000
#define MAX_FILE_BYTES ((guint64) 8 << 20)

/* Python writes infinities and NaN, which are no JSON (the configs of some schedulers have "-Infinity"). No key read
 * here may be one, so each becomes something of the same length that is no number, a null or an empty string: reading
 * it as a number then fails with its own message. Returns the length, or 0 where `word` is none of them. */
static gsize
blank_no_number (char *word, char *end)
{
  static const char *const words[][2] = { { "Infinity", "null" }, { "-Infinity", "null" }, { "NaN", "\"\"" } };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      gsize length = strlen (words[i][0]);

      if ((gsize) (end - word) < length || strncmp (word, words[i][0], length) != 0)
        continue;
      memset (word, ' ', length);
      memcpy (word, words[i][1], strlen (words[i][1]));
      return length;
    }
  return 0;
}

/* Counts before anything is parsed. Whatever is no JSON outside of strings is refused here: json-glib would take
 * comments and other kinds of quotes, within which this count and its reading could differ. */
static gboolean
check_bounds (const char *path, char *text, gsize length, GError **error)
{
  gboolean in_string = FALSE;
  guint depth = 0;
  guint values = 0;
  gsize blanked;

  for (gsize i = 0; i < length; i++)
    {
      char c = text[i];

      if (in_string)
        {
          if (c == '\\')
            i++;
          else if (c == '"')
            in_string = FALSE;
          continue;
        }
      if (c == '"')
        in_string = TRUE;
      else if (c == '[' || c == '{')
        {
          depth++;
          values++;
        }
      else if (c == ']' || c == '}')
        depth -= depth > 0;
      else if (c == ',')
        values++;
      else if ((c == 'I' || c == 'N' || c == '-') && (blanked = blank_no_number (text + i, text + length)) > 0)
        i += blanked - 1;
      else if (!g_ascii_isalnum (c) && !g_ascii_isspace (c) && !strchr (":+-.", c))
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID, _ ("%s: byte %zu is no JSON. Download it again."),
                       path, i);
          return FALSE;
        }
      if (depth > MAX_NESTING || values > MAX_VALUES)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s: the JSON at byte %zu is nested too deeply or holds too many values for a model's file. "
                          "Download it again."),
                       path, i);
          return FALSE;
        }
    }
  return TRUE;
}

JsonNode *
gesso_json_parse (const char *path, char *text, gsize length, GError **error)
{
  /* Not json_parser_new_immutable(): that one aborts on "{} {}". */
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GError) reason = NULL;

  if (!check_bounds (path, text, length, error))
    return NULL;
  if (!g_utf8_validate (text, (gssize) length, NULL))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the JSON is not UTF-8 text. Download it again."), path);
      return NULL;
    }
  if (!json_parser_load_from_data (parser, text, (gssize) length, &reason))
    {
      /* The parser's message quotes the text, and may end within a letter. */
      g_autofree char *what = g_utf8_make_valid (reason->message, -1);

      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the JSON is damaged (%s). Download it again."), path, what);
      return NULL;
    }
  root = json_parser_steal_root (parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the JSON is not an object ({...}). Download it again."), path);
      return NULL;
    }
  return g_steal_pointer (&root);
}

JsonNode *
gesso_json_read (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GessoFile) file = NULL;
  g_autofree char *text = NULL;
  guint64 size;

  if (gesso_is_cancelled (cancellable, error))
    return NULL;
  file = gesso_file_open (path, error);
  if (!file || gesso_lfs_pointer_refuse (file, error))
    return NULL;
  size = gesso_file_size (file);
  if (size > MAX_FILE_BYTES)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s has %" PRIu64 " bytes, too many for a model's configuration. Download it again."), path,
                   size);
      return NULL;
    }
  text = g_malloc ((gsize) size + 1);
  if (!gesso_file_read (file, 0, (gsize) size, text, error))
    return NULL;
  text[size] = '\0';
  return gesso_json_parse (path, text, (gsize) size, error);
}

char *
gesso_json_to_text (JsonNode *node)
{
  g_autofree char *text = json_to_string (node, FALSE);

  return gesso_text_shorten (text);
}

gboolean
gesso_json_is_integer (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64;
}

gboolean
gesso_json_is_number (JsonNode *node)
{
  return gesso_json_is_integer (node)
         || (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

gboolean
gesso_json_is_boolean (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN;
}

gboolean
gesso_json_is_string (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
}
