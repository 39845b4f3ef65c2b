/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "gesso.h"

/* TRUE, with the error CANCELLED, when `cancellable` (nullable) was triggered. */
gboolean gesso_is_cancelled (GCancellable *cancellable, GError **error);
