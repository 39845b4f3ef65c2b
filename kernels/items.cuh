// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// How a kernel goes through the items that gesso_launch_items () launches it for.

#pragma once

#include "device.cuh"

namespace
{

constexpr int THREADS = 256;

__device__ __forceinline__ size_t
first_item ()
{
  return (size_t) blockIdx.x * THREADS + threadIdx.x;
}

__device__ __forceinline__ size_t
items_a_grid ()
{
  return (size_t) gridDim.x * THREADS;
}

} // namespace
