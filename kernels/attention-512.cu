// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Attention with one head of 512, the VAE's: a row of results is too long for a warp's registers, so the block's eight
// warps share 32 queries. Each makes a part of the scores, then 64 columns of the result. Keys and values take turns
// in a ring of three tiles.

#include "attention.cuh"

namespace
{

constexpr int WIDTH = 512, QUERIES = 32, KEYS = 16, WARPS = 8, THREADS = 32 * WARPS;
constexpr int PITCH = WIDTH + 8, RING = 3, TILE = KEYS * PITCH;
constexpr int SCORE_PITCH = KEYS + 4;       // floats
constexpr int PROBABILITY_PITCH = KEYS + 8; // values
constexpr int COLUMNS = WIDTH / WARPS;

// A warp's part of the scores: 16 queries, 8 keys, half of the width.
__device__ __forceinline__ void
make_scores (const Value *queries, const Value *keys, float *scores)
{
  const int lane = (int) threadIdx.x & 31, warp = (int) threadIdx.x >> 5;
  const int query = (warp & 1) * 16, key = (warp >> 1 & 1) * 8, half = warp >> 2;
  const Value *left = queries + (query + (lane & 15)) * PITCH + half * 256 + (lane >> 4) * 8;
  const Value *right = keys + (key + (lane & 7)) * PITCH + half * 256 + (lane >> 3) * 8;
  float *to = scores + (half * QUERIES + query + (lane >> 2)) * SCORE_PITCH + key + (lane & 3) * 2;
  float sums[1][1][4] = {};

#pragma unroll
  for (int k = 0; k < 256; k += 64)
    {
      uint32_t a[4][4], b[2][4];

      load_matrices (a, left + k, 16);
      load_matrices (b, right + k, 32);
#pragma unroll
      for (int i = 0; i < 4; i++)
        {
          const uint32_t a_one[1][4] = { { a[i][0], a[i][1], a[i][2], a[i][3] } };
          const uint32_t b_one[1][2] = { { b[i / 2][i % 2 * 2], b[i / 2][i % 2 * 2 + 1] } };

          multiply_tile (sums, a_one, b_one);
        }
    }
  to[0] = sums[0][0][0];
  to[1] = sums[0][0][1];
  to[8 * SCORE_PITCH] = sums[0][0][2];
  to[8 * SCORE_PITCH + 1] = sums[0][0][3];
}

// Eight threads a query, two keys each. `maximum` and `sum` are the query's so far, the same in all eight.
__device__ __forceinline__ void
soften (const float *scores, Value *probabilities, float *factors, float *maximum, float *sum,
        const GessoAttentionShape &shape, int first_query, int first_key)
{
  const int row = (int) threadIdx.x >> 3, column = ((int) threadIdx.x & 7) * 2;
  const int end = shape.causal ? min (shape.keys, first_query + row + 1) : shape.keys;
  const float *from = scores + row * SCORE_PITCH + column;
  float score[2], highest, factor;

#pragma unroll
  for (int i = 0; i < 2; i++)
    score[i] = first_key + column + i < end ? (from[i] + from[QUERIES * SCORE_PITCH + i]) * shape.scale : -INFINITY;
  highest = fmaxf (*maximum, lanes_max<8> (fmaxf (score[0], score[1])));
  factor = exp2_fast (*maximum - highest);
  *maximum = highest;
  score[0] = exp2_fast (score[0] - highest);
  score[1] = exp2_fast (score[1] - highest);
  *sum = *sum * factor + lanes_sum<8> (score[0] + score[1]);
  *(uint32_t *) (probabilities + row * PROBABILITY_PITCH + column) = pack (score[0], score[1]);
  if (column == 0)
    factors[row] = factor;
}

// results [32 queries][64 columns of this warp] = results * factor + probabilities * values
__device__ __forceinline__ void
add_values (const Value *values, const Value *probabilities, const float *factors, float (&results)[2][8][4])
{
  const int lane = (int) threadIdx.x & 31, first_column = ((int) threadIdx.x >> 5) * COLUMNS;
  uint32_t a[2][4], pairs[4][4], b[8][2];

  load_matrices (a, probabilities + (lane & 15) * PROBABILITY_PITCH + (lane >> 4) * 8, 16 * PROBABILITY_PITCH);
  load_matrices<4, true> (pairs, values + (lane & 15) * PITCH + first_column + (lane >> 4) * 8, 16);
#pragma unroll
  for (int j = 0; j < 8; j++)
    {
      b[j][0] = pairs[j / 2][j % 2 * 2];
      b[j][1] = pairs[j / 2][j % 2 * 2 + 1];
    }
#pragma unroll
  for (int i = 0; i < 2; i++)
#pragma unroll
    for (int half = 0; half < 2; half++)
      {
        const float factor = factors[i * 16 + half * 8 + (lane >> 2)];

#pragma unroll
        for (int j = 0; j < 8; j++)
          {
            results[i][j][half * 2] *= factor;
            results[i][j][half * 2 + 1] *= factor;
          }
      }
  multiply_tile (results, a, b);
}

} // namespace

extern "C" __global__ void
__launch_bounds__ (THREADS, 1)
    GESSO_NAME (attention_512) (const Value *q, const Value *k, const Value *v, Value *y, GessoAttentionShape shape)
{
  GESSO_DYNAMIC_SHARED (Value, shared);
  GESSO_SHARED (float, scores, 2 * QUERIES * SCORE_PITCH);
  GESSO_SHARED (Value, probabilities, QUERIES * PROBABILITY_PITCH);
  GESSO_SHARED (float, factors, QUERIES);
  Value *queries = shared, *ring = shared + QUERIES * PITCH;
  const int lane = (int) threadIdx.x & 31, first_column = ((int) threadIdx.x >> 5) * COLUMNS;
  const int first_query = shape.begin + (int) blockIdx.x * QUERIES;
  const int n_keys = visible_keys (shape, min (shape.end, first_query + QUERIES));
  const int n_fetches = 2 * ((n_keys + KEYS - 1) / KEYS);
  const Value *from_k = head_of_keys (k, shape), *from_v = head_of_keys (v, shape);
  float results[2][8][4] = {};
  float maximum = -INFINITY, sum = 0.0f;

  // Keys and values of each tile in turn; `slot` is number % RING.
  auto fetch = [&] (int number, int slot) {
    if (number < n_fetches)
      fetch_rows<KEYS, WIDTH, PITCH, THREADS> (ring + slot * TILE, number & 1 ? from_v : from_k, shape.kv_pitch,
                                               number / 2 * KEYS, shape.keys);
    copy_commit ();
  };

  fetch_rows<QUERIES, WIDTH, PITCH, THREADS> (queries, head_of_queries (q, shape), shape.q_pitch, first_query,
                                              shape.end);
  fetch (0, 0);
  fetch (1, 1);
  for (int number = 0, slot = 0; number < n_fetches; number += 2)
    {
      copy_wait<1> ();
      __syncthreads (); // the keys are there, and nobody reads the last values any more
      fetch (number + 2, slot + 2 < RING ? slot + 2 : slot + 2 - RING);
      make_scores (queries, ring + slot * TILE, scores);
      slot = slot + 1 == RING ? 0 : slot + 1;
      __syncthreads (); // the scores are there
      soften (scores, probabilities, factors, &maximum, &sum, shape, first_query, number / 2 * KEYS);
      copy_wait<1> ();
      __syncthreads (); // so are probabilities and values, and nobody reads the keys any more
      fetch (number + 3, slot + 2 < RING ? slot + 2 : slot + 2 - RING);
      add_values (ring + slot * TILE, probabilities, factors, results);
      slot = slot + 1 == RING ? 0 : slot + 1;
    }
  copy_wait<0> ();

  __syncthreads (); // nobody reads the factors any more
  if ((threadIdx.x & 7) == 0)
    factors[threadIdx.x >> 3] = divide_fast (1.0f, sum);
  __syncthreads ();
  y = head_of_result (y, shape);
#pragma unroll
  for (int i = 0; i < 2; i++)
#pragma unroll
    for (int half = 0; half < 2; half++)
      {
        const int row = i * 16 + half * 8 + (lane >> 2);
        Value *to = y + (size_t) (first_query + row) * shape.heads * WIDTH + first_column + (lane & 3) * 2;

        if (first_query + row < shape.end)
#pragma unroll
          for (int j = 0; j < 8; j++)
            *(uint32_t *) (to + j * 8)
                = pack (results[i][j][half * 2] * factors[row], results[i][j][half * 2 + 1] * factors[row]);
      }
}
GESSO_KERNEL (GESSO_NAME (attention_512), THREADS);
