/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "session-ear.h"

char *
ear_model_folder (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "data", "models", name, NULL);
}

static void
on_state (GessoSession *session, GParamSpec *pspec, Ear *ear)
{
  int state;

  g_assert_false (ear->gone);
  g_object_get (session, "state", &state, NULL);
  g_assert_cmpint (state, ==, gesso_session_get_state (session));
  g_string_append_c (ear->log, 's');
}

static void
on_progress (GessoSession *session, const GessoSessionProgress *progress, Ear *ear)
{
  g_assert_false (ear->gone);
  g_assert_cmpfloat (progress->fraction, >=, ear->fraction);
  g_assert_cmpfloat (progress->fraction, <=, 1);
  g_assert_cmpint (progress->picture, <, progress->n_pictures);
  g_assert_cmpint (progress->picture, >=, (int) ear->pictures->len - ear->n_before);
  g_assert_cmpint (progress->step, <=, progress->n_steps);
  ear->fraction = progress->fraction;
  ear->last = *progress;
  ear->n_progress++;
  g_string_append_c (ear->log, 'g');
}

static void
on_preview (GessoSession *session, GBytes *rgb, int width, int height, Ear *ear)
{
  g_assert_false (ear->gone);
  g_assert_cmpuint (g_bytes_get_size (rgb), ==, (gsize) (width * height * 3));
  ear->n_previews++;
  g_string_append_c (ear->log, 'v');
}

static void
on_picture (GessoSession *session, GessoPicture *picture, int index, Ear *ear)
{
  g_assert_false (ear->gone);
  g_assert_cmpint (index, ==, (int) ear->pictures->len - ear->n_before);
  g_assert_cmpint (gesso_session_get_state (session), ==, GESSO_SESSION_PAINTING);
  g_ptr_array_add (ear->pictures, gesso_picture_ref (picture));
  g_string_append_c (ear->log, 'p');
  if (index == ear->cancel_at_picture)
    gesso_session_cancel (session);
}

static void
on_finished (GessoSession *session, const GError *error, Ear *ear)
{
  g_assert_false (ear->gone);
  if (!error) /* of a cancelled one the next may paint already */
    g_assert_cmpint (gesso_session_get_state (session), !=, GESSO_SESSION_PAINTING);
  g_clear_error (&ear->error);
  ear->error = error ? g_error_copy (error) : NULL;
  ear->n_finished++;
  ear->n_before = (int) ear->pictures->len;
  ear->fraction = 0;
  g_string_append_c (ear->log, 'f');
}

void
ear_init (Ear *ear, gboolean previews)
{
  *ear = (Ear) { .session = gesso_session_new (), .cancel_at_picture = -1 };
  ear->pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_picture_unref);
  ear->log = g_string_new (NULL);
  g_signal_connect (ear->session, "notify::state", G_CALLBACK (on_state), ear);
  g_signal_connect (ear->session, "progress", G_CALLBACK (on_progress), ear);
  g_signal_connect (ear->session, "picture", G_CALLBACK (on_picture), ear);
  g_signal_connect (ear->session, "finished", G_CALLBACK (on_finished), ear);
  if (previews)
    g_signal_connect (ear->session, "preview", G_CALLBACK (on_preview), ear);
}

void
ear_clear (Ear *ear)
{
  ear->gone = TRUE;
  if (ear->session)
    g_assert_finalize_object (ear->session);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_ptr_array_unref (ear->pictures);
  g_string_free (ear->log, TRUE);
  g_clear_error (&ear->error);
}

void
ear_open (Ear *ear, const char *name)
{
  const GessoOptions options = { .device = GESSO_DEVICE_CPU, .precision = GESSO_PRECISION_F32, .n_threads = 1 };
  g_autofree char *folder = ear_model_folder (name);

  gesso_session_open (ear->session, folder, &options);
}

GessoRequest *
ear_request_new (int n_images, int steps)
{
  GessoRequest *request = gesso_request_new ("a fox in the snow");

  request->n_images = n_images;
  request->steps = steps;
  request->seed = 7;
  return request;
}

void
ear_paint (Ear *ear, int n_images, int steps)
{
  g_autoptr (GessoRequest) request = ear_request_new (n_images, steps);

  gesso_session_paint (ear->session, request);
}

void
ear_paint_long (Ear *ear)
{
  ear_paint (ear, 64, 900);
}

void
ear_await_progress (Ear *ear)
{
  int before = ear->n_progress;

  while (ear->n_progress == before)
    g_main_context_iteration (NULL, TRUE);
}
