/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Times ways of doing one thing on the card.
 */

#pragma once

#include "cuda-device.h"

typedef struct
{
  GessoCudaDevice *device;
  GCancellable *cancellable; /* nullable */
  CUevent start, stop;
  double spent, limit; /* milliseconds, by the card's own time */
} GessoBench;

/* Milliseconds after which what has begun has no further round. */
gboolean gesso_bench_begin (GessoBench *bench, GessoCudaDevice *device, double limit, GCancellable *cancellable,
                            GError **error);
gboolean gesso_bench_has_time (const GessoBench *bench);
/* Also where beginning failed. */
void gesso_bench_end (GessoBench *bench);

/* Memory that operands are placed in one after another. */
typedef struct
{
  CUdeviceptr address;
  gsize end;
} GessoPlaces;

/* The place of the next `bytes`; 0 for none. */
CUdeviceptr gesso_bench_place (GessoPlaces *places, gsize bytes);
/* `bytes` of the card's memory, full of small numbers, until gesso_cuda_device_free (); 0 where there is no room. */
gboolean gesso_bench_borrow (GessoBench *bench, gsize bytes, CUdeviceptr *address, GError **error);

/* A way that is tried: what queues it once, and with what. */
typedef struct
{
  GessoCudaQueueFunc queue;
  gpointer data;
  gboolean may_fail; /* then it is out of the race */
  /* The bench's own. */
  const GessoCudaDevice *device;
  gboolean works;
  CUgraphExec recording;
  float best; /* milliseconds of some launches */
} GessoTrial;

/* The quickest of `trials` [n] in `quickest`: of those that are nearly as quick the first. */
gboolean gesso_bench_race (GessoBench *bench, GessoTrial *trials, int n, int *quickest, GError **error);
