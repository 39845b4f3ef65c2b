/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finding a backend: the CPU's is part of the library, others are modules beside it.
 */

#pragma once

#include "backend.h"

/* Opens the backend for `device`; AUTO takes the card where it works, and otherwise the CPU with the reason in
 * `why_not` (nullable out; transfer full; untouched where no module for a card is installed). DEVICE where an explicit
 * wish cannot be met.
 */
GessoBackend *gesso_devices_open (GessoDevice device, int n_threads, GessoDevice *opened, char **why_not,
                                  GError **error);
