/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory of the CPU backend: everything of a model's size comes from here. Large blocks are mapped, so that they are
 * zeroed, go back to the system the moment they are freed, and the process holds exactly what was asked for. This is
 * also the one place in this room that asks the operating system how much there is.
 */

#pragma once

#include <glib.h>

/* From this size on a block is mapped, and counts for gesso_cpu_memory_fail_after(). */
#define GESSO_CPU_LARGE_BLOCK (64 * 1024)

/* What a block of `bytes` really takes. */
gsize gesso_cpu_memory_round (gsize bytes);

/* A zeroed block that starts at a multiple of 64 bytes; NULL with OUT_OF_MEMORY, naming the size. */
void *gesso_cpu_memory_alloc (gsize bytes, GError **error);

/* Frees a block of gesso_cpu_memory_alloc(); `bytes` as there. NULL is ignored. */
void gesso_cpu_memory_free (void *data, gsize bytes);

/* Bytes that could be allocated now without swapping: the machine's, and what the cgroups above this process leave of
 * their limits. G_MAXUINT64 where the system does not tell. `root` ("" outside of tests) is put before /proc and
 * /sys. */
guint64 gesso_cpu_memory_available (const char *root);

/* For tests: what all blocks of the process take together now. */
guint64 gesso_cpu_memory_in_use (void);

/* For tests: the `n`-th large allocation of the process from now on fails, once; 0: none. */
void gesso_cpu_memory_fail_after (int n);
