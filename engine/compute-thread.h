/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One long-lived thread on which an engine computes. OpenMP keeps a team of threads for each thread that starts a
 * parallel region, so computing on whatever thread the caller happens to use would grow a team for each of them.
 */

#pragma once

#include <glib.h>

typedef struct _GessoComputeThread GessoComputeThread;
typedef void (*GessoComputeFunc) (gpointer data);

GessoComputeThread *gesso_compute_thread_new (void);
/* Waits for the running call, then ends the thread. */
void gesso_compute_thread_free (GessoComputeThread *thread);

/* Runs `func` on the compute thread and returns when it has finished; meanwhile serves
 * gesso_compute_thread_call_back(). Callers from several threads take turns. */
void gesso_compute_thread_run (GessoComputeThread *thread, GessoComputeFunc func, gpointer data);

/* From within `func`: runs `callback` on the thread that called gesso_compute_thread_run(), and waits for it. */
void gesso_compute_thread_call_back (GessoComputeThread *thread, GessoComputeFunc callback, gpointer data);
