/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A model that opens in the background and paints in a worker thread. Needs a main loop, but no display: the dialog and
 * scripts use the same.
 *
 * Everything here is for one thread, the one whose main context is iterated; signals are emitted there.
 */

#pragma once

#include "gesso.h"

G_BEGIN_DECLS

/* What the session does now. An error does not close it: see gesso_session_get_error(). */
typedef enum
{
  GESSO_SESSION_CLOSED,   /* no model, or it could not be opened */
  GESSO_SESSION_OPENING,  /* the folder is read */
  GESSO_SESSION_READY,    /* gesso_session_get_engine() is there; weights may still be loading ahead of use */
  GESSO_SESSION_PAINTING, /* between gesso_session_paint() and "finished", or a cancel while it waits for the model */
} GessoSessionState;

/* How far painting is; valid during the signal only. */
typedef struct
{
  GessoStage stage;
  double fraction;   /* 0..1 of all pictures */
  int step, n_steps; /* of the running picture */
  int picture;       /* index of the running picture, from 0 */
  int n_pictures;
  double seconds_left; /* estimated from what has been done; negative while it cannot be told */
} GessoSessionProgress;

#define GESSO_TYPE_SESSION (gesso_session_get_type ())
/* Signals, all on the main context:
 *   "notify::state"                                           also when the model is open that a paint waits for
 *   "progress" (const GessoSessionProgress *)                 at most some 20 times a second
 *   "preview"  (GBytes *rgb, int width, int height)           at most some twice a second; made only where a handler is
 *                                                             connected when painting begins
 *   "picture"  (GessoPicture *picture, int index)             each as soon as it is finished
 *   "finished" (const GError *error)                          exactly once a gesso_session_paint(): NULL when all were
 *                                                             made; GESSO_ERROR_CANCELLED after a cancel. Pictures that
 *                                                             came before stay valid */
G_DECLARE_FINAL_TYPE (GessoSession, gesso_session, GESSO, SESSION, GObject)

GessoSession *gesso_session_new (void);

/* Opens a model in the background and closes the one before; the same folder and options again do nothing (but what
 * could not be opened is tried again). `model` is a name or a folder as gesso_models_find() takes it; `options` is
 * copied (NULL: the defaults). While painting, the running pictures are cancelled first. */
void gesso_session_open (GessoSession *session, const char *model, const GessoOptions *options);

GessoSessionState gesso_session_get_state (GessoSession *session);

/* The open engine, or NULL: also while a paint waits for it, and from gesso_session_open() until the new one is there.
 * Only what does not compute may be called on it while the session paints: counting tokens, default size, device,
 * precision, notices. */
GessoEngine *gesso_session_get_engine (GessoSession *session);

/* What was asked to be opened last: name or folder, "" for the starter. Transfer none. */
const char *gesso_session_get_model (GessoSession *session);

/* gesso_engine_get_fingerprint() as it was when the model was opened; NULL where none is open. Transfer none. */
const char *gesso_session_get_fingerprint (GessoSession *session);

/* Why the model could not be opened, or NULL. */
const GError *gesso_session_get_error (GessoSession *session);

/* Reads weights ahead in the background for a request like this one, where memory allows; a later paint does not wait
 * for more than it needs. Errors are silent: paint will meet them again. */
void gesso_session_warm_up (GessoSession *session, const GessoRequest *request);

/* Paints request->n_images pictures, one after the other with the seeds seed + i, so that each is there as soon as it
 * can be and a cancel keeps those before it. The state must not be PAINTING; while OPENING it waits for the model. With
 * a model that cannot be opened "finished" carries that error. */
void gesso_session_paint (GessoSession *session, const GessoRequest *request);

/* Answers at once: "finished" with CANCELLED follows. Without effect unless painting. What waits for the model is over
 * with this call: another may be painted, whose "finished" comes after the first one's. */
void gesso_session_cancel (GessoSession *session);

/* Iterates the main context until the session is neither opening nor painting. For scripts. */
void gesso_session_wait (GessoSession *session);

G_END_DECLS
