/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

/* torch.Generator ("cpu"): a stream of normal deviates. Like torch's, only the low 32 bits of the seed count. */
typedef struct _GessoNoise GessoNoise;

GessoNoise *gesso_noise_new (guint64 seed);
void gesso_noise_free (GessoNoise *noise);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoNoise, gesso_noise_free)

/* The next torch.randn (n, generator=..., dtype=torch.float32) into `values`, to the last bits that the platform's log
 * and cos allow. */
void gesso_noise_draw (GessoNoise *noise, gsize n, float *values);

/* The first draw of a new generator. */
void gesso_noise_fill (guint64 seed, gsize n, float *values);
