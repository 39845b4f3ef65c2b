/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "upload.h"

#include <string.h>

#include "cancel.h"
#include "pack.h"

#define N_STAGES 2
/* Enough to be copied at full speed, and little enough to be read between two looks at the cancellable. */
#define STAGE_BYTES ((gsize) 8 << 20)

typedef struct
{
  void *memory;   /* pinned */
  CUevent copied; /* what was last sent from it has arrived */
} Stage;

struct _GessoCudaUpload
{
  GessoCudaDevice *device;
  gsize stage_bytes;
  Stage stages[N_STAGES];
  int next;
  void *rows; /* as in the file, where they have to be packed */
};

GessoCudaUpload *
gesso_cuda_upload_new (GessoCudaDevice *device, gsize row_bytes, GError **error)
{
  GessoCudaUpload *self = g_new0 (GessoCudaUpload, 1);
  const GessoCudaDriver *driver = device->driver;
  gboolean ok;

  self->device = device;
  self->stage_bytes = MAX (STAGE_BYTES, row_bytes);
  self->rows = gesso_try_alloc (self->stage_bytes, error);
  ok = self->rows != NULL;
  for (int i = 0; i < N_STAGES && ok; i++)
    ok = gesso_cuda_call (driver, error, cuMemHostAlloc, (&self->stages[i].memory, self->stage_bytes, 0))
         && gesso_cuda_call (driver, error, cuEventCreate, (&self->stages[i].copied, CU_EVENT_DISABLE_TIMING));
  if (ok)
    return self;
  gesso_cuda_upload_free (self);
  return NULL;
}

void
gesso_cuda_upload_free (GessoCudaUpload *self)
{
  const GessoCudaDriver *driver;

  if (!self)
    return;
  driver = self->device->driver;
  for (int i = 0; i < N_STAGES && gesso_cuda_device_settle (self->device); i++)
    {
      if (self->stages[i].copied)
        driver->cuEventDestroy (self->stages[i].copied);
      if (self->stages[i].memory)
        driver->cuMemFreeHost (self->stages[i].memory);
    }
  g_free (self->rows);
  g_free (self);
}

/* Reads and packs the card's rows [first, first + count) into `memory`. */
static gboolean
fill (GessoCudaUpload *self, const GessoWeightSource *source, const GessoCudaWeight *weight, gint64 first, gint64 count,
      char *memory, GError **error)
{
  const gint64 values = gesso_shape_elements (&weight->shape) / weight->shape.dim[0];
  const gsize row_bytes = (gsize) values * gesso_dtype_size (weight->dtype), pitch = gesso_cuda_packed_pitch (weight);

  if (gesso_cuda_is_packed (weight))
    return source->read (source->data, weight->name, first * values, count * values, weight->dtype, memory, error);
  for (gint64 row = 0; row < count;)
    {
      const gint64 from = gesso_cuda_source_row (weight, first + row);
      gint64 n = 1;

      /* As many as follow one another in the file too are read at once. */
      while (from >= 0 && row + n < count && gesso_cuda_source_row (weight, first + row + n) == from + n)
        n++;
      if (from < 0)
        memset (memory + (gsize) row * pitch, 0, pitch);
      else if (!source->read (source->data, weight->name, from * values, n * values, weight->dtype, self->rows, error))
        return FALSE;
      for (gint64 i = 0; i < n && from >= 0; i++)
        gesso_cuda_pack_row (weight, (const char *) self->rows + (gsize) i * row_bytes,
                             memory + (gsize) (row + i) * pitch);
      row += n;
    }
  return TRUE;
}

gboolean
gesso_cuda_upload_weight (GessoCudaUpload *self, const GessoWeightSource *source, const GessoCudaWeight *weight,
                          GessoCudaUploadStep step, gpointer step_data, GError **error)
{
  const GessoCudaDriver *driver = self->device->driver;
  const gsize pitch = gesso_cuda_packed_pitch (weight);
  const gint64 rows = gesso_cuda_packed_rows (weight), at_once = (gint64) (self->stage_bytes / pitch);

  for (gint64 first = 0; first < rows; first += at_once)
    {
      const gint64 count = MIN (at_once, rows - first);
      const gsize bytes = (gsize) count * pitch;
      Stage *stage = &self->stages[self->next];

      self->next = (self->next + 1) % N_STAGES;
      if (!gesso_cuda_device_wait_for (self->device, stage->copied, NULL, error)
          || !fill (self, source, weight, first, count, stage->memory, error))
        return FALSE;
      self->device->is_busy = TRUE;
      if (!gesso_cuda_call (driver, error, cuMemcpyHtoDAsync,
                            (weight->address + (gsize) first * pitch, stage->memory, bytes, self->device->stream))
          || !gesso_cuda_call (driver, error, cuEventRecord, (stage->copied, self->device->stream))
          || !step (bytes, step_data, error))
        return FALSE;
    }
  return TRUE;
}
