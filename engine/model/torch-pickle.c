/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The state dict that a pickle holds.
 */

#include "torch-pickle.h"
#include "../shown-text.h"
#include "torch-pickle-values.h"
#include "../gesso.h"

#include <glib/gi18n-lib.h>

struct _GessoTorchDict
{
  GPtrArray *heap;    /* of PickleValue: everything ever made */
  GPtrArray *tensors; /* of GessoTorchTensor, borrowed from the heap */
};

/* Lists the tensors of the dict that the pickle made. */
static gboolean
collect (GessoTorchDict *dict, const char *path, const PickleValue *root, GError **error)
{
  if (root->kind != PICKLE_DICT)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s holds no dict of tensors. Only plain state dicts are read; use a safetensors file of this "
                      "model instead."),
                   path);
      return FALSE;
    }
  for (guint i = 0; i < root->pairs->len; i += 2)
    {
      const PickleValue *key = g_ptr_array_index (root->pairs, i);
      const PickleValue *value = g_ptr_array_index (root->pairs, i + 1);
      PickleValue *named;

      if (key->kind != PICKLE_STRING || value->kind != PICKLE_TENSOR)
        {
          g_autofree char *shown = gesso_text_shorten (key->kind == PICKLE_STRING ? key->string : "?");

          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s: \"%s\" is no tensor. Only plain state dicts are read, no training checkpoints; use a "
                          "safetensors file of this model instead."),
                       path, shown);
          return FALSE;
        }
      /* A copy: one tensor may stand under several names. */
      named = pickle_value_new (dict->heap, PICKLE_TENSOR);
      named->tensor = g_memdup2 (value->tensor, sizeof *value->tensor);
      named->tensor->name = key->string;
      g_ptr_array_add (dict->tensors, named->tensor);
    }
  return TRUE;
}

GessoTorchDict *
gesso_torch_dict_read (const char *path, const guint8 *pickle, gsize size, GCancellable *cancellable, GError **error)
{
  g_autoptr (GessoTorchDict) dict = g_new0 (GessoTorchDict, 1);
  PickleValue *root;

  dict->heap = g_ptr_array_new_with_free_func (pickle_value_free);
  dict->tensors = g_ptr_array_new ();
  root = pickle_run (path, pickle, size, dict->heap, cancellable, error);
  if (!root || !collect (dict, path, root, error))
    return NULL;
  return g_steal_pointer (&dict);
}

void
gesso_torch_dict_free (GessoTorchDict *dict)
{
  if (!dict)
    return;
  g_ptr_array_unref (dict->tensors);
  g_ptr_array_unref (dict->heap);
  g_free (dict);
}

guint
gesso_torch_dict_count (const GessoTorchDict *dict)
{
  return dict->tensors->len;
}

const GessoTorchTensor *
gesso_torch_dict_get (const GessoTorchDict *dict, guint i)
{
  return g_ptr_array_index (dict->tensors, i);
}
