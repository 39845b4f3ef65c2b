/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The networks as graphs: parameters, shapes and work of the published architectures. What they compute is compared
 * with diffusers in tests/reference.
 */

#include <math.h>

#include "graph/plan.h"
#include "networks/clip-text.h"
#include "networks/unet.h"
#include "networks/vae.h"

typedef struct
{
  const char *name;
  int n_levels;
  int layers_per_block;
  gboolean has_mid_block;
  gboolean v2;
  double parameters; /* millions, of the model card */
  double gmac;       /* a call on 64 x 64 latents, design table; 0: not stated */
  int n_skips;
} Architecture;

static const Architecture architectures[] = {
  { "sd14", 4, 2, TRUE, FALSE, 859.5, 402, 12 },  { "sd21", 4, 2, TRUE, TRUE, 865.9, 0, 12 },
  { "base", 4, 1, TRUE, FALSE, 579.4, 262, 8 },   { "v2-base", 4, 1, TRUE, TRUE, 583.5, 0, 8 },
  { "small", 4, 1, FALSE, FALSE, 482.3, 256, 8 }, { "v2-small", 4, 1, FALSE, TRUE, 485.8, 0, 8 },
  { "tiny", 3, 1, FALSE, FALSE, 323.4, 243, 6 },  { "v2-tiny", 3, 1, FALSE, TRUE, 326.8, 0, 6 },
};

static GessoUnetConfig
unet_config (const Architecture *architecture)
{
  static const int channels[] = { 320, 640, 1280, 1280 };
  static const int heads[] = { 5, 10, 20, 20 };
  GessoUnetConfig config = { .in_channels = 4,
                             .out_channels = 4,
                             .n_levels = architecture->n_levels,
                             .has_mid_block = architecture->has_mid_block,
                             .cross_attention_dim = architecture->v2 ? 1024 : 768,
                             .use_linear_projection = architecture->v2,
                             .norm_num_groups = 32,
                             .norm_eps = 1e-5,
                             .flip_sin_to_cos = TRUE,
                             .act_fn = GESSO_ACTIVATION_SILU,
                             .downsample_padding = 1 };

  for (int i = 0; i < config.n_levels; i++)
    {
      config.block_out_channels[i] = channels[i];
      config.layers_per_block[i] = architecture->layers_per_block;
      config.num_attention_heads[i] = architecture->v2 ? heads[i] : 8;
      config.transformer_layers[i] = 1;
      config.down_has_attention[i] = i < 3;
      config.up_has_attention[i] = config.n_levels - 1 - i < 3;
    }
  return config;
}

static void
collect_weights (GessoGraph *graph, GHashTable *weights)
{
  g_autoptr (GessoGraph) owned = graph;
  g_autoptr (GError) error = NULL;

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < graph->tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (graph->tensors, i);

      if (tensor->kind == GESSO_TENSOR_WEIGHT)
        g_hash_table_replace (weights, g_strdup (tensor->name),
                              GSIZE_TO_POINTER ((gsize) gesso_shape_elements (&tensor->shape)));
    }
}

static double
sum_millions (GHashTable *weights)
{
  GHashTableIter iter;
  gpointer value;
  double sum = 0;

  g_hash_table_iter_init (&iter, weights);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    sum += (double) GPOINTER_TO_SIZE (value);
  return sum / 1e6;
}

static GHashTable *
new_weights (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
test_unet_parameters (gconstpointer data)
{
  const Architecture *architecture = data;
  GessoUnetConfig config = unet_config (architecture);
  g_autoptr (GHashTable) weights = new_weights ();

  collect_weights (gesso_unet_context_graph (&config, 2, 77), weights);
  collect_weights (gesso_unet_time_graph (&config, 26), weights);
  collect_weights (gesso_unet_graph (&config, 1, 2, 77, 64, 64), weights);
  g_assert_cmpfloat_with_epsilon (sum_millions (weights), architecture->parameters, 0.06);
}

static double
graph_flops (const GessoGraph *graph)
{
  double flops = 0;

  for (guint i = 0; i < graph->ops->len; i++)
    flops += gesso_op_flops (g_ptr_array_index (graph->ops, i));
  return flops;
}

static void
test_unet_work (gconstpointer data)
{
  const Architecture *architecture = data;
  GessoUnetConfig config = unet_config (architecture);
  g_autoptr (GessoGraph) step = gesso_unet_graph (&config, 1, 1, 77, 64, 64);
  g_autoptr (GessoGraph) context = gesso_unet_context_graph (&config, 1, 77);
  g_autoptr (GessoGraph) time = gesso_unet_time_graph (&config, 1);
  double flops = graph_flops (step) + graph_flops (context) + graph_flops (time);

  g_test_message ("%.1f GMAC", flops / 2e9);
  g_assert_cmpfloat_with_epsilon (flops / 2e9, architecture->gmac, 1.0);
}

/* Every size a picture may have gives an output of the size of the latents, also where they do not halve evenly. */
static void
test_unet_sizes (gconstpointer data)
{
  GessoUnetConfig config = unet_config (data);

  for (int height = 1; height <= 19; height += 3)
    for (int width = 1; width <= 17; width++)
      {
        g_autoptr (GessoGraph) graph = gesso_unet_graph (&config, 1, 2, 77, height, width);
        g_autoptr (GError) error = NULL;
        const GessoTensor *output;

        gesso_graph_finish (graph, &error);
        g_assert_no_error (error);
        output = g_ptr_array_index (graph->outputs, 0);
        g_assert_cmpint (output->shape.dim[0], ==, 2);
        g_assert_cmpint (output->shape.dim[1], ==, height);
        g_assert_cmpint (output->shape.dim[2], ==, width);
        g_assert_cmpint (output->shape.dim[3], ==, 4);
      }
}

static guint
count_inputs (const GessoGraph *graph, const char *prefix)
{
  guint n = 0;

  for (guint i = 0; i < graph->inputs->len; i++)
    n += g_str_has_prefix (((const GessoTensor *) g_ptr_array_index (graph->inputs, i))->name, prefix);
  return n;
}

/* A step asks for all that the other two graphs compute, and for no more. */
static void
test_unet_counts (gconstpointer data)
{
  const Architecture *architecture = data;
  GessoUnetConfig config = unet_config (architecture);
  g_autoptr (GessoGraph) time = gesso_unet_time_graph (&config, 3);
  g_autoptr (GessoGraph) context = gesso_unet_context_graph (&config, 1, 77);
  int concatenations = 0;
  g_autoptr (GessoGraph) step = gesso_unet_graph (&config, 1, 1, 77, 8, 8);

  g_assert_cmpuint (count_inputs (step, "time."), ==, time->outputs->len);
  g_assert_cmpuint (count_inputs (step, "key."), ==, context->outputs->len / 2);
  g_assert_cmpuint (count_inputs (step, "value."), ==, context->outputs->len / 2);
  for (guint i = 0; i < step->ops->len; i++)
    concatenations += ((const GessoOp *) g_ptr_array_index (step->ops, i))->kind == GESSO_OP_CONCAT;
  g_assert_cmpint (concatenations, ==, architecture->n_skips);
}

static void
test_text_parameters (void)
{
  const GessoTextConfig v1 = { 49408, 768, 3072, 12, 12, 77, GESSO_ACTIVATION_QUICK_GELU, 1e-5 };
  const GessoTextConfig v2 = { 49408, 1024, 4096, 23, 16, 77, GESSO_ACTIVATION_GELU, 1e-5 };
  g_autoptr (GHashTable) weights_v1 = new_weights ();
  g_autoptr (GHashTable) weights_v2 = new_weights ();

  collect_weights (gesso_clip_text_graph (&v1, 2, 77), weights_v1);
  collect_weights (gesso_clip_text_graph (&v2, 2, 77), weights_v2);
  g_assert_cmpfloat_with_epsilon (sum_millions (weights_v1), 123.06, 0.01);
  g_assert_cmpfloat_with_epsilon (sum_millions (weights_v2), 340.39, 0.01);
}

static void
test_vae (void)
{
  const GessoVaeConfig config = { .in_channels = 3,
                                  .out_channels = 3,
                                  .latent_channels = 4,
                                  .n_levels = 4,
                                  .block_out_channels = { 128, 256, 512, 512 },
                                  .layers_per_block = 2,
                                  .norm_num_groups = 32,
                                  .act_fn = GESSO_ACTIVATION_SILU,
                                  .scaling_factor = 0.18215,
                                  .use_quant_conv = TRUE,
                                  .use_post_quant_conv = TRUE,
                                  .mid_block_add_attention = TRUE };
  g_autoptr (GHashTable) weights = new_weights ();
  g_autoptr (GessoGraph) decoder = gesso_vae_decoder_graph (&config, 1, 64, 64);

  g_assert_cmpfloat_with_epsilon (graph_flops (decoder) / 1e12, 2.51, 0.02);

  collect_weights (gesso_vae_decoder_graph (&config, 2, 5, 7), weights);
  collect_weights (gesso_vae_picture_graph (&config, 2, 5, 7), weights);
  collect_weights (gesso_vae_encoder_graph (&config, 2, 40, 56), weights);
  g_assert_cmpfloat_with_epsilon (sum_millions (weights), 83.65, 0.01);
}

/* Against values of diffusers' get_timestep_embedding (320 channels, flip_sin_to_cos, shift 0), f32. */
static void
test_sinusoid (void)
{
  GessoUnetConfig config = { .block_out_channels = { 320 }, .flip_sin_to_cos = TRUE };
  float values[320];

  gesso_unet_timestep_sinusoid (&config, 501, values);
  g_assert_cmpfloat_with_epsilon (values[0], cos (501.0), 1e-5);
  g_assert_cmpfloat_with_epsilon (values[160], sin (501.0), 1e-5);
  g_assert_cmpfloat_with_epsilon (values[80], cos (5.01), 1e-4);
  g_assert_cmpfloat_with_epsilon (values[240], sin (5.01), 1e-4);
  config.flip_sin_to_cos = FALSE;
  gesso_unet_timestep_sinusoid (&config, 501, values);
  g_assert_cmpfloat_with_epsilon (values[0], sin (501.0), 1e-5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (architectures); i++)
    {
      const Architecture *architecture = &architectures[i];
      g_autofree char *parameters = g_strdup_printf ("/networks/%s/parameters", architecture->name);
      g_autofree char *work = g_strdup_printf ("/networks/%s/work", architecture->name);
      g_autofree char *sizes = g_strdup_printf ("/networks/%s/sizes", architecture->name);
      g_autofree char *counts = g_strdup_printf ("/networks/%s/counts", architecture->name);

      g_test_add_data_func (parameters, architecture, test_unet_parameters);
      if (architecture->gmac > 0)
        g_test_add_data_func (work, architecture, test_unet_work);
      g_test_add_data_func (sizes, architecture, test_unet_sizes);
      g_test_add_data_func (counts, architecture, test_unet_counts);
    }
  g_test_add_func ("/networks/text-parameters", test_text_parameters);
  g_test_add_func ("/networks/vae", test_vae);
  g_test_add_func ("/networks/sinusoid", test_sinusoid);
  return g_test_run ();
}
