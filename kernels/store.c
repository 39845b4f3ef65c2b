/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "store.h"

#include <glib/gi18n-lib.h>

#include "backend-checks.h"
#include "cuda-backend.h"
#include "pack.h"
#include "upload.h"

static void
weight_free (gpointer data)
{
  GessoCudaWeight *weight = data;

  g_free (weight->key);
  g_free (weight->name);
  g_free (weight);
}

GessoStore *
gesso_cuda_store_new (GessoCudaDevice *device, const GessoWeightSource *source)
{
  GessoStore *self = g_new0 (GessoStore, 1);

  self->device = device;
  self->source = *source;
  self->weights = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, weight_free);
  return self;
}

void
gesso_cuda_store_free (GessoStore *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->weights);
  g_free (self);
}

GessoCudaWeight *
gesso_cuda_store_want (GessoStore *self, const GessoTensor *tensor, GessoCudaForm form, GessoDType type)
{
  const gboolean is_vector = form == GESSO_CUDA_VECTOR || form == GESSO_CUDA_GEGLU_VECTOR;
  const GessoDType dtype = is_vector ? GESSO_DTYPE_F32 : type;
  g_autofree char *key = g_strdup_printf ("%d %s %s", (int) form, gesso_dtype_name (dtype), tensor->name);
  GessoCudaWeight *weight = g_hash_table_lookup (self->weights, key);

  if (weight)
    return weight;
  weight = g_new0 (GessoCudaWeight, 1);
  weight->key = g_steal_pointer (&key);
  weight->name = g_strdup (tensor->name);
  weight->shape = tensor->shape;
  weight->form = form;
  weight->dtype = dtype;
  weight->bytes = (gsize) gesso_cuda_packed_rows (weight) * gesso_cuda_packed_pitch (weight);
  g_hash_table_insert (self->weights, weight->key, weight);
  return weight;
}

static void
release (GessoStore *self, GessoCudaWeight *weight)
{
  GessoCudaSlab *slab = weight->slab;

  if (--weight->n_held > 0)
    return;
  weight->address = 0;
  weight->slab = NULL;
  if (--slab->n_weights > 0)
    return;
  gesso_cuda_device_free (self->device, slab->address);
  g_free (slab);
}

void
gesso_cuda_store_release (GessoStore *self, GPtrArray *weights)
{
  for (guint i = 0; i < weights->len; i++)
    release (self, g_ptr_array_index (weights, i));
}

/* One allocation for all of `weights` that nobody holds; places them in it. */
static gboolean
place_missing (GessoStore *self, GPtrArray *weights, GPtrArray *missing, GError **error)
{
  CUdeviceptr address = 0;
  GessoCudaSlab *slab;
  gsize bytes = 0;

  for (guint i = 0; i < weights->len; i++)
    {
      GessoCudaWeight *weight = g_ptr_array_index (weights, i);

      if (weight->n_held)
        continue;
      g_ptr_array_add (missing, weight);
      bytes += gesso_cuda_align (weight->bytes);
    }
  if (missing->len && !gesso_cuda_device_allocate (self->device, bytes, _ ("the model's weights"), &address, error))
    return FALSE;
  if (!missing->len)
    return TRUE;
  slab = g_new0 (GessoCudaSlab, 1);
  *slab = (GessoCudaSlab) { .address = address, .n_weights = (int) missing->len };
  for (guint i = 0; i < missing->len; i++)
    {
      GessoCudaWeight *weight = g_ptr_array_index (missing, i);

      weight->slab = slab;
      weight->address = address;
      address += gesso_cuda_align (weight->bytes);
    }
  return TRUE;
}

static gboolean
upload_all (GessoStore *self, GPtrArray *missing, GessoLoading *loading, GError **error)
{
  GessoCudaUpload *upload;
  gsize row_bytes = 0;
  gboolean ok = TRUE;

  for (guint i = 0; i < missing->len; i++)
    {
      const GessoCudaWeight *weight = g_ptr_array_index (missing, i);

      row_bytes = MAX (row_bytes, gesso_cuda_packed_pitch (weight));
      loading->total += weight->bytes;
    }
  if (!missing->len)
    return TRUE;
  upload = gesso_cuda_upload_new (self->device, row_bytes, error);
  for (guint i = 0; i < missing->len && ok; i++)
    ok = upload
         && gesso_cuda_upload_weight (upload, &self->source, g_ptr_array_index (missing, i), gesso_loading_add, loading,
                                      error);
  /* The last copies may still fail. */
  ok = ok && gesso_cuda_device_wait (self->device, error);
  gesso_cuda_upload_free (upload);
  return ok;
}

gboolean
gesso_cuda_store_hold (GessoStore *self, GPtrArray *weights, GessoLoadFunc progress, gpointer progress_data,
                       GCancellable *cancellable, GError **error)
{
  GessoLoading loading = { .progress = progress, .progress_data = progress_data, .cancellable = cancellable };
  g_autoptr (GPtrArray) missing = g_ptr_array_new ();

  if (!place_missing (self, weights, missing, error))
    return FALSE;
  for (guint i = 0; i < weights->len; i++)
    ((GessoCudaWeight *) g_ptr_array_index (weights, i))->n_held++;
  if (upload_all (self, missing, &loading, error))
    return TRUE;
  gesso_cuda_store_release (self, weights);
  return FALSE;
}
