/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The U-Net in three graphs, by what they depend on: the prompt, the schedule, and the latents.
 */

#pragma once

#include "../graph/graph.h"

/* Sinusoidal embedding of `timestep` (diffusers' get_timestep_embedding, max_period 10000) into
 * block_out_channels[0] values. */
void gesso_unet_timestep_sinusoid (const GessoUnetConfig *config, double timestep, float *values);

/* Once per prompt. Input "text" F32 [n, length, cross_attention_dim]; outputs, one pair for each cross-attention
 * layer in running order: "key.I" and "value.I", dtype COMPUTE, [n, length, channels]. */
GessoGraph *gesso_unet_context_graph (const GessoUnetConfig *config, int n, int length);

/* Once per schedule. Input "sinusoid" F32 [rows, block_out_channels[0]]; outputs, one for each residual block in
 * running order: "time.I" F32 [rows, channels]: what that block's first convolution takes as its bias (the block's
 * projection of the time embedding plus conv1.bias). */
GessoGraph *gesso_unet_time_graph (const GessoUnetConfig *config, int rows);

/* Every step. Inputs: "latents" F32 [n, height, width, in_channels] (scaled by the scheduler), "time.I" F32
 * [channels], "key.I" / "value.I" COMPUTE [repeat, length, channels]. The latents are repeated `repeat` times along the
 * batch (2 with guidance: the first half for the negative prompt, row 0 of keys and values). Output "noise" F32
 * [n * repeat, height, width, out_channels]. Any height and width >= 1. */
GessoGraph *gesso_unet_graph (const GessoUnetConfig *config, int n, int repeat, int length, int height, int width);
