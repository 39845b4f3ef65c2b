// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Linear layers and 1x1 convolutions: [rows][k] times [columns][k]', k a multiple of 8 (gather.cu does the others).
// And what makes the result of any product whose k was cut into parts.
//
//   grid (tiles of rows, tiles of columns, members * parts); parameters.h says what the rest is

#include "epilogue.cuh"

namespace
{

template <class T, bool GEGLU>
__device__ __forceinline__ void
product (const Value *input, const GessoProductMembers &members, float *scratch, int width,
         const GessoProductShape &shape)
{
  GESSO_DYNAMIC_SHARED (Value, ring);
  const int first_row = shape.begin + (int) blockIdx.x * T::M, first_column = (int) blockIdx.y * T::N;
  const int all_tiles = (width + TILE_K - 1) / TILE_K;
  const Share share (shape);
  const int begin = share.part * shape.k_tiles, n = min (shape.k_tiles, all_tiles - begin);
  const int chunk = ((int) threadIdx.x & 3) * 8;
  MatrixRows<T::A_FETCHES, T::FETCH_STEP> a (input, width, first_row, shape.end);
  MatrixRows<T::B_FETCHES, T::FETCH_STEP> b (weight_of (members.member[share.member]), width, first_column,
                                             shape.sum_columns);
  float sums[T::MI][T::NI][4] = {};
  int k = begin * TILE_K;

  auto fetch = [&] (Value *a_stage, Value *b_stage) {
    a.fetch (a_stage, k, k + chunk < width);
    b.fetch (b_stage, k, k + chunk < width);
    k += TILE_K;
  };
  multiply<T> (ring, n, fetch, sums);
  store_product<T, GEGLU> (sums, epilogue_of (members.member[share.member], scratch), shape, first_row, first_column,
                           ring);
}

} // namespace

#define LINEAR(name, tile, threads, blocks, geglu)                                                                     \
  extern "C" __global__ void __launch_bounds__ (threads, blocks)                                                       \
      GESSO_NAME (name) (const Value *input, const __grid_constant__ GessoProductMembers members, float *scratch,      \
                         int width, GessoProductShape shape)                                                           \
  {                                                                                                                    \
    product<tile, geglu> (input, members, scratch, width, shape);                                                      \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (name), threads)

typedef Tile<128, 128, 2, 4> Tile128x128;
typedef Tile<128, 64, 4, 2> Tile128x64;
typedef Tile<64, 64, 2, 2> Tile64x64;

LINEAR (linear_128x128, Tile128x128, 256, 2, false);
LINEAR (linear_128x64, Tile128x64, 256, 2, false);
LINEAR (linear_64x64, Tile64x64, 128, 3, false);
LINEAR (geglu_128x128, Tile128x128, 256, 2, true);
LINEAR (geglu_64x64, Tile64x64, 128, 3, true);

// One value of a result a thread; parts are added in their order, so that a result is the same every time.
//
//   grid (blocks for a result, members)
extern "C" __global__ void __launch_bounds__ (256)
    GESSO_NAME (product_finish) (const float *scratch, const __grid_constant__ GessoProductMembers members, int geglu,
                                 GessoProductShape shape)
{
  const int member = (int) blockIdx.y;
  const GessoProductMember &out = members.member[member];
  const float *bias = pointer_to<const float> (out.bias);
  const Value *residual = pointer_to<const Value> (out.residual);
  Value *result = pointer_to<Value> (out.result);
  const size_t rows = (size_t) (shape.end - shape.begin), n = rows * shape.columns;
  const size_t part = rows * shape.sum_columns;

  for (size_t i = (size_t) blockIdx.x * 256 + threadIdx.x; i < n; i += (size_t) gridDim.x * 256)
    {
      const size_t row = i / shape.columns, place = (size_t) shape.begin * shape.columns + i;
      const int column = (int) (i - row * shape.columns);
      const int sum_column = geglu ? (column >> 3) * 16 + (column & 7) : column;
      const float *from = scratch + member * shape.parts * part + row * shape.sum_columns + sum_column;
      float value = bias ? bias[sum_column] : 0.0f, gate = 0.0f;

      for (int j = 0; j < shape.parts; j++)
        value += from[(size_t) j * part];
      if (geglu)
        {
          gate = bias ? bias[sum_column + 8] : 0.0f;
          for (int j = 0; j < shape.parts; j++)
            gate += from[(size_t) j * part + 8];
          value *= gelu (gate);
        }
      value = activate (shape.activation, value);
      result[place] = from_float<Value> (residual ? value + to_float (residual[place]) : value);
    }
}
GESSO_KERNEL (GESSO_NAME (product_finish), 256);
