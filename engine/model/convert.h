/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "../graph/graph.h"

/* Converts `n` values between F32, F16 and BF16, rounding to nearest even; NaN stays NaN. The arrays do not overlap
 * and need no alignment beyond their types'. */
void gesso_convert (GessoDType from, const void *source, GessoDType to, void *target, gsize n);
