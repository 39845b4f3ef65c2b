/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The blocks that CLIP, U-Net and VAE are made of. Each takes the path of its weights in the file ("down_blocks.0",
 * "conv1") and asks the graph for what it needs.
 */

#pragma once

#include "../graph/graph.h"

/* "a.b.c" from parts; `index` < 0 leaves the number out: path (p, "resnets", 3) is "p.resnets.3". Transfer full. */
char *gesso_block_path (const char *parent, const char *name, int index);

/* The weight "PATH.NAME". */
GessoTensor *gesso_block_weight (GessoGraph *graph, const char *path, const char *name, GessoShape shape);

/* Linear layer of `out` channels over the innermost dimension. A 1x1 convolution is the same thing here. */
GessoTensor *gesso_block_linear (GessoGraph *graph, GessoTensor *x, const char *path, gint64 out, gboolean has_bias);

/* 3x3 convolution, padding 1, stride 1. */
GessoTensor *gesso_block_conv3x3 (GessoGraph *graph, GessoTensor *x, const char *path, gint64 out);

/* diffusers' Downsample2D: 3x3, stride 2, "PATH.conv". Padding 0 means one zero row and column at bottom and right. */
GessoTensor *gesso_block_downsample (GessoGraph *graph, GessoTensor *x, const char *path, int padding);

/* diffusers' Upsample2D: nearest to height x width, then 3x3, "PATH.conv". */
GessoTensor *gesso_block_upsample (GessoGraph *graph, GessoTensor *x, const char *path, gint64 height, gint64 width);

GessoTensor *gesso_block_group_norm (GessoGraph *graph, GessoTensor *x, const char *path, int groups, double eps);
GessoTensor *gesso_block_layer_norm (GessoGraph *graph, GessoTensor *x, const char *path, double eps);

/* diffusers' ResnetBlock2D. `time`: F32 [out], what the first convolution takes as its bias; NULL: conv1.bias. */
GessoTensor *gesso_block_residual (GessoGraph *graph, GessoTensor *x, const char *path, gint64 out, int groups,
                                   double eps, GessoActivation activation, GessoTensor *time);
