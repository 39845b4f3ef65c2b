// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What device.cuh's functions mean, each on its own: on a card this proves the reading of the PTX manual that both
// their bodies come from.

#include "device.cuh"

// in [16][16] -> out [lane][8]: four words of four matrices, then of their transposes
extern "C" __global__ void __launch_bounds__ (32) GESSO_NAME (layout_matrices) (const Value *in, uint32_t *out)
{
  GESSO_SHARED (Value, tile, 16 * 16);
  const int lane = (int) threadIdx.x;
  uint32_t plain[1][4], transposed[1][4];

  for (int i = lane; i < 256; i += 32)
    tile[i] = in[i];
  __syncwarp ();
  load_matrices (plain, tile + (lane & 15) * 16 + (lane >> 4) * 8, 0);
  load_matrices<1, true> (transposed, tile + (lane & 15) * 16 + (lane >> 4) * 8, 0);
  for (int i = 0; i < 4; i++)
    {
      out[lane * 8 + i] = plain[0][i];
      out[lane * 8 + 4 + i] = transposed[0][i];
    }
}
GESSO_KERNEL (GESSO_NAME (layout_matrices), 32);

// a [16][16], b [8][16] (rows of k) -> c [16][8] = c + a b'
extern "C" __global__ void __launch_bounds__ (32) GESSO_NAME (layout_product) (const Value *a, const Value *b, float *c)
{
  const int g = (int) threadIdx.x / 4, t = (int) threadIdx.x % 4 * 2;
  uint32_t left[1][4], right[1][2];
  float sums[1][1][4];

  for (int i = 0; i < 4; i++)
    {
      const Value *from = a + (g + (i & 1) * 8) * 16 + t + (i >> 1) * 8;

      left[0][i] = pack (to_float (from[0]), to_float (from[1]));
    }
  for (int i = 0; i < 2; i++)
    {
      const Value *from = b + g * 16 + t + i * 8;

      right[0][i] = pack (to_float (from[0]), to_float (from[1]));
    }
  for (int i = 0; i < 4; i++)
    sums[0][0][i] = c[(g + i / 2 * 8) * 8 + t + i % 2];
  multiply_tile (sums, left, right);
  for (int i = 0; i < 4; i++)
    c[(g + i / 2 * 8) * 8 + t + i % 2] = sums[0][0][i];
}
GESSO_KERNEL (GESSO_NAME (layout_product), 32);

// in [n][8] -> out [128][8]: vectors by asynchronous copies, zeros from n on; two groups waited for one by one
extern "C" __global__ void __launch_bounds__ (128) GESSO_NAME (layout_copies) (const Value *in, Value *out, int n)
{
  GESSO_SHARED (Value, ring, 2 * 128 * 8);
  const int thread = (int) threadIdx.x;

  copy_async (ring + thread * 8, in + (thread < n ? thread * 8 : 0), thread < n);
  copy_commit ();
  copy_async (ring + (128 + thread) * 8, in);
  copy_commit ();
  copy_wait<1> ();
  __syncthreads ();
  *(Vector *) (out + thread * 8) = *(const Vector *) (ring + (127 - thread) * 8);
  copy_wait<0> ();
}
GESSO_KERNEL (GESSO_NAME (layout_copies), 128);

// out [4][64]: sums and maxima over 32 and 4 lanes, 2 ^ x, and what a shuffle brings from lane 5
extern "C" __global__ void __launch_bounds__ (64) GESSO_NAME (layout_lanes) (const float *in, float *out)
{
  const float value = in[threadIdx.x];

  out[threadIdx.x] = lanes_sum (value);
  out[64 + threadIdx.x] = lanes_max<4> (value);
  out[128 + threadIdx.x] = exp2_fast (value);
  out[192 + threadIdx.x] = __shfl_sync (~0u, value, 5);
}
GESSO_KERNEL (GESSO_NAME (layout_lanes), 64);
