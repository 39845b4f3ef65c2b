// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What warpgroup.cuh's functions mean, as layouts.cu does for device.cuh's.

#define GESSO_DYNAMIC_ALIGNMENT 1024

#include "warpgroup.cuh"

// a [64][64], b [160][64] (rows of k) -> c [64][160] = c + a b'
extern "C" __global__ void __launch_bounds__ (128) GESSO_NAME (layout_wg) (const Value *a, const Value *b, float *c)
{
  GESSO_DYNAMIC_SHARED (Value, shared);
  const int thread = (int) threadIdx.x, row = thread / 32 * 16 + thread % 32 / 4, column = thread % 4 * 2;
  Value *right = shared + 64 * SWIZZLED_K;
  float sums[1][20][4];

  for (int i = thread; i < 224 * 8; i += 128)
    copy_async (shared + WarpgroupTile<128, 160>::place (i / 8, i % 8),
                (i < 64 * 8 ? a + i * 8 : b + (i - 64 * 8) * 8));
  copy_commit ();
  copy_wait<0> ();
  warpgroup_publish ();
  __syncthreads ();
  for (int j = 0; j < 20; j++)
    for (int i = 0; i < 4; i++)
      sums[0][j][i] = c[(row + i / 2 * 8) * 160 + j * 8 + column + i % 2];
  warpgroup_begin ();
  for (int k = 0; k < SWIZZLED_K / 16; k++)
    warpgroup_multiply (sums[0], matrix_descriptor (shared) + k * 2, matrix_descriptor (right) + k * 2);
  warpgroup_commit ();
  warpgroup_wait<0> (sums);
  for (int j = 0; j < 20; j++)
    for (int i = 0; i < 4; i++)
      c[(row + i / 2 * 8) * 160 + j * 8 + column + i % 2] = sums[0][j][i];
}
GESSO_KERNEL (GESSO_NAME (layout_wg), 128);
