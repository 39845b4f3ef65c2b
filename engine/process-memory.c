/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "process-memory.h"

#include <string.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

guint64
gesso_process_anonymous_bytes (void)
{
  g_autofree char *status = NULL;
  const char *line;

#if defined(__GLIBC__)
  /* Planning leaves tens of megabytes of freed memory with the allocator, which are not needed any more. */
  malloc_trim (0);
#endif
  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    return 0;
  line = strstr (status, "RssAnon:");
  return line ? g_ascii_strtoull (line + strlen ("RssAnon:"), NULL, 10) * 1024 : 0;
}
