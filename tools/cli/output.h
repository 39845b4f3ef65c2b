/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files that are either written whole or not at all: to a temporary file in the same folder, then renamed.
 */

#pragma once

#include <glib.h>

/**
 * cli_output_check:
 * @path: a file to be written later
 * @error: G_FILE_ERROR, with a message that names @path
 *
 * Finds out, by trying, whether @path can be written; leaves nothing behind.
 */
gboolean cli_output_check (const char *path, GError **error);

/** cli_output_check_folder: the same for some new file in @folder */
gboolean cli_output_check_folder (const char *folder, GError **error);

/**
 * cli_output_target:
 * @path: a file to be written later
 *
 * Returns: (transfer full): the file that @path stands for once links are followed
 */
char *cli_output_target (const char *path);

/**
 * cli_output_write:
 * @path: the file; a link is followed, what is no regular file (a device, a pipe) is written to directly
 * @replace: whether a file that exists is replaced; else G_FILE_ERROR_EXIST
 * @chunks: (element-type GBytes): the contents, one after the other
 * @error: G_FILE_ERROR, with a message that names @path
 */
gboolean cli_output_write (const char *path, gboolean replace, GPtrArray *chunks, GError **error);

/** cli_output_abandon: removes the temporary file of a write that goes on in another thread; the program ends next */
void cli_output_abandon (void);
