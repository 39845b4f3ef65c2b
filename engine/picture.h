/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "gesso.h"

/* A picture from decoded values [height, width, channels] (channels 1 or 3; about -1..1): value / 2 + 0.5, clamped,
 * times 255, rounded half to even as numpy does. `parameters` is taken over. NULL with OUT_OF_MEMORY, or DEVICE-less
 * MODEL_INVALID when a value is no finite number. */
GessoPicture *gesso_picture_new (const float *values, int width, int height, int channels, guint64 seed,
                                 char *parameters, GError **error);

/* Whether all `n` values are finite numbers. */
gboolean gesso_values_are_finite (const float *values, gsize n);

/* The text for a PNG's "parameters" chunk, in the form that the AUTOMATIC1111 web interface introduced. Transfer full.
 */
char *gesso_parameters_text (const GessoRequest *request, const char *sampler, int width, int height, guint64 seed,
                             const char *model);
