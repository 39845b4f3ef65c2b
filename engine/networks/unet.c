/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * After diffusers' UNet2DConditionModel. The structure is walked in one place (walk_unet), whatever is being built:
 * the graph of a step, of the prompt's keys and values, or of the schedule's time embeddings.
 */

#include "unet.h"

#include <math.h>

#include "blocks.h"

/* Fixed in diffusers' Transformer2DModel and BasicTransformerBlock. */
#define TRANSFORMER_GROUP_NORM_EPS 1e-6
#define TRANSFORMER_LAYER_NORM_EPS 1e-5

typedef enum
{
  WALK_CONTEXT,
  WALK_TIME,
  WALK_STEP,
} WalkKind;

typedef struct
{
  WalkKind kind;
  const GessoUnetConfig *config;
  GessoGraph *graph;   /* NULL when counting */
  GessoTensor *source; /* CONTEXT: the text; TIME: the activated embedding */
  int repeat;
  int length;
  int n_residual;
  int n_cross;
} Walk;

/* The running hidden state; without a tensor (all walks but STEP) only its channels. */
typedef struct
{
  GessoTensor *tensor;
  int channels;
} Hidden;

static char *
numbered (const char *name, int index)
{
  return g_strdup_printf ("%s.%d", name, index);
}

static Hidden
residual_block (Walk *walk, Hidden x, const char *parent, int index, int out)
{
  const GessoUnetConfig *config = walk->config;
  g_autofree char *path = gesso_block_path (parent, "resnets", index);
  g_autofree char *name = numbered ("time", walk->n_residual++);

  if (walk->kind == WALK_TIME)
    {
      g_autofree char *projection = gesso_block_path (path, "time_emb_proj", -1);
      GessoTensor *bias = gesso_block_weight (walk->graph, path, "conv1.bias", GESSO_SHAPE1 (out));
      GessoTensor *y = gesso_block_linear (walk->graph, walk->source, projection, out, TRUE);

      y = gesso_graph_add (walk->graph, y, bias);
      gesso_graph_output (walk->graph, gesso_graph_cast (walk->graph, y, GESSO_DTYPE_F32), name);
    }
  else if (walk->kind == WALK_STEP)
    {
      GessoTensor *time = gesso_graph_input (walk->graph, name, GESSO_DTYPE_F32, GESSO_SHAPE1 (out));

      x.tensor = gesso_block_residual (walk->graph, x.tensor, path, out, config->norm_num_groups, config->norm_eps,
                                       config->act_fn, time);
    }
  x.channels = out;
  return x;
}

static GessoTensor *
attend (GessoGraph *graph, GessoTensor *x, GessoTensor *q, GessoTensor *k, GessoTensor *v, const char *path, int heads)
{
  g_autofree char *to_out = gesso_block_path (path, "to_out", 0);
  gint64 c = gesso_shape_channels (&x->shape);
  float scale = (float) (1.0 / sqrt ((double) c / heads));
  GessoTensor *y = gesso_graph_attention (graph, q, k, v, heads, scale, FALSE);

  return gesso_graph_add (graph, gesso_block_linear (graph, y, to_out, c, TRUE), x);
}

static GessoTensor *
self_attention (GessoGraph *graph, GessoTensor *x, const char *block, int heads)
{
  g_autofree char *norm = gesso_block_path (block, "norm1", -1);
  g_autofree char *path = gesso_block_path (block, "attn1", -1);
  g_autofree char *to_q = gesso_block_path (path, "to_q", -1);
  g_autofree char *to_k = gesso_block_path (path, "to_k", -1);
  g_autofree char *to_v = gesso_block_path (path, "to_v", -1);
  gint64 c = gesso_shape_channels (&x->shape);
  GessoTensor *y = gesso_block_layer_norm (graph, x, norm, TRANSFORMER_LAYER_NORM_EPS);
  GessoTensor *q = gesso_block_linear (graph, y, to_q, c, FALSE);
  GessoTensor *k = gesso_block_linear (graph, y, to_k, c, FALSE);
  GessoTensor *v = gesso_block_linear (graph, y, to_v, c, FALSE);

  return attend (graph, x, q, k, v, path, heads);
}

/* The keys and values depend on the prompt only, so they are outputs of one graph and inputs of the other. */
static GessoTensor *
cross_attention (Walk *walk, GessoTensor *x, const char *block, int channels, int heads)
{
  GessoGraph *graph = walk->graph;
  g_autofree char *norm = gesso_block_path (block, "norm2", -1);
  g_autofree char *path = gesso_block_path (block, "attn2", -1);
  g_autofree char *to_q = gesso_block_path (path, "to_q", -1);
  g_autofree char *to_k = gesso_block_path (path, "to_k", -1);
  g_autofree char *to_v = gesso_block_path (path, "to_v", -1);
  g_autofree char *key = numbered ("key", walk->n_cross);
  g_autofree char *value = numbered ("value", walk->n_cross);

  walk->n_cross++;
  if (walk->kind == WALK_CONTEXT)
    {
      gesso_graph_output (graph, gesso_block_linear (graph, walk->source, to_k, channels, FALSE), key);
      gesso_graph_output (graph, gesso_block_linear (graph, walk->source, to_v, channels, FALSE), value);
    }
  else if (walk->kind == WALK_STEP)
    {
      GessoShape shape = GESSO_SHAPE3 (walk->repeat, walk->length, channels);
      GessoTensor *k = gesso_graph_input (graph, key, GESSO_DTYPE_COMPUTE, shape);
      GessoTensor *v = gesso_graph_input (graph, value, GESSO_DTYPE_COMPUTE, shape);
      GessoTensor *y = gesso_block_layer_norm (graph, x, norm, TRANSFORMER_LAYER_NORM_EPS);

      x = attend (graph, x, gesso_block_linear (graph, y, to_q, channels, FALSE), k, v, path, heads);
    }
  return x;
}

static GessoTensor *
feed_forward (GessoGraph *graph, GessoTensor *x, const char *block)
{
  g_autofree char *norm = gesso_block_path (block, "norm3", -1);
  g_autofree char *proj_in = gesso_block_path (block, "ff.net.0.proj", -1);
  g_autofree char *proj_out = gesso_block_path (block, "ff.net.2", -1);
  gint64 c = gesso_shape_channels (&x->shape);
  GessoTensor *y = gesso_block_layer_norm (graph, x, norm, TRANSFORMER_LAYER_NORM_EPS);

  y = gesso_graph_geglu (graph, gesso_block_linear (graph, y, proj_in, 2 * 4 * c, TRUE));
  return gesso_graph_add (graph, gesso_block_linear (graph, y, proj_out, c, TRUE), x);
}

/* diffusers' Transformer2DModel at `level`. Whether the projections are stored as 1x1 convolutions or as matrices
 * makes no difference in this layout. */
static Hidden
transformer (Walk *walk, Hidden x, const char *parent, int index, int level)
{
  const GessoUnetConfig *config = walk->config;
  GessoGraph *graph = walk->graph;
  g_autofree char *path = gesso_block_path (parent, "attentions", index);
  int heads = config->num_attention_heads[level];
  GessoTensor *residual = x.tensor;
  GessoTensor *y = NULL;

  if (walk->kind == WALK_TIME)
    return x;
  if (walk->kind == WALK_STEP)
    {
      g_autofree char *norm = gesso_block_path (path, "norm", -1);
      g_autofree char *proj_in = gesso_block_path (path, "proj_in", -1);
      GessoShape shape = residual->shape;

      y = gesso_block_group_norm (graph, residual, norm, config->norm_num_groups, TRANSFORMER_GROUP_NORM_EPS);
      y = gesso_graph_reshape (graph, y, GESSO_SHAPE3 (shape.dim[0], shape.dim[1] * shape.dim[2], shape.dim[3]));
      y = gesso_block_linear (graph, y, proj_in, x.channels, TRUE);
    }
  for (int i = 0; i < config->transformer_layers[level]; i++)
    {
      g_autofree char *block = gesso_block_path (path, "transformer_blocks", i);

      if (walk->kind == WALK_STEP)
        y = self_attention (graph, y, block, heads);
      y = cross_attention (walk, y, block, x.channels, heads);
      if (walk->kind == WALK_STEP)
        y = feed_forward (graph, y, block);
    }
  if (walk->kind == WALK_STEP)
    {
      g_autofree char *proj_out = gesso_block_path (path, "proj_out", -1);

      y = gesso_block_linear (graph, y, proj_out, x.channels, TRUE);
      x.tensor = gesso_graph_add (graph, gesso_graph_reshape (graph, y, residual->shape), residual);
    }
  return x;
}

static Hidden
walk_down (Walk *walk, Hidden x, int level, GArray *skips)
{
  const GessoUnetConfig *config = walk->config;
  g_autofree char *path = gesso_block_path ("", "down_blocks", level);

  for (int j = 0; j < config->layers_per_block[level]; j++)
    {
      x = residual_block (walk, x, path, j, config->block_out_channels[level]);
      if (config->down_has_attention[level])
        x = transformer (walk, x, path, j, level);
      g_array_append_val (skips, x);
    }
  if (level + 1 < config->n_levels)
    {
      if (walk->kind == WALK_STEP)
        {
          g_autofree char *downsampler = gesso_block_path (path, "downsamplers", 0);

          x.tensor = gesso_block_downsample (walk->graph, x.tensor, downsampler, config->downsample_padding);
        }
      g_array_append_val (skips, x);
    }
  return x;
}

static Hidden
walk_mid (Walk *walk, Hidden x)
{
  int level = walk->config->n_levels - 1;

  x = residual_block (walk, x, "mid_block", 0, x.channels);
  x = transformer (walk, x, "mid_block", 0, level);
  return residual_block (walk, x, "mid_block", 1, x.channels);
}

static Hidden
walk_up (Walk *walk, Hidden x, int block, GArray *skips)
{
  const GessoUnetConfig *config = walk->config;
  int level = config->n_levels - 1 - block;
  g_autofree char *path = gesso_block_path ("", "up_blocks", block);

  for (int j = 0; j <= config->layers_per_block[level]; j++)
    {
      Hidden skip = g_array_index (skips, Hidden, skips->len - 1);

      g_array_set_size (skips, skips->len - 1);
      if (walk->kind == WALK_STEP)
        x.tensor = gesso_graph_concat (walk->graph, x.tensor, skip.tensor);
      x.channels += skip.channels;
      x = residual_block (walk, x, path, j, config->block_out_channels[level]);
      if (config->up_has_attention[block])
        x = transformer (walk, x, path, j, level);
    }
  if (level > 0 && walk->kind == WALK_STEP)
    {
      g_autofree char *upsampler = gesso_block_path (path, "upsamplers", 0);
      const GessoShape *size = &g_array_index (skips, Hidden, skips->len - 1).tensor->shape;

      /* diffusers upsamples to the size of the skip that comes next, which latents that do not halve evenly need. */
      x.tensor = gesso_block_upsample (walk->graph, x.tensor, upsampler, size->dim[1], size->dim[2]);
    }
  return x;
}

static Hidden
walk_unet (Walk *walk, Hidden x)
{
  g_autoptr (GArray) skips = g_array_new (FALSE, FALSE, sizeof (Hidden));

  g_array_append_val (skips, x);
  for (int level = 0; level < walk->config->n_levels; level++)
    x = walk_down (walk, x, level, skips);
  if (walk->config->has_mid_block)
    x = walk_mid (walk, x);
  for (int block = 0; block < walk->config->n_levels; block++)
    x = walk_up (walk, x, block, skips);
  return x;
}

void
gesso_unet_timestep_sinusoid (const GessoUnetConfig *config, double timestep, float *values)
{
  int n = config->block_out_channels[0];
  int half = n / 2;
  int sin_at = config->flip_sin_to_cos ? half : 0;
  int cos_at = config->flip_sin_to_cos ? 0 : half;

  /* Frequencies rounded to f32 as torch has them: timestep times a frequency near 1 goes up to 1000, so a double
   * frequency would differ visibly from the reference. */
  for (int i = 0; i < half; i++)
    {
      float exponent = (float) -log (10000.0) * (float) i / (float) (half - config->freq_shift);
      float angle = (float) timestep * expf (exponent);

      values[sin_at + i] = sinf (angle);
      values[cos_at + i] = cosf (angle);
    }
  if (n % 2)
    values[n - 1] = 0;
}

GessoGraph *
gesso_unet_context_graph (const GessoUnetConfig *config, int n, int length)
{
  GessoGraph *graph = gesso_graph_new ("unet_context");
  Walk walk = { .kind = WALK_CONTEXT, .config = config, .graph = graph };
  GessoTensor *text
      = gesso_graph_input (graph, "text", GESSO_DTYPE_F32, GESSO_SHAPE3 (n, length, config->cross_attention_dim));

  walk.source = gesso_graph_cast (graph, text, GESSO_DTYPE_COMPUTE);
  walk_unet (&walk, (Hidden) { NULL, config->block_out_channels[0] });
  return graph;
}

GessoGraph *
gesso_unet_time_graph (const GessoUnetConfig *config, int rows)
{
  GessoGraph *graph = gesso_graph_new ("unet_time");
  Walk walk = { .kind = WALK_TIME, .config = config, .graph = graph };
  int width = 4 * config->block_out_channels[0];
  GessoTensor *x
      = gesso_graph_input (graph, "sinusoid", GESSO_DTYPE_F32, GESSO_SHAPE2 (rows, config->block_out_channels[0]));

  x = gesso_graph_cast (graph, x, GESSO_DTYPE_COMPUTE);
  x = gesso_block_linear (graph, x, "time_embedding.linear_1", width, TRUE);
  x = gesso_graph_activation (graph, x, config->act_fn);
  x = gesso_block_linear (graph, x, "time_embedding.linear_2", width, TRUE);
  walk.source = gesso_graph_activation (graph, x, config->act_fn);
  walk_unet (&walk, (Hidden) { NULL, config->block_out_channels[0] });
  return graph;
}

GessoGraph *
gesso_unet_graph (const GessoUnetConfig *config, int n, int repeat, int length, int height, int width)
{
  GessoGraph *graph = gesso_graph_new ("unet");
  Walk walk = { .kind = WALK_STEP, .config = config, .graph = graph, .repeat = repeat, .length = length };
  Hidden hidden = { NULL, config->block_out_channels[0] };
  GessoTensor *x
      = gesso_graph_input (graph, "latents", GESSO_DTYPE_F32, GESSO_SHAPE4 (n, height, width, config->in_channels));

  x = gesso_graph_cast (graph, x, GESSO_DTYPE_COMPUTE);
  x = gesso_graph_repeat (graph, x, repeat);
  hidden.tensor = gesso_block_conv3x3 (graph, x, "conv_in", config->block_out_channels[0]);
  hidden = walk_unet (&walk, hidden);

  x = gesso_block_group_norm (graph, hidden.tensor, "conv_norm_out", config->norm_num_groups, config->norm_eps);
  x = gesso_graph_activation (graph, x, config->act_fn);
  x = gesso_block_conv3x3 (graph, x, "conv_out", config->out_channels);
  gesso_graph_output (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_F32), "noise");
  return graph;
}
