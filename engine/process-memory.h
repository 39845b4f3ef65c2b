/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

/* Anonymous memory that this process holds now, in bytes, what the allocator can give back not counted; 0 where the
 * system does not say. */
guint64 gesso_process_anonymous_bytes (void);
