// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Products of a whole warpgroup (128 threads), which compute capability 9.0 alone has: wgmma, with both operands in
// shared memory. Beside device.cuh the only place with PTX; the bodies for the CPU are in
// tests/kernels/emulation/warpgroup.cpp. The PTX manual's chapter "Asynchronous Warpgroup Level Matrix
// Multiply-Accumulate Instructions" says what holds.

#pragma once

#include "matmul.cuh"

#if defined __CUDA_ARCH__ && !defined __CUDA_ARCH_FEAT_SM90_ALL
#error "products of warpgroups need sm_90a"
#endif

namespace
{

// Rows of 64 values, 128 bytes, whose chunks of 16 bytes lie where an exclusive or with the row's last three bits puts
// them: the layout "K-major, 128-byte swizzle". Eight rows are 1024 bytes, and begin at a multiple of that.
constexpr int SWIZZLED_K = 64, SWIZZLED_BYTES = 1024;

// How wgmma is told where such rows begin: bits 0..13 the address in shared memory by 16, bits 32..45 the bytes from
// one eight rows to the next by 16, bits 62..63 the swizzle (1: of 128 bytes). What bits 16..29 say does not count in
// it.
__device__ __forceinline__ uint64_t
matrix_descriptor (const Value *rows)
{
#ifdef __CUDACC__
  const uint32_t address = (uint32_t) __cvta_generic_to_shared (rows);
#else
  const uint32_t address = emulation::shared_address (rows);
#endif

  return (address & 0x3ffff) >> 4 | (uint64_t) 1 << 16 | (uint64_t) (SWIZZLED_BYTES >> 4) << 32 | (uint64_t) 1 << 62;
}

// Makes what this thread has written to shared memory, also by copies that it has waited for, visible to wgmma.
__device__ __forceinline__ void
warpgroup_publish ()
{
#ifdef __CUDACC__
  asm volatile ("fence.proxy.async.shared::cta;" ::: "memory");
#else
  emulation::warpgroup_publish ();
#endif
}

// Before products, when their sums were touched by anything else.
__device__ __forceinline__ void
warpgroup_begin ()
{
#ifdef __CUDACC__
  asm volatile ("wgmma.fence.sync.aligned;" ::: "memory");
#else
  emulation::warpgroup_begin ();
#endif
}

// Ends a group of products.
__device__ __forceinline__ void
warpgroup_commit ()
{
#ifdef __CUDACC__
  asm volatile ("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
  emulation::warpgroup_commit ();
#endif
}

// Waits until at most the `PENDING` groups that were committed last are still under way. Only with 0 the sums may be
// looked at.
template <int PENDING, int M, int N>
__device__ __forceinline__ void
warpgroup_wait (float (&sums)[M][N][4])
{
#ifdef __CUDACC__
  asm volatile ("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
#pragma unroll
  for (int i = 0; i < M * N * 4; i++)
    asm volatile (""
                  : "+f"(sums[i / (N * 4)][i / 4 % N][i % 4])::"memory"); // nothing that reads them may be moved before
#else
  (void) sums;
  emulation::warpgroup_wait (PENDING);
#endif
}

#ifdef __CUDACC__
#ifdef GESSO_TYPE_BF16
#define GESSO_WGMMA(n) "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32.bf16.bf16 "
#else
#define GESSO_WGMMA(n) "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32.f16.f16 "
#endif
#define GESSO_REGISTERS_0 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
#define GESSO_REGISTERS_1 "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"
#define GESSO_REGISTERS_2 "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,"
#define GESSO_REGISTERS_3 "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define GESSO_REGISTERS_4 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"
#define GESSO_SUMS_4(j) "+f"(sums[j][0]), "+f"(sums[j][1]), "+f"(sums[j][2]), "+f"(sums[j][3])
#define GESSO_SUMS_16(j) GESSO_SUMS_4 (j), GESSO_SUMS_4 (j + 1), GESSO_SUMS_4 (j + 2), GESSO_SUMS_4 (j + 3)
#define GESSO_SUMS_64 GESSO_SUMS_16 (0), GESSO_SUMS_16 (4), GESSO_SUMS_16 (8), GESSO_SUMS_16 (12)
#endif

// sums += a b', 64 x 16 by 16 x 8 N values of k, begun: a and b are descriptors of 64 and 8 N rows. Warp w of the
// warpgroup has rows 16 w on; within it a lane has of each 16 x 8 what it has of an m16n8k16.
template <int N>
__device__ __forceinline__ void
warpgroup_multiply (float (&sums)[N][4], uint64_t a, uint64_t b)
{
  static_assert (N == 16 || N == 20);
#ifdef __CUDACC__
  if constexpr (N == 16)
    asm volatile ("{ .reg .pred more; setp.ne.b32 more, 1, 0; " GESSO_WGMMA (
                      128) "{" GESSO_REGISTERS_0 GESSO_REGISTERS_1 GESSO_REGISTERS_2 GESSO_REGISTERS_3
                           "}, %64, %65, more, 1, 1, 0, 0; }"
                  : GESSO_SUMS_64
                  : "l"(a), "l"(b)
                  : "memory");
  else
    asm volatile ("{ .reg .pred more; setp.ne.b32 more, 1, 0; " GESSO_WGMMA (
                      160) "{" GESSO_REGISTERS_0 GESSO_REGISTERS_1 GESSO_REGISTERS_2 GESSO_REGISTERS_3 GESSO_REGISTERS_4
                           "}, %80, %81, more, 1, 1, 0, 0; }"
                  : GESSO_SUMS_64, GESSO_SUMS_16 (16)
                  : "l"(a), "l"(b)
                  : "memory");
#else
  emulation::warpgroup_multiply (&sums[0][0], a, b, N, std::is_same_v<Value, __nv_bfloat16>);
#endif
}

// By two warpgroups, each with one half of the tile's rows, 64 a product. Copies run two stages ahead, since products
// of the stage before may still be under way.
template <int M_, int N_> struct WarpgroupTile : Ring<M_, N_, SWIZZLED_K, 4, 256>
{
  typedef Ring<M_, N_, SWIZZLED_K, 4, 256> Base;

  static constexpr int MI = M_ / 128, NI = N_ / 8;
  static constexpr int AHEAD = Base::STAGES - 2;

  static __device__ __forceinline__ int first_row ()
  {
    return ((int) threadIdx.x >> 7) * (M_ / 2);
  }

  static __device__ __forceinline__ int fragment_row (int i)
  {
    return first_row () + i * 64 + ((int) threadIdx.x >> 5 & 3) * 16;
  }

  static __device__ __forceinline__ int warp_column ()
  {
    return 0;
  }

  static __device__ __forceinline__ int place (int row, int chunk)
  {
    return row * SWIZZLED_K + ((chunk ^ row) & 7) * 8;
  }

  // By instructions of its own: what a plain 0 defines, ptxas takes for a reason to wait after each product where a
  // warpgroup has two (C7515).
  static __device__ __forceinline__ void clear (float (&sums)[MI][NI][4])
  {
#pragma unroll
    for (int i = 0; i < MI * NI * 4; i++)
      {
        float &sum = sums[i / (NI * 4)][i / 4 % NI][i % 4];

#ifdef __CUDACC__
        asm volatile ("mov.f32 %0, 0f00000000;" : "=f"(sum));
#else
        sum = 0.0f;
#endif
      }
  }

  // As Tile's.
  template <class Fetch>
  static __device__ __forceinline__ void multiply (Value *ring, int n, Fetch &fetch, float (&sums)[MI][NI][4])
  {
    constexpr int STAGE = Base::STAGE, STAGES = Base::STAGES, A_VALUES = M_ * SWIZZLED_K;
    int reading = 0, writing = AHEAD;

#pragma unroll
    for (int i = 0; i < AHEAD; i++)
      {
        if (i < n)
          fetch (ring + i * STAGE, ring + i * STAGE + A_VALUES);
        copy_commit ();
      }
    for (int i = 0; i < n; i++)
      {
        Value *stage = ring + reading * STAGE;
        const uint64_t a = matrix_descriptor (stage + first_row () * SWIZZLED_K);
        const uint64_t b = matrix_descriptor (stage + A_VALUES);

        copy_wait<AHEAD - 1> ();
        warpgroup_publish ();
        __syncthreads (); // stage `reading` is there for all, and no product reads stage `writing` any more
        warpgroup_begin ();
        // Descriptors count bytes by 16.
#pragma unroll
        for (int k = 0; k < SWIZZLED_K / 16; k++)
#pragma unroll
          for (int j = 0; j < MI; j++)
            warpgroup_multiply (sums[j], a + j * (64 * SWIZZLED_K * 2 / 16) + k * 2, b + k * 2);
        warpgroup_commit ();
        stage = ring + writing * STAGE;
        if (i + AHEAD < n)
          fetch (stage, stage + A_VALUES);
        copy_commit ();
        warpgroup_wait<1> (sums);
        reading = reading + 1 == STAGES ? 0 : reading + 1;
        writing = writing + 1 == STAGES ? 0 : writing + 1;
      }
    warpgroup_wait<0> (sums);
    copy_wait<0> ();
  }
};

} // namespace
