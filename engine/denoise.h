/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * From noise to latents: the U-Net and the scheduler's update in turn, all on the device.
 */

#pragma once

#include "meter.h"
#include "sampling/noise.h"

/* Guidance and the scheduler's update. Inputs: "negative" (only where repeat is 2) and "positive" [n,h,w,c], what the
 * U-Net made of the two prompts; "guidance" [repeat]; "base", "history.1".. and "noise" [n,h,w,c];
 * "coefficients" [2 + GESSO_MAX_HISTORY] for the base, the outputs and the noise; "input_scale" [1] of the next
 * evaluation; "previous" [n,h,w,c], the latents before, and "clear" [2], by which it and the model output make what the
 * model takes for the latents without their noise; "colours" [3,c+1]. Outputs: "model_output", "latents", "scaled",
 * which is what the U-Net takes next, and "preview" [n,h,w,3], the colours of what is clear. All F32 but this: U8. */
GessoGraph *gesso_update_graph (int n, int repeat, int height, int width, int channels);

/* Plans U-Net and update for a batch of `n` pictures of `job`. */
gboolean gesso_pipeline_plan_batch (GessoPipeline *pipeline, const GessoJob *job, int n, GCancellable *cancellable,
                                    GError **error);

/* The prompt on the device: keys and values of every cross-attention, and the time embeddings of every row. */
typedef struct
{
  GPtrArray *context; /* of GessoBuffer: key.0, value.0, key.1, ... */
  GPtrArray *time;    /* of GessoBuffer: F32 [rows, channels] */
} GessoConditioning;

/* Denoises `n` pictures: `values` is [n, c, h, w], on entry the noise (before init_noise_sigma), on return the
 * latents after the last row. `generators`: each picture's own, for schedulers that add noise as they go.
 * `meter->progress` has step and n_steps counted on. */
gboolean gesso_denoise (GessoPipeline *pipeline, const GessoJob *job, const GessoConditioning *conditioning,
                        double guidance, int n, GessoNoise *const *generators, float *values, GessoMeter *meter,
                        GCancellable *cancellable, GError **error);

/* [n, c, h, w] -> [n, h, w, c] and back. */
void gesso_planes_to_pixels (const float *planes, int n, int c, gsize area, float *pixels);
void gesso_pixels_to_planes (const float *pixels, int n, int c, gsize area, float *planes);
