/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The weights of one part of a model on the card, in the forms that the kernels take (parameters.h). Programs of one
 * store share what they want in the same form. What one load brings in lies in one allocation, a slab, which is given
 * back when nobody holds any of its weights.
 */

#pragma once

#include "backend.h"
#include "cuda-device.h"

typedef enum
{
  GESSO_CUDA_MATRIX, /* rows of a product, in the type of values */
  GESSO_CUDA_GEGLU,  /* the same, rows alternating in eights with their gates */
  GESSO_CUDA_VECTOR, /* F32 */
  GESSO_CUDA_GEGLU_VECTOR,
  GESSO_CUDA_PLAIN, /* as the file has it, in the type of values */
} GessoCudaForm;

typedef struct
{
  CUdeviceptr address;
  int n_weights; /* in it, that somebody holds */
} GessoCudaSlab;

typedef struct
{
  char *key;
  char *name;
  GessoShape shape; /* as in the file */
  GessoCudaForm form;
  GessoDType dtype;    /* of the values on the card */
  gsize bytes;         /* on the card */
  CUdeviceptr address; /* 0 while nobody holds it */
  GessoCudaSlab *slab; /* that it lies in */
  int n_held;          /* loaded programs that use it */
} GessoCudaWeight;

struct _GessoStore
{
  GessoCudaDevice *device;
  GessoWeightSource source;
  GHashTable *weights; /* key -> GessoCudaWeight, owned */
};

GessoStore *gesso_cuda_store_new (GessoCudaDevice *device, const GessoWeightSource *source);
void gesso_cuda_store_free (GessoStore *store);

/* The weight `tensor` in `form`; `type`: of values, F16 or BF16. The store's. */
GessoCudaWeight *gesso_cuda_store_want (GessoStore *store, const GessoTensor *tensor, GessoCudaForm form,
                                        GessoDType type);

/* Holds `weights` (of GessoCudaWeight), reading those that nobody holds yet; all of them or, with an error, none. */
gboolean gesso_cuda_store_hold (GessoStore *store, GPtrArray *weights, GessoLoadFunc progress, gpointer progress_data,
                                GCancellable *cancellable, GError **error);
void gesso_cuda_store_release (GessoStore *store, GPtrArray *weights);
