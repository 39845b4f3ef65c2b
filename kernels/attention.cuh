// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What the attention kernels share. All go over the keys in tiles and keep, for each query, the maximum so far, the
// sum of exp (score - maximum) and the result so far (online softmax), so that no row of scores is ever stored.
//
//   grid (tiles of queries, heads, pictures)

#pragma once

#include "device.cuh"
#include "parameters.h"

namespace
{

// Keys that queries before `end` may see.
__device__ __forceinline__ int
visible_keys (const GessoAttentionShape &shape, int end)
{
  return shape.causal ? min (shape.keys, end) : shape.keys;
}

// The first row of this block's picture and head.
__device__ __forceinline__ const Value *
head_of_queries (const Value *q, const GessoAttentionShape &shape)
{
  return q + (size_t) blockIdx.z * shape.queries * shape.q_pitch + (size_t) blockIdx.y * shape.width;
}

__device__ __forceinline__ const Value *
head_of_keys (const Value *k, const GessoAttentionShape &shape)
{
  return k + (size_t) (blockIdx.z / (unsigned) shape.sharing) * shape.keys * shape.kv_pitch
         + (size_t) blockIdx.y * shape.width;
}

__device__ __forceinline__ Value *
head_of_result (Value *y, const GessoAttentionShape &shape)
{
  return y + ((size_t) blockIdx.z * shape.queries * shape.heads + blockIdx.y) * shape.width;
}

// The largest power of two up to `most`.
__device__ constexpr int
power_of_two (int most)
{
  return most < 2 ? 1 : 2 * power_of_two (most / 2);
}

// Starts copying rows [first, first + ROWS) of WIDTH values to shared memory by THREADS threads; zeros from `end` on.
// Each thread keeps to one chunk of its rows, and those that are too many for whole rows have nothing to do: so it
// takes no division in a loop, and few instructions beside the copies.
template <int ROWS, int WIDTH, int PITCH, int THREADS>
__device__ __forceinline__ void
fetch_rows (Value *shared, const Value *from, int pitch, int first, int end)
{
  constexpr int CHUNKS = WIDTH / 8, AT_ONCE = power_of_two (THREADS / CHUNKS);
  const int row = (int) threadIdx.x / CHUNKS, chunk = (int) threadIdx.x % CHUNKS;

  static_assert (AT_ONCE <= THREADS / CHUNKS && ROWS % AT_ONCE == 0, "rows are copied in whole rounds");
  if (row >= AT_ONCE)
    return;
  shared += row * PITCH + chunk * 8;
  from += chunk * 8;
#pragma unroll
  for (int i = 0; i < ROWS; i += AT_ONCE)
    {
      const int at = first + row + i;

      copy_async (shared + i * PITCH, from + (size_t) (unsigned) min (at, end - 1) * (unsigned) pitch, at < end);
    }
}

} // namespace
