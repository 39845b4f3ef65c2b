// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// From a product's sums to its result: bias, activation or gate, residual, and out to memory. The sums go through
// shared memory first, where the ring was: then every thread has neighbouring columns, global memory is read and
// written 16 bytes a thread, and what is done to a value stands in the program once and not for each register.

#pragma once

#include "activation.cuh"
#include "matmul.cuh"

namespace
{

struct Epilogue
{
  const float *bias;     // [sum_columns] or NULL
  const Value *residual; // like the result, or NULL
  Value *result;
  float *scratch;
};

// A block's member, and its part of k.
struct Share
{
  int member, part;

  __device__ __forceinline__ Share (const GessoProductShape &shape)
      : member ((int) blockIdx.z / shape.parts), part ((int) blockIdx.z - member * shape.parts)
  {
  }
};

__device__ __forceinline__ const Value *
weight_of (const GessoProductMember &member)
{
  return pointer_to<const Value> (member.weight);
}

__device__ __forceinline__ Epilogue
epilogue_of (const GessoProductMember &member, float *scratch)
{
  return { pointer_to<const float> (member.bias), pointer_to<const Value> (member.residual),
           pointer_to<Value> (member.result), scratch };
}

// Of the staged sums: 8 more than a row, so that the rows of a product fall on different banks.
template <class T> constexpr int STAGED_PITCH = T::N + 8;

// Rows that fit where the ring was: all of the tile's, or those of one half of its warps.
template <class T> constexpr int STAGED_ROWS = T::M * STAGED_PITCH<T> * 4 <= T::BYTES ? T::M : T::M / 2;

template <class T>
__device__ __forceinline__ void
stage_sums (const float (&sums)[T::MI][T::NI][4], float *staged, int first)
{
  const int lane = (int) threadIdx.x & 31, row = (lane >> 2) - first;
  const int column = T::warp_column () + (lane & 3) * 2;

  static_assert (STAGED_ROWS<T> == T::M || STAGED_ROWS<T> % (T::MI * 16) == 0);
  static_assert (STAGED_ROWS<T> * STAGED_PITCH<T> * 4 <= T::BYTES);
  if (T::fragment_row (0) < first || T::fragment_row (0) >= first + STAGED_ROWS<T>)
    return;
#pragma unroll
  for (int i = 0; i < T::MI; i++)
#pragma unroll
    for (int half = 0; half < 2; half++)
#pragma unroll
      for (int j = 0; j < T::NI; j++)
        *(float2 *) (staged + (row + T::fragment_row (i) + half * 8) * STAGED_PITCH<T> + column + j * 8)
            = make_float2 (sums[i][j][half * 2], sums[i][j][half * 2 + 1]);
}

// Column `column` of the result from its sum, and with GEGLU its gate's; `sum_column`: of the sum.
template <bool GEGLU>
__device__ __forceinline__ float
finish_value (const Epilogue &out, const GessoProductShape &shape, int sum_column, float sum, float gate)
{
  float value = out.bias ? sum + out.bias[sum_column] : sum;

  if (GEGLU)
    value *= gelu (out.bias ? gate + out.bias[sum_column + 8] : gate);
  return activate (shape.activation, value);
}

// Rows of whole vectors.
template <class T, bool GEGLU>
__device__ __forceinline__ void
store_vectors (const float *staged, const Epilogue &out, const GessoProductShape &shape, int first_row,
               int first_column)
{
  constexpr int SHARE = GEGLU ? 2 : 1, CHUNKS = T::N / SHARE / 8;

#pragma unroll 1
  for (int i = (int) threadIdx.x; i < STAGED_ROWS<T> * CHUNKS; i += T::THREADS)
    {
      const int row = first_row + i / CHUNKS, column = first_column / SHARE + i % CHUNKS * 8;
      const float *from = staged + i / CHUNKS * STAGED_PITCH<T> + i % CHUNKS * 8 * SHARE;
      const size_t place = (size_t) row * shape.columns + column;
      Vector residual, result;

      if (row >= shape.end || column >= shape.columns)
        continue;
      if (out.residual)
        residual = *(const Vector *) (out.residual + place);
#pragma unroll
      for (int j = 0; j < 8; j++)
        {
          float value = finish_value<GEGLU> (out, shape, column * SHARE + j, from[j], GEGLU ? from[j + 8] : 0.0f);

          if (out.residual)
            value += to_float (residual.value[j]);
          result.value[j] = from_float<Value> (value);
        }
      *(Vector *) (out.result + place) = result;
    }
}

// Rows of any width, value by value.
template <class T, bool GEGLU>
__device__ __forceinline__ void
store_values (const float *staged, const Epilogue &out, const GessoProductShape &shape, int first_row, int first_column)
{
  constexpr int SHARE = GEGLU ? 2 : 1, WIDTH = T::N / SHARE;

#pragma unroll 1
  for (int i = (int) threadIdx.x; i < STAGED_ROWS<T> * WIDTH; i += T::THREADS)
    {
      const int row = first_row + i / WIDTH, local = i % WIDTH, column = first_column / SHARE + local;
      const int local_sum = GEGLU ? (local >> 3) * 16 + (local & 7) : local;
      const float *from = staged + i / WIDTH * STAGED_PITCH<T> + local_sum;
      const size_t place = (size_t) row * shape.columns + column;
      float value;

      if (row >= shape.end || column >= shape.columns)
        continue;
      value = finish_value<GEGLU> (out, shape, first_column + local_sum, from[0], GEGLU ? from[8] : 0.0f);
      out.result[place] = from_float<Value> (out.residual ? value + to_float (out.residual[place]) : value);
    }
}

// Sums as they are, to this member's and part's place in the scratch.
template <class T>
__device__ __forceinline__ void
keep_sums (const float *staged, const Epilogue &out, const GessoProductShape &shape, int first_row, int first_column)
{
  float *part = out.scratch + (size_t) blockIdx.z * (shape.end - shape.begin) * shape.sum_columns;

#pragma unroll 4
  for (int i = (int) threadIdx.x; i < STAGED_ROWS<T> * T::N; i += T::THREADS)
    {
      const int row = first_row + i / T::N, column = first_column + i % T::N;

      if (row < shape.end && column < shape.sum_columns)
        part[(size_t) (row - shape.begin) * shape.sum_columns + column] = staged[i / T::N * STAGED_PITCH<T> + i % T::N];
    }
}

// `shared`: the ring, which no copy is under way to any more.
template <class T, bool GEGLU>
__device__ __forceinline__ void
store_product (const float (&sums)[T::MI][T::NI][4], const Epilogue &out, const GessoProductShape &shape, int first_row,
               int first_column, Value *shared)
{
  float *staged = (float *) shared;

#pragma unroll
  for (int first = 0; first < T::M; first += STAGED_ROWS<T>)
    {
      __syncthreads (); // nobody reads what lay here before
      stage_sums<T> (sums, staged, first);
      __syncthreads ();
      if (shape.parts > 1)
        keep_sums<T> (staged, out, shape, first_row + first, first_column);
      else if (shape.columns % 8 == 0)
        store_vectors<T, GEGLU> (staged, out, shape, first_row + first, first_column);
      else
        store_values<T, GEGLU> (staged, out, shape, first_row + first, first_column);
    }
}

} // namespace
