/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file opened for reading at any offset: the one place of this room that knows the operating system.
 */

#pragma once

#include <gio/gio.h>

typedef struct _GessoFile GessoFile;

/* Opens the ordinary file `path`. MODEL_NOT_FOUND when there is none; MODEL_INVALID for a folder, a pipe or a file
 * that may not be read. */
GessoFile *gesso_file_open (const char *path, GError **error);
void gesso_file_close (GessoFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoFile, gesso_file_close)

const char *gesso_file_path (const GessoFile *file);
/* Bytes, as they were when it was opened. */
guint64 gesso_file_size (const GessoFile *file);
/* Reads `count` bytes from `offset` on into `buffer`: all of them, or MODEL_INVALID (the file was cut short, or the
 * disk failed). Thread-safe: there is no file position. */
gboolean gesso_file_read (GessoFile *file, guint64 offset, gsize count, void *buffer, GError **error);
