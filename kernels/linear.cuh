// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Linear layers and 1x1 convolutions: [rows][k] times [columns][k]', k a multiple of 8 (gather.cu does the others).
//
//   grid (tiles of rows, tiles of columns, members * parts); parameters.h says what the rest is

#pragma once

#include "epilogue.cuh"

namespace
{

// The product of a block, whose rows of k `width` values `a` fetches: `a.fetch (stage, k, inside)`.
template <class T, bool GEGLU, class Rows>
__device__ __forceinline__ void
product (Rows &a, const GessoProductMembers &members, float *scratch, int width, const GessoProductShape &shape,
         int first_row, Value *ring)
{
  const int first_column = (int) blockIdx.y * T::N, all_tiles = (width + T::K - 1) / T::K;
  const Share share (shape);
  const int begin = share.part * shape.k_tiles, n = min (shape.k_tiles, all_tiles - begin);
  const int chunk = T::fetched_chunk () * 8;
  MatrixRows<T, T::B_FETCHES> b (weight_of (members.member[share.member]), width, first_column, shape.sum_columns);
  float sums[T::MI][T::NI][4];
  int k = begin * T::K;

  auto fetch = [&] (Value *a_stage, Value *b_stage) {
    a.fetch (a_stage, k, k + chunk < width);
    b.fetch (b_stage, k, k + chunk < width);
    k += T::K;
  };
  T::clear (sums);
  T::multiply (ring, n, fetch, sums);
  store_product<T, GEGLU> (sums, epilogue_of (members.member[share.member], scratch), shape, first_row, first_column,
                           ring);
}

template <class T, bool GEGLU>
__device__ __forceinline__ void
linear (const Value *input, const GessoProductMembers &members, float *scratch, int width,
        const GessoProductShape &shape)
{
  GESSO_DYNAMIC_SHARED (Value, ring);
  const int first_row = shape.begin + (int) blockIdx.x * T::M;
  MatrixRows<T, T::A_FETCHES> a (input, width, first_row, shape.end);

  product<T, GEGLU> (a, members, scratch, width, shape, first_row, ring);
}

} // namespace

#define LINEAR(name, tile, threads, blocks, geglu)                                                                     \
  extern "C" __global__ void __launch_bounds__ (threads, blocks)                                                       \
      GESSO_NAME (name) (const Value *input, const __grid_constant__ GessoProductMembers members, float *scratch,      \
                         int width, GessoProductShape shape)                                                           \
  {                                                                                                                    \
    linear<tile, geglu> (input, members, scratch, width, shape);                                                       \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (name), threads)
