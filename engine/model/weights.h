/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tensors of one part of a model, whatever file they are in.
 */

#pragma once

#include "../graph/graph.h"

typedef struct _GessoWeights GessoWeights;

/* Opens one weights file (see shards.h for several). Only the header (safetensors) or the directory and pickle (.bin)
 * is read; all offsets are checked against the file's size. Errors: MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY,
 * CANCELLED. */
GessoWeights *gesso_weights_open_safetensors (const char *path, GCancellable *cancellable, GError **error);
GessoWeights *gesso_weights_open_torch_zip (const char *path, GCancellable *cancellable, GError **error);
void gesso_weights_free (GessoWeights *weights);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoWeights, gesso_weights_free)

/* Of the file, or of the index where there are several. */
const char *gesso_weights_path (const GessoWeights *weights);
/* Bytes of all files. */
guint64 gesso_weights_file_size (const GessoWeights *weights);
guint gesso_weights_count (const GessoWeights *weights);
/* Name of the i-th tensor, in the file's order. */
const char *gesso_weights_name (const GessoWeights *weights, guint i);
/* Shape (rank up to GESSO_MAX_DIMS) and dtype (F32, F16 or BF16); FALSE when there is no such tensor, or one of
 * another type or more dimensions (an int64 "position_ids", say), which is listed but cannot be read. */
gboolean gesso_weights_find (const GessoWeights *weights, const char *name, GessoShape *shape, GessoDType *dtype);

/* Whether `name` is there, can be read and has this shape (dimensions of 1 at the end do not count: a 1x1 convolution
 * is a matrix); else MODEL_INVALID naming file, tensor and what is wrong with it. */
gboolean gesso_weights_check (const GessoWeights *weights, const char *name, const GessoShape *shape, GError **error);

/* Values first .. first + count - 1 (row-major) of F32, F16 or BF16 tensors, converted to `dtype`, rounding to
 * nearest even. Reads with pread (through the platform file), so that a file cut short after opening is an error
 * (MODEL_INVALID naming file and tensor), never a signal. Thread-safe. */
gboolean gesso_weights_read (GessoWeights *weights, const char *name, gint64 first, gint64 count, GessoDType dtype,
                             void *values, GError **error);

/* Makes `alias` another name of the tensor `name` under `shape` (same number of elements): how older files meet the
 * names and shapes that networks/ asks for. */
void gesso_weights_add_alias (GessoWeights *weights, const char *alias, const char *name, GessoShape shape);
