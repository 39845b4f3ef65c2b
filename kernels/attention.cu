// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Attention for the usual head widths. Each warp has 16 or 32 queries, whose scores, probabilities and results never
// leave its registers; keys and values come through two buffers each, copied a tile ahead.

#include "attention.cuh"

namespace
{

template <int WIDTH_, int WARPS_, int SIXTEENS_, int KEYS_> struct Shape
{
  static constexpr int WIDTH = WIDTH_, WARPS = WARPS_, SIXTEENS = SIXTEENS_, KEYS = KEYS_; // sixteens of queries a warp
  static constexpr int THREADS = 32 * WARPS, QUERIES = 16 * SIXTEENS * WARPS;
  static constexpr int PADDED = (WIDTH + 15) / 16 * 16; // products go by 16
  static constexpr int PITCH = PADDED + 8;              // an odd number of chunks: rows fall on different banks
  static constexpr int KI = PADDED / 16, NI = WIDTH / 8;
};

// Fills the columns that no copy writes, once; products would make NaN of what lies there by chance.
template <class S>
__device__ __forceinline__ void
clear_padding (Value *shared, int rows)
{
  if constexpr (S::PADDED != S::WIDTH)
    for (int i = (int) threadIdx.x; i < rows; i += S::THREADS)
      *(uint4 *) (shared + i * S::PITCH + S::WIDTH) = make_uint4 (0, 0, 0, 0);
}

// scores [16 queries, SIXTEENS times][KEYS] of this warp
template <class S>
__device__ __forceinline__ void
make_scores (const Value *keys, const uint32_t (&query)[S::SIXTEENS][S::KI][4],
             float (&scores)[S::SIXTEENS][S::KEYS / 8][4])
{
  const int lane = (int) threadIdx.x & 31;
  const Value *row = keys + ((lane & 7) + (lane >> 4) * 8) * S::PITCH + (lane >> 3 & 1) * 8;

#pragma unroll
  for (int k = 0; k < S::KI; k++)
    {
      uint32_t pairs[S::KEYS / 16][4], b[S::KEYS / 8][2], a[S::SIXTEENS][4];

      load_matrices (pairs, row + k * 16, 16 * S::PITCH);
#pragma unroll
      for (int j = 0; j < S::KEYS / 8; j++)
        {
          b[j][0] = pairs[j / 2][j % 2 * 2];
          b[j][1] = pairs[j / 2][j % 2 * 2 + 1];
        }
#pragma unroll
      for (int m = 0; m < S::SIXTEENS; m++)
#pragma unroll
        for (int i = 0; i < 4; i++)
          a[m][i] = query[m][k][i];
      multiply_tile (scores, a, b);
    }
}

// The rows' two halves (lane / 4 and 8 further) of what each thread keeps.
struct Running
{
  float maximum[2], sum[2];
};

// Scores of 16 queries become probabilities (not yet divided); `results` are brought to the new maximum. WHOLE: all the
// block's queries see all keys of the tile, as in most tiles: then that is not asked of each score.
template <class S, bool WHOLE>
__device__ __forceinline__ void
soften_sixteen (float (&scores)[S::KEYS / 8][4], float (&results)[S::NI][4], Running &running,
                const GessoAttentionShape &shape, int first_query, int first_key)
{
  const int lane = (int) threadIdx.x & 31;

#pragma unroll
  for (int half = 0; half < 2; half++)
    {
      // Behind what the query sees: a sum, so that there is no second kernel in here for what is causal.
      const int end = min (shape.keys, first_query + (lane >> 2) + half * 8 + (shape.causal ? 1 : shape.keys));
      float maximum = running.maximum[half], factor;

#pragma unroll
      for (int j = 0; j < S::KEYS / 8; j++)
#pragma unroll
        for (int i = 0; i < 2; i++)
          {
            float &score = scores[j][half * 2 + i];

            if (!WHOLE && first_key + j * 8 + (lane & 3) * 2 + i >= end)
              score = -INFINITY;
            maximum = fmaxf (maximum, score);
          }
      // Key 0 is always seen, and in the first tile: from then on the maximum is a number.
      maximum = lanes_max<4> (maximum);
      factor = exp2_fast ((running.maximum[half] - maximum) * shape.scale);
      running.maximum[half] = maximum;
      running.sum[half] *= factor;
      maximum *= shape.scale;
#pragma unroll
      for (int j = 0; j < S::KEYS / 8; j++)
#pragma unroll
        for (int i = 0; i < 2; i++)
          {
            float &score = scores[j][half * 2 + i];

            score = exp2_fast (score * shape.scale - maximum);
            running.sum[half] += score;
          }
#pragma unroll
      for (int j = 0; j < S::NI; j++)
#pragma unroll
        for (int i = 0; i < 2; i++)
          results[j][half * 2 + i] *= factor;
    }
}

template <class S, bool WHOLE>
__device__ __forceinline__ void
soften (float (&scores)[S::SIXTEENS][S::KEYS / 8][4], float (&results)[S::SIXTEENS][S::NI][4],
        Running (&running)[S::SIXTEENS], const GessoAttentionShape &shape, int first_query, int first_key)
{
#pragma unroll
  for (int m = 0; m < S::SIXTEENS; m++)
    soften_sixteen<S, WHOLE> (scores[m], results[m], running[m], shape, first_query + m * 16, first_key);
}

template <class S>
__device__ __forceinline__ void
add_values (const Value *values, const float (&scores)[S::SIXTEENS][S::KEYS / 8][4],
            float (&results)[S::SIXTEENS][S::NI][4])
{
  const int lane = (int) threadIdx.x & 31;
  const Value *row = values + (lane & 15) * S::PITCH + (lane >> 4) * 8;

#pragma unroll
  for (int k = 0; k < S::KEYS / 16; k++)
    {
      uint32_t pairs[S::KI][4], b[S::NI][2], a[S::SIXTEENS][4];

      load_matrices<S::KI, true> (pairs, row + k * 16 * S::PITCH, 16);
#pragma unroll
      for (int j = 0; j < S::NI; j++)
        {
          b[j][0] = pairs[j / 2][j % 2 * 2];
          b[j][1] = pairs[j / 2][j % 2 * 2 + 1];
        }
        // Where a product leaves its results is where the next one wants its left operand.
#pragma unroll
      for (int m = 0; m < S::SIXTEENS; m++)
#pragma unroll
        for (int i = 0; i < 4; i++)
          a[m][i] = pack (scores[m][k * 2 + i / 2][i % 2 * 2], scores[m][k * 2 + i / 2][i % 2 * 2 + 1]);
      multiply_tile (results, a, b);
    }
}

template <class S>
__device__ __forceinline__ void
attend (const Value *q, const Value *k, const Value *v, Value *y, const GessoAttentionShape &shape)
{
  GESSO_DYNAMIC_SHARED (Value, shared);
  Value *queries = shared, *keys = shared + S::QUERIES * S::PITCH, *values = keys + 2 * S::KEYS * S::PITCH;
  const int lane = (int) threadIdx.x & 31, warp_query = ((int) threadIdx.x >> 5) * 16 * S::SIXTEENS;
  const int first_query = shape.begin + (int) blockIdx.x * S::QUERIES;
  const int n_keys = visible_keys (shape, min (shape.end, first_query + S::QUERIES));
  const int n_tiles = (n_keys + S::KEYS - 1) / S::KEYS, row_pitch = shape.heads * shape.width;
  const Value *from_k = head_of_keys (k, shape), *from_v = head_of_keys (v, shape);
  uint32_t query[S::SIXTEENS][S::KI][4];
  float results[S::SIXTEENS][S::NI][4] = {};
  Running running[S::SIXTEENS];

  clear_padding<S> (shared, S::QUERIES + 4 * S::KEYS);
  fetch_rows<S::QUERIES, S::WIDTH, S::PITCH, S::THREADS> (queries, head_of_queries (q, shape), shape.q_pitch,
                                                          first_query, shape.end);
  fetch_rows<S::KEYS, S::WIDTH, S::PITCH, S::THREADS> (keys, from_k, shape.kv_pitch, 0, shape.keys);
  copy_commit ();
  fetch_rows<S::KEYS, S::WIDTH, S::PITCH, S::THREADS> (values, from_v, shape.kv_pitch, 0, shape.keys);
  copy_commit ();
  copy_wait<1> ();
  __syncthreads ();
#pragma unroll
  for (int m = 0; m < S::SIXTEENS; m++)
    {
      running[m] = { { -INFINITY, -INFINITY }, {} };
      load_matrices<S::KI> (query[m], queries + (warp_query + m * 16 + (lane & 15)) * S::PITCH + (lane >> 4) * 8, 16);
    }

  for (int tile = 0; tile < n_tiles; tile++)
    {
      const int buffer = tile & 1, next = (tile + 1) * S::KEYS;
      float scores[S::SIXTEENS][S::KEYS / 8][4] = {};

      // Buffers of the tile before were last read before the barrier that its values waited at, or this one's keys.
      if (next < n_keys)
        fetch_rows<S::KEYS, S::WIDTH, S::PITCH, S::THREADS> (keys + (buffer ^ 1) * S::KEYS * S::PITCH, from_k,
                                                             shape.kv_pitch, next, shape.keys);
      copy_commit ();
      copy_wait<2> ();
      __syncthreads ();
      make_scores<S> (keys + buffer * S::KEYS * S::PITCH, query, scores);
      if (next < n_keys)
        fetch_rows<S::KEYS, S::WIDTH, S::PITCH, S::THREADS> (values + (buffer ^ 1) * S::KEYS * S::PITCH, from_v,
                                                             shape.kv_pitch, next, shape.keys);
      copy_commit ();
      if (next <= shape.keys && (!shape.causal || next <= first_query + 1))
        soften<S, true> (scores, results, running, shape, first_query + warp_query, tile * S::KEYS);
      else
        soften<S, false> (scores, results, running, shape, first_query + warp_query, tile * S::KEYS);
      copy_wait<2> ();
      __syncthreads ();
      add_values<S> (values + buffer * S::KEYS * S::PITCH, scores, results);
    }
  copy_wait<0> ();

  // Out through the warp's own rows of the queries' buffer, which nobody else has read.
#pragma unroll
  for (int i = 0; i < 2 * S::SIXTEENS; i++)
    {
      const int m = i / 2, half = i % 2;
      const float factor = divide_fast (1.0f, lanes_sum<4> (running[m].sum[half]));
      Value *row = queries + (warp_query + (lane >> 2) + i * 8) * S::PITCH + (lane & 3) * 2;

#pragma unroll
      for (int j = 0; j < S::NI; j++)
        *(uint32_t *) (row + j * 8) = pack (results[m][j][half * 2] * factor, results[m][j][half * 2 + 1] * factor);
    }
  __syncwarp ();
  y = head_of_result (y, shape);
#pragma unroll
  for (int i = lane; i < 16 * S::SIXTEENS * S::NI; i += 32)
    {
      const int row = warp_query + i / S::NI, chunk = i % S::NI;

      if (first_query + row < shape.end)
        *(Vector *) (y + (size_t) (first_query + row) * row_pitch + chunk * 8)
            = *(const Vector *) (queries + row * S::PITCH + chunk * 8);
    }
}

} // namespace

// Twice the queries a block read keys and values half as often from the cache, and twice the queries a warp from shared
// memory, at twice the registers. Blocks of 64 are for pictures with few queries.
#define ATTENTION(name, width, warps, sixteens, keys, blocks)                                                          \
  extern "C" __global__ void __launch_bounds__ (32 * warps, blocks)                                                    \
      GESSO_NAME (name) (const Value *q, const Value *k, const Value *v, Value *y, GessoAttentionShape shape)          \
  {                                                                                                                    \
    attend<Shape<width, warps, sixteens, keys> > (q, k, v, y, shape);                                                  \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (name), 32 * warps)

ATTENTION (attention_40x64, 40, 4, 1, 64, 3);
ATTENTION (attention_40x128, 40, 8, 1, 64, 2);
ATTENTION (attention_40x128_by_32, 40, 4, 2, 64, 2);
ATTENTION (attention_64x64, 64, 4, 1, 64, 3);
ATTENTION (attention_64x128, 64, 8, 1, 64, 2);
ATTENTION (attention_64x128_by_32, 64, 4, 2, 64, 2);
ATTENTION (attention_80x64, 80, 4, 1, 64, 3);
ATTENTION (attention_80x128, 80, 8, 1, 64, 1);
ATTENTION (attention_80x128_by_32, 80, 4, 2, 64, 2);
ATTENTION (attention_160x64, 160, 4, 1, 32, 2);
