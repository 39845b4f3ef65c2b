/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A library of NVIDIA's, found at run time where the system keeps its libraries. GModule is not asked: it looks for a
 * bare name in the working folder first, which may be anyone's, and runs what it finds there.
 */

#pragma once

#include <glib.h>

/* The library `named` (a path, or a bare name; NULL: none), or else the first of `names` (they end with NULL) that can
 * be loaded. It stays for as long as the process lives: such libraries have threads, which must not lose their code.
 * NULL where there is none; with `why` the linker's words where one is there and cannot be loaded, else NULL. */
gpointer gesso_library_open (const char *named, const char *const *names, char **why);

/* Finds `name` in it. */
gboolean gesso_library_find (gpointer library, const char *name, gpointer *entry);
