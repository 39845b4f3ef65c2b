/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "platform-file.h"

/* The directory of a zip file, as torch.save() writes it: entries are stored, never compressed. */
typedef struct _GessoZip GessoZip;

/* Reads the directory of `file`, which must outlive it. MODEL_INVALID when there is none or it does not fit the file.
 */
GessoZip *gesso_zip_open (GessoFile *file, GCancellable *cancellable, GError **error);
void gesso_zip_free (GessoZip *zip);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoZip, gesso_zip_free)

/* The folder inside the archive that holds "data.pkl" ("archive/" as a rule), or NULL. */
const char *gesso_zip_root (const GessoZip *zip);
gboolean gesso_zip_has (const GessoZip *zip, const char *name);
/* Where the bytes of the entry `name` are in the file. MODEL_INVALID when it is missing, compressed, encrypted or not
 * wholly inside the file. */
gboolean gesso_zip_locate (const GessoZip *zip, const char *name, guint64 *offset, guint64 *size, GError **error);
