/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which way products and attention go: what compiling leaves open is measured when the program is loaded.
 */

#pragma once

#include "bench.h"
#include "cuda-backend.h"

/* Decides which way `product` goes, or leaves it open until the program is loaded; tells the bytes of scratch that it
 * may need. */
gboolean gesso_cuda_choose_product (GessoProgram *program, GessoProduct *product, gsize *scratch, GError **error);
/* Leaves `attention` open where it can go more than one way and nothing is known of it. */
void gesso_cuda_choose_attention (GessoProgram *program, const GessoAttention *attention);
/* What is known of it, or zeros. */
GessoAttentionWay gesso_cuda_chosen_attention (const GessoProgram *program, const GessoAttention *attention);

/* Decides what is open. */
gboolean gesso_cuda_measure_open (GessoProgram *program, GCancellable *cancellable, GError **error);
/* Measures `attention`, where nothing is known of it yet; where the card has no room for that it stays so. */
gboolean gesso_cuda_settle_attention (GessoBench *bench, GessoProgram *program, const GessoAttention *attention,
                                      GError **error);
