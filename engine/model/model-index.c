/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "model-index.h"
#include "json.h"
#include "../gesso.h"
#include "../shown-text.h"
#include "platform-file.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>

#define PIPELINE "StableDiffusionPipeline"

/* Up to two classes for each part; none: any. Those that are ignored may also be null. */
static const struct
{
  const char *part;
  const char *classes[2];
  gboolean is_ignored;
} parts[] = {
  { "text_encoder", { "CLIPTextModel" }, FALSE },
  { "tokenizer", { "CLIPTokenizer", "CLIPTokenizerFast" }, FALSE },
  { "unet", { "UNet2DConditionModel" }, FALSE },
  { "vae", { "AutoencoderKL" }, FALSE },
  { "scheduler", { NULL }, FALSE },
  { "safety_checker", { NULL }, TRUE },
  { "feature_extractor", { NULL }, TRUE },
  { "image_encoder", { NULL }, TRUE },
};

/* The class of a part, entries being ["library", "class"]; NULL when there is none ([null, null]). */
static const char *
part_class (JsonNode *node)
{
  JsonNode *name;

  if (!node || !JSON_NODE_HOLDS_ARRAY (node) || json_array_get_length (json_node_get_array (node)) != 2)
    return NULL;
  name = json_array_get_element (json_node_get_array (node), 1);
  return gesso_json_is_string (name) ? json_node_get_string (name) : NULL;
}

static gboolean
check_known_parts (const char *path, JsonObject *object, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      const char *found = part_class (json_object_get_member (object, parts[i].part));
      const char *const *classes = parts[i].classes;

      if (parts[i].is_ignored)
        continue;
      if (!found)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s: the model has no \"%s\", so it is no Stable Diffusion model. Choose another."), path,
                       parts[i].part);
          return FALSE;
        }
      if (classes[0] && strcmp (found, classes[0]) != 0 && (!classes[1] || strcmp (found, classes[1]) != 0))
        {
          g_autofree char *shown = gesso_text_shorten (found);

          g_set_error (
              error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
              _ ("%s: the \"%s\" of the model is a %s, which is not supported: only %s. Choose another model."), path,
              parts[i].part, shown, classes[0]);
          return FALSE;
        }
    }
  return TRUE;
}

/* A second text encoder, a ControlNet...: without it the picture would be another one. */
static gboolean
check_unknown_parts (const char *path, JsonObject *object, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      gboolean is_known = *name == '_' || !part_class (node);

      for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
        is_known = is_known || strcmp (name, parts[i].part) == 0;
      if (!is_known)
        {
          g_autofree char *short_name = gesso_text_shorten (name);
          g_autofree char *short_class = gesso_text_shorten (part_class (node));

          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s: the model has a \"%s\" (%s), which is not supported. Choose another model."), path,
                       short_name, short_class);
          return FALSE;
        }
    }
  return TRUE;
}

/* Another pipeline over the same parts (image to image, say) would do something else with them. */
static void
note_pipeline (JsonObject *object, GPtrArray *notices)
{
  JsonNode *node = json_object_get_member (object, "_class_name");
  g_autofree char *name = NULL;

  if (!node)
    return;
  name = gesso_json_is_string (node) ? gesso_text_shorten (json_node_get_string (node)) : gesso_json_to_text (node);
  if (strcmp (name, PIPELINE) != 0)
    g_ptr_array_add (notices,
                     g_strdup_printf (_ ("model_index.json names the pipeline %s; it is run as %s."), name, PIPELINE));
}

/* Says why there is no index, where that can be guessed. */
static gboolean
explain_missing (const char *folder, const char *path, GError **error)
{
  g_autofree char *config = g_build_filename (folder, "config.json", NULL);
  g_autofree char *snapshots = g_build_filename (folder, "snapshots", NULL);

  if (!g_file_test (folder, G_FILE_TEST_EXISTS))
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                 _ ("There is no folder %s. Check its name, or download the model."), folder);
  else if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                 _ ("%s is a file. Give the folder of a model in diffusers' format, the one that holds "
                    "model_index.json; single .safetensors and .ckpt files have to be converted first."),
                 folder);
  else if (g_file_test (config, G_FILE_TEST_EXISTS))
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                 _ ("%s is only one part of a model. Give the folder above it, the one that holds model_index.json."),
                 folder);
  else if (g_file_test (snapshots, G_FILE_TEST_IS_DIR))
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                 _ ("%s is a download cache. Give the folder of one of its versions, inside %s."), folder, snapshots);
  else
    g_set_error (
        error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
        _ ("There is no file %s. Is this the folder of a model in diffusers' format? If so, download the model "
           "again."),
        path);
  return FALSE;
}

static gboolean
read_index (const char *path, GCancellable *cancellable, char **scheduler_class, GPtrArray *notices, GError **error)
{
  g_autoptr (JsonNode) root = gesso_json_read (path, cancellable, error);
  JsonObject *object;

  if (!root)
    return FALSE;
  object = json_node_get_object (root);
  if (!check_known_parts (path, object, error) || !check_unknown_parts (path, object, error))
    return FALSE;
  note_pipeline (object, notices);
  *scheduler_class = g_strdup (part_class (json_object_get_member (object, "scheduler")));
  return TRUE;
}

gboolean
gesso_model_index_read_file (const char *path, GCancellable *cancellable, char **scheduler_class, GError **error)
{
  g_autoptr (GPtrArray) notices = g_ptr_array_new_with_free_func (g_free);

  return read_index (path, cancellable, scheduler_class, notices, error);
}

gboolean
gesso_model_index_is_there (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "model_index.json", NULL);
  g_autoptr (GessoFile) file = NULL;
  GStatBuf info;

  if (g_stat (path, &info) == 0)
    return TRUE;
  if (errno == ENOENT || errno == ENOTDIR)
    return explain_missing (folder, path, error);
  /* What may not be looked at is not missing. */
  file = gesso_file_open (path, error);
  return file != NULL;
}

gboolean
gesso_model_index_read (const char *folder, GCancellable *cancellable, char **scheduler_class, GPtrArray *notices,
                        GError **error)
{
  g_autofree char *path = g_build_filename (folder, "model_index.json", NULL);

  return gesso_model_index_is_there (folder, error) && read_index (path, cancellable, scheduler_class, notices, error);
}
