// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// The tensor-core product that convolutions and linear layers share: a block makes one tile of rows x columns, its
// operands coming through a ring of stages that asynchronous copies fill ahead of the products.

#pragma once

#include "device.cuh"

namespace
{

// A block's tile of M x N sums and the ring of STAGES stages that its operands come through, K values of k in each; a
// row of a stage is CHUNKS chunks of 16 bytes, of which each thread fetches one.
template <int M_, int N_, int K_, int STAGES_, int THREADS_> struct Ring
{
  static constexpr int M = M_, N = N_, K = K_, STAGES = STAGES_, THREADS = THREADS_;
  static constexpr int STAGE = (M + N) * K, BYTES = STAGES * STAGE * (int) sizeof (Value);
  static constexpr int CHUNKS = K / 8;
  static constexpr int FETCH_STEP = THREADS / CHUNKS; // rows that the block's threads fetch at a time
  static constexpr int A_FETCHES = M / FETCH_STEP, B_FETCHES = N / FETCH_STEP;

  static_assert (M % FETCH_STEP == 0 && N % FETCH_STEP == 0);

  static __device__ __forceinline__ int fetched_row ()
  {
    return (int) threadIdx.x / CHUNKS;
  }

  static __device__ __forceinline__ int fetched_chunk ()
  {
    return (int) threadIdx.x % CHUNKS;
  }
};

// Rows of a matrix [end][pitch] as an operand: each thread fetches the same chunk of COUNT rows.
template <class T, int COUNT> struct MatrixRows
{
  const Value *place[COUNT];
  unsigned valid;

  __device__ __forceinline__ MatrixRows (const Value *matrix, int pitch, int first, int end) : valid (0)
  {
#pragma unroll
    for (int i = 0; i < COUNT; i++)
      {
        const int row = first + T::fetched_row () + i * T::FETCH_STEP;

        place[i] = matrix + (row < end ? (size_t) row * pitch : 0) + T::fetched_chunk () * 8;
        valid |= (unsigned) (row < end) << i;
      }
  }

  // The T::K values from `k` on, of which those from `width` on are zero. Both are multiples of 8.
  __device__ __forceinline__ void fetch (Value *stage, size_t k, bool inside)
  {
#pragma unroll
    for (int i = 0; i < COUNT; i++)
      copy_async (stage + T::place (T::fetched_row () + i * T::FETCH_STEP, T::fetched_chunk ()), place[i] + k,
                  inside && (valid >> i & 1));
  }
};

// By WARPS_M x WARPS_N warps, with the products that every card has.
template <int M_, int N_, int WARPS_M, int WARPS_N> struct Tile : Ring<M_, N_, 32, 3, 32 * WARPS_M * WARPS_N>
{
  typedef Ring<M_, N_, 32, 3, 32 * WARPS_M * WARPS_N> Base;

  static constexpr int WARP_M = M_ / WARPS_M, WARP_N = N_ / WARPS_N;
  static constexpr int MI = WARP_M / 16, NI = WARP_N / 8; // products of m16n8k16 a warp

  static __device__ __forceinline__ int warp_row ()
  {
    return ((int) threadIdx.x >> 5) % WARPS_M * WARP_M;
  }

  // Of the sums' fragment i, 16 rows.
  static __device__ __forceinline__ int fragment_row (int i)
  {
    return warp_row () + i * 16;
  }

  static __device__ __forceinline__ int warp_column ()
  {
    return ((int) threadIdx.x >> 5) / WARPS_M * WARP_N;
  }

  // Where chunk `chunk` (0..3) of row `row` lies in a stage. Eight neighbouring rows of one chunk fall on all banks, so
  // that ldmatrix reads them without conflict; 16 rows further it is the same pattern again.
  static __device__ __forceinline__ int place (int row, int chunk)
  {
    return row * Base::K + ((chunk ^ (row >> 1)) & 3) * 8;
  }

  static __device__ __forceinline__ void clear (float (&sums)[MI][NI][4])
  {
#pragma unroll
    for (int i = 0; i < MI * NI * 4; i++)
      sums[i / (NI * 4)][i / 4 % NI][i % 4] = 0.0f;
  }

  static __device__ __forceinline__ void multiply_stage (const Value *a_stage, const Value *b_stage,
                                                         float (&sums)[MI][NI][4])
  {
    const int lane = (int) threadIdx.x & 31;
    const int a_row = warp_row () + (lane & 15), b_row = warp_column () + (lane & 7) + (lane >> 4) * 8;

#pragma unroll
    for (int k = 0; k < Base::K / 16; k++)
      {
        uint32_t a[MI][4], pairs[NI / 2][4], b[NI][2];

        load_matrices (a, a_stage + place (a_row, k * 2 + (lane >> 4)), 16 * Base::K);
        load_matrices (pairs, b_stage + place (b_row, k * 2 + (lane >> 3 & 1)), 16 * Base::K);
#pragma unroll
        for (int j = 0; j < NI; j++)
          {
            b[j][0] = pairs[j / 2][j % 2 * 2];
            b[j][1] = pairs[j / 2][j % 2 * 2 + 1];
          }
        multiply_tile (sums, a, b);
      }
  }

  // sums += A B' over `n` stages. `fetch (a_stage, b_stage)` starts the copies of the next stage, whichever it is.
  template <class Fetch>
  static __device__ __forceinline__ void multiply (Value *ring, int n, Fetch &fetch, float (&sums)[MI][NI][4])
  {
    constexpr int STAGE = Base::STAGE, STAGES = Base::STAGES, A_VALUES = M_ * Base::K;
    int reading = 0, writing = STAGES - 1;

#pragma unroll
    for (int i = 0; i < STAGES - 1; i++)
      {
        if (i < n)
          fetch (ring + i * STAGE, ring + i * STAGE + A_VALUES);
        copy_commit ();
      }
    for (int i = 0; i < n; i++)
      {
        Value *stage = ring + writing * STAGE;

        copy_wait<STAGES - 2> ();
        __syncthreads (); // stage `reading` is there for all, and nobody reads stage `writing` any more
        if (i + STAGES - 1 < n)
          fetch (stage, stage + A_VALUES);
        copy_commit ();
        stage = ring + reading * STAGE;
        multiply_stage (stage, stage + A_VALUES, sums);
        reading = reading + 1 == STAGES ? 0 : reading + 1;
        writing = writing + 1 == STAGES ? 0 : writing + 1;
      }
    copy_wait<0> ();
  }
};

} // namespace
