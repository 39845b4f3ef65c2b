/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "kernels.h"

/* Group norm of one picture as x * scale + shift, each [c]; statistics [groups, 2]. */
void gesso_cpu_scale_and_shift (gint64 c, int groups, const float *statistics, const float *gamma, const float *beta,
                                float *scale, float *shift);
