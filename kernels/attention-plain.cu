// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Attention with heads of any width: a warp for each query, a lane for each of 32 keys, then for each column. Wide
// heads are cut into slices of GESSO_PLAIN_COLUMNS columns, and each slice's block makes the scores for itself.
//
//   grid (tiles of queries times slices, heads, pictures)

#include "attention.cuh"

namespace
{

constexpr int WARPS = 4;

}

// Dynamic shared memory: for each warp a slice's columns, floats.
extern "C" __global__ void __launch_bounds__ (32 * WARPS, 8)
    GESSO_NAME (attention_plain) (const Value *q, const Value *k, const Value *v, Value *y, GessoAttentionShape shape)
{
  GESSO_DYNAMIC_SHARED (float, shared);
  const int lane = (int) threadIdx.x & 31, warp = (int) threadIdx.x >> 5;
  const int slices = (shape.width + GESSO_PLAIN_COLUMNS - 1) / GESSO_PLAIN_COLUMNS;
  const int tile = (int) blockIdx.x / slices, first_column = (int) blockIdx.x % slices * GESSO_PLAIN_COLUMNS;
  const int columns = min (shape.width - first_column, GESSO_PLAIN_COLUMNS);
  const int index = shape.begin + tile * WARPS + warp, last = min (index, shape.end - 1);
  const int n_keys = visible_keys (shape, last + 1);
  float *result = shared + warp * columns;
  // A warp without a query does the last one's work again and keeps it to itself.
  const Value *query = head_of_queries (q, shape) + (size_t) last * shape.q_pitch;
  const Value *from_k = head_of_keys (k, shape), *from_v = head_of_keys (v, shape) + first_column;
  float maximum = -INFINITY, sum = 0.0f;

  for (int i = lane; i < columns; i += 32)
    result[i] = 0.0f;
  for (int first = 0; first < n_keys; first += 32)
    {
      float score = -INFINITY, highest, factor;

      if (first + lane < n_keys)
        {
          const Value *key = from_k + (size_t) (first + lane) * shape.kv_pitch;

          score = 0.0f;
          for (int i = 0; i < shape.width; i++)
            score += to_float (query[i]) * to_float (key[i]);
          score *= shape.scale;
        }
      highest = fmaxf (maximum, lanes_max (score));
      factor = exp2_fast (maximum - highest);
      maximum = highest;
      score = exp2_fast (score - highest);
      sum = sum * factor + lanes_sum (score);
      for (int i = lane; i < (columns + 31) / 32 * 32; i += 32)
        {
          const bool inside = i < columns;
          float total = inside ? result[i] * factor : 0.0f;

          for (int j = 0; j < min (32, n_keys - first); j++)
            {
              const float share = __shfl_sync (~0u, score, j);

              if (inside)
                total += share * to_float (from_v[(size_t) (first + j) * shape.kv_pitch + i]);
            }
          if (inside)
            result[i] = total;
        }
    }
  y = head_of_result (y, shape) + first_column;
  for (int i = lane; i < columns; i += 32)
    if (index < shape.end)
      y[(size_t) index * shape.heads * shape.width + i] = from_float<Value> (result[i] / sum);
}
GESSO_KERNEL (GESSO_NAME (attention_plain), 32 * WARPS);
