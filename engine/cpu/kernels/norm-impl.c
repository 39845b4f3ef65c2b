/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Normalisations on one thread. Compiled once for each instruction set (GESSO_ISA).
 */

#include "kernels.h"
#include "simd-math.h"

#include <math.h>

/* Rows whose mean and deviations are computed exactly, in registers, before they are merged. */
#define ROWS 8

/* `rows` <= ROWS rows merged into the running mean and sum of squares of `seen` rows (Chan's formula). Values are taken
 * as distances from the first row, and nowhere is a square of anything but a deviation from a mean: large values with
 * small deviations lose nothing. */
INLINE void
merge_rows (GessoDType dtype, const void *x, int rows, gint64 stride, gint64 c, gint64 seen, const float *first,
            float *mean, float *squares)
{
  vf part = vf_set (1.0f / rows);
  vf share = vf_set ((float) rows / (float) (seen + rows));
  vf weight = vf_set ((float) ((double) seen * rows / (double) (seen + rows)));

  for (gint64 i = 0; i < c; i += VL)
    {
      vf value[ROWS], sum = { 0 }, own = { 0 }, origin = load_n (GESSO_DTYPE_F32, first, i, c - i);
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++)
        {
          value[r] = load_n (dtype, x, r * stride + i, c - i) - origin;
          sum += value[r];
        }
      sum *= part;
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++)
        {
          vf deviation = value[r] - sum;
          own += deviation * deviation;
        }
      vf old = load_n (GESSO_DTYPE_F32, mean, i, c - i), delta = sum - old;
      store_n (GESSO_DTYPE_F32, mean, i, c - i, old + delta * share);
      store_n (GESSO_DTYPE_F32, squares, i, c - i,
               load_n (GESSO_DTYPE_F32, squares, i, c - i) + (own + delta * delta * weight));
    }
}

INLINE void
moments_as (GessoDType dtype, const void *x, gint64 rows, gint64 stride, gint64 c, float *first, float *mean,
            float *squares)
{
  gsize element = dtype == GESSO_DTYPE_F32 ? 4 : 2;
  gint64 row = 0;

  for (gint64 i = 0; i < c; i += VL)
    {
      store_n (GESSO_DTYPE_F32, first, i, c - i, load_n (dtype, x, i, c - i));
      store_n (GESSO_DTYPE_F32, mean, i, c - i, (vf) { 0 });
      store_n (GESSO_DTYPE_F32, squares, i, c - i, (vf) { 0 });
    }
  for (; row + ROWS <= rows; row += ROWS)
    merge_rows (dtype, (const char *) x + row * stride * element, ROWS, stride, c, row, first, mean, squares);
  for (; row < rows; row++)
    merge_rows (dtype, (const char *) x + row * stride * element, 1, stride, c, row, first, mean, squares);
}

static void
moments (GessoDType dtype, const void *x, gint64 rows, gint64 stride, gint64 c, float *first, float *mean,
         float *squares)
{
  if (dtype == GESSO_DTYPE_F32)
    moments_as (GESSO_DTYPE_F32, x, rows, stride, c, first, mean, squares);
  else
    moments_as (GESSO_DTYPE_BF16, x, rows, stride, c, first, mean, squares);
}

INLINE void
scale_shift_as (GessoDType dtype, const void *x, gint64 rows, gint64 c, const float *scale, const float *shift,
                GessoActivation activation, void *y)
{
  for (gint64 row = 0; row < rows; row++)
    {
      gint64 i = 0, at = row * c;
      for (; i + VL <= c; i += VL)
        store (dtype, y, at + i,
               vf_activate (activation, load (dtype, x, at + i) * vf_load (scale + i) + vf_load (shift + i)));
      if (i < c)
        {
          vf value = load_part (dtype, x, at + i, c - i) * load_part (GESSO_DTYPE_F32, scale, i, c - i)
                     + load_part (GESSO_DTYPE_F32, shift, i, c - i);
          store_part (dtype, y, at + i, c - i, vf_activate (activation, value));
        }
    }
}

#define ARGUMENTS(dtype, activation) (dtype, x, rows, c, scale, shift, activation, y)
static void
scale_shift (GessoDType dtype, const void *x, gint64 rows, gint64 c, const float *scale, const float *shift,
             GessoActivation activation, void *y)
{
  gboolean f32 = dtype == GESSO_DTYPE_F32;

  switch (activation)
    {
    case GESSO_ACTIVATION_NONE:
      f32 ? scale_shift_as ARGUMENTS (GESSO_DTYPE_F32, GESSO_ACTIVATION_NONE)
          : scale_shift_as ARGUMENTS (GESSO_DTYPE_BF16, GESSO_ACTIVATION_NONE);
      break;
    case GESSO_ACTIVATION_SILU:
      f32 ? scale_shift_as ARGUMENTS (GESSO_DTYPE_F32, GESSO_ACTIVATION_SILU)
          : scale_shift_as ARGUMENTS (GESSO_DTYPE_BF16, GESSO_ACTIVATION_SILU);
      break;
    case GESSO_ACTIVATION_GELU:
      f32 ? scale_shift_as ARGUMENTS (GESSO_DTYPE_F32, GESSO_ACTIVATION_GELU)
          : scale_shift_as ARGUMENTS (GESSO_DTYPE_BF16, GESSO_ACTIVATION_GELU);
      break;
    case GESSO_ACTIVATION_QUICK_GELU:
      f32 ? scale_shift_as ARGUMENTS (GESSO_DTYPE_F32, GESSO_ACTIVATION_QUICK_GELU)
          : scale_shift_as ARGUMENTS (GESSO_DTYPE_BF16, GESSO_ACTIVATION_QUICK_GELU);
      break;
    }
}

/* Sum of value - centre, or of its square, over a row. */
INLINE float
row_sum (GessoDType dtype, const void *x, gint64 at, gint64 c, float centre, gboolean squared)
{
  vf sum[4] = { { 0 } };
  gint64 i = 0;

  for (; i + 4 * VL <= c; i += 4 * VL)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
      {
        vf value = load (dtype, x, at + i + j * VL) - centre;
        sum[j] += squared ? value * value : value;
      }
  for (; i + VL <= c; i += VL)
    {
      vf value = load (dtype, x, at + i) - centre;
      sum[0] += squared ? value * value : value;
    }
  if (i < c)
    {
      vf value = vf_first (load_part (dtype, x, at + i, c - i) - centre, c - i);
      sum[1] += squared ? value * value : value;
    }
  return vf_sum ((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

INLINE void
layer_norm_as (GessoDType dtype, const void *x, gint64 rows, gint64 c, const float *gamma, const float *beta, float eps,
               void *y)
{
  for (gint64 row = 0; row < rows; row++)
    {
      gint64 i = 0, at = row * c;
      float mean = row_sum (dtype, x, at, c, 0.0f, FALSE) / c;
      /* Once more around the first result: exact to rounding also where the mean is large. */
      mean += row_sum (dtype, x, at, c, mean, FALSE) / c;
      float rstd = 1.0f / sqrtf (row_sum (dtype, x, at, c, mean, TRUE) / c + eps);
      for (; i + VL <= c; i += VL)
        store (dtype, y, at + i, (load (dtype, x, at + i) - mean) * rstd * vf_load (gamma + i) + vf_load (beta + i));
      if (i < c)
        store_part (dtype, y, at + i, c - i,
                    (load_part (dtype, x, at + i, c - i) - mean) * rstd * load_part (GESSO_DTYPE_F32, gamma, i, c - i)
                        + load_part (GESSO_DTYPE_F32, beta, i, c - i));
    }
}

static void
layer_norm (GessoDType dtype, const void *x, gint64 rows, gint64 c, const float *gamma, const float *beta, float eps,
            void *y)
{
  if (dtype == GESSO_DTYPE_F32)
    layer_norm_as (GESSO_DTYPE_F32, x, rows, c, gamma, beta, eps, y);
  else
    layer_norm_as (GESSO_DTYPE_BF16, x, rows, c, gamma, beta, eps, y);
}

const GessoNormKernels GESSO_ISA_NAME (gesso_norm_kernels)
    = { .moments = moments, .scale_shift = scale_shift, .layer_norm = layer_norm };
