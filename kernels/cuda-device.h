/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The card that is used: chosen once, with its context and the one stream that everything is queued on, in order.
 */

#pragma once

#include "cuda-driver.h"

typedef struct
{
  GessoCudaDriver *driver;
  CUdevice device;
  CUcontext context;
  CUstream stream;
  char name[128];
  int major, minor;   /* compute capability */
  int processors;     /* multiprocessors */
  int clock;          /* kHz */
  int driver_version; /* 13000: CUDA 13.0 */
  int patience;       /* seconds that a wait may take; GESSO_CUDA_PATIENCE */
  gboolean is_busy;   /* something was queued since the last wait */
  gboolean is_stuck;  /* a wait took too long: nothing is asked of the card any more, not even to give memory back */
} GessoCudaDevice;

/* The best card that can do it and can be had; NULL with DEVICE and the reason: no driver, one that is too old, no
 * card, or none of compute capability 8.0. */
GessoCudaDevice *gesso_cuda_device_open (GError **error);
/* Nothing of it may be in use. NULL is ignored. */
void gesso_cuda_device_close (GessoCudaDevice *device);

/* Makes the card the calling thread's; DEVICE when it is stuck. Before any other call on a thread. */
gboolean gesso_cuda_device_enter (GessoCudaDevice *device, GError **error);

/* Waits for all that is queued. */
gboolean gesso_cuda_device_wait (GessoCudaDevice *device, GError **error);
/* Waits for `event`; CANCELLED as soon as `cancellable` (nullable) is triggered. */
gboolean gesso_cuda_device_wait_for (GessoCudaDevice *device, CUevent event, GCancellable *cancellable, GError **error);

/* Before something is given back: waits for what may still use it, as well as the card can. FALSE where it is stuck and
 * nothing may be given back. */
gboolean gesso_cuda_device_settle (GessoCudaDevice *device);

/* Queues work on the stream. */
typedef gboolean (*GessoCudaQueueFunc) (gpointer data, GError **error);
/* What `queue` queues, recorded instead of queued: one launch from then on. NULL where the driver refuses that, or
 * `queue` fails; nothing is queued then either, and the stream is as it was. */
CUgraphExec gesso_cuda_device_record (GessoCudaDevice *device, GessoCudaQueueFunc queue, gpointer data);

/* Memory on the card; `what` is named where there is too little, with the figures. Not zeroed. */
gboolean gesso_cuda_device_allocate (GessoCudaDevice *device, gsize bytes, const char *what, CUdeviceptr *address,
                                     GError **error);
/* After what is queued has run; 0 is ignored. */
void gesso_cuda_device_free (GessoCudaDevice *device, CUdeviceptr address);

/* Bytes that are free. */
guint64 gesso_cuda_device_available (GessoCudaDevice *device);

/* `bytes` rounded up so that what follows is aligned as the driver's own allocations are. */
static inline gsize
gesso_cuda_align (gsize bytes)
{
  return (bytes + 255) & ~(gsize) 255;
}
