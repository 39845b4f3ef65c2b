/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Weights that were saved in several files ("shards"), with an index of the tensors beside them.
 */

#pragma once

#include "weights.h"

typedef GessoWeights *(*GessoWeightsOpen) (const char *path, GCancellable *cancellable, GError **error);

/* The names of the files that the index `path` speaks of, each once, in order; element-type char *. MODEL_INVALID when
 * it is no index, or names a file that is not in its own folder. */
GPtrArray *gesso_shards_names (const char *path, GCancellable *cancellable, GError **error);

/* Opens all of them, each with `open`, as one. */
GessoWeights *gesso_shards_open (const char *path, GessoWeightsOpen open, GCancellable *cancellable, GError **error);
