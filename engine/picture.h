/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "gesso.h"

/* What makes 8-bit pixels of decoded values [.., channels], about -1..1 (GESSO_OP_PIXELS): value / 2 + 0.5, of three
 * channels each its own, of any other number the first for all three. F32 [3, channels + 1], transfer full. */
float *gesso_picture_colours (int channels);

/* A picture of `pixels` [height, width, 3]; takes over these and `parameters`. */
GessoPicture *gesso_picture_new (guint8 *pixels, int width, int height, guint64 seed, char *parameters);

/* Whether all `n` values are finite numbers. */
gboolean gesso_values_are_finite (const float *values, gsize n);

/* The text for a PNG's "parameters" chunk, in the form that the AUTOMATIC1111 web interface introduced. Transfer full.
 */
char *gesso_parameters_text (const GessoRequest *request, const char *sampler, int width, int height, guint64 seed,
                             const char *model);
