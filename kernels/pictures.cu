// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What people see, a picture or a preview: 8-bit pixels of values; and whether these are numbers.

#include "items.cuh"

namespace
{

// 0..1 to 0..255; no number becomes 0.
__device__ __forceinline__ uint8_t
to_byte (float value)
{
  return value > 0.0f ? (uint8_t) rintf (fminf (value, 1.0f) * 255.0f) : 0;
}

} // namespace

// x [n][channels] to y [n][3]; colours [3][channels + 1]: factors, then an offset
extern "C" __global__ void
__launch_bounds__ (THREADS)
    GESSO_NAME (pixels) (const Value *x, const float *colours, uint8_t *y, size_t n, int channels)
{
  for (size_t i = first_item (); i < n * 3; i += items_a_grid ())
    {
      const size_t pixel = i / 3;
      const float *row = colours + (i - pixel * 3) * (channels + 1);
      float sum = row[channels];

      for (int j = 0; j < channels; j++)
        sum += row[j] * to_float (x[pixel * channels + j]);
      y[i] = to_byte (sum);
    }
}
GESSO_KERNEL (GESSO_NAME (pixels), THREADS);

// `finite` is 1 before, and becomes 0 where a value is no finite number: whoever writes writes the same.
extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (is_finite) (const Value *x, int *finite, size_t n)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    if (!(fabsf (to_float (x[i])) < INFINITY))
      *finite = 0;
}
GESSO_KERNEL (GESSO_NAME (is_finite), THREADS);
