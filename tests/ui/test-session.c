/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The session on miniature models: what it tells of its state, opening, pictures as the engine makes them, progress.
 * Also run under ThreadSanitizer.
 */

#include <glib/gstdio.h>
#include <unistd.h>

#include "origin.h"
#include "session-ear.h"

static void
test_open (void)
{
  g_auto (Ear) ear;

  ear_init (&ear, FALSE);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_CLOSED);
  ear_open (&ear, "tiny");
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_OPENING);
  g_assert_null (gesso_session_get_engine (ear.session));
  ear_open (&ear, "tiny");
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  g_assert_true (GESSO_IS_ENGINE (gesso_session_get_engine (ear.session)));
  g_assert_null (gesso_session_get_error (ear.session));
  ear_open (&ear, "tiny");
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  g_assert_cmpstr (ear.log->str, ==, "ss");
}

/* The same folder under another name is not read again. */
static void
test_open_same_folder (void)
{
  g_auto (Ear) ear;
  g_autofree char *folder = ear_model_folder ("tiny");
  GessoEngine *engine;

  ear_init (&ear, FALSE);
  gesso_session_open (ear.session, folder, NULL);
  gesso_session_wait (ear.session);
  engine = gesso_session_get_engine (ear.session);
  gesso_session_open (ear.session, "tiny", NULL);
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  g_assert_true (gesso_session_get_engine (ear.session) == engine);
}

static void
test_open_broken (void)
{
  g_auto (Ear) ear;

  ear_init (&ear, FALSE);
  gesso_session_open (ear.session, "/nowhere/at/all", NULL);
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_CLOSED);
  g_assert_error (gesso_session_get_error (ear.session), GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND);

  ear_paint (&ear, 1, 1);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_PAINTING);
  g_assert_cmpint (ear.n_finished, ==, 0);
  gesso_session_wait (ear.session);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND);
  g_assert_cmpint (ear.n_finished, ==, 1);

  /* Another attempt is one, and what it paints comes after. */
  gesso_session_open (ear.session, "/nowhere/at/all", NULL);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_OPENING);
  ear_paint (&ear, 1, 1);
  gesso_session_wait (ear.session);
  g_assert_cmpint (ear.n_finished, ==, 2);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND);

  ear_open (&ear, "tiny");
  g_assert_null (gesso_session_get_error (ear.session));
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
}

static void
test_paint_without_model (void)
{
  g_auto (Ear) ear;

  ear_init (&ear, FALSE);
  ear_paint (&ear, 1, 1);
  gesso_session_wait (ear.session);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND);
  g_assert_cmpstr (ear.log->str, ==, "sfs");
}

static void
test_paint (void)
{
  g_auto (Ear) ear;
  g_autoptr (GessoRequest) request = ear_request_new (3, 3);
  g_autoptr (GPtrArray) expected = NULL;
  g_autoptr (GError) error = NULL;

  ear_init (&ear, TRUE);
  ear_open (&ear, "tiny");
  gesso_session_warm_up (ear.session, request);
  /* While it opens: it waits for the model. */
  gesso_session_paint (ear.session, request);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_PAINTING);
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  g_assert_no_error (ear.error);
  g_assert_cmpint (ear.n_finished, ==, 1);
  g_assert_cmpuint (ear.pictures->len, ==, 3);
  g_assert_cmpint (ear.n_previews, >, 0);
  g_assert_cmpfloat_with_epsilon (ear.last.fraction, 1, 1e-6);
  g_assert_cmpint (ear.last.picture, ==, 2);
  g_assert_cmpint (ear.last.n_pictures, ==, 3);
  g_assert_cmpint (ear.last.step, ==, ear.last.n_steps);
  g_assert_true (g_str_has_suffix (ear.log->str, "gpfs"));

  expected = gesso_engine_generate (gesso_session_get_engine (ear.session), request, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < expected->len; i++)
    {
      GessoPicture *picture = g_ptr_array_index (ear.pictures, i);

      g_assert_cmpuint (gesso_picture_get_seed (picture), ==, 7 + i);
      g_assert_true (g_bytes_equal (gesso_picture_get_pixels (picture),
                                    gesso_picture_get_pixels (g_ptr_array_index (expected, i))));
    }
  g_assert_false (g_bytes_equal (gesso_picture_get_pixels (g_ptr_array_index (expected, 0)),
                                 gesso_picture_get_pixels (g_ptr_array_index (expected, 1))));
}

/* The engine's own errors arrive as they are, and the session goes on. */
static void
test_paint_refused (void)
{
  g_auto (Ear) ear;
  g_autoptr (GessoRequest) request = ear_request_new (1, 2);

  ear_init (&ear, FALSE);
  ear_open (&ear, "tiny");
  request->width = 13;
  gesso_session_paint (ear.session, request);
  gesso_session_wait (ear.session);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID);
  request->width = 0;
  for (int i = 0; i < 2; i++)
    {
      request->n_images = i ? 65 : 0;
      gesso_session_paint (ear.session, request);
      gesso_session_wait (ear.session);
      g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID);
    }
  request->n_images = 1;
  gesso_session_paint (ear.session, request);
  gesso_session_wait (ear.session);
  g_assert_no_error (ear.error);
  g_assert_cmpuint (ear.pictures->len, ==, 1);
  g_assert_cmpint (ear.n_finished, ==, 4);
}

/* What previews need is made where somebody looks at them, and otherwise not. */
/* What is noted of a model means the same one in another process. */
static void
check_origin (const char *model, const char *noted)
{
  const GessoOptions options = { .device = GESSO_DEVICE_CPU, .n_threads = 1 };
  g_autoptr (GessoSession) session = gesso_session_new ();
  g_autoptr (GessoOrigin) origin = NULL;

  gesso_session_open (session, model, &options);
  gesso_session_wait (session);
  g_assert_no_error (gesso_session_get_error (session));
  origin = gesso_origin_new (session, 0, 0);
  g_assert_cmpstr (origin->model, ==, noted);
}

static void
test_origin (void)
{
  g_autofree char *tiny = ear_model_folder ("tiny");
  g_autofree char *models = g_path_get_dirname (tiny);
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *data = gesso_models_user_folder ();
  g_autofree char *starter = g_build_filename (data, "starter", NULL);

  g_assert_cmpint (g_mkdir_with_parents (data, 0700), ==, 0);
  g_assert_cmpint (symlink (tiny, starter), ==, 0);
  check_origin ("", "starter");
  check_origin ("starter", "starter");
  check_origin ("small", "small");
  check_origin (tiny, tiny);
  g_assert_cmpint (g_chdir (models), ==, 0);
  check_origin ("./tiny", tiny);
  g_assert_cmpint (g_chdir (".."), ==, 0);
  check_origin ("models/tiny", tiny);
  check_origin ("tiny", "tiny");
  g_assert_cmpint (g_chdir (before), ==, 0);
  g_assert_cmpint (g_unlink (starter), ==, 0);
}

static void
test_previews (void)
{
  g_autofree char *colours = g_build_filename (g_get_user_cache_dir (), "gesso", "previews", NULL);

  for (int previews = 0; previews < 2; previews++)
    {
      g_auto (Ear) ear;

      ear_init (&ear, previews);
      ear_open (&ear, "tiny");
      ear_paint (&ear, 1, 2);
      gesso_session_wait (ear.session);
      g_assert_no_error (ear.error);
      g_assert_cmpint (ear.n_previews > 0, ==, previews);
      g_assert_cmpint (g_file_test (colours, G_FILE_TEST_IS_DIR), ==, previews);
    }
}

/* While the main loop stands still, previews do not pile up: the newest is what counts. */
static void
test_previews_unseen (void)
{
  g_auto (Ear) ear;

  ear_init (&ear, TRUE);
  ear_open (&ear, "tiny");
  gesso_session_wait (ear.session);
  ear_paint_long (&ear);
  g_usleep (2 * G_USEC_PER_SEC);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpint (ear.n_previews, <=, 1);
  gesso_session_cancel (ear.session);
  gesso_session_wait (ear.session);
}

/* What is known of the model from the start, whatever becomes of its folder. */
static void
test_fingerprint (void)
{
  g_auto (Ear) ear;
  g_autofree char *folder = ear_model_folder ("tiny");
  g_autofree char *fingerprint = NULL;

  ear_init (&ear, FALSE);
  g_assert_cmpstr (gesso_session_get_model (ear.session), ==, "");
  g_assert_null (gesso_session_get_fingerprint (ear.session));
  ear_open (&ear, "tiny");
  g_assert_cmpstr (gesso_session_get_model (ear.session), ==, folder);
  g_assert_null (gesso_session_get_fingerprint (ear.session));
  gesso_session_wait (ear.session);
  fingerprint = gesso_engine_get_fingerprint (gesso_session_get_engine (ear.session), NULL);
  g_assert_cmpstr (gesso_session_get_fingerprint (ear.session), ==, fingerprint);
  ear_open (&ear, "sd14");
  g_assert_null (gesso_session_get_fingerprint (ear.session));
  gesso_session_wait (ear.session);
  g_assert_nonnull (gesso_session_get_fingerprint (ear.session));
  g_assert_cmpstr (gesso_session_get_fingerprint (ear.session), !=, fingerprint);
}

/* A model that was opened in vain: what is told of it comes late, and is not heard. */
static void
test_open_late (void)
{
  g_auto (Ear) ear;

  ear_init (&ear, FALSE);
  ear_open (&ear, "tiny");
  g_usleep (G_USEC_PER_SEC / 4);
  gesso_session_open (ear.session, "/nowhere/at/all", NULL);
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_CLOSED);
  g_assert_error (gesso_session_get_error (ear.session), GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND);
  g_assert_cmpstr (ear.log->str, ==, "sss");
}

static void
test_progress_interval (void)
{
  g_auto (Ear) ear;
  gint64 begin;
  double seconds;

  ear_init (&ear, TRUE);
  ear_open (&ear, "tiny");
  gesso_session_wait (ear.session);
  begin = g_get_monotonic_time ();
  ear_paint (&ear, 1, 300);
  gesso_session_wait (ear.session);
  seconds = (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
  g_assert_cmpfloat_with_epsilon (ear.last.fraction, 1, 1e-6);
  /* The one before a picture comes in any case. */
  g_assert_cmpfloat (ear.n_progress, <=, 20 * seconds + 2);
  g_assert_cmpfloat (ear.n_previews, <=, seconds / 0.4 + 1);
  g_assert_cmpint (ear.n_previews, >, 0);
}

/* Of many models asked for in a row the last one is open in the end. */
static void
test_open_in_a_row (void)
{
  const char *names[] = { "tiny", "sd14", "v2-tiny", "nowhere", "base", "tiny", "small" };
  g_auto (Ear) ear;
  int n_expected = 0;

  ear_init (&ear, FALSE);
  for (int i = 0; i < 30; i++)
    {
      ear_open (&ear, names[i % G_N_ELEMENTS (names)]);
      if (i % 3 == 0 && gesso_session_get_state (ear.session) != GESSO_SESSION_PAINTING)
        {
          ear_paint_long (&ear);
          n_expected++;
        }
      if (i % 4 == 0)
        g_usleep (3000);
      for (int k = 0; k < 3; k++)
        g_main_context_iteration (NULL, FALSE);
    }
  ear_open (&ear, "v2-small");
  gesso_session_wait (ear.session);
  g_assert_cmpint (ear.n_finished, ==, n_expected);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  g_assert_null (gesso_session_get_error (ear.session));
}

/* Warming up never delays: not a paint, not another model. */
static void
test_warm_up (void)
{
  g_auto (Ear) ear;
  g_autoptr (GessoRequest) request = ear_request_new (1, 2);

  ear_init (&ear, FALSE);
  gesso_session_warm_up (ear.session, request);
  ear_open (&ear, "tiny");
  for (int i = 0; i < 5; i++)
    gesso_session_warm_up (ear.session, request);
  gesso_session_wait (ear.session);
  gesso_session_warm_up (ear.session, request);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  gesso_session_paint (ear.session, request);
  gesso_session_wait (ear.session);
  g_assert_no_error (ear.error);
  gesso_session_warm_up (ear.session, request);
  ear_open (&ear, "sd14");
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  g_assert_cmpint (ear.n_finished, ==, 1);
}

/* What may be asked of the engine while it paints. */
static void
test_count_while_painting (void)
{
  g_auto (Ear) ear;
  GessoEngine *engine;
  int n_tokens;

  ear_init (&ear, FALSE);
  ear_open (&ear, "tiny");
  gesso_session_wait (ear.session);
  engine = gesso_session_get_engine (ear.session);
  n_tokens = gesso_engine_count_tokens (engine, "a quiet harbour at dawn", NULL);
  ear_paint_long (&ear);
  ear_await_progress (&ear);
  for (int i = 0; i < 200; i++)
    {
      g_assert_cmpint (gesso_engine_count_tokens (engine, "a quiet harbour at dawn", NULL), ==, n_tokens);
      g_assert_cmpint (gesso_engine_get_device (engine), ==, GESSO_DEVICE_CPU);
    }
  gesso_session_cancel (ear.session);
  gesso_session_wait (ear.session);
}

static void
paint_again (GessoSession *session, const GError *error, Ear *ear)
{
  if (ear->n_finished < 3)
    ear_paint (ear, 1, 2);
}

static void
test_paint_from_finished (void)
{
  g_auto (Ear) ear;

  ear_init (&ear, FALSE);
  g_signal_connect_after (ear.session, "finished", G_CALLBACK (paint_again), &ear);
  ear_open (&ear, "tiny");
  ear_paint (&ear, 1, 2);
  gesso_session_wait (ear.session);
  g_assert_cmpint (ear.n_finished, ==, 3);
  g_assert_cmpuint (ear.pictures->len, ==, 3);
}

static gpointer
paint_in_thread (gpointer data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_auto (Ear) ear;

  g_main_context_push_thread_default (context);
  ear_init (&ear, FALSE);
  ear_open (&ear, "tiny");
  ear_paint (&ear, 2, 2);
  gesso_session_wait (ear.session);
  g_assert_no_error (ear.error);
  g_assert_cmpuint (ear.pictures->len, ==, 2);
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* Signals come on the context that was the thread's own when the session was made. */
static void
test_other_context (void)
{
  g_autoptr (GThread) thread = g_thread_new ("other", paint_in_thread, NULL);

  g_thread_join (g_steal_pointer (&thread));
}

int
main (int argc, char **argv)
{
  g_autofree char *models = NULL;

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  models = g_test_build_filename (G_TEST_DIST, "data", "models", NULL);
  g_setenv ("GESSO_MODELS_PATH", models, TRUE);
  g_test_add_func ("/session/open", test_open);
  g_test_add_func ("/session/open/same-folder", test_open_same_folder);
  g_test_add_func ("/session/open/broken", test_open_broken);
  g_test_add_func ("/session/open/in-a-row", test_open_in_a_row);
  g_test_add_func ("/session/open/late", test_open_late);
  g_test_add_func ("/session/fingerprint", test_fingerprint);
  g_test_add_func ("/session/origin", test_origin);
  g_test_add_func ("/session/previews", test_previews);
  g_test_add_func ("/session/previews/unseen", test_previews_unseen);
  g_test_add_func ("/session/warm-up", test_warm_up);
  g_test_add_func ("/session/paint", test_paint);
  g_test_add_func ("/session/paint/refused", test_paint_refused);
  g_test_add_func ("/session/paint/without-model", test_paint_without_model);
  g_test_add_func ("/session/paint/from-finished", test_paint_from_finished);
  g_test_add_func ("/session/paint/other-context", test_other_context);
  g_test_add_func ("/session/progress-interval", test_progress_interval);
  g_test_add_func ("/session/count-while-painting", test_count_while_painting);
  return g_test_run ();
}
