// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "device.cuh"
#include "parameters.h"

namespace
{

__device__ __forceinline__ float
sigmoid (float x)
{
  return divide_fast (1.0f, 1.0f + exp2_fast (-1.44269504f * x));
}

__device__ __forceinline__ float
gelu (float x)
{
  return 0.5f * x * (1.0f + erff (x * 0.70710678118654752f));
}

__device__ __forceinline__ float
activate (int activation, float x)
{
  if (activation == GESSO_KERNEL_ACTIVATION_SILU)
    return x * sigmoid (x);
  if (activation == GESSO_KERNEL_ACTIVATION_GELU)
    return gelu (x);
  if (activation == GESSO_KERNEL_ACTIVATION_QUICK_GELU)
    return x * sigmoid (1.702f * x);
  return x;
}

} // namespace
