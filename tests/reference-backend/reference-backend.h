/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A backend in plain C: naive loops over 32-bit floats, the reference for every operation and every fusion. In bf16
 * and f16 tensors are kept in that type and computed with in f32, as every backend does. Steps run exactly as the plan
 * has them, one after another, on the calling thread.
 *
 * It also is the module libgesso-reference, which proves that a backend can be loaded.
 */

#pragma once

#include "backend.h"

GessoBackend *gesso_reference_backend_entry (guint abi, int n_threads, GError **error);

/* What plan_options() says it can fold; everything at first. */
void gesso_reference_backend_set_fusions (GessoBackend *backend, GessoFusions fusions);

/* The rate and the limits that plan_options() gives, so that tests get as many bands as they like. At first 1e9, 0.1
 * and 1 MiB. */
void gesso_reference_backend_set_cutting (GessoBackend *backend, double flops_per_second, double max_step_seconds,
                                          gsize max_norm_band_bytes);

/* Bytes that buffers and packed weights may take together (at first 64 GiB); beyond it allocations fail with
 * OUT_OF_MEMORY. */
void gesso_reference_backend_set_memory (GessoBackend *backend, guint64 bytes);

/* Bytes that buffers and packed weights take now. */
guint64 gesso_reference_backend_get_held (GessoBackend *backend);

/* With TRUE, run() gives every tensor of the arena memory of its own: what comes out must not change. */
void gesso_reference_backend_set_separate (GessoBackend *backend, gboolean separate);

/* Called (if not NULL) before each step of a run, with its index. */
typedef void (*GessoReferenceStepFunc) (gint64 step, gpointer data);
void gesso_reference_backend_set_step_func (GessoBackend *backend, GessoReferenceStepFunc func, gpointer data);
