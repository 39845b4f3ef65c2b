/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writes a complete model folder of full size with weights from the formula: make-full-model NAME FOLDER [--f32]
 * [--empty], NAME being one of tests/reference/data/full. The tokenizer is a miniature's, so prompts mean nothing;
 * times and memory are those of the real model. With --empty the weights are holes in their files, quickly made: all
 * are 0. G_TEST_SRCDIR names tests/reference where it lies elsewhere.
 */

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "cpu/operators.h"
#include "formula.h"
#include "model/configs.h"
#include "networks/clip-text.h"
#include "networks/unet.h"
#include "networks/vae.h"

#define LENGTH 77
#define CHUNK (1 << 20) /* values converted at a time */

static gboolean as_f32, empty;
/* The projections around the U-Net's attentions are convolutions, as in version 1. */
static gboolean convolves_projections;

static void
must (GError *error)
{
  if (error)
    g_error ("%s", error->message);
}

static void
collect (GessoGraph *graph, GPtrArray *weights, GHashTable *seen)
{
  GError *error = NULL;

  gesso_graph_finish (graph, &error);
  must (error);
  for (guint i = 0; i < graph->tensors->len; i++)
    {
      GessoTensor *tensor = g_ptr_array_index (graph->tensors, i);

      if (tensor->kind == GESSO_TENSOR_WEIGHT && g_hash_table_add (seen, tensor->name))
        g_ptr_array_add (weights, tensor);
    }
}

/* Ours multiplies by them; in diffusers they are convolutions, and in files they have the shape of one. */
static gboolean
is_convolution (const char *name)
{
  return g_str_has_suffix (name, "conv_shortcut.weight") || g_str_has_suffix (name, "quant_conv.weight")
         || (convolves_projections
             && (g_str_has_suffix (name, "proj_in.weight") || g_str_has_suffix (name, "proj_out.weight")));
}

static char *
shape_in_file (const GessoTensor *tensor)
{
  const GessoShape *shape = &tensor->shape;

  if (shape->rank == 2 && is_convolution (tensor->name))
    return g_strdup_printf ("[%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", 1, 1]", shape->dim[0], shape->dim[1]);
  return gesso_shape_to_string (shape);
}

static char *
header_of (GPtrArray *weights)
{
  GString *json = g_string_new ("{");
  guint64 offset = 0;

  for (guint i = 0; i < weights->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (weights, i);
      g_autofree char *shape = shape_in_file (tensor);
      guint64 end = offset + (guint64) gesso_shape_elements (&tensor->shape) * (as_f32 ? 4 : 2);

      g_string_append_printf (json,
                              "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%" G_GUINT64_FORMAT
                              ",%" G_GUINT64_FORMAT "]}",
                              i ? "," : "", tensor->name, as_f32 ? "F32" : "F16", shape, offset, end);
      offset = end;
    }
  g_string_append_c (json, '}');
  while (json->len % 8)
    g_string_append_c (json, ' ');
  return g_string_free (json, FALSE);
}

static void
write_values (FILE *file, const GessoTensor *tensor)
{
  GessoCpuContext context = { .n_threads = 1, .kernels = gesso_cpu_kernels_get (NULL) };
  gint64 n = gesso_shape_elements (&tensor->shape);
  g_autofree float *values = g_new (float, CHUNK);
  g_autofree guint16 *halves = g_new (guint16, CHUNK);

  for (gint64 first = 0; first < n; first += CHUNK)
    {
      gint64 count = MIN (CHUNK, n - first);

      gesso_formula_fill (tensor->name, &tensor->shape, first, count, values);
      gesso_cpu_cast (&context, GESSO_DTYPE_F32, values, count, GESSO_DTYPE_F16, halves);
      if (fwrite (as_f32 ? (gpointer) values : halves, as_f32 ? 4 : 2, (gsize) count, file) != (gsize) count)
        g_error ("the weights cannot be written: is the disk full?");
    }
}

static void
leave_holes (FILE *file, const GPtrArray *weights)
{
  gint64 n = 0;

  for (guint i = 0; i < weights->len; i++)
    n += gesso_shape_elements (&((const GessoTensor *) g_ptr_array_index (weights, i))->shape);
  if (fseeko (file, n * (as_f32 ? 4 : 2) - 1, SEEK_CUR) != 0 || fputc (0, file) != 0)
    g_error ("the weights cannot be written");
}

static void
write_weights (const char *folder, const char *part, const char *name, GPtrArray *weights)
{
  g_autofree char *path = g_build_filename (folder, part, name, NULL);
  g_autofree char *header = header_of (weights);
  guint64 length = GUINT64_TO_LE ((guint64) strlen (header));
  FILE *file = g_fopen (path, "wb");

  if (!file || fwrite (&length, sizeof length, 1, file) != 1
      || fwrite (header, 1, strlen (header), file) != strlen (header))
    g_error ("%s cannot be written", path);
  for (guint i = 0; i < weights->len && !empty; i++)
    write_values (file, g_ptr_array_index (weights, i));
  if (empty)
    leave_holes (file, weights);
  if (fclose (file) != 0)
    g_error ("%s cannot be written", path);
}

static void
copy_file (const char *from_folder, const char *to_folder, const char *part, const char *name)
{
  g_autofree char *to_part = g_build_filename (to_folder, part, NULL);
  g_autofree char *from_path = g_build_filename (from_folder, part, name, NULL);
  g_autofree char *to_path = g_build_filename (to_part, name, NULL);
  g_autoptr (GFile) from = g_file_new_for_path (from_path);
  g_autoptr (GFile) to = g_file_new_for_path (to_path);
  GError *error = NULL;

  g_mkdir_with_parents (to_part, 0777);
  g_file_copy (from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, &error);
  must (error);
}

/* All files of a part, whichever those are: tokenizers have two forms. */
static void
copy_files (const char *from_folder, const char *to_folder, const char *part)
{
  g_autofree char *path = g_build_filename (from_folder, part, NULL);
  GError *error = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);

  must (error);
  for (const char *name; (name = g_dir_read_name (dir));)
    copy_file (from_folder, to_folder, part, name);
}

/* Writes the weights that some graphs of a part ask for together, and frees the graphs. */
static void
write_part (const char *folder, const char *part, const char *file, int n_graphs, GessoGraph **graphs)
{
  g_autoptr (GPtrArray) weights = g_ptr_array_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (int i = 0; i < n_graphs; i++)
    collect (graphs[i], weights, seen);
  write_weights (folder, part, file, weights);
  for (int i = 0; i < n_graphs; i++)
    gesso_graph_free (graphs[i]);
}

static void
write_unet (const char *configs, const char *folder)
{
  g_autofree char *path = g_build_filename (configs, "unet", "config.json", NULL);
  GessoUnetConfig config = { 0 };
  GessoGraph *graphs[3];
  GError *error = NULL;

  gesso_unet_config_read (path, NULL, &config, &error);
  must (error);
  convolves_projections = !config.use_linear_projection;
  graphs[0] = gesso_unet_context_graph (&config, 1, LENGTH);
  graphs[1] = gesso_unet_time_graph (&config, 1);
  graphs[2] = gesso_unet_graph (&config, 1, 1, LENGTH, 8, 8);
  write_part (folder, "unet", "diffusion_pytorch_model.safetensors", 3, graphs);
}

static void
write_text (const char *configs, const char *folder)
{
  g_autofree char *path = g_build_filename (configs, "text_encoder", "config.json", NULL);
  GessoTextConfig config = { 0 };
  GessoGraph *graph;
  GError *error = NULL;

  gesso_text_config_read (path, NULL, &config, &error);
  must (error);
  graph = gesso_clip_text_graph (&config, 1, LENGTH);
  write_part (folder, "text_encoder", "model.safetensors", 1, &graph);
}

static void
write_vae (const char *configs, const char *folder)
{
  g_autofree char *path = g_build_filename (configs, "vae", "config.json", NULL);
  GessoVaeConfig config = { 0 };
  GessoGraph *graphs[2];
  GError *error = NULL;

  gesso_vae_config_read (path, NULL, &config, &error);
  must (error);
  graphs[0] = gesso_vae_decoder_graph (&config, 1, 8, 8);
  graphs[1] = gesso_vae_encoder_graph (&config, 1, 64, 64);
  write_part (folder, "vae", "diffusion_pytorch_model.safetensors", 2, graphs);
}

int
main (int argc, char **argv)
{
  const char *elsewhere = g_getenv ("G_TEST_SRCDIR");
  g_autofree char *data = elsewhere ? g_build_filename (elsewhere, "data", NULL) : g_strdup (REFERENCE_DATA);
  g_autofree char *configs = NULL;
  g_autofree char *miniature = NULL;

  if (argc < 3)
    {
      g_printerr ("usage: %s NAME FOLDER [--f32] [--empty]\n", argv[0]);
      return 2;
    }
  as_f32 = g_strv_contains ((const char *const *) argv + 3, "--f32");
  empty = g_strv_contains ((const char *const *) argv + 3, "--empty");
  configs = g_build_filename (data, "full", argv[1], NULL);
  miniature = g_build_filename (data, "models", argv[1], NULL);
  copy_file (configs, argv[2], "unet", "config.json");
  copy_file (configs, argv[2], "text_encoder", "config.json");
  copy_file (configs, argv[2], "vae", "config.json");
  copy_file (miniature, argv[2], ".", "model_index.json");
  copy_file (miniature, argv[2], "scheduler", "scheduler_config.json");
  copy_files (miniature, argv[2], "tokenizer");
  write_unet (configs, argv[2]);
  write_text (configs, argv[2]);
  write_vae (configs, argv[2]);
  return 0;
}
