/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "metadata.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "bounds.h"
#include "pdb-error.h"

#define SETTINGS_PARASITE "gesso-settings"
#define FORMAT_VERSION 1
#define LATIN_CHUNK "png/tEXt"
#define UNICODE_CHUNK "png/iTXt"

void
gesso_metadata_free (GessoMetadata *metadata)
{
  gesso_settings_free (metadata->settings);
  g_free (metadata->fingerprint);
  g_free (metadata);
}

GessoMetadata *
gesso_metadata_new (const GessoResult *result, int layer_width, int layer_height)
{
  GessoMetadata *metadata = g_new0 (GessoMetadata, 1);
  GessoSettings *settings = g_new0 (GessoSettings, 1);
  const GessoRequest *request = result->request;
  const GessoOrigin *origin = result->origin;

  settings->prompt = g_strdup (request->prompt);
  settings->negative_prompt = g_strdup (request->negative_prompt ? request->negative_prompt : "");
  settings->model = g_strdup (origin->model);
  settings->width = layer_width;
  settings->height = layer_height;
  settings->painted_width = gesso_picture_get_width (result->picture);
  settings->painted_height = gesso_picture_get_height (result->picture);
  settings->steps = request->steps;
  settings->guidance = request->guidance;
  settings->seed = (int) (gesso_picture_get_seed (result->picture) & G_MAXINT);
  settings->count = 1;
  settings->scheduler = g_strdup (request->scheduler ? request->scheduler : "");
  settings->device = origin->device;
  settings->precision = origin->precision;
  metadata->settings = settings;
  metadata->fingerprint = g_strdup (origin->fingerprint);
  return metadata;
}

gboolean
gesso_metadata_check_model (const char *model, const char *wanted, const char *found, GError **error)
{
  if (!wanted || !wanted[0] || g_str_equal (found, wanted))
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
               _ ("The layer was painted by another model than the one that is installed as “%s” now: its checksum is "
                  "%.12s…, not %.12s…. Install the former one, or paint the layer anew."),
               gesso_origin_name_model (model), found, wanted);
  return FALSE;
}

/* --- Writing --- */

static void
add_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_int (JsonBuilder *builder, const char *name, int value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static char *
to_json (const GessoMetadata *metadata)
{
  const GessoSettings *settings = metadata->settings;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (builder);
  add_int (builder, "format", FORMAT_VERSION);
  add_string (builder, "engine", gesso_version ());
  add_string (builder, "prompt", settings->prompt);
  add_string (builder, "negative-prompt", settings->negative_prompt);
  add_string (builder, "model", settings->model);
  add_string (builder, "fingerprint", metadata->fingerprint);
  add_int (builder, "width", settings->width);
  add_int (builder, "height", settings->height);
  add_int (builder, "painted-width", settings->painted_width);
  add_int (builder, "painted-height", settings->painted_height);
  add_int (builder, "steps", settings->steps);
  json_builder_set_member_name (builder, "guidance");
  json_builder_add_double_value (builder, settings->guidance);
  add_int (builder, "seed", settings->seed);
  add_string (builder, "scheduler", settings->scheduler);
  add_string (builder, "device", gesso_device_to_string (settings->device));
  add_string (builder, "precision", gesso_precision_to_string (settings->precision));
  json_builder_end_object (builder);

  root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  return json_generator_to_data (generator, NULL);
}

gboolean
gesso_metadata_attach (const GessoMetadata *metadata, GimpLayer *layer, GError **error)
{
  g_autofree char *json = to_json (metadata);
  GimpParasite *parasite
      = gimp_parasite_new (SETTINGS_PARASITE, GIMP_PARASITE_PERSISTENT, (guint32) strlen (json), json);
  gboolean attached = gimp_item_attach_parasite (GIMP_ITEM (layer), parasite);

  gimp_parasite_free (parasite);
  return attached || gesso_set_pdb_error (error);
}

/* GIMP writes a parasite "png/TYPE" as the PNG's chunk of that type, as it is. What Latin-1 can hold goes into a tEXt
 * chunk, which every program reads, other text into an iTXt chunk. */
static GimpParasite *
new_chunk (const char *text, gboolean may_be_latin)
{
  static const char latin_head[] = "parameters";
  static const char unicode_head[] = "parameters\0\0\0\0"; /* not compressed; no language; no translated keyword */
  g_autofree char *latin = may_be_latin ? g_convert (text, -1, "ISO-8859-1", "UTF-8", NULL, NULL, NULL) : NULL;
  g_autoptr (GByteArray) data = g_byte_array_new ();

  if (latin)
    {
      g_byte_array_append (data, (const guint8 *) latin_head, sizeof latin_head);
      g_byte_array_append (data, (const guint8 *) latin, (guint) strlen (latin));
    }
  else
    {
      g_byte_array_append (data, (const guint8 *) unicode_head, sizeof unicode_head);
      g_byte_array_append (data, (const guint8 *) text, (guint) strlen (text));
    }
  return gimp_parasite_new (latin ? LATIN_CHUNK : UNICODE_CHUNK, GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE,
                            data->len, data->data);
}

typedef enum
{
  CHUNK_NONE,
  CHUNK_OURS,    /* of a former picture */
  CHUNK_FOREIGN, /* another text, which GIMP would write as well */
} ChunkOwner;

static ChunkOwner
find_owner (GimpImage *image, const char *name)
{
  GimpParasite *parasite = gimp_image_get_parasite (image, name);
  ChunkOwner owner = CHUNK_NONE;
  gconstpointer data;
  guint32 length;

  if (parasite)
    {
      data = gimp_parasite_get_data (parasite, &length);
      owner = length > strlen ("parameters") && memcmp (data, "parameters", sizeof "parameters") == 0 ? CHUNK_OURS
                                                                                                      : CHUNK_FOREIGN;
      gimp_parasite_free (parasite);
    }
  return owner;
}

/* A text of somebody else's stays, and ours takes the other kind of chunk; where both are taken it does without. */
gboolean
gesso_metadata_attach_parameters (GimpImage *image, const GessoPicture *picture, GError **error)
{
  ChunkOwner latin = find_owner (image, LATIN_CHUNK), unicode = find_owner (image, UNICODE_CHUNK);
  GimpParasite *chunk = new_chunk (gesso_picture_get_parameters (picture), latin != CHUNK_FOREIGN);
  gboolean is_latin = gimp_parasite_is_type (chunk, LATIN_CHUNK);
  gboolean attached = TRUE;

  if ((is_latin ? unicode : latin) == CHUNK_OURS)
    attached = gimp_image_detach_parasite (image, is_latin ? UNICODE_CHUNK : LATIN_CHUNK);
  if (attached && (is_latin ? latin : unicode) != CHUNK_FOREIGN)
    attached = gimp_image_attach_parasite (image, chunk);
  gimp_parasite_free (chunk);
  return attached || gesso_set_pdb_error (error);
}

/* --- Reading --- */

static gboolean
damaged (GError **error, const char *why)
{
  /* Translators: %s is a sentence that says what is wrong. */
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
               _ ("The settings stored in the layer are damaged: %s Paint it anew."), why);
  return FALSE;
}

static gboolean
bad_member (GError **error, const char *name)
{
  g_autofree char *why = g_strdup_printf (_ ("“%s” is missing or has a wrong value."), name);

  return damaged (error, why);
}

static gboolean
read_string (JsonObject *object, const char *name, char **value, GError **error)
{
  JsonNode *node = json_object_get_member (object, name);

  if (!node || json_node_get_value_type (node) != G_TYPE_STRING)
    return bad_member (error, name);
  *value = g_strdup (json_node_get_string (node));
  return TRUE;
}

static gboolean
read_int (JsonObject *object, const char *name, int least, int largest, int *value, GError **error)
{
  JsonNode *node = json_object_get_member (object, name);
  gint64 number;

  if (!node || json_node_get_value_type (node) != G_TYPE_INT64)
    return bad_member (error, name);
  number = json_node_get_int (node);
  if (number < least || number > largest)
    return bad_member (error, name);
  *value = (int) number;
  return TRUE;
}

static gboolean
read_double (JsonObject *object, const char *name, double least, double largest, double *value, GError **error)
{
  JsonNode *node = json_object_get_member (object, name);
  GType type = node ? json_node_get_value_type (node) : G_TYPE_INVALID;

  /* A whole number is written without a fraction. */
  if (type != G_TYPE_DOUBLE && type != G_TYPE_INT64)
    return bad_member (error, name);
  *value = type == G_TYPE_DOUBLE ? json_node_get_double (node) : (double) json_node_get_int (node);
  return (*value >= least && *value <= largest) || bad_member (error, name); /* NaN is neither */
}

static gboolean
read_names (JsonObject *object, GessoSettings *settings, GError **error)
{
  g_autofree char *device = NULL;
  g_autofree char *precision = NULL;

  if (!read_string (object, "device", &device, error) || !read_string (object, "precision", &precision, error))
    return FALSE;
  if (!gesso_device_from_string (device, &settings->device))
    return bad_member (error, "device");
  if (!gesso_precision_from_string (precision, &settings->precision))
    return bad_member (error, "precision");
  return TRUE;
}

static gboolean
read_members (JsonObject *object, GessoMetadata *metadata, GError **error)
{
  GessoSettings *settings = metadata->settings;

  return read_string (object, "prompt", &settings->prompt, error)
         && read_string (object, "negative-prompt", &settings->negative_prompt, error)
         && read_string (object, "model", &settings->model, error)
         && read_string (object, "fingerprint", &metadata->fingerprint, error)
         && read_int (object, "width", 1, GIMP_MAX_IMAGE_SIZE, &settings->width, error)
         && read_int (object, "height", 1, GIMP_MAX_IMAGE_SIZE, &settings->height, error)
         && read_int (object, "painted-width", 1, GIMP_MAX_IMAGE_SIZE, &settings->painted_width, error)
         && read_int (object, "painted-height", 1, GIMP_MAX_IMAGE_SIZE, &settings->painted_height, error)
         && read_int (object, "steps", 1, GESSO_LARGEST_STEPS, &settings->steps, error)
         && read_double (object, "guidance", 0, GESSO_LARGEST_GUIDANCE, &settings->guidance, error)
         && read_int (object, "seed", 0, G_MAXINT, &settings->seed, error)
         && read_string (object, "scheduler", &settings->scheduler, error) && read_names (object, settings, error);
}

static GessoMetadata *
from_json (const char *json, gssize length, GError **error)
{
  g_autoptr (GessoMetadata) metadata = g_new0 (GessoMetadata, 1);
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  JsonNode *root;
  int format;

  metadata->settings = g_new0 (GessoSettings, 1);
  metadata->settings->count = 1;
  if (!json_parser_load_from_data (parser, json, length, NULL))
    {
      damaged (error, _ ("They are no valid JSON."));
      return NULL;
    }
  root = json_parser_get_root (parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root))
    {
      damaged (error, _ ("They are no JSON object."));
      return NULL;
    }
  if (!read_int (json_node_get_object (root), "format", 1, G_MAXINT, &format, error))
    return NULL;
  if (format > FORMAT_VERSION)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The settings stored in the layer are of format %d, this version of Gesso reads %d. Use a newer "
                      "one."),
                   format, FORMAT_VERSION);
      return NULL;
    }
  return read_members (json_node_get_object (root), metadata, error) ? g_steal_pointer (&metadata) : NULL;
}

GessoMetadata *
gesso_metadata_read (GimpLayer *layer, GError **error)
{
  GimpParasite *parasite = gimp_item_get_parasite (GIMP_ITEM (layer), SETTINGS_PARASITE);
  GessoMetadata *metadata = NULL;
  gconstpointer data;
  guint32 length;

  if (!parasite)
    {
      g_autofree char *name = gimp_item_get_name (GIMP_ITEM (layer));

      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The layer “%s” has no settings stored: it was not painted by Gesso. Select one that was."),
                   name);
      return NULL;
    }
  data = gimp_parasite_get_data (parasite, &length);
  /* Written by whoever: neither a NUL nor an end of text is taken on trust. */
  if (length > 0 && g_utf8_validate_len (data, length, NULL))
    metadata = from_json (data, length, error);
  else
    damaged (error, _ ("They are no text."));
  gimp_parasite_free (parasite);
  return metadata;
}
