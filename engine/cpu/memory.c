/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include <glib/gi18n-lib.h>

#include "../gesso.h"

#ifdef G_OS_UNIX
#include <sys/mman.h>
#include <unistd.h>
#else
#include <malloc.h>
#endif

#define ALIGNMENT 64

/* Counters that tests read and set; nothing else depends on them. */
static gint fail_countdown;
static guintptr bytes_in_use;

static gsize
page_size (void)
{
#ifdef G_OS_UNIX
  return (gsize) sysconf (_SC_PAGESIZE);
#else
  return 4096;
#endif
}

gsize
gesso_cpu_memory_round (gsize bytes)
{
  const gsize unit = bytes >= GESSO_CPU_LARGE_BLOCK ? page_size () : ALIGNMENT;

  return (MAX (bytes, 1) + unit - 1) / unit * unit;
}

/* Whether a test asked for this large allocation to fail. */
static gboolean
is_to_fail (void)
{
  for (gint n = g_atomic_int_get (&fail_countdown); n > 0; n = g_atomic_int_get (&fail_countdown))
    if (g_atomic_int_compare_and_exchange (&fail_countdown, n, n - 1))
      return n == 1;
  return FALSE;
}

static void *
alloc_small (gsize bytes)
{
#ifdef G_OS_UNIX
  void *data = aligned_alloc (ALIGNMENT, bytes);
#else
  void *data = _aligned_malloc (bytes, ALIGNMENT);
#endif
  if (data)
    memset (data, 0, bytes);
  return data;
}

static void
free_small (void *data)
{
#ifdef G_OS_UNIX
  free (data);
#else
  _aligned_free (data);
#endif
}

static void *
alloc_large (gsize bytes)
{
#ifdef G_OS_UNIX
  void *data = mmap (NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (data == MAP_FAILED)
    return NULL;
#ifdef MADV_HUGEPAGE
  /* Giving gigabytes back takes the system 0.1 s each in small pages, which somebody who cancels waits for, and next to
   * nothing in large ones. No more memory is held: only whole large pages within these bytes are large. */
  madvise (data, bytes, MADV_HUGEPAGE);
#endif
  return data;
#else
  return alloc_small (bytes);
#endif
}

void *
gesso_cpu_memory_alloc (gsize bytes, GError **error)
{
  const gsize real = bytes <= G_MAXSSIZE ? gesso_cpu_memory_round (bytes) : 0;
  const gboolean large = bytes >= GESSO_CPU_LARGE_BLOCK;
  void *data = NULL;

  if (real && !(large && is_to_fail ()))
    data = large ? alloc_large (real) : alloc_small (real);
  if (!data)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                   _ ("%zu MiB of memory could not be allocated. Close other programs, or choose a "
                      "smaller picture or a smaller model."),
                   bytes / (1024 * 1024) + 1);
      return NULL;
    }
  g_atomic_pointer_add (&bytes_in_use, (gssize) real);
  return data;
}

void
gesso_cpu_memory_free (void *data, gsize bytes)
{
  const gsize real = gesso_cpu_memory_round (bytes);

  if (!data)
    return;
#ifdef G_OS_UNIX
  if (bytes >= GESSO_CPU_LARGE_BLOCK)
    munmap (data, real);
  else
#endif
    free_small (data);
  g_atomic_pointer_add (&bytes_in_use, -(gssize) real);
}

guint64
gesso_cpu_memory_in_use (void)
{
  return (guint64) (guintptr) g_atomic_pointer_get (&bytes_in_use);
}

void
gesso_cpu_memory_fail_after (int n)
{
  g_atomic_int_set (&fail_countdown, n);
}

/* The file `name` in `folder`, or NULL. */
static char *
read_text (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

/* The number after `key` in lines of "key number"; FALSE if there is none. */
static gboolean
find_number (const char *text, const char *key, guint64 *number)
{
  const gsize length = strlen (key);

  for (const char *line = text; line && *line; line = strchr (line, '\n'))
    {
      line += *line == '\n';
      if (strncmp (line, key, length) == 0 && (line[length] == ' ' || line[length] == '\t'))
        {
          *number = g_ascii_strtoull (line + length, NULL, 10);
          return TRUE;
        }
    }
  return FALSE;
}

/* What the cgroup in `folder` leaves of its limit. Its inactive file cache counts as free: the kernel drops it before
 * it refuses anything. */
static guint64
cgroup_left (const char *folder, const char *limit_name, const char *usage_name, const char *cache_key)
{
  g_autofree char *limit_text = read_text (folder, limit_name);
  g_autofree char *usage_text = read_text (folder, usage_name);
  g_autofree char *stat_text = read_text (folder, "memory.stat");
  guint64 limit, usage, cache = 0;

  if (!limit_text || !usage_text || !g_ascii_isdigit (limit_text[0]))
    return G_MAXUINT64;
  limit = g_ascii_strtoull (limit_text, NULL, 10);
  usage = g_ascii_strtoull (usage_text, NULL, 10);
  if (stat_text)
    find_number (stat_text, cache_key, &cache);
  usage -= MIN (usage, cache);
  return limit - MIN (limit, usage);
}

/* The least that `path` below `mount` and all groups above it leave. */
static guint64
cgroups_left (const char *mount, const char *path, const char *limit_name, const char *usage_name,
              const char *cache_key)
{
  g_autofree char *below = g_strdup (path);
  guint64 left = G_MAXUINT64;

  for (;;)
    {
      g_autofree char *folder = g_build_filename (mount, below, NULL);
      char *slash = strrchr (below, '/');

      left = MIN (left, cgroup_left (folder, limit_name, usage_name, cache_key));
      if (!slash)
        return left;
      *slash = '\0';
    }
}

guint64
gesso_cpu_memory_available (const char *root)
{
  g_autofree char *proc = g_strconcat (root, "/proc", NULL);
  g_autofree char *mount = g_strconcat (root, "/sys/fs/cgroup", NULL);
  g_autofree char *meminfo = read_text (proc, "meminfo");
  g_autofree char *groups = read_text (proc, "self/cgroup");
  g_auto (GStrv) lines = g_strsplit (groups ? groups : "", "\n", -1);
  guint64 available = G_MAXUINT64, kibibytes;

  if (meminfo && find_number (meminfo, "MemAvailable:", &kibibytes) && kibibytes <= G_MAXUINT64 / 1024)
    available = kibibytes * 1024;
  /* A line is "number:controllers:path"; no controllers: version 2. */
  for (char **line = lines; *line; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, ":", 3);
      guint64 left = G_MAXUINT64;

      if (g_strv_length (fields) != 3)
        continue;
      if (fields[1][0] == '\0')
        left = cgroups_left (mount, fields[2], "memory.max", "memory.current", "inactive_file");
      else if (strcmp (fields[1], "memory") == 0)
        {
          g_autofree char *version_1 = g_build_filename (mount, "memory", NULL);

          left = cgroups_left (version_1, fields[2], "memory.limit_in_bytes", "memory.usage_in_bytes",
                               "total_inactive_file");
        }
      available = MIN (available, left);
    }
  return available;
}
