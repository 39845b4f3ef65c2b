/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "../graph/graph.h"

/* Input "latents" F32 [n, h, w, latent_channels], already divided by the scaling factor; output "image" F32
 * [n, h * factor, w * factor, out_channels], about -1..1. */
GessoGraph *gesso_vae_decoder_graph (const GessoVaeConfig *config, int n, int height, int width);

/* The same with what people see instead of its values: a second input "colours" F32 [3, out_channels + 1]; outputs
 * "pixels" U8 [n, h * factor, w * factor, 3], and "is_finite" I32 [1], whether all values are numbers. */
GessoGraph *gesso_vae_picture_graph (const GessoVaeConfig *config, int n, int height, int width);

/* Input "image" F32 [n, height, width, in_channels]; output "moments" F32 [n, h, w, 2 * latent_channels]: means, then
 * logarithms of variances (not clamped). height and width are multiples of the factor. */
GessoGraph *gesso_vae_encoder_graph (const GessoVaeConfig *config, int n, int height, int width);
