/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "gesso.h"

/* `bytes` of memory for g_free(), or NULL with OUT_OF_MEMORY: for whatever grows with the request. */
gpointer gesso_try_alloc (gsize bytes, GError **error);

/* TRUE, with the error CANCELLED, when `cancellable` (nullable) was triggered. */
gboolean gesso_is_cancelled (GCancellable *cancellable, GError **error);
