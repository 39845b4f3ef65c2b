/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is left of the CPU backend's programs after everything that can stop them.
 */

#include "fixture.h"

#include <string.h>

#include "cpu/memory.h"

static void
cancel_in_load (guint64 done, guint64 total, gpointer data)
{
  if (done > total / 2)
    g_cancellable_cancel (data);
}

static void
test_cancel_load (void)
{
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) graph = fixture_graph (8, 32, 2);
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  Fixture *fixture = fixture_new (backend, graph, &options, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (backend->load (backend, fixture->program, cancel_in_load, cancellable, cancellable, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, 0);
  g_clear_error (&error);
  fixture_must_bind (fixture);
  g_assert_false (fixture_run (fixture, NULL, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  fixture_must_load (fixture);
  fixture_must_run (fixture);
  fixture_free (fixture);
  backend->free (backend);
}

static gpointer
cancel_soon (gpointer data)
{
  g_usleep (30 * 1000);
  g_cancellable_cancel (data);
  return NULL;
}

/* In the middle of a run of some seconds, and before it begins; the program runs afterwards. */
static void
test_cancel_run (void)
{
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) graph = fixture_graph (128, 128, 12);
  g_autoptr (GessoGraph) small = fixture_graph (8, 32, 1);
  const GessoPlanOptions options = fixture_plan_options (backend, 0.02);
  Fixture *fixture = fixture_new (backend, graph, &options, NULL);
  Fixture *quick = fixture_new (backend, small, &options, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread;

  fixture_must_bind (fixture);
  fixture_must_load (fixture);
  thread = g_thread_new ("cancel", cancel_soon, cancellable);
  g_assert_false (fixture_run (fixture, cancellable, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  g_thread_join (thread);
  fixture_free (fixture);

  g_clear_error (&error);
  fixture_must_bind (quick);
  fixture_must_load (quick);
  g_assert_false (fixture_run (quick, cancellable, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  fixture_must_run (quick);
  fixture_free (quick);
  backend->free (backend);
}

static void
test_cancel_compile (void)
{
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) graph = fixture_graph (8, 32, 1);
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  Reads reads = { 0 };
  const GessoWeightSource source = fixture_source (&reads);
  GessoStore *store = backend->store_new (backend, &source);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoPlan) plan = gesso_plan_new (graph, &options, &error);

  g_assert_no_error (error);
  g_cancellable_cancel (cancellable);
  g_assert_null (backend->compile (backend, store, plan, cancellable, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  backend->store_free (backend, store);
  backend->free (backend);
}

/* A file that fails in the middle of loading: its error comes through, and the next load() is a fresh one. */
static void
test_failing_source (gconstpointer data)
{
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) graph = fixture_graph (GPOINTER_TO_INT (data), 32, 2);
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  Fixture *fixture = fixture_new (backend, graph, &options, NULL);
  int failures = 0;

  fixture_must_bind (fixture);
  for (int n = 1;; n++)
    {
      const guint64 before = gesso_cpu_memory_in_use ();
      g_autoptr (GError) error = NULL;

      fixture->reads.fail_at = n;
      if (fixture_load (fixture, &error))
        break;
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
      g_assert_nonnull (strstr (error->message, "is cut short"));
      g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, before);
      failures++;
    }
  g_assert_cmpint (failures, ==, 2 * 7);
  fixture_must_run (fixture);
  fixture_free (fixture);
  backend->free (backend);
}

/* Every large allocation fails once. */
static void
test_out_of_memory (gconstpointer data)
{
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) graph = fixture_graph (48, GPOINTER_TO_INT (data), 1);
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  Fixture *expected = fixture_new (backend, graph, &options, NULL);
  int failures = 0;

  fixture_must_bind (expected);
  fixture_must_load (expected);
  fixture_must_run (expected);
  for (int n = 1;; n++)
    {
      const guint64 before = gesso_cpu_memory_in_use ();
      Fixture *fixture = fixture_new (backend, graph, &options, NULL);
      g_autoptr (GError) error = NULL;
      gboolean ok;

      gesso_cpu_memory_fail_after (n);
      ok = fixture_bind (fixture, &error) && fixture_load (fixture, &error) && fixture_run (fixture, NULL, &error);
      gesso_cpu_memory_fail_after (0);
      if (ok)
        {
          fixture_assert_same_output (fixture, expected);
          fixture_free (fixture);
          break;
        }
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
      g_assert_nonnull (strstr (error->message, "MiB"));
      fixture_free (fixture);
      g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, before);
      failures++;
    }
  /* Workspace, two bindings, staging, and the four products. */
  g_assert_cmpint (failures, ==, 8);
  fixture_free (expected);
  backend->free (backend);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cpu/cancel-compile", test_cancel_compile);
  g_test_add_func ("/cpu/cancel-load", test_cancel_load);
  g_test_add_func ("/cpu/cancel-run", test_cancel_run);
  g_test_add_data_func ("/cpu/failing-source", GINT_TO_POINTER (7), test_failing_source);
  g_test_add_data_func ("/cpu/failing-source-winograd", GINT_TO_POINTER (8), test_failing_source);
  g_test_add_data_func ("/cpu/out-of-memory", GINT_TO_POINTER (72), test_out_of_memory);
  g_test_add_data_func ("/cpu/out-of-memory-winograd", GINT_TO_POINTER (64), test_out_of_memory);
  return g_test_run ();
}
