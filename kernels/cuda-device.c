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

static int
compare_worth (gconstpointer a, gconstpointer b)
{
  const gint64 of_a = worth (a), of_b = worth (b);

  return (of_a < of_b) - (of_a > of_b);
}

/* All cards, as `self` would be with each of them; the one that computes most first. */
static GArray *
find_cards (const GessoCudaDevice *self, GError **error)
{
  g_autoptr (GArray) cards = g_array_new (FALSE, FALSE, sizeof *self);
  const GessoCudaDriver *driver = self->driver;
  const CUresult result = driver->cuInit (0);
  int n = 0;

  if (result != CUDA_ERROR_NO_DEVICE
      && (!gesso_cuda_check (driver, result, "cuInit", error)
          || !gesso_cuda_call (driver, error, cuDeviceGetCount, (&n))))
    return NULL;
  for (int i = 0; i < n; i++)
    {
      GessoCudaDevice card = *self;
      CUdevice device;

      if (!gesso_cuda_call (driver, error, cuDeviceGet, (&device, i)) || !inspect (&card, device, error))
        return NULL;
      g_array_append_val (cards, card);
    }
  g_array_sort (cards, compare_worth);
  if (n > 0)
    return g_steal_pointer (&cards);
  g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                       _ ("The NVIDIA driver finds no card that it can use. Use the CPU."));
  return NULL;
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

/* Takes the best card that can be had: another program may have one for itself alone. What is said where there is none
 * is of the best. */
static gboolean
take_card (GessoCudaDevice *self, GError **error)
{
  g_autoptr (GArray) cards = find_cards (self, error);
  g_autoptr (GError) of_best = NULL;

  for (guint i = 0; cards && i < cards->len; i++)
    {
      GError **said = of_best ? NULL : &of_best;

      *self = g_array_index (cards, GessoCudaDevice, i);
      if (check_card (self, said)
          && gesso_cuda_call (self->driver, said, cuDevicePrimaryCtxRetain, (&self->context, self->device)))
        return TRUE;
      self->context = NULL;
    }
  if (of_best)
    g_propagate_error (error, g_steal_pointer (&of_best));
  return FALSE;
}

/* Of the environment only what is a number above 0: with none, no card would ever answer in time. */
static int
read_patience (void)
{
  const char *named = g_getenv ("GESSO_CUDA_PATIENCE");
  gint64 seconds;

  if (named && g_ascii_string_to_signed (named, 10, 1, G_MAXINT, &seconds, NULL))
    return (int) seconds;
  return STUCK_SECONDS;
}

GessoCudaDevice *
gesso_cuda_device_open (GError **error)
{
  GessoCudaDevice *self = g_new0 (GessoCudaDevice, 1);

  self->patience = read_patience ();
  self->driver = gesso_cuda_driver_open (error);
  if (self->driver && check_driver (self, error) && take_card (self, error) && gesso_cuda_device_enter (self, error)
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

CUgraphExec
gesso_cuda_device_record (GessoCudaDevice *self, GessoCudaQueueFunc queue, gpointer data)
{
  const GessoCudaDriver *driver = self->driver;
  CUgraphExec recording = NULL;
  CUgraph graph = NULL;
  gboolean ok;

  if (driver->cuStreamBeginCapture (self->stream, CU_STREAM_CAPTURE_MODE_RELAXED) != CUDA_SUCCESS)
    return NULL;
  ok = queue (data, NULL);
  /* The capture ends in any case, if need be at the second time. */
  for (int i = 0; i < 2 && !graph; i++)
    ok = driver->cuStreamEndCapture (self->stream, &graph) == CUDA_SUCCESS && ok;
  if (ok && driver->cuGraphInstantiate (&recording, graph, 0) != CUDA_SUCCESS)
    recording = NULL;
  if (graph)
    driver->cuGraphDestroy (graph);
  return recording;
}

gboolean
gesso_cuda_device_allocate (GessoCudaDevice *self, gsize bytes, const char *what, CUdeviceptr *address, GError **error)
{
  const CUresult result = self->driver->cuMemAlloc (address, MAX (bytes, 1));
  const guint64 left = result == CUDA_ERROR_OUT_OF_MEMORY ? gesso_cuda_device_available (self) : G_MAXUINT64;

  if (left != G_MAXUINT64)
    {
      g_autofree char *needed = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
      g_autofree char *available = g_format_size_full (left, G_FORMAT_SIZE_IEC_UNITS);

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
  size_t available, total;

  return self->driver->cuMemGetInfo (&available, &total) == CUDA_SUCCESS ? available : G_MAXUINT64;
}
