// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Convolutions as a product: rows are the output's pixels, columns its channels, and k runs over the kernel's taps and
// the input's channels (a multiple of 8; gather.cu does the others). Pixels are fetched from where the tap falls, so
// no enlarged, padded or unfolded input is ever stored.
//
//   grid (tiles of rows, tiles of columns, parts of the one member); parameters.h says what the rest is

#pragma once

#include "epilogue.cuh"

namespace
{

// The input's pixels as an operand: like MatrixRows, with a pixel found anew whenever the tap changes.
template <class T> struct PixelRows
{
  static constexpr int COUNT = T::A_FETCHES;
  const GessoConvShape &shape;
  const Value *picture[COUNT], *pixel[COUNT];
  int y[COUNT], x[COUNT]; // of tap (0, 0)
  int tap_y, tap_x, channel;
  unsigned valid;

  __device__ __forceinline__ PixelRows (const Value *input, const GessoConvShape &conv, int first, int end, int stage)
      : shape (conv)
  {
    const int area = conv.out_height * conv.out_width, channel_tiles = (conv.channels + T::K - 1) / T::K;
    const int tap = stage / channel_tiles;

    tap_y = tap / conv.kernel_width;
    tap_x = tap % conv.kernel_width;
    channel = (stage - tap * channel_tiles) * T::K;
#pragma unroll
    for (int i = 0; i < COUNT; i++)
      {
        const int row = first + T::fetched_row () + i * T::FETCH_STEP;
        const int m = min (row, end - 1), number = m / area, rest = m - number * area;

        y[i] = row < end ? rest / conv.out_width * conv.stride - conv.pad_top : -(1 << 20); // every tap falls outside
        x[i] = rest % conv.out_width * conv.stride - conv.pad_left;
        picture[i] = input + (size_t) number * conv.height * conv.width * conv.channels + T::fetched_chunk () * 8;
      }
    enter_tap ();
  }

  __device__ __forceinline__ void enter_tap ()
  {
    valid = 0;
#pragma unroll
    for (int i = 0; i < COUNT; i++)
      {
        int from_y = y[i] + tap_y, from_x = x[i] + tap_x;
        const bool inside = from_y >= 0 && from_y < shape.virtual_height && from_x >= 0 && from_x < shape.virtual_width;

        if (shape.virtual_height != shape.height)
          from_y = from_y * shape.height / shape.virtual_height;
        if (shape.virtual_width != shape.width)
          from_x = from_x * shape.width / shape.virtual_width;
        pixel[i] = picture[i] + (inside ? ((size_t) from_y * shape.width + from_x) * shape.channels : 0);
        valid |= (unsigned) inside << i;
      }
  }

  // Of the weights, which have no gaps between taps.
  __device__ __forceinline__ int weight_offset () const
  {
    return (tap_y * shape.kernel_width + tap_x) * shape.channels + channel;
  }

  // Whether this thread's chunk has any channels.
  __device__ __forceinline__ bool chunk_inside () const
  {
    return channel + T::fetched_chunk () * 8 < shape.channels;
  }

  __device__ __forceinline__ void fetch (Value *stage)
  {
    const bool inside = chunk_inside ();

#pragma unroll
    for (int i = 0; i < COUNT; i++)
      copy_async (stage + T::place (T::fetched_row () + i * T::FETCH_STEP, T::fetched_chunk ()), pixel[i] + channel,
                  inside && (valid >> i & 1));
  }

  __device__ __forceinline__ void advance ()
  {
    channel += T::K;
    if (channel < shape.channels)
      return;
    channel = 0;
    if (++tap_x == shape.kernel_width)
      {
        tap_x = 0;
        tap_y++;
      }
    enter_tap ();
  }
};

template <class T>
__device__ __forceinline__ void
convolve (const Value *input, const GessoProductMember &out, float *scratch, const GessoConvShape &conv,
          const GessoProductShape &shape)
{
  GESSO_DYNAMIC_SHARED (Value, ring);
  const int first_row = shape.begin + (int) blockIdx.x * T::M, first_column = (int) blockIdx.y * T::N;
  const int taps = conv.kernel_height * conv.kernel_width;
  const int all_tiles = taps * ((conv.channels + T::K - 1) / T::K);
  const int begin = (int) blockIdx.z * shape.k_tiles, n = min (shape.k_tiles, all_tiles - begin);
  PixelRows<T> a (input, conv, first_row, shape.end, begin);
  MatrixRows<T, T::B_FETCHES> b (weight_of (out), taps * conv.channels, first_column, shape.sum_columns);
  float sums[T::MI][T::NI][4];

  auto fetch = [&] (Value *a_stage, Value *b_stage) {
    a.fetch (a_stage);
    b.fetch (b_stage, a.weight_offset (), a.chunk_inside ());
    a.advance ();
  };
  T::clear (sums);
  T::multiply (ring, n, fetch, sums);
  store_product<T, false> (sums, epilogue_of (out, scratch), shape, first_row, first_column, ring);
}

} // namespace

#define CONV2D(name, tile, threads, blocks)                                                                            \
  extern "C" __global__ void __launch_bounds__ (threads, blocks)                                                       \
      GESSO_NAME (name) (const Value *input, const __grid_constant__ GessoProductMembers members, float *scratch,      \
                         GessoConvShape conv, GessoProductShape shape)                                                 \
  {                                                                                                                    \
    convolve<tile> (input, members.member[0], scratch, conv, shape);                                                   \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (name), threads)
