/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cuda-device.h"

#include <glib/gi18n-lib.h>

#include "cancel.h"

/* Asynchronous copies and the tensor cores' m16n8k16 begin here. */
#define LEAST_MAJOR 8
/* Images of one major version of CUDA run on every driver of it, and on later ones. */
#define LEAST_DRIVER (CUDA_VERSION / 1000 * 1000)

/* A wait looks this often without sleeping, and then sleeps so long between looks. */
#define EAGER_LOOKS 200
#define LOOK_MICROSECONDS 50
/* Nothing that is queued at once takes so long on a card that works. GESSO_CUDA_PATIENCE in the environment names
 * other seconds, for what only looks like a card. */
#define STUCK_SECONDS 300

static gboolean
attribute (const GessoCudaDevice *self, CUdevice device, CUdevice_attribute which, int *value, GError **error)
{
  return gesso_cuda_call (self->driver, error, cuDeviceGetAttribute, (value, which, device));
}

/* What can be said of a card without using it. */
static gboolean
inspect (GessoCudaDevice *self, CUdevice device, GError **error)
{
  self->device = device;
  return attribute (self, device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, &self->major, error)
         && attribute (self, device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, &self->minor, error)
         && attribute (self, device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, &self->processors, error)
         && attribute (self, device, CU_DEVICE_ATTRIBUTE_CLOCK_RATE, &self->clock, error);
}

static gboolean
check_driver (GessoCudaDevice *self, GError **error)
{
  if (!gesso_cuda_call (self->driver, error, cuDriverGetVersion, (&self->driver_version)))
    return FALSE;
  if (self->driver_version >= LEAST_DRIVER)
    return TRUE;
  g_set_error (
      error, GESSO_ERROR, GESSO_ERROR_DEVICE,
      _ ("The NVIDIA driver is too old: it knows CUDA %d.%d, and Gesso was built for %d.0. Bring the driver up "
         "to date, or use the CPU."),
      self->driver_version / 1000, self->driver_version % 1000 / 10, LEAST_DRIVER / 1000);
  return FALSE;
}

/* How good a card is; 0 where it cannot do it. */
static gint64
worth (const GessoCudaDevice *self)
{
  return self->major < LEAST_MAJOR ? 0 : (gint64) self->processors * self->clock;
}

/* Takes the card that computes most. */
static gboolean
choose_card (GessoCudaDevice *self, GError **error)
{
  const GessoCudaDriver *driver = self->driver;
  const CUresult result = driver->cuInit (0);
  GessoCudaDevice best = { 0 };
  int n = 0;

  if (result != CUDA_ERROR_NO_DEVICE
      && (!gesso_cuda_check (driver, result, "cuInit", error)
          || !gesso_cuda_call (driver, error, cuDeviceGetCount, (&n))))
    return FALSE;
  for (int i = 0; i < n; i++)
    {
      CUdevice device;

      if (!gesso_cuda_call (driver, error, cuDeviceGet, (&device, i)) || !inspect (self, device, error))
        return FALSE;
      if (i == 0 || worth (self) > worth (&best))
        best = *self;
    }
  if (n > 0)
    {
      *self = best;
      return TRUE;
    }
  g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                       _ ("The NVIDIA driver finds no card that it can use. Use the CPU."));
  return FALSE;
}

static gboolean
check_card (GessoCudaDevice *self, GError **error)
{
  if (!gesso_cuda_call (self->driver, error, cuDeviceGetName, (self->name, sizeof self->name, self->device)))
    return FALSE;
  if (self->major >= LEAST_MAJOR)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
               _ ("The card (%s) has compute capability %d.%d, and Gesso needs %d.0 (GeForce RTX 30 or later). Use the "
                  "CPU."),
               self->name, self->major, self->minor, LEAST_MAJOR);
  return FALSE;
}

GessoCudaDevice *
gesso_cuda_device_open (GError **error)
{
  GessoCudaDevice *self = g_new0 (GessoCudaDevice, 1);
  const char *patience = g_getenv ("GESSO_CUDA_PATIENCE");

  self->patience = patience ? (int) g_ascii_strtoll (patience, NULL, 10) : STUCK_SECONDS;
  self->driver = gesso_cuda_driver_open (error);
  if (self->driver && check_driver (self, error) && choose_card (self, error) && check_card (self, error)
      && gesso_cuda_call (self->driver, error, cuDevicePrimaryCtxRetain, (&self->context, self->device))
      && gesso_cuda_device_enter (self, error)
      && gesso_cuda_call (self->driver, error, cuStreamCreate, (&self->stream, CU_STREAM_NON_BLOCKING)))
    return self;
  gesso_cuda_device_close (self);
  return NULL;
}

void
gesso_cuda_device_close (GessoCudaDevice *self)
{
  if (!self)
    return;
  if (!self->is_stuck)
    {
      if (self->stream)
        self->driver->cuStreamDestroy (self->stream);
      if (self->context)
        self->driver->cuDevicePrimaryCtxRelease (self->device);
    }
  gesso_cuda_driver_close (self->driver);
  g_free (self);
}

gboolean
gesso_cuda_device_enter (GessoCudaDevice *self, GError **error)
{
  if (!self->is_stuck)
    return gesso_cuda_call (self->driver, error, cuCtxSetCurrent, (self->context));
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
               _ ("The card (%s) has not answered for %d seconds and is not asked again. Restart the program, or use "
                  "the CPU."),
               self->name, self->patience);
  return FALSE;
}

/* Whether a wait that began at `begin` and has looked `looks` times may go on; sleeps a moment. */
static gboolean
go_on_waiting (GessoCudaDevice *self, gint64 begin, guint looks, GError **error)
{
  if (looks < EAGER_LOOKS)
    return TRUE;
  if (g_get_monotonic_time () - begin < (gint64) self->patience * G_USEC_PER_SEC)
    {
      g_usleep (LOOK_MICROSECONDS);
      return TRUE;
    }
  self->is_stuck = TRUE;
  return gesso_cuda_device_enter (self, error);
}

gboolean
gesso_cuda_device_wait (GessoCudaDevice *self, GError **error)
{
  const gint64 begin = g_get_monotonic_time ();
  CUresult result;

  for (guint looks = 0; (result = self->driver->cuStreamQuery (self->stream)) == CUDA_ERROR_NOT_READY; looks++)
    if (!go_on_waiting (self, begin, looks, error))
      return FALSE;
  if (!gesso_cuda_check (self->driver, result, "cuStreamQuery", error))
    return FALSE;
  self->is_busy = FALSE;
  return TRUE;
}

gboolean
gesso_cuda_device_settle (GessoCudaDevice *self)
{
  if (self->is_stuck)
    return FALSE;
  /* A card that is lost fails at once, each time. */
  gesso_cuda_device_enter (self, NULL);
  for (int i = 0; i < 2 && self->is_busy && !self->is_stuck; i++)
    gesso_cuda_device_wait (self, NULL);
  return !self->is_stuck;
}

gboolean
gesso_cuda_device_wait_for (GessoCudaDevice *self, CUevent event, GCancellable *cancellable, GError **error)
{
  const gint64 begin = g_get_monotonic_time ();
  CUresult result;

  for (guint looks = 0; (result = self->driver->cuEventQuery (event)) == CUDA_ERROR_NOT_READY; looks++)
    if (gesso_is_cancelled (cancellable, error) || !go_on_waiting (self, begin, looks, error))
      return FALSE;
  return gesso_cuda_check (self->driver, result, "cuEventQuery", error);
}

gboolean
gesso_cuda_device_allocate (GessoCudaDevice *self, gsize bytes, const char *what, CUdeviceptr *address, GError **error)
{
  const CUresult result = self->driver->cuMemAlloc (address, MAX (bytes, 1));

  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    {
      g_autofree char *needed = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
      g_autofree char *available = g_format_size_full (gesso_cuda_device_available (self), G_FORMAT_SIZE_IEC_UNITS);

      g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                   _ ("The card's memory has no %s for %s (cuMemAlloc said CUDA_ERROR_OUT_OF_MEMORY); %s are free. "
                      "Choose a smaller picture or fewer of them, or close other programs that use the card."),
                   needed, what, available);
      *address = 0;
      return FALSE;
    }
  if (gesso_cuda_check (self->driver, result, "cuMemAlloc", error))
    return TRUE;
  *address = 0;
  return FALSE;
}

void
gesso_cuda_device_free (GessoCudaDevice *self, CUdeviceptr address)
{
  if (address && gesso_cuda_device_settle (self))
    self->driver->cuMemFree (address);
}

guint64
gesso_cuda_device_available (GessoCudaDevice *self)
{
  size_t available = 0, total;

  return self->driver->cuMemGetInfo (&available, &total) == CUDA_SUCCESS ? available : 0;
}
