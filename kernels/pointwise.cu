// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What is computed value by value. Each thread takes one value, or one vector of 16 bytes, and then the next a whole
// grid further.

#include "activation.cuh"
#include "items.cuh"

// n vectors
extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (activation_vectors) (const Vector *x, Vector *y, size_t n, int activation)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    {
      Vector vector = x[i];

#pragma unroll
      for (int j = 0; j < LANES; j++)
        vector.value[j] = from_float<Value> (activate (activation, to_float (vector.value[j])));
      y[i] = vector;
    }
}
GESSO_KERNEL (GESSO_NAME (activation_vectors), THREADS);

extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (activation_values) (const Value *x, Value *y, size_t n, int activation)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    y[i] = from_float<Value> (activate (activation, to_float (x[i])));
}
GESSO_KERNEL (GESSO_NAME (activation_values), THREADS);

// x [n / channels][2 channels]
extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (geglu_values) (const Value *x, Value *y, size_t n, int channels)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    {
      const Value *from = x + i / (size_t) channels * 2 * channels + i % (size_t) channels;

      y[i] = from_float<Value> (to_float (from[0]) * gelu (to_float (from[channels])));
    }
}
GESSO_KERNEL (GESSO_NAME (geglu_values), THREADS);

extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (add_vectors) (const Vector *x, const Vector *other, Vector *y, size_t n)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    {
      const Vector more = other[i];
      Vector vector = x[i];

#pragma unroll
      for (int j = 0; j < LANES; j++)
        vector.value[j] = from_float<Value> (to_float (vector.value[j]) + to_float (more.value[j]));
      y[i] = vector;
    }
}
GESSO_KERNEL (GESSO_NAME (add_vectors), THREADS);

extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (add_values) (const Value *x, const Value *other, Value *y, size_t n)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    y[i] = from_float<Value> (to_float (x[i]) + to_float (other[i]));
}
GESSO_KERNEL (GESSO_NAME (add_values), THREADS);

// other [length], for each row
extern "C" __global__ void
__launch_bounds__ (THREADS)
    GESSO_NAME (add_to_rows) (const Value *x, const float *other, Value *y, size_t n, int length)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    y[i] = from_float<Value> (to_float (x[i]) + other[i % (size_t) length]);
}
GESSO_KERNEL (GESSO_NAME (add_to_rows), THREADS);

extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (cast_to_f32) (const Value *x, float *y, size_t n)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    y[i] = to_float (x[i]);
}
GESSO_KERNEL (GESSO_NAME (cast_to_f32), THREADS);

extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (cast_from_f32) (const float *x, Value *y, size_t n)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    y[i] = from_float<Value> (x[i]);
}
GESSO_KERNEL (GESSO_NAME (cast_from_f32), THREADS);

// Guidance and the scheduler's update: a term whose coefficient is 0 is not read. All is read before anything is
// written, so that what a thread waits for is under way at once.
extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (combine) (const GessoCombineChain chain, size_t n)
{
  for (size_t i = first_item (); i < n; i += items_a_grid ())
    {
      float factors[GESSO_COMBINE_STAGES][GESSO_COMBINE_TERMS] = {};
      float terms[GESSO_COMBINE_STAGES][GESSO_COMBINE_TERMS] = {};
      float results[GESSO_COMBINE_STAGES] = {};

#pragma unroll
      for (int s = 0; s < GESSO_COMBINE_STAGES; s++)
#pragma unroll
        for (int j = 0; j < GESSO_COMBINE_TERMS; j++)
          if (j < chain.stages[s].n_terms)
            factors[s][j] = pointer_to<const float> (chain.stages[s].coefficients)[j];
#pragma unroll
      for (int s = 0; s < GESSO_COMBINE_STAGES; s++)
        if (chain.stages[s].n_terms)
#pragma unroll
          for (int j = 0; j < GESSO_COMBINE_TERMS; j++)
            if (factors[s][j] != 0.0f && chain.stages[s].stages[j] < 0)
              terms[s][j] = to_float (pointer_to<const Value> (chain.stages[s].terms[j])[i]);
#pragma unroll
      for (int s = 0; s < GESSO_COMBINE_STAGES; s++)
        if (chain.stages[s].n_terms)
          {
            float sum = 0.0f;

#pragma unroll
            for (int j = 0; j < GESSO_COMBINE_TERMS; j++)
              {
                float term = terms[s][j];

#pragma unroll
                for (int before = 0; before < GESSO_COMBINE_STAGES; before++)
                  if (before < s && chain.stages[s].stages[j] == before)
                    term = results[before];
                if (factors[s][j] != 0.0f)
                  sum += factors[s][j] * term;
              }
            pointer_to<Value> (chain.stages[s].result)[i] = from_float<Value> (sum);
            results[s] = to_float (from_float<Value> (sum));
          }
    }
}
GESSO_KERNEL (GESSO_NAME (combine), THREADS);
