/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An NVIDIA card as a backend: options, buffers, and the entry point of the module.
 */

#include "cuda-backend.h"

#include <glib/gi18n-lib.h>

#include "backend-checks.h"
#include "cublaslt.h"

/* A careful part of what the tensor cores could do (1024 operations a cycle and multiprocessor, the least of all that
 * have asynchronous copies): it only tells how parts of a picture's progress compare. */
#define OPERATIONS_A_CYCLE 1024.0
#define SHARE_OF_PEAK 0.3
/* Of what is normalised where memory is short: enough rows to fill a card. */
#define NORM_BAND ((gsize) 4 << 20)

static void
cuda_free (GessoBackend *base)
{
  GessoCudaBackend *self = (GessoCudaBackend *) base;

  if (!self)
    return;
  if (self->device && gesso_cuda_device_settle (self->device))
    {
      for (gsize i = 0; i < G_N_ELEMENTS (self->run_done); i++)
        if (self->run_done[i])
          self->device->driver->cuEventDestroy (self->run_done[i]);
      for (gsize i = 0; i < G_N_ELEMENTS (self->launchers); i++)
        gesso_launcher_free (self->launchers[i]);
      gesso_cublaslt_close (self->lt);
    }
  gesso_cuda_device_close (self->device);
  gesso_tuning_free (self->tuning);
  g_free (self->why_no_lt);
  g_free (self);
}

static char *
cuda_describe (GessoBackend *base)
{
  const GessoCudaBackend *self = (GessoCudaBackend *) base;
  const GessoCudaDevice *device = self->device;
  g_autofree char *products
      = self->lt ? g_strdup_printf (_ ("matrix products by cuBLASLt %d.%d.%d"), self->lt->version / 10000,
                                    self->lt->version / 100 % 100, self->lt->version % 100)
                 : g_strdup_printf (_ ("own matrix products (%s)"), self->why_no_lt);

  return g_strdup_printf ("%s, compute capability %d.%d, CUDA %d.%d, %s", device->name, device->major, device->minor,
                          device->driver_version / 1000, device->driver_version % 1000 / 10, products);
}

static gboolean
cuda_resolve_precision (GessoBackend *base, GessoPrecision wanted, GessoPrecision *precision, GError **error)
{
  *precision = wanted == GESSO_PRECISION_AUTO ? GESSO_PRECISION_F16 : wanted;
  if (wanted != GESSO_PRECISION_F32)
    return TRUE;
  g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                       _ ("The card computes in f16 or bf16, not in f32. Choose one of them, or the CPU."));
  return FALSE;
}

static void
cuda_plan_options (GessoBackend *base, GessoPrecision precision, gboolean is_tight, GessoPlanOptions *options)
{
  const GessoCudaDevice *device = ((GessoCudaBackend *) base)->device;

  /* Nothing is cut for the time's sake: whole programs are queued, and between them is soon enough to look at the
   * cancellable. A group norm has a result of its own; where memory is short, a band of it at a time. */
  *options = (GessoPlanOptions) {
    .precision = precision,
    .fusions = is_tight ? GESSO_FUSE_ALL : GESSO_FUSE_ALL & ~GESSO_FUSE_NORM_INTO_CONV,
    .flops_per_second = SHARE_OF_PEAK * OPERATIONS_A_CYCLE * device->processors * MAX (device->clock, 1000) * 1e3,
    .max_step_seconds = 1e9,
    .max_norm_band_bytes = is_tight ? NORM_BAND : 0,
  };
}

static guint64
cuda_memory_available (GessoBackend *base)
{
  GessoCudaDevice *device = ((GessoCudaBackend *) base)->device;

  return gesso_cuda_device_enter (device, NULL) ? gesso_cuda_device_available (device) : G_MAXUINT64;
}

static void
cuda_buffer_free (GessoBackend *base, GessoBuffer *buffer)
{
  if (!buffer)
    return;
  gesso_cuda_device_free (((GessoCudaBackend *) base)->device, buffer->address);
  g_free (buffer);
}

static GessoBuffer *
cuda_buffer_new (GessoBackend *base, gsize bytes, GError **error)
{
  GessoCudaDevice *device = ((GessoCudaBackend *) base)->device;
  CUdeviceptr address = 0;
  GessoBuffer *buffer;

  if (!gesso_cuda_device_enter (device, error)
      || !gesso_cuda_device_allocate (device, bytes, _ ("what goes between the parts"), &address, error))
    return NULL;
  buffer = g_new0 (GessoBuffer, 1);
  *buffer = (GessoBuffer) { .address = address, .bytes = bytes };
  device->is_busy = TRUE;
  if (!bytes || gesso_cuda_call (device->driver, error, cuMemsetD8Async, (address, 0, bytes, device->stream)))
    return buffer;
  cuda_buffer_free (base, buffer);
  return NULL;
}

/* Waits for a copy; its memory on the host must not be used by the card after a failure either. What was queued before
 * has to be waited for as well, before the copy: the host's memory is not pinned, and then the driver's own call waits,
 * for a card that does not answer without end. */
static gboolean
finish_copy (GessoCudaDevice *device, CUresult result, const char *call, GError **error)
{
  if (gesso_cuda_check (device->driver, result, call, error) && gesso_cuda_device_wait (device, error))
    return TRUE;
  gesso_cuda_device_settle (device);
  return FALSE;
}

static gboolean
cuda_buffer_write (GessoBackend *base, GessoBuffer *buffer, gsize offset, const void *data, gsize bytes, GError **error)
{
  GessoCudaDevice *device = ((GessoCudaBackend *) base)->device;

  if (!gesso_backend_check_range (buffer->bytes, offset, bytes, error) || !gesso_cuda_device_enter (device, error))
    return FALSE;
  if (!bytes)
    return TRUE;
  if (!gesso_cuda_device_wait (device, error))
    return FALSE;
  device->is_busy = TRUE;
  return finish_copy (device, device->driver->cuMemcpyHtoDAsync (buffer->address + offset, data, bytes, device->stream),
                      "cuMemcpyHtoDAsync", error);
}

static gboolean
cuda_buffer_read (GessoBackend *base, GessoBuffer *buffer, gsize offset, void *data, gsize bytes, GError **error)
{
  GessoCudaDevice *device = ((GessoCudaBackend *) base)->device;

  if (!gesso_backend_check_range (buffer->bytes, offset, bytes, error) || !gesso_cuda_device_enter (device, error))
    return FALSE;
  if (!bytes)
    return TRUE;
  if (!gesso_cuda_device_wait (device, error))
    return FALSE;
  device->is_busy = TRUE;
  return finish_copy (device, device->driver->cuMemcpyDtoHAsync (data, buffer->address + offset, bytes, device->stream),
                      "cuMemcpyDtoHAsync", error);
}

static GessoStore *
cuda_store_new (GessoBackend *base, const GessoWeightSource *source)
{
  return gesso_cuda_store_new (((GessoCudaBackend *) base)->device, source);
}

static void
cuda_store_free (GessoBackend *base, GessoStore *store)
{
  gesso_cuda_store_free (store);
}

static gboolean
make_events (GessoCudaBackend *self, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (self->run_done); i++)
    if (!gesso_cuda_call (self->device->driver, error, cuEventCreate, (&self->run_done[i], CU_EVENT_DISABLE_TIMING)))
      return FALSE;
  return TRUE;
}

/* What multiplies matrices: cuBLASLt where it is, and which way is known to be the quickest. */
static void
open_products (GessoCudaBackend *self)
{
  g_autoptr (GError) error = NULL;

  self->lt = gesso_cublaslt_open (self->device->major, &error);
  if (!self->lt)
    self->why_no_lt = g_strdup (error->message);
  self->tuning = gesso_tuning_new (self->device, self->lt ? self->lt->version : 0);
}

G_MODULE_EXPORT GessoBackend *gesso_backend_entry (guint abi, int n_threads, GError **error);

GessoBackend *
gesso_backend_entry (guint abi, int n_threads, GError **error)
{
  static const GessoBackend table = {
    .abi = GESSO_BACKEND_ABI,
    .size = sizeof (GessoBackend),
    .name = "cuda",
    .free = cuda_free,
    .describe = cuda_describe,
    .resolve_precision = cuda_resolve_precision,
    .plan_options = cuda_plan_options,
    .memory_available = cuda_memory_available,
    .buffer_new = cuda_buffer_new,
    .buffer_free = cuda_buffer_free,
    .buffer_write = cuda_buffer_write,
    .buffer_read = cuda_buffer_read,
    .store_new = cuda_store_new,
    .store_free = cuda_store_free,
    .compile = gesso_cuda_program_compile,
    .report = gesso_cuda_program_report,
    .load = gesso_cuda_program_load,
    .unload = gesso_cuda_program_unload,
    .program_free = gesso_cuda_program_free,
    .run = gesso_cuda_program_run,
  };
  GessoCudaBackend *self;

  if (abi != GESSO_BACKEND_ABI)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                   _ ("The CUDA backend speaks version %d, and version %u was asked for. Install library and backend "
                      "from one build."),
                   GESSO_BACKEND_ABI, abi);
      return NULL;
    }
  self = g_new0 (GessoCudaBackend, 1);
  self->base = table;
  self->device = gesso_cuda_device_open (error);
  if (self->device && make_events (self, error))
    {
      open_products (self);
      return &self->base;
    }
  cuda_free (&self->base);
  return NULL;
}
