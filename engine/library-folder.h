/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the library itself is installed.
 */

#pragma once

#include <glib.h>

/* The folder that holds the library (or the program it is linked into), never the working folder; transfer full, NULL
 * where the system does not say. */
char *gesso_library_folder (void);
