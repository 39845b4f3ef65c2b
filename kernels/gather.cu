// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Convolutions and linear layers (1 x 1 pixels) whose input has any number of channels: the same product with an
// input gathered value by value. Rows of the weights are padded with zeros to a multiple of 8.

#include "linear.cuh"

namespace
{

template <class T> struct GatheredRows
{
  static constexpr int COUNT = T::A_FETCHES;
  const Value *input;
  const GessoConvShape &shape;
  int picture[COUNT], y[COUNT], x[COUNT]; // of tap (0, 0); picture -1: none

  __device__ __forceinline__ GatheredRows (const Value *values, const GessoConvShape &conv, int first, int end)
      : input (values), shape (conv)
  {
    const int area = conv.out_height * conv.out_width;

#pragma unroll
    for (int i = 0; i < COUNT; i++)
      {
        const int m = first + T::fetched_row () + i * T::FETCH_STEP, rest = m % area;

        picture[i] = m < end ? m / area : -1;
        y[i] = rest / conv.out_width * conv.stride - conv.pad_top;
        x[i] = rest % conv.out_width * conv.stride - conv.pad_left;
      }
  }

  __device__ __forceinline__ Value value (int i, int tap, int channel) const
  {
    const int tap_y = tap / shape.kernel_width;
    const int at_y = y[i] + tap_y, at_x = x[i] + tap - tap_y * shape.kernel_width;

    if (picture[i] < 0 || tap_y >= shape.kernel_height || at_y < 0 || at_y >= shape.virtual_height || at_x < 0
        || at_x >= shape.virtual_width)
      return from_float<Value> (0.0f);
    return input[(((size_t) picture[i] * shape.height + at_y * shape.height / shape.virtual_height) * shape.width
                  + at_x * shape.width / shape.virtual_width)
                     * shape.channels
                 + channel];
  }

  __device__ __forceinline__ void fetch (Value *stage, int k, bool) const
  {
    const int chunk = T::fetched_chunk ();

#pragma unroll
    for (int i = 0; i < COUNT; i++)
      {
        int tap = (k + chunk * 8) / shape.channels, channel = k + chunk * 8 - tap * shape.channels;
        Vector vector;

#pragma unroll
        for (int j = 0; j < 8; j++)
          {
            vector.value[j] = value (i, tap, channel);
            if (++channel == shape.channels)
              {
                channel = 0;
                tap++;
              }
          }
        *(Vector *) (stage + T::place (T::fetched_row () + i * T::FETCH_STEP, chunk)) = vector;
      }
  }
};

template <class T, bool GEGLU>
__device__ __forceinline__ void
gather (const Value *input, const GessoProductMembers &members, float *scratch, const GessoConvShape &conv,
        const GessoProductShape &shape)
{
  GESSO_DYNAMIC_SHARED (Value, ring);
  const int first_row = shape.begin + (int) blockIdx.x * T::M;
  const int width = (conv.kernel_height * conv.kernel_width * conv.channels + 7) / 8 * 8;
  const GatheredRows<T> a (input, conv, first_row, shape.end);

  product<T, GEGLU> (a, members, scratch, width, shape, first_row, ring);
}

} // namespace

#define GATHER(name, geglu)                                                                                            \
  extern "C" __global__ void __launch_bounds__ (128, 3)                                                                \
      GESSO_NAME (name) (const Value *input, const __grid_constant__ GessoProductMembers members, float *scratch,      \
                         GessoConvShape conv, GessoProductShape shape)                                                 \
  {                                                                                                                    \
    gather<Tile64x64, geglu> (input, members, scratch, conv, shape);                                                   \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (name), 128)

typedef Tile<64, 64, 2, 2> Tile64x64;

GATHER (gather_64x64, false);
GATHER (gather_geglu_64x64, true);
