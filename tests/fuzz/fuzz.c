/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const char *__asan_default_options (void);
const char *__ubsan_default_options (void);

/* What a run frees need be kept apart only until the run's end: the usual 256 MB are memory that is new to the
 * processor with every allocation, and half of the time. */
const char *
__asan_default_options (void)
{
  return "quarantine_size_mb=8:malloc_context_size=8";
}

const char *
__ubsan_default_options (void)
{
  return "halt_on_error=1:print_stacktrace=1";
}

/* A warning of GLib's is a bug, too. */
int LLVMFuzzerInitialize (int *argc, char ***argv);

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_FATAL_MASK);
  return 0;
}

const char *
fuzz_file (const uint8_t *data, size_t size)
{
  static int descriptor = -1;
  static char path[64];

  if (descriptor < 0)
    {
      descriptor = memfd_create ("fuzz", 0);
      g_snprintf (path, sizeof path, "/proc/self/fd/%d", descriptor);
    }
  if (descriptor < 0 || ftruncate (descriptor, 0) != 0 || pwrite (descriptor, data, size, 0) != (ssize_t) size)
    abort ();
  return path;
}

void
fuzz_check (gboolean success, GError **error)
{
  if (success != (*error == NULL))
    abort ();
  if (*error && ((*error)->domain != GESSO_ERROR || !g_utf8_validate ((*error)->message, -1, NULL)))
    abort ();
  g_clear_error (error);
}
