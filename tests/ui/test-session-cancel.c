/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The session when work is given up: cancelling, another model while it paints, and going away at any moment. Also run
 * under ThreadSanitizer.
 */

#include "session-ear.h"

static void
test_cancel (void)
{
  g_auto (Ear) ear;
  gint64 begin;
  double seconds;

  ear_init (&ear, FALSE);
  ear_open (&ear, "tiny");
  ear_paint_long (&ear);
  ear_await_progress (&ear);
  begin = g_get_monotonic_time ();
  gesso_session_cancel (ear.session);
  gesso_session_cancel (ear.session);
  gesso_session_wait (ear.session);
  seconds = (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
  g_test_minimized_result (seconds, "cancelled within %.3f s", seconds);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  g_assert_cmpint (ear.n_finished, ==, 1);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  gesso_session_cancel (ear.session);

  /* What was made before stays. */
  ear.cancel_at_picture = 1;
  ear_paint (&ear, 64, 30);
  gesso_session_wait (ear.session);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  g_assert_cmpuint (ear.pictures->len, >=, 2);
  g_assert_cmpuint (ear.pictures->len, <, 64);
  g_assert_cmpint (gesso_picture_get_width (g_ptr_array_index (ear.pictures, 1)), >, 0);
  g_assert_cmpint (ear.n_finished, ==, 2);
}

/* A cancel before the model is open is answered, and the model opens all the same. */
static void
test_cancel_while_opening (void)
{
  g_auto (Ear) ear;

  ear_init (&ear, FALSE);
  ear_open (&ear, "tiny");
  ear_paint_long (&ear);
  gesso_session_cancel (ear.session);
  g_assert_cmpint (ear.n_finished, ==, 0);
  while (ear.n_finished == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  g_assert_cmpint (ear.n_finished, ==, 1);
}

/* And the next can be painted right away. */
static void
test_cancel_and_paint (void)
{
  g_auto (Ear) ear;

  ear_init (&ear, FALSE);
  ear_open (&ear, "tiny");
  ear_paint_long (&ear);
  gesso_session_cancel (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_OPENING);
  ear_paint (&ear, 1, 2);
  while (ear.n_finished == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  gesso_session_wait (ear.session);
  g_assert_no_error (ear.error);
  g_assert_cmpint (ear.n_finished, ==, 2);
  g_assert_cmpuint (ear.pictures->len, ==, 1);

  /* Without another one the end is waited for as well. */
  ear_open (&ear, "v2-tiny");
  ear_paint_long (&ear);
  gesso_session_cancel (ear.session);
  gesso_session_wait (ear.session);
  g_assert_cmpint (ear.n_finished, ==, 3);
}

static void
test_open_while_painting (void)
{
  g_auto (Ear) ear;
  g_autoptr (GessoEngine) old = NULL;

  ear_init (&ear, FALSE);
  ear_open (&ear, "tiny");
  ear_paint_long (&ear);
  ear_await_progress (&ear);
  old = g_object_ref (gesso_session_get_engine (ear.session));
  ear_open (&ear, "v2-tiny");
  g_assert_null (gesso_session_get_engine (ear.session));
  /* It is painting until the running picture has been given up. */
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_PAINTING);
  while (ear.n_finished == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (ear.error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  gesso_session_wait (ear.session);
  g_assert_cmpint (gesso_session_get_state (ear.session), ==, GESSO_SESSION_READY);
  g_assert_true (gesso_session_get_engine (ear.session) != old);
  ear_paint (&ear, 1, 2);
  gesso_session_wait (ear.session);
  g_assert_no_error (ear.error);
  g_assert_cmpint (ear.n_finished, ==, 2);
}

/* Threads of this process, where that can be known. */
static int
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  int n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  return n;
}

/* The session goes at any moment: while it opens, warms up, paints, is cancelled, and from within a signal. */
static void
test_gone (void)
{
  int n_threads = count_threads ();

  for (int i = 0; i < 100; i++)
    {
      g_auto (Ear) ear;

      ear_init (&ear, i % 2);
      ear_open (&ear, i % 3 ? "tiny" : "v2-tiny");
      if (i % 5 == 1)
        gesso_session_wait (ear.session);
      if (i % 5 != 0)
        ear_paint_long (&ear);
      for (int k = 0; k < i % 7; k++)
        {
          g_usleep (1000);
          g_main_context_iteration (NULL, FALSE);
        }
      if (i % 5 == 2)
        gesso_session_cancel (ear.session);
      if (i % 5 == 3)
        ear_open (&ear, "sd14");
    }
  g_assert_cmpint (count_threads (), <=, n_threads);
}

static void
give_up (GessoSession *session, const GessoSessionProgress *progress, Ear *ear)
{
  ear->gone = TRUE;
  g_clear_object (&ear->session);
}

static void
test_gone_in_signal (void)
{
  for (int i = 0; i < 10; i++)
    {
      g_auto (Ear) ear;
      gpointer alive;

      ear_init (&ear, TRUE);
      alive = ear.session;
      g_object_add_weak_pointer (alive, &alive);
      g_signal_connect_after (ear.session, "progress", G_CALLBACK (give_up), &ear);
      ear_open (&ear, "tiny");
      ear_paint_long (&ear);
      while (ear.session)
        g_main_context_iteration (NULL, TRUE);
      g_assert_null (alive);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/session/open-while-painting", test_open_while_painting);
  g_test_add_func ("/session/cancel", test_cancel);
  g_test_add_func ("/session/cancel/while-opening", test_cancel_while_opening);
  g_test_add_func ("/session/cancel/and-paint", test_cancel_and_paint);
  g_test_add_func ("/session/gone", test_gone);
  g_test_add_func ("/session/gone/in-signal", test_gone_in_signal);
  return g_test_run ();
}
