/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs a graph on the reference backend with weights and inputs out of a formula, or as given.
 */

#pragma once

#include "reference-backend.h"

typedef struct
{
  GessoBackend *backend;
  GHashTable *values;   /* name -> GArray of float; what is not here comes out of the formula */
  GessoPlan *last_plan; /* of the last run */
} Harness;

Harness *harness_new (void);
void harness_free (Harness *harness);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Harness, harness_free)

/* What the weight or input `name` holds; of ids, too. */
void harness_set (Harness *harness, const char *name, gsize n, const float *values);

/* A number from -0.5 to 0.5 that depends on nothing but the name and the index. */
float harness_formula (const char *name, gint64 index);

/* Weights as harness_set() or the formula has them; `harness` must outlive it. */
GessoWeightSource harness_source (Harness *harness);

/* Fills in `values` of what is bound to `tensor`. */
void harness_fill (Harness *harness, const GessoTensor *tensor, void *values);

/* Plans, loads and runs `graph`; asserts that all goes well and that the plan is sound. Returns the outputs in their
 * order, as GArrays of float. */
GPtrArray *harness_run (Harness *harness, const GessoGraph *graph, GessoPrecision precision);

/* The same for an existing plan. */
GPtrArray *harness_run_plan (Harness *harness, const GessoPlan *plan);

/* A plan with these fusions that is not cut. */
GessoPlan *harness_plan (const GessoGraph *graph, GessoPrecision precision, GessoFusions fusions);

/* The one output of a graph that has one, as F32. */
GArray *harness_run_one (Harness *harness, const GessoGraph *graph);

/* Asserts that no two tensors are in each other's way, that operations come in an order in which they can run, and
 * that the steps cover each of them exactly once. */
void harness_check_plan (const GessoPlan *plan);

/* The most bytes that tensors of the arena take together at any time. */
gsize harness_live_peak (const GessoPlan *plan);

/* Operations of a kind in a plan. */
int harness_count (const GessoPlan *plan, GessoOpKind kind);

/* Asserts that `array` holds these values, each to `tolerance`. */
void harness_assert_values (const GArray *array, gsize n, const double *values, double tolerance);
