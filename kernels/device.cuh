// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// The only place, but for warpgroup.cuh, where Gesso's kernels meet PTX, or anything else that exists on a GPU alone.
// Each function has a body for the device and one for the CPU, on which tests/kernels/emulation/ runs the same kernels.
//
// Rules for kernel sources:
// - Shared memory: GESSO_SHARED (type, name, n) and GESSO_DYNAMIC_SHARED (type, name).
// - extern "C" __global__ void __launch_bounds__ (N) name (...), then GESSO_KERNEL (name, N). Parameters are pointers,
//   numbers, and structures of numbers (parameters.h); one that is indexed is const __grid_constant__, or it is copied.
// - A block has a multiple of 32 threads. All lanes of a warp reach its warp operations together; none ends before.
// - A group of asynchronous copies is committed in every round of a loop, an empty one too, and waited for in the end.

#pragma once

#ifdef __CUDACC__
#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define GESSO_KERNEL(name, threads)
#define GESSO_SHARED(T, name, n) __shared__ __align__ (16) T name[n]
#ifndef GESSO_DYNAMIC_ALIGNMENT
#define GESSO_DYNAMIC_ALIGNMENT 16
#endif
#define GESSO_DYNAMIC_SHARED(T, name)                                                                                  \
  extern __shared__ __align__ (GESSO_DYNAMIC_ALIGNMENT)                                                                \
  unsigned char gesso_dynamic_shared[];                                                                                \
  T *name = reinterpret_cast<T *> (gesso_dynamic_shared)
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ < 800
#error "asynchronous copies and m16n8k16 products need compute capability 8.0"
#endif
#else
#include "emulation/cuda-source.h"
#endif

// A kernel source is compiled once for each type of values: -DGESSO_TYPE_F16 (the default), _BF16 or _F32.
#if defined GESSO_TYPE_BF16
typedef __nv_bfloat16 Value;
#define GESSO_NAME(name) name##_bf16
#elif defined GESSO_TYPE_F32
typedef float Value;
#define GESSO_NAME(name) name##_f32
#else
typedef __half Value;
#define GESSO_NAME(name) name##_f16
#endif

namespace
{

constexpr int LANES = 16 / (int) sizeof (Value); // values of a vector of 16 bytes

struct alignas (16) Vector
{
  Value value[LANES];
};

__device__ __forceinline__ float
to_float (float value)
{
  return value;
}

__device__ __forceinline__ float
to_float (__half value)
{
  return __half2float (value);
}

__device__ __forceinline__ float
to_float (__nv_bfloat16 value)
{
  return __bfloat162float (value);
}

// Rounded to nearest even.
template <class T> __device__ __forceinline__ T from_float (float value);

template <>
__device__ __forceinline__ float
from_float<float> (float value)
{
  return value;
}

template <>
__device__ __forceinline__ __half
from_float<__half> (float value)
{
  return __float2half_rn (value);
}

template <>
__device__ __forceinline__ __nv_bfloat16
from_float<__nv_bfloat16> (float value)
{
  return __float2bfloat16_rn (value);
}

// 2 ^ x, to the accuracy of the GPU's own unit.
__device__ __forceinline__ float
exp2_fast (float x)
{
#ifdef __CUDACC__
  float result;

  asm ("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#else
  return exp2f (x);
#endif
}

__device__ __forceinline__ float
divide_fast (float a, float b)
{
#ifdef __CUDACC__
  return __fdividef (a, b);
#else
  return a / b;
#endif
}

__device__ __forceinline__ float
reciprocal_root (float x)
{
#ifdef __CUDACC__
  return rsqrtf (x);
#else
  return 1.0f / sqrtf (x);
#endif
}

// What lies at a device address that came as a number (parameters.h); NULL for 0.
template <class T>
__device__ __forceinline__ T *
pointer_to (uint64_t address)
{
#ifdef __CUDACC__
  T *pointer = reinterpret_cast<T *> (address);

  __builtin_assume (__isGlobal (pointer));
  return pointer;
#else
  return (T *) emulation::device_pointer (address);
#endif
}

// Sum or maximum over `WIDTH` neighbouring lanes (a power of two); all of them get it.
template <int WIDTH = 32>
__device__ __forceinline__ float
lanes_sum (float value)
{
#pragma unroll
  for (int mask = WIDTH / 2; mask; mask /= 2)
    value += __shfl_xor_sync (~0u, value, mask);
  return value;
}

template <int WIDTH = 32>
__device__ __forceinline__ float
lanes_max (float value)
{
#pragma unroll
  for (int mask = WIDTH / 2; mask; mask /= 2)
    value = fmaxf (value, __shfl_xor_sync (~0u, value, mask));
  return value;
}

// 16 bytes from global to shared memory, both aligned; zeros where not `valid`, and `source` is then not read.
__device__ __forceinline__ void
copy_async (void *shared, const void *source, bool valid = true)
{
#ifdef __CUDACC__
  const uint32_t to = (uint32_t) __cvta_generic_to_shared (shared);

  asm volatile ("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(source), "r"(valid ? 16 : 0) : "memory");
#else
  if (valid)
    emulation::touch (source, 16);
  emulation::touch (shared, 16);
  emulation::copy_async (shared, valid ? source : nullptr);
#endif
}

__device__ __forceinline__ void
copy_commit ()
{
#ifdef __CUDACC__
  asm volatile ("cp.async.commit_group;" ::: "memory");
#else
  emulation::copy_commit ();
#endif
}

// Waits until at most the `PENDING` groups that were committed last are still under way.
template <int PENDING>
__device__ __forceinline__ void
copy_wait ()
{
#ifdef __CUDACC__
  asm volatile ("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
#else
  emulation::copy_wait (PENDING);
#endif
}

#ifndef GESSO_TYPE_F32

// Two neighbouring values, the first in the low half.
__device__ __forceinline__ uint32_t
pack (float first, float second)
{
  union
  {
    Value value[2];
    uint32_t bits;
  } pair = { { from_float<Value> (first), from_float<Value> (second) } };

  return pair.bits;
}

__device__ __forceinline__ void
unpack (uint32_t bits, float *first, float *second)
{
  union
  {
    uint32_t bits;
    Value value[2];
  } pair = { bits };

  *first = to_float (pair.value[0]);
  *second = to_float (pair.value[1]);
}

// Four 8x8 matrices at a time from shared memory, COUNT times, `step` values further each time. Lane l passes the
// address of row l % 8 of matrix l / 8, and gets elements (l / 4, l % 4 * 2 and + 1) of each, or of its transpose.
template <int COUNT, bool TRANSPOSED = false>
__device__ __forceinline__ void
load_matrices (uint32_t (&out)[COUNT][4], const Value *row, int step)
{
#ifdef __CUDACC__
#pragma unroll
  for (int i = 0; i < COUNT; i++)
    {
      const uint32_t from = (uint32_t) __cvta_generic_to_shared (row + i * step);

      if (TRANSPOSED)
        asm volatile ("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                      : "=r"(out[i][0]), "=r"(out[i][1]), "=r"(out[i][2]), "=r"(out[i][3])
                      : "r"(from)
                      : "memory");
      else
        asm volatile ("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                      : "=r"(out[i][0]), "=r"(out[i][1]), "=r"(out[i][2]), "=r"(out[i][3])
                      : "r"(from)
                      : "memory");
    }
#else
  emulation::LoadArgument argument = { row, (size_t) step * sizeof (Value), &out[0][0], COUNT, TRANSPOSED };

  for (int i = 0; i < COUNT; i++)
    {
      emulation::touch (row + i * step, 16);
      emulation::race_read (row + i * step, 16);
    }
  emulation::warp_operation (emulation::OPERATION_LOAD_MATRICES, &argument, emulation::load_matrices);
#endif
}

// c[i][j] += a[i] b[j]: M x N products of 16x16 by 16x8 matrices, summed in f32. b[j] are two words of its 2 N.
template <int M, int N>
__device__ __forceinline__ void
multiply_tile (float (&c)[M][N][4], const uint32_t (&a)[M][4], const uint32_t (&b)[N][2])
{
#ifdef __CUDACC__
#pragma unroll
  for (int i = 0; i < M; i++)
#pragma unroll
    for (int j = 0; j < N; j++)
      {
        float *d = c[i][j];

#ifdef GESSO_TYPE_BF16
        asm ("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#else
        asm ("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#endif
             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
             : "r"(a[i][0]), "r"(a[i][1]), "r"(a[i][2]), "r"(a[i][3]), "r"(b[j][0]), "r"(b[j][1]));
      }
#else
  const bool bf16 = std::is_same_v<Value, __nv_bfloat16>;
  emulation::MultiplyArgument argument = { &c[0][0][0], &a[0][0], &b[0][0], M, N, bf16 };

  emulation::warp_operation (emulation::OPERATION_MULTIPLY, &argument, emulation::multiply);
#endif
}

#endif

} // namespace
