// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Linear layers with the products that every card has, and what makes the result of any product whose k was cut into
// parts.

#include "linear.cuh"

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
