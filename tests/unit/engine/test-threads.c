/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Engines side by side, callers in turn, cancelling from another thread. Also run under ThreadSanitizer.
 */

#include "engine-test.h"

static GessoRequest *
small_request (guint64 seed)
{
  GessoRequest *request = gesso_request_new ("a red circle");

  request->steps = 2;
  request->width = request->height = 16;
  request->seed = seed;
  return request;
}

static GBytes *
pixels_of (GessoEngine *engine, guint64 seed)
{
  g_autoptr (GessoRequest) request = small_request (seed);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return g_bytes_ref (gesso_picture_get_pixels (g_ptr_array_index (pictures, 0)));
}

static gpointer
generate_with_own_engine (gpointer model)
{
  g_autoptr (GessoEngine) engine = test_engine_open (model, NULL);
  g_autoptr (GBytes) ignored = pixels_of (engine, 1);

  return pixels_of (engine, 7);
}

static void
test_two_engines (void)
{
  GThread *a = g_thread_new ("a", generate_with_own_engine, (gpointer) "v2-tiny");
  GThread *b = g_thread_new ("b", generate_with_own_engine, (gpointer) "v2-tiny");
  g_autoptr (GBytes) from_a = g_thread_join (a);
  g_autoptr (GBytes) from_b = g_thread_join (b);

  g_assert_true (g_bytes_equal (from_a, from_b));
}

static gpointer
generate_with_shared_engine (gpointer engine)
{
  return pixels_of (engine, 7);
}

static void
test_callers_in_turn (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GBytes) expected = pixels_of (engine, 7);
  GThread *threads[4];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("caller", generate_with_shared_engine, engine);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autoptr (GBytes) pixels = g_thread_join (threads[i]);

      g_assert_true (g_bytes_equal (expected, pixels));
    }
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (20 * 1000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancel_from_elsewhere (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GessoRequest) request = small_request (1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) pictures = NULL;
  GThread *thread;

  request->steps = 500;
  request->width = request->height = 64;
  thread = g_thread_new ("canceller", cancel_soon, cancellable);
  pictures = gesso_engine_generate (engine, request, NULL, NULL, cancellable, &error);
  g_thread_join (thread);
  g_assert_null (pictures);
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/threads/two-engines", test_two_engines);
  g_test_add_func ("/threads/callers-in-turn", test_callers_in_turn);
  g_test_add_func ("/threads/cancel-from-elsewhere", test_cancel_from_elsewhere);
  return g_test_run ();
}
