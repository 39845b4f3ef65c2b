// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What people see: 8-bit pixels of the decoder's values, and a preview of latents. (F32 in; compiled once.)

#include "device.cuh"

namespace
{

constexpr int THREADS = 256;

// 0..1 to 0..255; no number becomes 0.
__device__ __forceinline__ uint8_t
to_byte (float value)
{
  return value > 0.0f ? (uint8_t) rintf (fminf (value, 1.0f) * 255.0f) : 0;
}

} // namespace

// x [n][channels], -1..1: three channels are colours, of any other number the first is grey. `not_finite` becomes 1
// where a value is no number; all threads write the same, and it is 0 before.
extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (pixels) (const float *x, uint8_t *y, int *not_finite, size_t n, int channels)
{
  for (size_t i = (size_t) blockIdx.x * THREADS + threadIdx.x; i < n * 3; i += (size_t) gridDim.x * THREADS)
    {
      const size_t pixel = i / 3;
      const float value = x[pixel * channels + (channels == 3 ? i - pixel * 3 : 0)];

      y[i] = to_byte (value / 2.0f + 0.5f);
      if (!(fabsf (value) < INFINITY))
        *not_finite = 1;
    }
}
GESSO_KERNEL (GESSO_NAME (pixels), THREADS);

// latents [n][channels]; colours [3][channels + 1]: factors, then an offset
extern "C" __global__ void
__launch_bounds__ (THREADS)
    GESSO_NAME (preview) (const float *latents, const float *colours, uint8_t *y, size_t n, int channels)
{
  for (size_t i = (size_t) blockIdx.x * THREADS + threadIdx.x; i < n * 3; i += (size_t) gridDim.x * THREADS)
    {
      const size_t pixel = i / 3;
      const float *row = colours + (i - pixel * 3) * (channels + 1);
      float sum = row[channels];

      for (int j = 0; j < channels; j++)
        sum += row[j] * latents[pixel * channels + j];
      y[i] = to_byte (sum);
    }
}
GESSO_KERNEL (GESSO_NAME (preview), THREADS);
