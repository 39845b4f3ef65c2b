/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What every backend must check, with one message for all of them, and how loading is reported.
 */

#pragma once

#include "backend.h"

/* Whether `bytes` at `offset` lie within a buffer of `size` bytes; DEVICE otherwise. */
gboolean gesso_backend_check_range (gsize size, gsize offset, gsize bytes, GError **error);

/* Whether `tensor` fits into a buffer of `size` bytes (0: none is bound) from `offset` on; DEVICE otherwise. */
gboolean gesso_backend_check_binding (const GessoTensor *tensor, gsize size, gsize offset, GError **error);

/* Whether a program of `plan` may run: it is loaded and has `workspace` of the `wanted` bytes; DEVICE otherwise. */
gboolean gesso_backend_check_run (const GessoPlan *plan, gboolean loaded, gsize workspace, gsize wanted,
                                  GError **error);

/* How far load() is; `progress` is nullable. */
typedef struct
{
  guint64 done, total;
  GessoLoadFunc progress;
  gpointer progress_data;
  GCancellable *cancellable;
} GessoLoading;

/* Another `bytes` of weights are there: reports it; FALSE with CANCELLED where loading shall end. `data` is the
 * GessoLoading. */
gboolean gesso_loading_add (gsize bytes, gpointer data, GError **error);
