/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * After diffusers' AutoencoderKL.
 */

#include "vae.h"

#include <math.h>

#include "blocks.h"

/* Fixed in diffusers' Encoder and Decoder. */
#define VAE_NORM_EPS 1e-6

static GessoTensor *
residual (GessoGraph *graph, GessoTensor *x, const char *parent, int index, int out, const GessoVaeConfig *config)
{
  g_autofree char *path = gesso_block_path (parent, "resnets", index);

  return gesso_block_residual (graph, x, path, out, config->norm_num_groups, VAE_NORM_EPS, config->act_fn, NULL);
}

/* One head over all positions; the projections have biases. */
static GessoTensor *
attention (GessoGraph *graph, GessoTensor *x, const char *path, const GessoVaeConfig *config)
{
  g_autofree char *norm = gesso_block_path (path, "group_norm", -1);
  g_autofree char *to_q = gesso_block_path (path, "to_q", -1);
  g_autofree char *to_k = gesso_block_path (path, "to_k", -1);
  g_autofree char *to_v = gesso_block_path (path, "to_v", -1);
  g_autofree char *to_out = gesso_block_path (path, "to_out", 0);
  GessoShape picture = x->shape;
  gint64 c = gesso_shape_channels (&picture);
  GessoShape sequence = GESSO_SHAPE3 (picture.dim[0], picture.dim[1] * picture.dim[2], c);
  GessoTensor *hidden, *q, *k, *v;

  hidden = gesso_block_group_norm (graph, x, norm, config->norm_num_groups, VAE_NORM_EPS);
  hidden = gesso_graph_reshape (graph, hidden, sequence);
  q = gesso_block_linear (graph, hidden, to_q, c, TRUE);
  k = gesso_block_linear (graph, hidden, to_k, c, TRUE);
  v = gesso_block_linear (graph, hidden, to_v, c, TRUE);
  hidden = gesso_graph_attention (graph, q, k, v, 1, (float) (1.0 / sqrt ((double) c)), FALSE);
  hidden = gesso_block_linear (graph, hidden, to_out, c, TRUE);
  return gesso_graph_add (graph, gesso_graph_reshape (graph, hidden, picture), x);
}

static GessoTensor *
mid_block (GessoGraph *graph, GessoTensor *x, const char *path, const GessoVaeConfig *config)
{
  int c = config->block_out_channels[config->n_levels - 1];

  x = residual (graph, x, path, 0, c, config);
  if (config->mid_block_add_attention)
    {
      g_autofree char *attention_path = gesso_block_path (path, "attentions", 0);

      x = attention (graph, x, attention_path, config);
    }
  return residual (graph, x, path, 1, c, config);
}

/* Group norm, SiLU (whatever act_fn says) and a 3x3 convolution: the end of both networks. */
static GessoTensor *
conv_out (GessoGraph *graph, GessoTensor *x, const char *network, int out, const GessoVaeConfig *config)
{
  g_autofree char *norm = gesso_block_path (network, "conv_norm_out", -1);
  g_autofree char *conv = gesso_block_path (network, "conv_out", -1);

  x = gesso_block_group_norm (graph, x, norm, config->norm_num_groups, VAE_NORM_EPS);
  x = gesso_graph_activation (graph, x, GESSO_ACTIVATION_SILU);
  return gesso_block_conv3x3 (graph, x, conv, out);
}

static GessoTensor *
decode (GessoGraph *graph, const GessoVaeConfig *config, int n, int height, int width)
{
  GessoTensor *x
      = gesso_graph_input (graph, "latents", GESSO_DTYPE_F32, GESSO_SHAPE4 (n, height, width, config->latent_channels));

  x = gesso_graph_cast (graph, x, GESSO_DTYPE_COMPUTE);
  if (config->use_post_quant_conv)
    x = gesso_block_linear (graph, x, "post_quant_conv", config->latent_channels, TRUE);
  x = gesso_block_conv3x3 (graph, x, "decoder.conv_in", config->block_out_channels[config->n_levels - 1]);
  x = mid_block (graph, x, "decoder.mid_block", config);

  for (int i = 0; i < config->n_levels; i++)
    {
      g_autofree char *path = gesso_block_path ("decoder", "up_blocks", i);
      int out = config->block_out_channels[config->n_levels - 1 - i];

      for (int j = 0; j <= config->layers_per_block; j++)
        x = residual (graph, x, path, j, out, config);
      if (i + 1 < config->n_levels)
        {
          g_autofree char *upsampler = gesso_block_path (path, "upsamplers", 0);

          x = gesso_block_upsample (graph, x, upsampler, x->shape.dim[1] * 2, x->shape.dim[2] * 2);
        }
    }
  return conv_out (graph, x, "decoder", config->out_channels, config);
}

GessoGraph *
gesso_vae_decoder_graph (const GessoVaeConfig *config, int n, int height, int width)
{
  GessoGraph *graph = gesso_graph_new ("vae_decoder");
  GessoTensor *x = decode (graph, config, n, height, width);

  gesso_graph_output (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_F32), "image");
  return graph;
}

GessoGraph *
gesso_vae_picture_graph (const GessoVaeConfig *config, int n, int height, int width)
{
  GessoGraph *graph = gesso_graph_new ("vae_decoder");
  GessoTensor *x = decode (graph, config, n, height, width);
  GessoTensor *colours
      = gesso_graph_input (graph, "colours", GESSO_DTYPE_F32, GESSO_SHAPE2 (3, config->out_channels + 1));

  gesso_graph_output (graph, gesso_graph_pixels (graph, x, colours), "pixels");
  gesso_graph_output (graph, gesso_graph_is_finite (graph, x), "is_finite");
  return graph;
}

GessoGraph *
gesso_vae_encoder_graph (const GessoVaeConfig *config, int n, int height, int width)
{
  GessoGraph *graph = gesso_graph_new ("vae_encoder");
  GessoTensor *x
      = gesso_graph_input (graph, "image", GESSO_DTYPE_F32, GESSO_SHAPE4 (n, height, width, config->in_channels));

  x = gesso_graph_cast (graph, x, GESSO_DTYPE_COMPUTE);
  x = gesso_block_conv3x3 (graph, x, "encoder.conv_in", config->block_out_channels[0]);
  for (int i = 0; i < config->n_levels; i++)
    {
      g_autofree char *path = gesso_block_path ("encoder", "down_blocks", i);

      for (int j = 0; j < config->layers_per_block; j++)
        x = residual (graph, x, path, j, config->block_out_channels[i], config);
      if (i + 1 < config->n_levels)
        {
          g_autofree char *downsampler = gesso_block_path (path, "downsamplers", 0);

          x = gesso_block_downsample (graph, x, downsampler, 0);
        }
    }
  x = mid_block (graph, x, "encoder.mid_block", config);
  x = conv_out (graph, x, "encoder", 2 * config->latent_channels, config);
  if (config->use_quant_conv)
    x = gesso_block_linear (graph, x, "quant_conv", 2 * config->latent_channels, TRUE);
  gesso_graph_output (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_F32), "moments");
  return graph;
}
