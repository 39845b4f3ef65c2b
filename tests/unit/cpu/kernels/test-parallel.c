/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cpu/parallel.h"

typedef struct
{
  int *seen;
  gint64 grain;
  gint64 cancel_at;
  GCancellable *cancellable;
} Job;

static void
mark (gint64 begin, gint64 end, gpointer data)
{
  Job *job = data;
  g_assert_cmpint (end - begin, <=, job->grain);
  g_assert_cmpint (end, >, begin);
  for (gint64 i = begin; i < end; i++)
    {
      job->seen[i]++;
      if (i == job->cancel_at)
        g_cancellable_cancel (job->cancellable);
    }
}

/* Every item once, whatever the cut; plain memory written in the region is seen after it. */
static void
test_once (void)
{
  for (int n_threads = 0; n_threads <= 4; n_threads++)
    for (gint64 n = 0; n < 200; n += 33)
      for (gint64 grain = 1; grain < 300; grain = grain * 3 + 1)
        {
          g_autofree int *seen = g_new0 (int, n + 1);
          Job job = { seen, grain, -1, NULL };
          g_assert_true (gesso_parallel_for (n_threads, n, grain, mark, &job, NULL));
          for (gint64 i = 0; i < n; i++)
            g_assert_cmpint (seen[i], ==, 1);
          g_assert_cmpint (seen[n], ==, 0);
        }
}

static void
test_cancel (void)
{
  for (int n_threads = 1; n_threads <= 2; n_threads++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autofree int *seen = g_new0 (int, 100000);
      Job job = { seen, 1, 10, cancellable };
      gint64 done = 0;
      g_assert_false (gesso_parallel_for (n_threads, 100000, 1, mark, &job, cancellable));
      for (gint64 i = 0; i < 100000; i++)
        done += seen[i];
      /* items 0 to 10, but one that another thread has taken and not begun */
      g_assert_cmpint (done, >=, 12 - n_threads);
      g_assert_cmpint (done, <, 100000);
      /* nothing left to skip */
      g_assert_true (gesso_parallel_for (n_threads, 0, 1, mark, &job, cancellable));
    }
}

static gpointer
count_processors (gpointer data)
{
  return GINT_TO_POINTER (gesso_parallel_n_processors ());
}

static void
test_processors (void)
{
  int n = gesso_parallel_n_processors ();
  g_assert_cmpint (n, >=, 1);
  g_assert_cmpint (n, <=, (int) g_get_num_processors ());
  /* the same from any thread */
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (g_thread_new ("count", count_processors, NULL))), ==, n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cpu/parallel/once", test_once);
  g_test_add_func ("/cpu/parallel/cancel", test_cancel);
  g_test_add_func ("/cpu/parallel/processors", test_processors);
  return g_test_run ();
}
