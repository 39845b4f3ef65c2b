/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs one graph on a backend with made-up weights and inputs. All values are exact in bf16, so that every precision
 * starts from the same numbers; an input named "wild" has some that are no finite numbers.
 */

#pragma once

#include "backend.h"

/* A weight source that makes values up from the tensor's name; `data` is a Reads. */
typedef struct
{
  gint64 values; /* read so far */
  int fail_at;   /* the fail_at-th call from now on fails; 0: none */
} Reads;

GessoWeightSource fixture_source (Reads *reads);

/* A program with everything that it needs to run. */
typedef struct
{
  GessoBackend *backend;
  GessoStore *store; /* borrowed where it was given */
  gboolean owns_store;
  GessoPlan *plan;
  GessoProgram *program;
  GessoProgramMemory memory; /* before loading */
  GessoBuffer *workspace;
  GPtrArray *input_buffers, *output_buffers;
  GessoBinding *inputs, *outputs;
  Reads reads;
} Fixture;

/* Plans and compiles; aborts the test on errors. `store`: NULL for one of its own. */
Fixture *fixture_new (GessoBackend *backend, const GessoGraph *graph, const GessoPlanOptions *options,
                      GessoStore *store);
void fixture_free (Fixture *fixture);

/* Allocates workspace and buffers and fills the inputs, by their names. */
gboolean fixture_bind (Fixture *fixture, GError **error);
gboolean fixture_load (Fixture *fixture, GError **error);
gboolean fixture_run (Fixture *fixture, GCancellable *cancellable, GError **error);

/* Output `index` as floats, shape[0] * ... values. */
float *fixture_output (Fixture *fixture, guint index, gsize *n);

/* All in one: outputs of `graph` on `backend`, one float array each with the length in front of it. */
GPtrArray *fixture_compute (GessoBackend *backend, const GessoGraph *graph, const GessoPlanOptions *options);

/* ||a - b|| / ||b|| over `n` values, and no single value off by more than 20 times that of the largest. */
void fixture_assert_close (const char *what, const float *a, const float *b, gsize n, double tolerance);

/* The CPU backend with two threads, and what it asks of plans in f32 but for the length of steps. */
GessoBackend *fixture_backend (void);
GessoPlanOptions fixture_plan_options (GessoBackend *backend, double max_step_seconds);

/* A bit of everything that holds weights, `layers` times, on a picture of `size` x `size`. */
GessoGraph *fixture_graph (int size, int channels, int layers);

/* The functions above that can fail, where they must not. */
void fixture_must_bind (Fixture *fixture);
void fixture_must_load (Fixture *fixture);
void fixture_must_run (Fixture *fixture);

/* The first outputs of both are the same to the last bit. */
void fixture_assert_same_output (Fixture *a, Fixture *b);
