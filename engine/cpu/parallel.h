/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The one place where work is spread over cores. OpenMP, so that oneDNN's threads and ours are the same team; a team
 * belongs to the thread that calls, which is why an engine keeps one long-lived compute thread.
 */

#pragma once

#include <gio/gio.h>

typedef void (*GessoParallelFunc) (gint64 begin, gint64 end, gpointer data);

/* Calls `func` for pieces of 0..n-1, each of at most `grain` items, on up to `n_threads` threads; pieces are handed out
 * in order as threads come free. Before each piece `cancellable` (nullable) is looked at: once it is triggered the
 * remaining pieces are skipped. Returns FALSE when pieces were skipped. */
gboolean gesso_parallel_for (int n_threads, gint64 n, gint64 grain, GessoParallelFunc func, gpointer data,
                             GCancellable *cancellable);

/* Processors that this process may use (affinity and cgroup limits looked at). */
int gesso_parallel_n_processors (void);
