/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The session's other half: one thread that owns the engine and does one job after the other, and a source of events
 * on a main context. All functions are for the thread that iterates that context; none of them waits for a job, but
 * for gesso_worker_free().
 */

#pragma once

#include "session.h"

typedef enum
{
  GESSO_WORKER_OPENED,   /* serial; fingerprint, or error */
  GESSO_WORKER_PROGRESS, /* progress */
  GESSO_WORKER_PREVIEW,  /* rgb, width, height */
  GESSO_WORKER_PICTURE,  /* picture, index */
  GESSO_WORKER_FINISHED, /* error (nullable) */
  GESSO_WORKER_GIVEN_UP, /* error: a paint was cancelled before it came to the worker */
} GessoWorkerEventKind;

typedef struct
{
  GessoWorkerEventKind kind;
  guint serial;
  char *fingerprint;
  GError *error;
  GessoSessionProgress progress;
  GBytes *rgb;
  int width, height;
  GessoPicture *picture;
  int index;
} GessoWorkerEvent;

typedef struct _GessoWorker GessoWorker;
/* May call gesso_worker_free(): the worker does nothing more after it. */
typedef void (*GessoWorkerFunc) (const GessoWorkerEvent *event, gpointer data);

/* `func` gets the events, one an iteration of `context`. The thread starts with the first job. */
GessoWorker *gesso_worker_new (GMainContext *context, GessoWorkerFunc func, gpointer data);
/* Cancels everything, and waits until the thread has ended: as long as the engine takes to give up. */
void gesso_worker_free (GessoWorker *worker);

gboolean gesso_worker_options_equal (const GessoOptions *a, const GessoOptions *b);

/* Cancels all jobs; then finds and opens the model, unless it is the one that is open. OPENED carries `serial`: that of
 * an earlier call may still come, or not. */
void gesso_worker_open (GessoWorker *worker, guint serial, const char *model, const GessoOptions *options);
/* The open engine, or NULL. Transfer full. */
GessoEngine *gesso_worker_ref_engine (GessoWorker *worker);

/* Reads weights ahead; replaces an earlier job of this kind. Sends no event. */
void gesso_worker_warm_up (GessoWorker *worker, const GessoRequest *request);
/* Cancels warming up and paints; ends with exactly one FINISHED. */
void gesso_worker_paint (GessoWorker *worker, const GessoRequest *request);
void gesso_worker_cancel_paint (GessoWorker *worker);

/* FINISHED or GIVEN_UP from this side of the worker, for what needs no job. Takes `error`. */
void gesso_worker_post_end (GessoWorker *worker, GessoWorkerEventKind kind, GError *error);
