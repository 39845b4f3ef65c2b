// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// The tensor-core product that convolutions and linear layers share: a block makes one tile of rows x columns, its
// operands coming through a ring of STAGES stages that asynchronous copies fill ahead of the warps' products.

#pragma once

#include "device.cuh"

namespace
{

constexpr int TILE_K = 32; // values of k in a stage: four chunks of 16 bytes a row
constexpr int STAGES = 3;

// M x N results a block, by WARPS_M x WARPS_N warps.
template <int M_, int N_, int WARPS_M, int WARPS_N> struct Tile
{
  static constexpr int M = M_, N = N_;
  static constexpr int THREADS = 32 * WARPS_M * WARPS_N;
  static constexpr int WARP_M = M / WARPS_M, WARP_N = N / WARPS_N;
  static constexpr int MI = WARP_M / 16, NI = WARP_N / 8; // products of m16n8k16 a warp
  static constexpr int STAGE = (M + N) * TILE_K;
  static constexpr int FETCH_STEP = THREADS / 4; // rows that the block's threads fetch at a time, four threads each
  static constexpr int A_FETCHES = M / FETCH_STEP, B_FETCHES = N / FETCH_STEP;

  static __device__ __forceinline__ int warp_row ()
  {
    return ((int) threadIdx.x >> 5) % WARPS_M * WARP_M;
  }

  static __device__ __forceinline__ int warp_column ()
  {
    return ((int) threadIdx.x >> 5) / WARPS_M * WARP_N;
  }
};

// Where chunk `chunk` (0..3) of row `row` lies in a stage. Eight neighbouring rows of one chunk fall on all banks, so
// that ldmatrix reads them without conflict; 16 rows further it is the same pattern again.
__device__ __forceinline__ int
chunk_place (int row, int chunk)
{
  return row * TILE_K + ((chunk ^ (row >> 1)) & 3) * 8;
}

// Rows of a matrix [end][pitch] as an operand: each thread fetches the same chunk of COUNT rows.
template <int COUNT, int STEP> struct MatrixRows
{
  const Value *place[COUNT];
  unsigned valid;

  __device__ __forceinline__ MatrixRows (const Value *matrix, int pitch, int first, int end) : valid (0)
  {
    const int row = (int) threadIdx.x >> 2, chunk = (int) threadIdx.x & 3;

#pragma unroll
    for (int i = 0; i < COUNT; i++)
      {
        const bool inside = first + row + i * STEP < end;

        place[i] = matrix + (inside ? (size_t) (first + row + i * STEP) * pitch : 0) + chunk * 8;
        valid |= (unsigned) inside << i;
      }
  }

  // The TILE_K values from `k` on, of which those from `width` on are zero. Both are multiples of 8.
  __device__ __forceinline__ void fetch (Value *stage, size_t k, bool inside)
  {
    const int row = (int) threadIdx.x >> 2, chunk = (int) threadIdx.x & 3;

#pragma unroll
    for (int i = 0; i < COUNT; i++)
      copy_async (stage + chunk_place (row + i * STEP, chunk), place[i] + k, inside && (valid >> i & 1));
  }
};

template <class T>
__device__ __forceinline__ void
multiply_stage (const Value *a_stage, const Value *b_stage, float (&sums)[T::MI][T::NI][4])
{
  const int lane = (int) threadIdx.x & 31;
  const int a_row = T::warp_row () + (lane & 15), b_row = T::warp_column () + (lane & 7) + (lane >> 4) * 8;

#pragma unroll
  for (int k = 0; k < TILE_K / 16; k++)
    {
      uint32_t a[T::MI][4], pairs[T::NI / 2][4], b[T::NI][2];

      load_matrices (a, a_stage + chunk_place (a_row, k * 2 + (lane >> 4)), 16 * TILE_K);
      load_matrices (pairs, b_stage + chunk_place (b_row, k * 2 + (lane >> 3 & 1)), 16 * TILE_K);
#pragma unroll
      for (int j = 0; j < T::NI; j++)
        {
          b[j][0] = pairs[j / 2][j % 2 * 2];
          b[j][1] = pairs[j / 2][j % 2 * 2 + 1];
        }
      multiply_tile (sums, a, b);
    }
}

// sums += A B' over `n` stages. `fetch (a_stage, b_stage)` starts the copies of the next stage, whichever it is.
template <class T, class Fetch>
__device__ __forceinline__ void
multiply (Value *ring, int n, Fetch &fetch, float (&sums)[T::MI][T::NI][4])
{
  int reading = 0, writing = STAGES - 1;

#pragma unroll
  for (int i = 0; i < STAGES - 1; i++)
    {
      if (i < n)
        fetch (ring + i * T::STAGE, ring + i * T::STAGE + T::M * TILE_K);
      copy_commit ();
    }
  for (int i = 0; i < n; i++)
    {
      Value *stage = ring + writing * T::STAGE;

      copy_wait<STAGES - 2> ();
      __syncthreads (); // stage `reading` is there for all, and nobody reads stage `writing` any more
      if (i + STAGES - 1 < n)
        fetch (stage, stage + T::M * TILE_K);
      copy_commit ();
      stage = ring + reading * T::STAGE;
      multiply_stage<T> (stage, stage + T::M * TILE_K, sums);
      reading = reading + 1 == STAGES ? 0 : reading + 1;
      writing = writing + 1 == STAGES ? 0 : writing + 1;
    }
  copy_wait<0> ();
}

} // namespace
