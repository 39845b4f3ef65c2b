/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of weights files fill in.
 */

#pragma once

#include "platform-file.h"
#include "weights.h"

/* An empty table over `file`, which it takes. */
GessoWeights *gesso_weights_new (GessoFile *file);
/* The i-th of the files, NULL behind the last. */
GessoFile *gesso_weights_file (const GessoWeights *weights, guint i);
/* Puts the files and tensors of `shard`, which has no aliases, behind those of `weights`, and frees it. A tensor takes
 * the place of an earlier one of its name. */
void gesso_weights_join (GessoWeights *weights, GessoWeights *shard);

/* A tensor of the file, row-major where `stride` (values from one index to the next, by dimension) is NULL. `type`: as
 * people call it ("F16", "I64"); one that is not F32, F16 or BF16, or of more than GESSO_MAX_DIMS dimensions, is listed
 * but cannot be read. The caller has checked that the dimensions are not negative, that their product does not overflow
 * (see gesso_weights_extent()) and that the values lie inside the file. */
void gesso_weights_add (GessoWeights *weights, const char *name, const char *type, guint rank, const gint64 *dim,
                        const gint64 *stride, guint64 offset);

/* Bytes of a value of `type`, 0 for an unknown one. */
gsize gesso_weights_type_size (const char *type);
/* Product of the dimensions; FALSE when one is negative or it passes 2^56. */
gboolean gesso_weights_extent (guint rank, const gint64 *dim, gint64 *elements);
