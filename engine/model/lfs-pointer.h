/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What git leaves in the place of a large file where Git LFS is not there to fetch it.
 */

#pragma once

#include "platform-file.h"

/* Returns TRUE, and sets `error`, where the file is such a pointer. */
gboolean gesso_lfs_pointer_refuse (GessoFile *file, GError **error);
