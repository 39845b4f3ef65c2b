// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What a kernel source (.cu) needs under a plain C++17 compiler for the CPU: CUDA's keywords, built-in variables and
// functions. Included by kernels/device.cuh alone. The toolkit's headers define their keywords only where nobody has.

#pragma once

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __grid_constant__
#define __shared__ ERROR_use_GESSO_SHARED_or_GESSO_DYNAMIC_SHARED

// The types, their conversions and + - * / of them work on the host.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>

#include "emulation.h"

#define GESSO_KERNEL(name, threads) GESSO_KERNEL_EXPANDED (name, threads)
#define GESSO_KERNEL_EXPANDED(name, threads) static emulation::Kernel gesso_kernel_##name (#name, &name, threads)
#define GESSO_SHARED(T, name, n)                                                                                       \
  static char name##_key;                                                                                              \
  T (&name)[n] = *(T (*)[n]) emulation::shared_array (&name##_key, sizeof (T) * (n))
#define GESSO_DYNAMIC_SHARED(T, name) T *name = (T *) emulation::shared_dynamic ()

#define threadIdx emulation::thread_index
#define blockIdx emulation::block_index
#define blockDim emulation::block_size
#define gridDim emulation::grid_size

inline void
__syncthreads ()
{
  emulation::block_barrier ();
}

inline void
__syncwarp (unsigned = ~0u)
{
  emulation::warp_barrier ();
}

template <class T>
T
__shfl_xor_sync (unsigned, T value, int mask)
{
  return emulation::shuffle (value, [mask] (int lane) { return lane ^ mask; });
}

template <class T>
T
__shfl_sync (unsigned, T value, int source)
{
  return emulation::shuffle (value, [source] (int) { return source & 31; });
}

inline int
min (int a, int b)
{
  return a < b ? a : b;
}

inline int
max (int a, int b)
{
  return a > b ? a : b;
}
