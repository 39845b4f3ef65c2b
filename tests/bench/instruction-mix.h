/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The hot loops of the kernels, from the disassembly that NVIDIA's cuobjdump makes of the build's images.
 */

#pragma once

#include "kernel-facts.h"

/* Fills in the hot loops of `facts`, whose images lie in `folder`. FALSE where that cannot be done; `why` (transfer
 * full) says what is missing. */
gboolean instruction_mix_read (const char *folder, GPtrArray *facts, char **why);
