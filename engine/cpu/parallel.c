/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "parallel.h"

#include <stdatomic.h>
#include <string.h>

typedef struct
{
  gint64 n, grain;
  GessoParallelFunc func;
  gpointer data;
  GCancellable *cancellable;
  _Atomic gint64 next;
  atomic_bool skipped;
  atomic_int started, finished; /* see gesso_parallel_for() */
} Job;

static void
run_pieces (Job *job)
{
  for (;;)
    {
      gint64 begin = atomic_fetch_add_explicit (&job->next, job->grain, memory_order_relaxed);
      if (begin >= job->n)
        return;
      if (g_cancellable_is_cancelled (job->cancellable))
        {
          atomic_store_explicit (&job->skipped, TRUE, memory_order_relaxed);
          return;
        }
      job->func (begin, MIN (begin + job->grain, job->n), job->data);
    }
}

/* One thread's share. The compiler's OpenMP runtime already orders what happens before, in and after a parallel region,
 * but ThreadSanitizer cannot see into it: these two atomics say the same in words it understands. They cost nothing. */
static __attribute__ ((noinline)) void
run_share (Job *job)
{
  atomic_load_explicit (&job->started, memory_order_acquire);
  run_pieces (job);
  atomic_fetch_add_explicit (&job->finished, 1, memory_order_release);
}

static __attribute__ ((noinline)) void
open_job (Job *job)
{
  atomic_store_explicit (&job->started, 1, memory_order_release);
}

static __attribute__ ((noinline)) void
close_job (Job *job)
{
  atomic_load_explicit (&job->finished, memory_order_acquire);
}

/* Not instrumented: how OpenMP passes `job` to the other threads is its own affair. */
#if defined(__SANITIZE_THREAD__)
__attribute__ ((no_sanitize ("thread")))
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
__attribute__ ((no_sanitize ("thread")))
#endif
#endif
static void
run_team (Job *job, int n_threads)
{
  open_job (job);
#pragma omp parallel num_threads(n_threads)
  run_share (job);
  close_job (job);
}

gboolean
gesso_parallel_for (int n_threads, gint64 n, gint64 grain, GessoParallelFunc func, gpointer data,
                    GCancellable *cancellable)
{
  Job job = { .n = n, .grain = MAX (1, grain), .func = func, .data = data, .cancellable = cancellable };
  gint64 pieces = (n + job.grain - 1) / job.grain;

  if (n_threads <= 1 || pieces <= 1)
    run_pieces (&job);
  else
    run_team (&job, (int) MIN (n_threads, pieces));
  return !atomic_load_explicit (&job.skipped, memory_order_relaxed);
}

#if defined(__linux__)
/* Processors that "QUOTA PERIOD" leaves, rounded up; 0: no limit. */
static gint64
quota_processors (const char *quota, const char *period)
{
  gint64 q = g_ascii_strtoll (quota, NULL, 10), p = g_ascii_strtoll (period, NULL, 10);
  return q > 0 && p > 0 ? (q + p - 1) / p : 0;
}

static gint64
read_limit_v2 (const char *folder)
{
  g_autofree char *file = g_build_filename (folder, "cpu.max", NULL);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (file, &text, NULL, NULL))
    return 0;
  const char *period = strchr (text, ' ');
  return period ? quota_processors (text, period + 1) : 0;
}

static gint64
read_limit_v1 (const char *folder)
{
  g_autofree char *quota_file = g_build_filename (folder, "cpu.cfs_quota_us", NULL);
  g_autofree char *period_file = g_build_filename (folder, "cpu.cfs_period_us", NULL);
  g_autofree char *quota = NULL, *period = NULL;

  if (!g_file_get_contents (quota_file, &quota, NULL, NULL) || !g_file_get_contents (period_file, &period, NULL, NULL))
    return 0;
  return quota_processors (quota, period);
}

/* The tightest limit on the way from the process's group up to the root; 0: none. */
static gint64
cgroup_processors (void)
{
  g_autofree char *groups = NULL;
  gint64 limit = 0;

  if (!g_file_get_contents ("/proc/self/cgroup", &groups, NULL, NULL))
    return 0;
  g_auto (GStrv) lines = g_strsplit (groups, "\n", -1);
  for (char **line = lines; *line; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, ":", 3);
      if (g_strv_length (fields) < 3)
        continue;
      g_auto (GStrv) controllers = g_strsplit (fields[1], ",", -1);
      gboolean v2 = fields[1][0] == '\0';
      if (!v2 && !g_strv_contains ((const char *const *) controllers, "cpu"))
        continue;
      g_autofree char *path = g_strdup (fields[2]);
      for (;;)
        {
          g_autofree char *folder = g_build_filename (v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", path, NULL);
          gint64 found = v2 ? read_limit_v2 (folder) : read_limit_v1 (folder);
          if (found > 0 && (limit == 0 || found < limit))
            limit = found;
          char *slash = strrchr (path, '/');
          if (!slash || path[1] == '\0')
            break;
          slash[slash == path ? 1 : 0] = '\0';
        }
    }
  return limit;
}
#else
static gint64
cgroup_processors (void)
{
  return 0;
}
#endif

int
gesso_parallel_n_processors (void)
{
  gint64 n = g_get_num_processors (); /* those of the affinity mask */
  gint64 limit = cgroup_processors ();

  if (limit > 0)
    n = MIN (n, limit);
  return (int) MAX (1, n);
}
