/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the pickle reader's stack holds, and the functions a state dict calls. Values live as long as their heap; they
 * may point at one another in any way, also in circles, for nothing here follows them without a limit.
 */

#pragma once

#include "torch-pickle.h"

typedef enum
{
  PICKLE_NONE,
  PICKLE_BOOLEAN,
  PICKLE_INTEGER,
  PICKLE_STRING,
  PICKLE_TUPLE,
  PICKLE_DICT,
  PICKLE_GLOBAL,
  PICKLE_STORAGE,
  PICKLE_TENSOR,
} PickleKind;

typedef struct _PickleValue PickleValue;

/* A function or class that a state dict may name. */
typedef struct
{
  const char *module;
  const char *name;
  const char *storage_type; /* of a storage class: the type of its values */
  /* What calling it gives; NULL when the arguments are not what torch writes. NULL function: it may not be called. */
  PickleValue *(*call) (GPtrArray *heap, const PickleValue *arguments);
} PickleGlobal;

struct _PickleValue
{
  PickleKind kind;
  union
  {
    gint64 integer; /* also of a boolean */
    char *string;
    struct
    {
      PickleValue **items;
      gsize n;
    } tuple;
    GPtrArray *pairs; /* of a dict: key, value, key, value... */
    const PickleGlobal *global;
    struct
    {
      const char *key;
      const char *type;
      gint64 elements;
    } storage;
    GessoTorchTensor *tensor; /* its name is set last */
  };
};

/* A new value on `heap`, which owns it. */
PickleValue *pickle_value_new (GPtrArray *heap, PickleKind kind);
/* The heap's free function. */
void pickle_value_free (gpointer value);

/* The global "module name" or NULL when a state dict needs no such thing. */
const PickleGlobal *pickle_global_find (const char *module, const char *name);

/* The storage that a persistent id, ("storage", class, key, location, elements), stands for; NULL when it is none. */
PickleValue *pickle_storage_new (GPtrArray *heap, const PickleValue *id);

/* Runs a pickle of `size` bytes and returns the value it leaves, which lives on `heap` like all it makes. NULL:
 * MODEL_INVALID naming what was refused, or CANCELLED. */
PickleValue *pickle_run (const char *path, const guint8 *code, gsize size, GPtrArray *heap, GCancellable *cancellable,
                         GError **error);
