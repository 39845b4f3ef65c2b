/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The few entry points of NVIDIA's driver that Gesso uses, found at run time, so that one build serves machines with
 * and without it. Tests put a look-alike in its place (GESSO_CUDA_DRIVER in the environment names the library).
 */

#pragma once

#include <cuda.h>

#include "gesso.h"

/* cuda.h renames some by macro (cuMemAlloc is cuMemAlloc_v2): the list is always expanded, so a field has the name
 * that `driver->cuMemAlloc (...)` expands to, and dlsym is asked for the one that the driver exports. */
#define GESSO_CUDA_ENTRIES(X)                                                                                          \
  X (cuInit)                                                                                                           \
  X (cuDriverGetVersion)                                                                                               \
  X (cuGetErrorName)                                                                                                   \
  X (cuGetErrorString)                                                                                                 \
  X (cuDeviceGetCount)                                                                                                 \
  X (cuDeviceGet)                                                                                                      \
  X (cuDeviceGetName)                                                                                                  \
  X (cuDeviceGetAttribute)                                                                                             \
  X (cuDevicePrimaryCtxRetain)                                                                                         \
  X (cuDevicePrimaryCtxRelease)                                                                                        \
  X (cuCtxSetCurrent)                                                                                                  \
  X (cuMemGetInfo)                                                                                                     \
  X (cuMemAlloc)                                                                                                       \
  X (cuMemFree)                                                                                                        \
  X (cuMemHostAlloc)                                                                                                   \
  X (cuMemFreeHost)                                                                                                    \
  X (cuMemcpyHtoDAsync)                                                                                                \
  X (cuMemcpyDtoHAsync)                                                                                                \
  X (cuMemcpyDtoDAsync)                                                                                                \
  X (cuMemsetD8Async)                                                                                                  \
  X (cuMemsetD32Async)                                                                                                 \
  X (cuModuleLoadData)                                                                                                 \
  X (cuModuleUnload)                                                                                                   \
  X (cuModuleGetFunction)                                                                                              \
  X (cuFuncSetAttribute)                                                                                               \
  X (cuLaunchKernel)                                                                                                   \
  X (cuStreamCreate)                                                                                                   \
  X (cuStreamDestroy)                                                                                                  \
  X (cuStreamSynchronize)                                                                                              \
  X (cuStreamQuery)                                                                                                    \
  X (cuStreamBeginCapture)                                                                                             \
  X (cuStreamEndCapture)                                                                                               \
  X (cuEventCreate)                                                                                                    \
  X (cuEventDestroy)                                                                                                   \
  X (cuEventRecord)                                                                                                    \
  X (cuEventQuery)                                                                                                     \
  X (cuEventSynchronize)                                                                                               \
  X (cuEventElapsedTime)                                                                                               \
  X (cuGraphInstantiate)                                                                                               \
  X (cuGraphLaunch)                                                                                                    \
  X (cuGraphDestroy)                                                                                                   \
  X (cuGraphExecDestroy)

#define GESSO_CUDA_FIELD(entry) __typeof__ (entry) *entry;

typedef struct
{
  GESSO_CUDA_ENTRIES (GESSO_CUDA_FIELD)
} GessoCudaDriver;

/* Finds the driver's library and all entry points; NULL with DEVICE and what to do about it. */
GessoCudaDriver *gesso_cuda_driver_open (GError **error);
/* The library itself stays: the driver's threads live on, and those of a card that is stuck never end. */
void gesso_cuda_driver_close (GessoCudaDriver *driver);

/* TRUE for CUDA_SUCCESS; else an error (OUT_OF_MEMORY or DEVICE) that names `call` and the result. Memory is the
 * card's, but for cuMemHostAlloc; kernels that cannot be loaded are newer than the driver. */
gboolean gesso_cuda_check (const GessoCudaDriver *driver, CUresult result, const char *call, GError **error);

/* The same around a call: gesso_cuda_call (driver, error, cuMemAlloc, (&address, bytes)). */
#define gesso_cuda_call(driver, error, entry, arguments)                                                               \
  gesso_cuda_check (driver, (driver)->entry arguments, #entry, error)
