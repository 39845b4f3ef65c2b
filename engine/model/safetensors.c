/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * safetensors: eight bytes of header length (little endian), a JSON object
 *   { "name": { "dtype": "F16", "shape": [320, 4, 3, 3], "data_offsets": [begin, end] }, ..., "__metadata__": {...} }
 * and the values, which the offsets count from the end of the header.
 */

#include "json.h"
#include "../cancel.h"
#include "../shown-text.h"
#include "lfs-pointer.h"
#include "weights-table.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

/* The format's own limit. */
#define MAX_HEADER ((guint64) 100000000)
#define MAX_RANK 16
/* Names are part of messages; the longest of a tensor here has some 90 bytes. */
#define MAX_NAME 500
#define MAX_TYPE 20

static gboolean
header_error (const char *path, const char *name, const char *what, GError **error)
{
  g_autofree char *short_name = gesso_text_shorten (name);

  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s: the header's entry \"%s\" %s. The file is damaged: download it again."), path, short_name, what);
  return FALSE;
}

/* A list of at most `limit` whole numbers, none of them negative. */
static gboolean
read_numbers (JsonNode *node, guint limit, gint64 *numbers, guint *count)
{
  JsonArray *array;

  if (!node || !JSON_NODE_HOLDS_ARRAY (node))
    return FALSE;
  array = json_node_get_array (node);
  *count = json_array_get_length (array);
  if (*count > limit)
    return FALSE;
  for (guint i = 0; i < *count; i++)
    {
      JsonNode *element = json_array_get_element (array, i);

      if (!gesso_json_is_integer (element))
        return FALSE;
      numbers[i] = json_node_get_int (element);
      if (numbers[i] < 0)
        return FALSE;
    }
  return TRUE;
}

/* Where a tensor's values begin and end, counted from the end of the header. */
typedef struct
{
  gint64 begin, end;
} Extent;

static int
compare_extents (gconstpointer a, gconstpointer b)
{
  const Extent *x = a, *y = b;

  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

/* The format has neither gaps nor values that belong to two tensors, nor anything behind the last. */
static gboolean
check_extents (const char *path, GArray *extents, guint64 data_start, guint64 data_size, GError **error)
{
  gint64 position = 0;
  guint n = 0;

  g_array_sort (extents, compare_extents);
  for (; n < extents->len && g_array_index (extents, Extent, n).begin == position; n++)
    position = g_array_index (extents, Extent, n).end;
  if (n == extents->len && (guint64) position == data_size)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s: behind byte %" PRIu64
                  " the tensors do not follow one another without gaps to the file's end. It "
                  "is damaged: download it again."),
               path, data_start + (guint64) position);
  return FALSE;
}

static gboolean
read_entry (GessoWeights *weights, const char *name, JsonNode *node, guint64 data_start, GArray *extents,
            GError **error)
{
  const char *path = gesso_weights_path (weights);
  const guint64 data_size = gesso_weights_file_size (weights) - data_start;
  gint64 dim[MAX_RANK];
  gint64 offset[2];
  gint64 elements;
  Extent extent;
  guint rank;
  guint n_offsets;
  gsize size;
  JsonObject *entry;
  JsonNode *type;

  if (strlen (name) > MAX_NAME)
    return header_error (path, name, _ ("has a name of more than 500 bytes"), error);
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return header_error (path, name, _ ("is no object"), error);
  entry = json_node_get_object (node);
  type = json_object_get_member (entry, "dtype");
  if (!type || !gesso_json_is_string (type) || strlen (json_node_get_string (type)) > MAX_TYPE)
    return header_error (path, name, _ ("has no usable \"dtype\""), error);
  if (!read_numbers (json_object_get_member (entry, "shape"), MAX_RANK, dim, &rank)
      || !gesso_weights_extent (rank, dim, &elements))
    return header_error (path, name, _ ("has no usable \"shape\""), error);
  if (!read_numbers (json_object_get_member (entry, "data_offsets"), 2, offset, &n_offsets) || n_offsets != 2
      || offset[0] > offset[1])
    return header_error (path, name, _ ("has no usable \"data_offsets\""), error);
  extent = (Extent) { offset[0], offset[1] };
  size = gesso_weights_type_size (json_node_get_string (type));
  if (size && elements * (gint64) size != offset[1] - offset[0])
    return header_error (path, name, _ ("has a shape and a type that do not fit its \"data_offsets\""), error);
  if ((guint64) offset[1] > data_size)
    {
      g_autofree char *shown = gesso_text_shorten (name);

      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s is cut short: the tensor \"%s\" ends at byte %" PRIu64 ", but the file has %" PRIu64
                      ". Download it again."),
                   path, shown, data_start + (guint64) offset[1], data_start + data_size);
      return FALSE;
    }
  g_array_append_val (extents, extent);
  gesso_weights_add (weights, name, json_node_get_string (type), rank, dim, NULL, data_start + (guint64) offset[0]);
  return TRUE;
}

/* The header as text of *length bytes, followed by a NUL. */
static char *
read_header (GessoFile *file, guint64 *length, GError **error)
{
  const guint64 file_size = gesso_file_size (file);
  g_autofree char *text = NULL;
  guint64 prefix = 0;

  if (gesso_lfs_pointer_refuse (file, error))
    return NULL;
  if (file_size >= sizeof prefix && !gesso_file_read (file, 0, sizeof prefix, &prefix, error))
    return NULL;
  *length = GUINT64_FROM_LE (prefix);
  if (file_size < sizeof prefix || *length > file_size - sizeof prefix || *length > MAX_HEADER)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s is no safetensors file, or cut short: it has %" PRIu64
                      " bytes and claims a header of %" PRIu64 ". Download it again."),
                   gesso_file_path (file), file_size, *length);
      return NULL;
    }
  text = g_try_malloc ((gsize) *length + 1);
  if (!text)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                   _ ("There is no memory for the header of %s (%" PRIu64 " bytes). Close other programs."),
                   gesso_file_path (file), *length);
      return NULL;
    }
  if (!gesso_file_read (file, sizeof prefix, (gsize) *length, text, error))
    return NULL;
  text[*length] = '\0';
  return g_steal_pointer (&text);
}

GessoWeights *
gesso_weights_open_safetensors (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GessoFile) file = NULL;
  g_autoptr (GessoWeights) weights = NULL;
  g_autoptr (JsonNode) header = NULL;
  g_autoptr (GArray) extents = g_array_new (FALSE, FALSE, sizeof (Extent));
  g_autofree char *text = NULL;
  guint64 length;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (gesso_is_cancelled (cancellable, error))
    return NULL;
  file = gesso_file_open (path, error);
  if (!file)
    return NULL;
  text = read_header (file, &length, error);
  if (!text)
    return NULL;
  header = gesso_json_parse (path, text, (gsize) length, error);
  if (!header)
    return NULL;
  weights = gesso_weights_new (g_steal_pointer (&file));
  json_object_iter_init_ordered (&iter, json_node_get_object (header));
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      if (strcmp (name, "__metadata__") == 0)
        continue;
      if (gesso_is_cancelled (cancellable, error)
          || !read_entry (weights, name, node, sizeof length + length, extents, error))
        return NULL;
    }
  if (!check_extents (path, extents, sizeof length + length, gesso_weights_file_size (weights) - sizeof length - length,
                      error))
    return NULL;
  return g_steal_pointer (&weights);
}
