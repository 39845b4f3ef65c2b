/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What oneDNN itself needs for the products of a network: the floor that the engine is measured against.
 */

#pragma once

#include "graph/plan.h"

typedef struct _OnednnBest OnednnBest;

/* The distinct convolutions and matrix products (attention's two included) of `plan`, each prepared with direct
 * algorithms, weights packed beforehand and whatever layouts oneDNN likes best (or channels last, where that is
 * faster), without anything fused. `precision`: F32 or BF16; `single`: processor time of one thread counts. */
OnednnBest *onednn_best_new (const GessoPlan *plan, GessoPrecision precision, gboolean single);
void onednn_best_free (OnednnBest *best);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OnednnBest, onednn_best_free)

/* Runs each distinct product once and returns the sum of seconds for all of the plan's. */
double onednn_best_round (OnednnBest *best);

/* Prints each distinct product with its best time so far, GFLOP/s and count. */
void onednn_best_print (OnednnBest *best);
