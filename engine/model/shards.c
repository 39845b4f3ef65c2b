/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 *   { "metadata": {...}, "weight_map": { "conv_in.weight": "diffusion_pytorch_model-00001-of-00002.safetensors", ... }
 * }
 */

#include "shards.h"
#include "../shown-text.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "json.h"
#include "weights-table.h"

/* Each is a file held open. Models of this family have two at the most. */
#define MAX_SHARDS 256

static gboolean
index_error (const char *path, const char *problem, GError **error)
{
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s is no index of weights: %s. Download the model again."), path, problem);
  return FALSE;
}

/* An index has no business outside of its folder. */
static gboolean
is_plain_name (const char *name)
{
  return *name && *name != '.' && strlen (name) <= 255 && !strpbrk (name, "/\\:") && gesso_text_is_shown (name);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
gesso_shards_names (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (JsonNode) root = gesso_json_read (path, cancellable, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  JsonObjectIter iter;
  JsonNode *map, *node;

  if (!root)
    return NULL;
  map = json_object_get_member (json_node_get_object (root), "weight_map");
  if (!map || !JSON_NODE_HOLDS_OBJECT (map))
    return index_error (path, _ ("it has no object \"weight_map\""), error), NULL;
  json_object_iter_init_ordered (&iter, json_node_get_object (map));
  while (json_object_iter_next_ordered (&iter, NULL, &node))
    {
      char *name;

      if (!gesso_json_is_string (node) || !is_plain_name (json_node_get_string (node)))
        {
          g_autofree char *value = gesso_json_to_text (node);
          g_autofree char *problem
              = g_strdup_printf (_ ("%s in \"weight_map\" is no name of a file in this folder"), value);

          return index_error (path, problem, error), NULL;
        }
      if (g_hash_table_contains (seen, json_node_get_string (node)))
        continue;
      if (names->len == MAX_SHARDS)
        {
          g_autofree char *problem = g_strdup_printf (_ ("it names more than %d files"), MAX_SHARDS);

          return index_error (path, problem, error), NULL;
        }
      name = g_strdup (json_node_get_string (node));
      g_ptr_array_add (names, name);
      g_hash_table_add (seen, name);
    }
  g_ptr_array_sort (names, compare_names);
  return g_steal_pointer (&names);
}

GessoWeights *
gesso_shards_open (const char *path, GessoWeightsOpen open, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) names = gesso_shards_names (path, cancellable, error);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GessoWeights) weights = NULL;
  GessoFile *index = names ? gesso_file_open (path, error) : NULL;

  if (!index)
    return NULL;
  weights = gesso_weights_new (index);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *file = g_build_filename (folder, g_ptr_array_index (names, i), NULL);
      GessoWeights *shard = open (file, cancellable, error);

      if (!shard)
        return NULL;
      gesso_weights_join (weights, shard);
    }
  return g_steal_pointer (&weights);
}
