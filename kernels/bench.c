/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "bench.h"

#include <math.h>

#include "cancel.h"

#define ROUNDS 3
#define LAUNCHES 3
/* Milliseconds of a launch that is timed by itself: what the host does meanwhile does not matter to it. */
#define LONG_LAUNCH 2.0f
/* A way that is not clearly quicker than one before it is none. */
#define CLEARLY 0.97
/* Each byte of the operands: small numbers, and not zeros, at which a card would draw less power. */
#define FILLING 0x2c

typedef struct
{
  GessoBench *bench;
  gboolean is_decided, is_long; /* whether a launch is a long one */
} Race;

gboolean
gesso_bench_begin (GessoBench *self, GessoCudaDevice *device, double limit, GCancellable *cancellable, GError **error)
{
  const GessoCudaDriver *driver = device->driver;

  *self = (GessoBench) { .device = device, .cancellable = cancellable, .limit = limit };
  return gesso_cuda_call (driver, error, cuEventCreate, (&self->start, CU_EVENT_DEFAULT))
         && gesso_cuda_call (driver, error, cuEventCreate, (&self->stop, CU_EVENT_DEFAULT));
}

gboolean
gesso_bench_has_time (const GessoBench *self)
{
  return self->spent < self->limit;
}

void
gesso_bench_end (GessoBench *self)
{
  const GessoCudaDriver *driver = self->device->driver;

  if (!gesso_cuda_device_settle (self->device))
    return;
  if (self->start)
    driver->cuEventDestroy (self->start);
  if (self->stop)
    driver->cuEventDestroy (self->stop);
}

CUdeviceptr
gesso_bench_place (GessoPlaces *places, gsize bytes)
{
  const CUdeviceptr address = bytes ? places->address + places->end : 0;

  places->end += gesso_cuda_align (bytes);
  return address;
}

gboolean
gesso_bench_borrow (GessoBench *self, gsize bytes, CUdeviceptr *address, GError **error)
{
  GessoCudaDevice *device = self->device;
  const CUresult result = device->driver->cuMemAlloc (address, bytes);

  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    {
      *address = 0;
      return TRUE;
    }
  if (!gesso_cuda_check (device->driver, result, "cuMemAlloc", error))
    return FALSE;
  device->is_busy = TRUE;
  if (gesso_cuda_call (device->driver, error, cuMemsetD8Async, (*address, FILLING, bytes, device->stream)))
    return TRUE;
  gesso_cuda_device_free (device, *address);
  return FALSE;
}

static gboolean
queue_some (gpointer data, GError **error)
{
  const GessoTrial *trial = data;

  for (int i = 0; i < LAUNCHES; i++)
    if (!trial->queue (trial->data, error))
      return FALSE;
  return TRUE;
}

static gboolean
queue_trial (gpointer data, GError **error)
{
  GessoTrial *trial = data;
  const GessoCudaDevice *device = trial->device;

  if (!trial->recording)
    return queue_some (trial, error);
  return gesso_cuda_call (device->driver, error, cuGraphLaunch, (trial->recording, device->stream));
}

/* Milliseconds of what `queue` queues, behind all that is queued already. */
static gboolean
time_queue (GessoBench *self, GessoCudaQueueFunc queue, gpointer data, float *milliseconds, GError **error)
{
  const GessoCudaDriver *driver = self->device->driver;
  CUstream stream = self->device->stream;

  return gesso_cuda_call (driver, error, cuEventRecord, (self->start, stream)) && queue (data, error)
         && gesso_cuda_call (driver, error, cuEventRecord, (self->stop, stream))
         && gesso_cuda_device_wait_for (self->device, self->stop, self->cancellable, error)
         && gesso_cuda_call (driver, error, cuEventElapsedTime, (milliseconds, self->start, self->stop));
}

/* Of some launches, or of a long one, where it takes less than before. A small kernel is over sooner than the host has
 * queued the next, where a way is two kernels or goes through cuBLASLt the later still: so they are recorded, and
 * queued while the card does the same once before. */
static gboolean
time_launches (Race *race, GessoTrial *trial, GError **error)
{
  GessoBench *self = race->bench;
  float milliseconds;

  if ((!race->is_long && !queue_trial (trial, error))
      || !time_queue (self, race->is_long ? trial->queue : queue_trial, race->is_long ? trial->data : trial,
                      &milliseconds, error))
    return FALSE;
  trial->best = MIN (trial->best, milliseconds);
  self->spent += (race->is_long ? 1.0 : 2.0) * (double) milliseconds;
  return TRUE;
}

/* A launch before any that counts, since the kernel may have to be loaded. Had the card failed where a way may fail,
 * the driver's next call would tell. */
static gboolean
try_way (GessoTrial *trial, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  trial->works = trial->queue (trial->data, &local_error);
  if (!trial->works && !trial->may_fail)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  return TRUE;
}

/* The first way that works tells for all whether their launches are long; others are recorded. */
static gboolean
prepare_way (Race *race, GessoTrial *trial, GError **error)
{
  float milliseconds;

  if (!try_way (trial, error))
    return FALSE;
  if (!trial->works)
    return TRUE;
  if (!race->is_decided)
    {
      if (!time_queue (race->bench, trial->queue, trial->data, &milliseconds, error))
        return FALSE;
      race->bench->spent += 2.0 * (double) milliseconds;
      race->is_long = milliseconds >= LONG_LAUNCH;
      race->is_decided = TRUE;
    }
  if (!race->is_long)
    trial->recording = gesso_cuda_device_record (race->bench->device, queue_some, trial);
  return TRUE;
}

/* Times all `n`, in turn and then again: a card that was idle takes a while to reach its speed. */
static gboolean
time_all (Race *race, GessoTrial *trials, int n, GError **error)
{
  GessoBench *self = race->bench;

  for (int round = 0; round < ROUNDS && (round == 0 || gesso_bench_has_time (self)); round++)
    for (int i = 0; i < n; i++)
      if (gesso_is_cancelled (self->cancellable, error) || (round == 0 && !prepare_way (race, &trials[i], error))
          || (trials[i].works && !time_launches (race, &trials[i], error)))
        return FALSE;
  return TRUE;
}

gboolean
gesso_bench_race (GessoBench *self, GessoTrial *trials, int n, int *quickest, GError **error)
{
  Race race = { .bench = self };
  float best = INFINITY;
  gboolean ok;

  *quickest = 0;
  for (int i = 0; i < n; i++)
    {
      trials[i].device = self->device;
      trials[i].works = FALSE;
      trials[i].recording = NULL;
      trials[i].best = INFINITY;
    }
  ok = time_all (&race, trials, n, error);
  for (int i = 0; i < n && ok; i++)
    if (trials[i].works && trials[i].best < CLEARLY * best)
      {
        best = trials[i].best;
        *quickest = i;
      }
  if (gesso_cuda_device_settle (self->device))
    for (int i = 0; i < n; i++)
      if (trials[i].recording)
        self->device->driver->cuGraphExecDestroy (trials[i].recording);
  return ok;
}
