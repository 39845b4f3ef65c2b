/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * From the file's order of a weight to the kernels', a few rows at a time.
 */

#pragma once

#include "store.h"

/* Rows on the card, and bytes of one. */
gint64 gesso_cuda_packed_rows (const GessoCudaWeight *weight);
gsize gesso_cuda_packed_pitch (const GessoCudaWeight *weight);
/* Whether rows lie on the card as they do in the file. */
gboolean gesso_cuda_is_packed (const GessoCudaWeight *weight);
/* A row of the card's as a row of the file's; -1 for one of zeros. */
gint64 gesso_cuda_source_row (const GessoCudaWeight *weight, gint64 row);
/* One row of the file's values, already of the weight's type, to one of the card's (in host memory). */
void gesso_cuda_pack_row (const GessoCudaWeight *weight, const void *values, void *packed);
