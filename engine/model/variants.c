/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "variants.h"
#include "../gesso.h"
#include "shards.h"

#include <glib/gi18n-lib.h>

/* In the order in which they are tried: diffusers takes a variant only where it is asked for, so what it takes by
 * itself comes first. [1] is what transformers calls the file, and the index where there are several. Of the two
 * diffusers prefers the index, transformers the file. */
static const struct
{
  const char *name[2];
  const char *index[2];
  GessoWeightsOpen open;
} variants[] = {
  { { "diffusion_pytorch_model.safetensors", "model.safetensors" },
    { "diffusion_pytorch_model.safetensors.index.json", "model.safetensors.index.json" },
    gesso_weights_open_safetensors },
  { { "diffusion_pytorch_model.bin", "pytorch_model.bin" },
    { "diffusion_pytorch_model.bin.index.json", "pytorch_model.bin.index.json" },
    gesso_weights_open_torch_zip },
  { { "diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors" },
    { "diffusion_pytorch_model.safetensors.index.fp16.json", "model.safetensors.index.fp16.json" },
    gesso_weights_open_safetensors },
  { { "diffusion_pytorch_model.fp16.bin", "pytorch_model.fp16.bin" },
    { "diffusion_pytorch_model.bin.index.fp16.json", "pytorch_model.bin.index.fp16.json" },
    gesso_weights_open_torch_zip },
};

GessoWeights *
gesso_variants_open (const char *folder, gboolean is_transformers, GCancellable *cancellable, GError **error)
{
  const int owner = is_transformers ? 1 : 0;
  g_autofree char *broken = NULL;
  g_autoptr (GString) known = g_string_new (NULL);
  GessoWeightsOpen open_broken = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (variants); i++)
    {
      const char *name = variants[i].name[owner];
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *index = g_build_filename (folder, variants[i].index[owner], NULL);

      gboolean is_there = g_file_test (path, G_FILE_TEST_EXISTS);

      if (g_file_test (index, G_FILE_TEST_EXISTS) && !(is_transformers && is_there))
        return gesso_shards_open (index, variants[i].open, cancellable, error);
      if (is_there)
        return variants[i].open (path, cancellable, error);
      if (!broken && g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        {
          broken = g_steal_pointer (&path);
          open_broken = variants[i].open;
        }
      g_string_append_printf (known, "%s%s", known->len ? ", " : "", name);
    }
  /* A link that leads nowhere is passed over as in diffusers, but where nothing else is there, it is the reason. */
  if (broken)
    return open_broken (broken, cancellable, error);
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
               _ ("%s holds no weights (one of %s). Download the model again, with all files of this folder."), folder,
               known->str);
  return NULL;
}
