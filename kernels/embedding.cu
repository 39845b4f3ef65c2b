// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Rows of a table by their numbers, plus the row of their position.

#include "device.cuh"

namespace
{

constexpr int THREADS = 256;

}

// grid (rows); ids [rows], of texts of `length`. The host has checked the ids; a wrong one must still read no memory
// that is not the table's.
extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (embedding) (const int *ids, const Value *table, const Value *positions,
                                                    Value *y, int length, int channels, int vocabulary)
{
  const int row = (int) blockIdx.x, id = min (max (ids[row], 0), vocabulary - 1);
  const Value *from = table + (size_t) id * channels, *position = positions + (size_t) (row % length) * channels;

  for (int i = (int) threadIdx.x; i < channels; i += THREADS)
    y[(size_t) row * channels + i] = from_float<Value> (to_float (from[i]) + to_float (position[i]));
}
GESSO_KERNEL (GESSO_NAME (embedding), THREADS);
