// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Group norm in two launches: sums of slabs of rows, read as they lie in memory; then every block of the second adds
// the slabs' sums up, always in the same order, and applies them. Of more channels than shared memory has room for, in
// three: a warp sums a group, statistics are made of that, and each value finds its own. Layer norm by a warp for each
// row.
//
// Sums are of differences from the group's first value in the picture, so that a large mean costs no digits.

#include "activation.cuh"

namespace
{

constexpr int THREADS = 256, WARPS = THREADS / 32;

template <bool VECTORS> struct Access
{
  static constexpr int N = VECTORS ? LANES : 1;

  static __device__ __forceinline__ void read (const Value *from, float (&values)[N])
  {
    if constexpr (VECTORS)
      {
        const Vector vector = *(const Vector *) from;

#pragma unroll
        for (int i = 0; i < N; i++)
          values[i] = to_float (vector.value[i]);
      }
    else
      values[0] = to_float (*from);
  }

  static __device__ __forceinline__ void write (Value *to, const float (&values)[N])
  {
    if constexpr (VECTORS)
      {
        Vector vector;

#pragma unroll
        for (int i = 0; i < N; i++)
          vector.value[i] = from_float<Value> (values[i]);
        *(Vector *) to = vector;
      }
    else
      *to = from_float<Value> (values[0]);
  }
};

// What a warp's lanes have of a group of this block's slab to scratch [picture][slab][group][3]: sums of differences
// and of their squares, and the value that they differ from: the result may lie where x does, and then that value is
// soon another.
__device__ __forceinline__ void
write_sums (float *scratch, const GessoGroupNormShape &shape, int group, float sum, float squares, float origin)
{
  float *to = scratch + (((size_t) blockIdx.y * gridDim.x + blockIdx.x) * shape.groups + group) * 3;

  sum = lanes_sum (sum);
  squares = lanes_sum (squares);
  if ((threadIdx.x & 31) == 0)
    {
      to[0] = sum;
      to[1] = squares;
      to[2] = origin;
    }
}

// grid (slabs, pictures). Dynamic shared memory: for each row that the block reads at a time, [channels][2] floats.
template <bool VECTORS>
__device__ __forceinline__ void
sum_slab (const Value *x, float *scratch, const GessoGroupNormShape &shape)
{
  GESSO_DYNAMIC_SHARED (float, partial);
  constexpr int N = Access<VECTORS>::N;
  const int chunks = shape.channels / N, at_once = max (1, THREADS / chunks), width = shape.channels / shape.groups;
  const int first = (int) blockIdx.x * shape.slab_rows, end = min (shape.rows, first + shape.slab_rows);
  const int row = chunks < THREADS ? (int) threadIdx.x / chunks : 0;
  const int warp = (int) threadIdx.x >> 5, lane = (int) threadIdx.x & 31;

  x += (size_t) blockIdx.y * shape.rows * shape.channels;
  for (int chunk = chunks < THREADS ? (int) threadIdx.x % chunks : (int) threadIdx.x; chunk < chunks; chunk += THREADS)
    {
      float origin[N], sum[N] = {}, squares[N] = {};

      if (row >= at_once)
        break;
#pragma unroll
      for (int i = 0; i < N; i++)
        origin[i] = to_float (x[(chunk * N + i) / width * width]);
      for (int at = first + row; at < end; at += at_once)
        {
          float values[N];

          Access<VECTORS>::read (x + (size_t) at * shape.channels + chunk * N, values);
#pragma unroll
          for (int i = 0; i < N; i++)
            {
              const float difference = values[i] - origin[i];

              sum[i] += difference;
              squares[i] += difference * difference;
            }
        }
#pragma unroll
      for (int i = 0; i < N; i++)
        {
          partial[(row * shape.channels + chunk * N + i) * 2] = sum[i];
          partial[(row * shape.channels + chunk * N + i) * 2 + 1] = squares[i];
        }
    }
  __syncthreads ();
  for (int group = warp; group < shape.groups; group += WARPS)
    {
      float sum = 0.0f, squares = 0.0f;

      for (int i = lane; i < at_once * width; i += 32)
        {
          const float *from = partial + (i / width * shape.channels + group * width + i % width) * 2;

          sum += from[0];
          squares += from[1];
        }
      write_sums (scratch, shape, group, sum, squares, to_float (x[group * width]));
    }
}

// Mean and 1 / sqrt (variance + eps) of a group of this picture, by a warp, since a block can begin only when all of
// its groups' slabs are summed. All lanes have the result.
__device__ __forceinline__ void
add_slabs (const float *scratch, const GessoGroupNormShape &shape, int picture, int group, float *mean, float *factor)
{
  const int width = shape.channels / shape.groups, lane = (int) threadIdx.x & 31;
  const float *from = scratch + ((size_t) picture * shape.slabs * shape.groups + group) * 3;
  const float share = 1.0f / ((float) shape.rows * (float) width);
  float sum = 0.0f, squares = 0.0f;

#pragma unroll 4
  for (int i = lane; i < shape.slabs; i += 32)
    {
      sum += from[(size_t) i * shape.groups * 3];
      squares += from[(size_t) i * shape.groups * 3 + 1];
    }
  sum = lanes_sum (sum) * share;
  squares = lanes_sum (squares) * share;
  *mean = from[2] + sum;
  *factor = reciprocal_root (fmaxf (squares - sum * sum, 0.0f) + shape.eps);
}

// grid (any, pictures). `from`: sums of slabs, or the statistics [picture][group][2] that were made of them. Dynamic
// shared memory: [channels][2] floats, what to multiply by and to add.
template <bool VECTORS, bool SUMS>
__device__ __forceinline__ void
apply (const Value *x, const float *from, const float *gamma, const float *beta, Value *y,
       const GessoGroupNormShape &shape)
{
  GESSO_DYNAMIC_SHARED (float, line);
  constexpr int N = Access<VECTORS>::N;
  const int width = shape.channels / shape.groups, picture = (int) blockIdx.y;
  const size_t first = (size_t) picture * shape.rows * shape.channels, n = (size_t) shape.rows * shape.channels;
  const size_t step = (size_t) gridDim.x * THREADS * N;
  const int warp = (int) threadIdx.x >> 5, lane = (int) threadIdx.x & 31;

  for (int group = warp; group < shape.groups; group += WARPS)
    {
      float mean, factor;

      if constexpr (SUMS)
        add_slabs (from, shape, picture, group, &mean, &factor);
      else
        {
          mean = from[((size_t) picture * shape.groups + group) * 2];
          factor = from[((size_t) picture * shape.groups + group) * 2 + 1];
        }
      for (int channel = group * width + lane; channel < (group + 1) * width; channel += 32)
        {
          const float scale = factor * gamma[channel];

          line[channel * 2] = scale;
          line[channel * 2 + 1] = beta[channel] - mean * scale;
        }
    }
  __syncthreads ();
  for (size_t i = ((size_t) blockIdx.x * THREADS + threadIdx.x) * N; i < n; i += step)
    {
      const int channel = (int) (i % (size_t) shape.channels);
      float values[N];

      Access<VECTORS>::read (x + first + i, values);
#pragma unroll
      for (int j = 0; j < N; j++)
        values[j] = activate (shape.activation, values[j] * line[(channel + j) * 2] + line[(channel + j) * 2 + 1]);
      Access<VECTORS>::write (y + first + i, values);
    }
}

// grid (rows / WARPS)
template <bool VECTORS>
__device__ __forceinline__ void
normalise_rows (const Value *x, const float *gamma, const float *beta, Value *y, int rows, int channels, float eps)
{
  constexpr int N = Access<VECTORS>::N;
  const int index = (int) blockIdx.x * WARPS + ((int) threadIdx.x >> 5), lane = (int) threadIdx.x & 31;
  const size_t first = (size_t) min (index, rows - 1) * channels;
  float sum = 0.0f, squares = 0.0f, mean, factor, values[N];

  for (int i = lane * N; i < channels; i += 32 * N)
    {
      Access<VECTORS>::read (x + first + i, values);
#pragma unroll
      for (int j = 0; j < N; j++)
        sum += values[j];
    }
  mean = lanes_sum (sum) / (float) channels;
  for (int i = lane * N; i < channels; i += 32 * N)
    {
      Access<VECTORS>::read (x + first + i, values);
#pragma unroll
      for (int j = 0; j < N; j++)
        squares += (values[j] - mean) * (values[j] - mean);
    }
  factor = reciprocal_root (lanes_sum (squares) / (float) channels + eps);
  for (int i = lane * N; i < channels && index < rows; i += 32 * N)
    {
      Access<VECTORS>::read (x + first + i, values);
#pragma unroll
      for (int j = 0; j < N; j++)
        values[j] = (values[j] - mean) * factor * gamma[i + j] + beta[i + j];
      Access<VECTORS>::write (y + first + i, values);
    }
}

} // namespace

#define GROUP_NORM(name, vectors)                                                                                      \
  extern "C" __global__ void __launch_bounds__ (THREADS, 3)                                                            \
      GESSO_NAME (group_sums##name) (const Value *x, float *scratch, GessoGroupNormShape shape)                        \
  {                                                                                                                    \
    sum_slab<vectors> (x, scratch, shape);                                                                             \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (group_sums##name), THREADS);                                                               \
  extern "C" __global__ void __launch_bounds__ (THREADS)                                                               \
      GESSO_NAME (group_apply##name) (const Value *x, const float *scratch, const float *gamma, const float *beta,     \
                                      Value *y, GessoGroupNormShape shape)                                             \
  {                                                                                                                    \
    apply<vectors, true> (x, scratch, gamma, beta, y, shape);                                                          \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (group_apply##name), THREADS);                                                              \
  extern "C" __global__ void __launch_bounds__ (THREADS)                                                               \
      GESSO_NAME (group_normalise##name) (const Value *x, const float *statistics, const float *gamma,                 \
                                          const float *beta, Value *y, GessoGroupNormShape shape)                      \
  {                                                                                                                    \
    apply<vectors, false> (x, statistics, gamma, beta, y, shape);                                                      \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (group_normalise##name), THREADS);                                                          \
  extern "C" __global__ void __launch_bounds__ (THREADS) GESSO_NAME (layer_norm##name) (                               \
      const Value *x, const float *gamma, const float *beta, Value *y, int rows, int channels, float eps)              \
  {                                                                                                                    \
    normalise_rows<vectors> (x, gamma, beta, y, rows, channels, eps);                                                  \
  }                                                                                                                    \
  GESSO_KERNEL (GESSO_NAME (layer_norm##name), THREADS)

GROUP_NORM (_vectors, true);
GROUP_NORM (_values, false);

// grid (pictures); statistics [picture][group][2]
extern "C" __global__ void
__launch_bounds__ (THREADS)
    GESSO_NAME (group_statistics) (const float *scratch, float *statistics, GessoGroupNormShape shape)
{
  const int picture = (int) blockIdx.x;

  for (int group = (int) threadIdx.x >> 5; group < shape.groups; group += WARPS)
    {
      float *to = statistics + ((size_t) picture * shape.groups + group) * 2;
      float mean, factor;

      add_slabs (scratch, shape, picture, group, &mean, &factor);
      if ((threadIdx.x & 31) == 0)
        {
          to[0] = mean;
          to[1] = factor;
        }
    }
}
GESSO_KERNEL (GESSO_NAME (group_statistics), THREADS);

// grid (slabs, pictures); scratch as above. No known network has it: few or narrow groups leave lanes idle.
extern "C" __global__ void
__launch_bounds__ (THREADS) GESSO_NAME (group_sums_plain) (const Value *x, float *scratch, GessoGroupNormShape shape)
{
  const int width = shape.channels / shape.groups, lane = (int) threadIdx.x & 31;
  const int first = (int) blockIdx.x * shape.slab_rows, end = min (shape.rows, first + shape.slab_rows);

  x += (size_t) blockIdx.y * shape.rows * shape.channels;
  for (int group = (int) threadIdx.x >> 5; group < shape.groups; group += WARPS)
    {
      const float origin = to_float (x[group * width]);
      float sum = 0.0f, squares = 0.0f;

      for (int row = first; row < end; row++)
        for (int i = lane; i < width; i += 32)
          {
            const float difference = to_float (x[(size_t) row * shape.channels + group * width + i]) - origin;

            sum += difference;
            squares += difference * difference;
          }
      write_sums (scratch, shape, group, sum, squares, origin);
    }
}
GESSO_KERNEL (GESSO_NAME (group_sums_plain), THREADS);

// grid (any, pictures); statistics [picture][group][2]
extern "C" __global__ void
__launch_bounds__ (THREADS)
    GESSO_NAME (group_normalise_plain) (const Value *x, const float *statistics, const float *gamma, const float *beta,
                                        Value *y, GessoGroupNormShape shape)
{
  const int width = shape.channels / shape.groups, picture = (int) blockIdx.y;
  const size_t n = (size_t) shape.rows * shape.channels, first = picture * n;

  for (size_t i = (size_t) blockIdx.x * THREADS + threadIdx.x; i < n; i += (size_t) gridDim.x * THREADS)
    {
      const int channel = (int) (i % (size_t) shape.channels);
      const float *pair = statistics + ((size_t) picture * shape.groups + channel / width) * 2;
      const float scale = pair[1] * gamma[channel];

      y[first + i] = from_float<Value> (
          activate (shape.activation, to_float (x[first + i]) * scale + (beta[channel] - pair[0] * scale)));
    }
}
GESSO_KERNEL (GESSO_NAME (group_normalise_plain), THREADS);
