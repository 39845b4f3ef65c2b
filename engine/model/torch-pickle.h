/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The pickle inside a PyTorch file, read by something that executes nothing.
 *
 * A pickle is a program for a stack machine that may call any function. This machine knows the opcodes that a plain
 * state dict needs and the few functions that occur in one, whose effect it computes itself; every other opcode and
 * every other global is refused by name.
 */

#pragma once

#include <gio/gio.h>

#define GESSO_TORCH_MAX_RANK 8

/* A tensor of the state dict: a window on a storage, which is an entry "data/KEY" of the zip file. */
typedef struct
{
  const char *name;
  const char *storage;     /* its key */
  const char *type;        /* of its values, as safetensors calls it: "F32", "I64" */
  gint64 storage_elements; /* as the pickle claims */
  gint64 offset;           /* elements into the storage */
  guint rank;
  gint64 dim[GESSO_TORCH_MAX_RANK];
  gint64 stride[GESSO_TORCH_MAX_RANK]; /* in elements */
} GessoTorchTensor;

typedef struct _GessoTorchDict GessoTorchDict;

/* Runs the pickle of `size` bytes, which is used until the dict is freed. `path` is for messages. MODEL_INVALID
 * names what was refused. */
GessoTorchDict *gesso_torch_dict_read (const char *path, const guint8 *pickle, gsize size, GCancellable *cancellable,
                                       GError **error);
void gesso_torch_dict_free (GessoTorchDict *dict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoTorchDict, gesso_torch_dict_free)

guint gesso_torch_dict_count (const GessoTorchDict *dict);
const GessoTorchTensor *gesso_torch_dict_get (const GessoTorchDict *dict, guint i);
