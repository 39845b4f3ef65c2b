/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "describe.h"

#include <glib/gi18n-lib.h>

static void
append_size (GString *text, const char *label, guint64 bytes)
{
  g_autofree char *size = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);

  g_string_append_printf (text, "%s: %s\n", label, size);
}

static void
describe_weights (GString *text, const char *label, const GessoWeights *weights)
{
  g_autofree char *size = g_format_size_full (gesso_weights_file_size (weights), G_FORMAT_SIZE_IEC_UNITS);
  double parameters = 0;
  const char *type = NULL;

  for (guint i = 0; i < gesso_weights_count (weights); i++)
    {
      GessoShape shape;
      GessoDType dtype;

      if (!gesso_weights_find (weights, gesso_weights_name (weights, i), &shape, &dtype))
        continue;
      parameters += (double) gesso_shape_elements (&shape);
      type = gesso_dtype_name (dtype);
    }
  g_string_append_printf (text, _ ("%s: %.1f million parameters, %s, %s, %s\n"), label, parameters / 1e6,
                          type ? type : "-", size, gesso_weights_path (weights));
}

static void
describe_unet (GString *text, const GessoUnetConfig *unet)
{
  g_string_append (text, _ ("U-Net channels:"));
  for (int i = 0; i < unet->n_levels; i++)
    g_string_append_printf (text, " %d%s", unet->block_out_channels[i], unet->down_has_attention[i] ? "+" : "");
  g_string_append_printf (text, _ (" (+: with attention), middle block: %s\n"),
                          unet->has_mid_block ? _ ("yes") : _ ("no"));
}

char *
gesso_describe_model (const GessoModel *model)
{
  GString *text = g_string_new (NULL);
  int factor = gesso_model_vae_factor (model);

  g_string_append_printf (text, _ ("Model: %s\nFolder: %s\n"), model->name, model->folder);
  g_string_append_printf (text, _ ("Made for: %d x %d pixels\n"), model->unet.sample_width * factor,
                          model->unet.sample_height * factor);
  describe_weights (text, _ ("Text encoder"), model->text_weights);
  describe_weights (text, _ ("U-Net"), model->unet_weights);
  describe_weights (text, _ ("VAE"), model->vae_weights);
  describe_unet (text, &model->unet);
  g_string_append_printf (text, _ ("Text encoder layers: %d, width: %d, tokens: %d\n"), model->text.num_hidden_layers,
                          model->text.hidden_size, gesso_tokenizer_length (model->tokenizer));
  g_string_append_printf (text, _ ("Scheduler: %s, predicts: %s\n"), model->scheduler.class_name,
                          model->scheduler.prediction_type == GESSO_PREDICTION_V ? "v_prediction" : "epsilon");
  for (guint i = 0; i < model->notices->len; i++)
    g_string_append_printf (text, _ ("Note: %s\n"), (const char *) g_ptr_array_index (model->notices, i));
  return g_string_free (text, FALSE);
}

#define N_COLUMNS 7

/* Columns that a text takes on a terminal. */
static int
columns_of (const char *text)
{
  int n = 0;

  for (const char *c = text; *c; c = g_utf8_next_char (c))
    if (!g_unichar_iszerowidth (g_utf8_get_char (c)))
      n += g_unichar_iswide (g_utf8_get_char (c)) ? 2 : 1;
  return n;
}

/* Appends a table of rows of N_COLUMNS cells, the first column at the left, the others at the right. */
static void
append_table (GString *text, GPtrArray *rows)
{
  int widths[N_COLUMNS] = { 0 };

  for (guint i = 0; i < rows->len; i++)
    for (int k = 0; k < N_COLUMNS; k++)
      widths[k] = MAX (widths[k], columns_of (((char **) g_ptr_array_index (rows, i))[k]));
  for (guint i = 0; i < rows->len; i++)
    {
      char **row = g_ptr_array_index (rows, i);

      for (int k = 0; k < N_COLUMNS; k++)
        {
          int gap = widths[k] - columns_of (row[k]);

          g_string_append_printf (text, "%s%*s%s%*s", k ? "  " : "", k ? gap : 0, "", row[k], k ? 0 : gap, "");
        }
      g_string_append_c (text, '\n');
    }
}

static char **
describe_part (GessoPipeline *pipeline, GessoPart part)
{
  const GessoPlan *plan = gesso_parts_get_plan (pipeline->parts, part);
  GessoProgramMemory memory;
  char **row = g_new0 (char *, N_COLUMNS + 1);

  gesso_parts_report (pipeline->parts, part, &memory);
  row[0] = g_strdup (gesso_part_name (part));
  row[1] = g_strdup_printf ("%u", plan->ops->len);
  row[2] = g_strdup_printf ("%u", plan->steps->len);
  row[3] = g_strdup_printf ("%.4g", plan->flops / 1e12);
  row[4] = g_strdup_printf ("%.1f", (double) plan->parameters / 1e6);
  row[5] = g_format_size_full (memory.weights, G_FORMAT_SIZE_IEC_UNITS);
  row[6] = g_format_size_full (memory.workspace, G_FORMAT_SIZE_IEC_UNITS);
  return row;
}

/* Which operations there are. */
static void
describe_operations (GString *text, const GessoPlan *plan)
{
  guint counts[GESSO_N_OPS] = { 0 };

  for (guint i = 0; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);

      counts[op->kind]++;
    }
  g_string_append_printf (text, "  %s:", plan->name);
  for (int kind = 0; kind < GESSO_N_OPS; kind++)
    if (counts[kind])
      g_string_append_printf (text, " %u %s", counts[kind], gesso_op_kind_name (kind));
  g_string_append_c (text, '\n');
}

char *
gesso_describe_plan (GessoPipeline *pipeline, const GessoJob *job, guint64 own, const GError *shortage)
{
  const char *titles[] = { _ ("part"),         _ ("operations"), _ ("steps"),       _ ("TFLOP"),
                           _ ("M parameters"), _ ("weights"),    _ ("activations"), NULL };
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  GString *text = g_string_new (NULL);
  double evaluation = gesso_parts_get_plan (pipeline->parts, GESSO_PART_UNET)->flops;
  guint64 resident, least, buffers = gesso_pipeline_buffer_bytes (pipeline, job);

  g_string_append_printf (text, _ ("%s, %d x %d pixels, batch %d, %s, %s\n\n"), pipeline->model->name, job->width,
                          job->height, job->batch, pipeline->backend->name,
                          gesso_precision_to_string (pipeline->precision));
  g_ptr_array_add (rows, g_strdupv ((char **) titles));
  for (int i = 0; i < GESSO_N_PARTS; i++)
    g_ptr_array_add (rows, describe_part (pipeline, i));
  append_table (text, rows);
  g_string_append_c (text, '\n');
  for (int i = 0; i < GESSO_N_PARTS; i++)
    describe_operations (text, gesso_parts_get_plan (pipeline->parts, i));
  g_string_append_c (text, '\n');
  g_string_append_printf (text, _ ("Evaluations of the U-Net: %d (%.2f TFLOP)\n"), job->schedule->n_rows,
                          evaluation * job->schedule->n_rows / 1e12);
  gesso_parts_peak (pipeline->parts, &resident, &least);
  append_size (text, _ ("Buffers between the parts"), buffers);
  if (own)
    append_size (text, _ ("The program itself"), own);
  append_size (text, _ ("Peak memory with everything resident"), resident + buffers + own);
  append_size (text, _ ("Least memory, parts in turn"), least + buffers + own);
  if (shortage)
    g_string_append_printf (text, _ ("Does not fit: %s\n"), shortage->message);
  return g_string_free (text, FALSE);
}
