/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "graph/graph.h"

/* F32, F16 or BF16 values to f32. */
void gesso_reference_to_f32 (GessoDType dtype, const void *from, gint64 n, float *to);

/* f32 values to F32, F16 or BF16, rounded to nearest even. */
void gesso_reference_from_f32 (GessoDType dtype, const float *from, gint64 n, void *to);
