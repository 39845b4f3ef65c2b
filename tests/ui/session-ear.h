/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Listens to a session and checks that what it says hangs together; with miniature models and requests for it.
 */

#pragma once

#include "session.h"

/* What a session has said. */
typedef struct
{
  GessoSession *session;
  GPtrArray *pictures;
  GString *log;  /* a letter a signal: s(tate) g(progress) v(preview) p(icture) f(inished) */
  GError *error; /* of the last "finished" */
  int n_before;  /* pictures of paints that have finished */
  int n_finished, n_previews, n_progress;
  double fraction;
  GessoSessionProgress last;
  int cancel_at_picture; /* -1: never */
  gboolean gone;         /* nothing may be said any more */
} Ear;

void ear_init (Ear *ear, gboolean previews);
/* The session goes with it, and must not be heard of any more. */
void ear_clear (Ear *ear);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Ear, ear_clear)

/* A miniature model of tests/reference. */
char *ear_model_folder (const char *name);
void ear_open (Ear *ear, const char *name);

GessoRequest *ear_request_new (int n_images, int steps);
void ear_paint (Ear *ear, int n_images, int steps);
/* More work than a test waits for. */
void ear_paint_long (Ear *ear);
void ear_await_progress (Ear *ear);
