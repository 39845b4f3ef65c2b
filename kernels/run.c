/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Running a program: everything is queued and nothing waited for, except where the card would fall behind. A long
 * program that runs again at the same addresses is recorded as a CUDA graph, and from then on is one launch.
 */

#include "cuda-backend.h"

#include <string.h>

#include "backend-checks.h"
#include "cancel.h"

/* Where every tensor of `tensors` is bound; FALSE where one does not fit. */
static gboolean
resolve (const GPtrArray *tensors, const GessoBinding *bindings, CUdeviceptr *addresses, GError **error)
{
  for (guint i = 0; i < tensors->len; i++)
    {
      const GessoBuffer *buffer = bindings[i].buffer;

      if (!gesso_backend_check_binding (g_ptr_array_index (tensors, i), buffer ? buffer->bytes : 0, bindings[i].offset,
                                        error))
        return FALSE;
      addresses[i] = buffer->address + bindings[i].offset;
    }
  return TRUE;
}

/* Copies the inputs that a recording must not know the place of, and forgets that place. */
static gboolean
copy_inputs (GessoProgram *self, CUdeviceptr *addresses, GError **error)
{
  GessoCudaDevice *device = self->backend->device;

  for (guint i = 0; i < self->plan->inputs->len; i++)
    {
      const gsize bytes = gesso_cuda_tensor_bytes (g_ptr_array_index (self->plan->inputs, i));

      if (!self->copy_at[i])
        continue;
      if (!gesso_cuda_call (device->driver, error, cuMemcpyDtoDAsync,
                            (addresses[0] + self->copy_at[i], addresses[1 + i], bytes, device->stream)))
        return FALSE;
      addresses[1 + i] = 0;
    }
  return TRUE;
}

static gboolean
queue_steps (GessoProgram *self, const CUdeviceptr *addresses, GCancellable *cancellable, GError **error)
{
  for (guint next = 0; next < self->plan->steps->len;)
    if (gesso_is_cancelled (cancellable, error) || !gesso_cuda_operation_queue (self, addresses, &next, error))
      return FALSE;
  return TRUE;
}

typedef struct
{
  GessoProgram *program;
  const CUdeviceptr *addresses;
} Recorded;

static gboolean
queue_recorded (gpointer data, GError **error)
{
  const Recorded *recorded = data;

  return queue_steps (recorded->program, recorded->addresses, NULL, error);
}

/* Records the steps at `addresses`. A driver that refuses, for want of memory say, is not asked again: the steps go one
 * by one as well, and if it is the card that fails, that will tell. */
static void
record (GessoProgram *self, const CUdeviceptr *addresses)
{
  Recorded recorded = { self, addresses };

  gesso_cuda_program_forget (self);
  self->recording = gesso_cuda_device_record (self->backend->device, queue_recorded, &recorded);
  self->is_long = self->recording != NULL;
  memcpy (self->recorded, addresses, gesso_cuda_n_addresses (self) * sizeof *addresses);
}

static gboolean
queue (GessoProgram *self, CUdeviceptr *addresses, GCancellable *cancellable, GError **error)
{
  GessoCudaDevice *device = self->backend->device;
  const gsize bytes = gesso_cuda_n_addresses (self) * sizeof *addresses;
  gboolean again;

  if (!copy_inputs (self, addresses, error))
    return FALSE;
  again = self->is_long && memcmp (self->latest, addresses, bytes) == 0;
  memcpy (self->latest, addresses, bytes);
  if (again && (!self->recording || memcmp (self->recorded, addresses, bytes) != 0))
    record (self, addresses);
  if (!again || !self->recording)
    return queue_steps (self, addresses, cancellable, error);
  return gesso_cuda_call (device->driver, error, cuGraphLaunch, (self->recording, device->stream));
}

gboolean
gesso_cuda_program_run (GessoBackend *base, GessoProgram *self, GessoBuffer *workspace, const GessoBinding *inputs,
                        const GessoBinding *outputs, GCancellable *cancellable, GError **error)
{
  GessoCudaBackend *backend = self->backend;
  GessoCudaDevice *device = backend->device;
  const CUevent done = backend->run_done[backend->n_runs % GESSO_CUDA_RUNS_AHEAD];
  g_autofree CUdeviceptr *addresses = g_new0 (CUdeviceptr, gesso_cuda_n_addresses (self));

  if (!gesso_backend_check_run (self->plan, self->loaded, workspace ? workspace->bytes : 0, self->workspace, error))
    return FALSE;
  addresses[0] = workspace ? workspace->address : 0;
  if (!resolve (self->plan->inputs, inputs, addresses + 1, error)
      || !resolve (self->plan->outputs, outputs, addresses + 1 + self->plan->inputs->len, error)
      || gesso_is_cancelled (cancellable, error) || !gesso_cuda_device_enter (device, error)
      || !gesso_cuda_device_wait_for (device, done, cancellable, error))
    return FALSE;
  device->is_busy = TRUE;
  if (!queue (self, addresses, cancellable, error)
      || !gesso_cuda_call (device->driver, error, cuEventRecord, (done, device->stream)))
    return FALSE;
  backend->n_runs++;
  return TRUE;
}
