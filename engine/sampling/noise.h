/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

/* torch.randn (n, generator=torch.Generator ("cpu").manual_seed (seed), dtype=torch.float32) into `values`, to the
 * last bits that the platform's log and cos allow. Like torch's, only the low 32 bits of `seed` count. */
void gesso_noise_fill (guint64 seed, gsize n, float *values);
