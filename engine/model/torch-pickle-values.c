/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "torch-pickle-values.h"

#include <string.h>

PickleValue *
pickle_value_new (GPtrArray *heap, PickleKind kind)
{
  PickleValue *value = g_new0 (PickleValue, 1);

  value->kind = kind;
  g_ptr_array_add (heap, value);
  return value;
}

void
pickle_value_free (gpointer data)
{
  PickleValue *value = data;

  if (value->kind == PICKLE_STRING)
    g_free (value->string);
  else if (value->kind == PICKLE_TUPLE)
    g_free (value->tuple.items);
  else if (value->kind == PICKLE_DICT)
    g_clear_pointer (&value->pairs, g_ptr_array_unref);
  else if (value->kind == PICKLE_TENSOR)
    g_free (value->tensor);
  g_free (value);
}

/* collections.OrderedDict () */
static PickleValue *
call_ordered_dict (GPtrArray *heap, const PickleValue *arguments)
{
  PickleValue *dict;

  if (arguments->tuple.n != 0)
    return NULL;
  dict = pickle_value_new (heap, PICKLE_DICT);
  dict->pairs = g_ptr_array_new ();
  return dict;
}

/* A tuple of whole numbers, none negative. */
static gboolean
read_extents (const PickleValue *tuple, guint *rank, gint64 *extents)
{
  if (tuple->kind != PICKLE_TUPLE || tuple->tuple.n > GESSO_TORCH_MAX_RANK)
    return FALSE;
  *rank = (guint) tuple->tuple.n;
  for (guint d = 0; d < *rank; d++)
    {
      if (tuple->tuple.items[d]->kind != PICKLE_INTEGER || tuple->tuple.items[d]->integer < 0)
        return FALSE;
      extents[d] = tuple->tuple.items[d]->integer;
    }
  return TRUE;
}

/* torch._utils._rebuild_tensor_v2 (storage, offset, size, stride, requires_grad, backward_hooks[, metadata]) */
static PickleValue *
call_rebuild_tensor (GPtrArray *heap, const PickleValue *arguments)
{
  PickleValue **const items = arguments->tuple.items;
  GessoTorchTensor tensor = { 0 };
  PickleValue *value;
  guint n_strides;

  if (arguments->tuple.n < 6 || arguments->tuple.n > 7 || items[0]->kind != PICKLE_STORAGE
      || items[1]->kind != PICKLE_INTEGER || items[1]->integer < 0 || !read_extents (items[2], &tensor.rank, tensor.dim)
      || !read_extents (items[3], &n_strides, tensor.stride) || n_strides != tensor.rank)
    return NULL;
  tensor.storage = items[0]->storage.key;
  tensor.type = items[0]->storage.type;
  tensor.storage_elements = items[0]->storage.elements;
  tensor.offset = items[1]->integer;
  value = pickle_value_new (heap, PICKLE_TENSOR);
  value->tensor = g_memdup2 (&tensor, sizeof tensor);
  return value;
}

/* torch._utils._rebuild_parameter (tensor, requires_grad, backward_hooks) */
static PickleValue *
call_rebuild_parameter (GPtrArray *heap, const PickleValue *arguments)
{
  if (arguments->tuple.n != 3 || arguments->tuple.items[0]->kind != PICKLE_TENSOR)
    return NULL;
  return arguments->tuple.items[0];
}

const PickleGlobal *
pickle_global_find (const char *module, const char *name)
{
  static const PickleGlobal globals[] = {
    { "collections", "OrderedDict", NULL, call_ordered_dict },
    { "torch._utils", "_rebuild_tensor_v2", NULL, call_rebuild_tensor },
    { "torch._utils", "_rebuild_parameter", NULL, call_rebuild_parameter },
    { "torch", "FloatStorage", "F32", NULL },
    { "torch", "HalfStorage", "F16", NULL },
    { "torch", "BFloat16Storage", "BF16", NULL },
    { "torch", "DoubleStorage", "F64", NULL },
    { "torch", "LongStorage", "I64", NULL },
    { "torch", "IntStorage", "I32", NULL },
    { "torch", "ShortStorage", "I16", NULL },
    { "torch", "CharStorage", "I8", NULL },
    { "torch", "ByteStorage", "U8", NULL },
    { "torch", "BoolStorage", "BOOL", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (globals); i++)
    if (strcmp (globals[i].module, module) == 0 && strcmp (globals[i].name, name) == 0)
      return &globals[i];
  return NULL;
}

PickleValue *
pickle_storage_new (GPtrArray *heap, const PickleValue *id)
{
  PickleValue *storage;
  PickleValue **items;

  if (id->kind != PICKLE_TUPLE || id->tuple.n != 5)
    return NULL;
  items = id->tuple.items;
  if (items[0]->kind != PICKLE_STRING || strcmp (items[0]->string, "storage") != 0 || items[1]->kind != PICKLE_GLOBAL
      || !items[1]->global->storage_type || items[2]->kind != PICKLE_STRING || items[4]->kind != PICKLE_INTEGER
      || items[4]->integer < 0)
    return NULL;
  storage = pickle_value_new (heap, PICKLE_STORAGE);
  storage->storage.key = items[2]->string;
  storage->storage.type = items[1]->global->storage_type;
  storage->storage.elements = items[4]->integer;
  return storage;
}
