// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What moves values as they are, in units of 16, 2 or 1 bytes. (Compiled once: no type matters.)

#include "items.cuh"

namespace
{

template <class Unit>
__device__ __forceinline__ void
join_rows (const Unit *a, int a_units, const Unit *b, int b_units, Unit *y, size_t n)
{
  const size_t width = (size_t) a_units + b_units;

  for (size_t i = first_item (); i < n; i += items_a_grid ())
    {
      const size_t row = i / width, column = i - row * width;

      y[i] = column < (size_t) a_units ? a[row * a_units + column] : b[row * b_units + (column - a_units)];
    }
}

// x [..][height][width][units] -> y [..][out_height][out_width][units]: n units
template <class Unit>
__device__ __forceinline__ void
enlarge (const Unit *x, Unit *y, int height, int width, int out_height, int out_width, int units, size_t n)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    {
      const size_t pixel = i / units, line = pixel / out_width, picture = line / out_height;
      const int column = (int) (pixel - line * out_width), row = (int) (line - picture * out_height);
      const int from_row = (int) ((long long) row * height / out_height);
      const int from_column = (int) ((long long) column * width / out_width);

      y[i] = x[((picture * height + from_row) * width + from_column) * units + (i - pixel * units)];
    }
}

} // namespace

#define MOVES(bytes, Unit)                                                                                             \
  extern "C" __global__ void __launch_bounds__ (THREADS)                                                               \
      GESSO_NAME (concat_##bytes) (const Unit *a, int a_units, const Unit *b, int b_units, Unit *y, size_t n)          \
  {                                                                                                                    \
    join_rows (a, a_units, b, b_units, y, n);                                                                          \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (concat_##bytes), THREADS);                                                                 \
  extern "C" __global__ void __launch_bounds__ (THREADS) GESSO_NAME (upsample_##bytes) (                               \
      const Unit *x, Unit *y, int height, int width, int out_height, int out_width, int units, size_t n)               \
  {                                                                                                                    \
    enlarge (x, y, height, width, out_height, out_width, units, n);                                                    \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (upsample_##bytes), THREADS)

MOVES (16, uint4);
MOVES (2, uint16_t);
MOVES (1, uint8_t);
