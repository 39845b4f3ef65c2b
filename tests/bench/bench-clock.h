/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>
#include <time.h>

/* Microseconds; with a single thread those that this process really ran, so that a busy machine does not blur them. */
static inline gint64
bench_now (gboolean single)
{
  struct timespec time;

  clock_gettime (single ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}
