/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <gio/gio.h>

/* Bytes of all files below `folder`, links followed, each file once. What cannot be read counts nothing. */
guint64 gesso_folder_size (const char *folder);
