/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "blocks.h"

char *
gesso_block_path (const char *parent, const char *name, int index)
{
  const char *dot = parent[0] ? "." : "";

  return index < 0 ? g_strconcat (parent, dot, name, NULL) : g_strdup_printf ("%s%s%s.%d", parent, dot, name, index);
}

GessoTensor *
gesso_block_weight (GessoGraph *graph, const char *path, const char *name, GessoShape shape)
{
  g_autofree char *full = gesso_block_path (path, name, -1);

  return gesso_graph_weight (graph, full, shape);
}

GessoTensor *
gesso_block_linear (GessoGraph *graph, GessoTensor *x, const char *path, gint64 out, gboolean has_bias)
{
  gint64 in = gesso_shape_channels (&x->shape);
  GessoTensor *weight = gesso_block_weight (graph, path, "weight", GESSO_SHAPE2 (out, in));
  GessoTensor *bias = has_bias ? gesso_block_weight (graph, path, "bias", GESSO_SHAPE1 (out)) : NULL;

  return gesso_graph_linear (graph, x, weight, bias);
}

static GessoTensor *
conv3x3_with_bias (GessoGraph *graph, GessoTensor *x, const char *path, gint64 out, GessoTensor *bias,
                   GessoConvGeometry geometry)
{
  gint64 in = gesso_shape_channels (&x->shape);
  GessoTensor *weight = gesso_block_weight (graph, path, "weight", GESSO_SHAPE4 (out, in, 3, 3));

  if (!bias)
    bias = gesso_block_weight (graph, path, "bias", GESSO_SHAPE1 (out));
  return gesso_graph_conv2d (graph, x, weight, bias, geometry);
}

static const GessoConvGeometry same_size
    = { .stride = 1, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1 };

GessoTensor *
gesso_block_conv3x3 (GessoGraph *graph, GessoTensor *x, const char *path, gint64 out)
{
  return conv3x3_with_bias (graph, x, path, out, NULL, same_size);
}

GessoTensor *
gesso_block_downsample (GessoGraph *graph, GessoTensor *x, const char *path, int padding)
{
  g_autofree char *conv = gesso_block_path (path, "conv", -1);
  GessoConvGeometry geometry = { .stride = 2,
                                 .pad_top = padding,
                                 .pad_left = padding,
                                 .pad_bottom = padding ? padding : 1,
                                 .pad_right = padding ? padding : 1 };

  return conv3x3_with_bias (graph, x, conv, gesso_shape_channels (&x->shape), NULL, geometry);
}

GessoTensor *
gesso_block_upsample (GessoGraph *graph, GessoTensor *x, const char *path, gint64 height, gint64 width)
{
  g_autofree char *conv = gesso_block_path (path, "conv", -1);

  x = gesso_graph_upsample (graph, x, height, width);
  return gesso_block_conv3x3 (graph, x, conv, gesso_shape_channels (&x->shape));
}

GessoTensor *
gesso_block_group_norm (GessoGraph *graph, GessoTensor *x, const char *path, int groups, double eps)
{
  GessoShape shape = GESSO_SHAPE1 (gesso_shape_channels (&x->shape));

  return gesso_graph_group_norm (graph, x, gesso_block_weight (graph, path, "weight", shape),
                                 gesso_block_weight (graph, path, "bias", shape), groups, (float) eps);
}

GessoTensor *
gesso_block_layer_norm (GessoGraph *graph, GessoTensor *x, const char *path, double eps)
{
  GessoShape shape = GESSO_SHAPE1 (gesso_shape_channels (&x->shape));

  return gesso_graph_layer_norm (graph, x, gesso_block_weight (graph, path, "weight", shape),
                                 gesso_block_weight (graph, path, "bias", shape), (float) eps);
}

GessoTensor *
gesso_block_residual (GessoGraph *graph, GessoTensor *x, const char *path, gint64 out, int groups, double eps,
                      GessoActivation activation, GessoTensor *time)
{
  g_autofree char *norm1 = gesso_block_path (path, "norm1", -1);
  g_autofree char *conv1 = gesso_block_path (path, "conv1", -1);
  g_autofree char *norm2 = gesso_block_path (path, "norm2", -1);
  g_autofree char *conv2 = gesso_block_path (path, "conv2", -1);
  GessoTensor *shortcut = x;
  GessoTensor *hidden;

  hidden = gesso_block_group_norm (graph, x, norm1, groups, eps);
  hidden = gesso_graph_activation (graph, hidden, activation);
  hidden = conv3x3_with_bias (graph, hidden, conv1, out, time, same_size);
  hidden = gesso_block_group_norm (graph, hidden, norm2, groups, eps);
  hidden = gesso_graph_activation (graph, hidden, activation);

  if (gesso_shape_channels (&x->shape) != out)
    {
      g_autofree char *conv_shortcut = gesso_block_path (path, "conv_shortcut", -1);

      shortcut = gesso_block_linear (graph, x, conv_shortcut, out, TRUE);
    }
  hidden = gesso_block_conv3x3 (graph, hidden, conv2, out);
  return gesso_graph_add (graph, hidden, shortcut);
}
