/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Winograd's F(2x2, 3x3): transforms and products of a block of tiles, on one thread. Compiled once for each
 * instruction set (GESSO_ISA).
 */

#include "kernels.h"
#include "simd-math.h"

#define PANEL (2 * VL)
#if VL == 16
#define ROWS 12 /* 24 of 32 registers sum up */
#else
#define ROWS 6 /* 12 of 16 */
#endif

G_STATIC_ASSERT (GESSO_WINOGRAD_MAX_ROWS % ROWS == 0);

/* Transforms 16 values of a tile at `x` with offset `i`, columns first. */
static void
input (const float *const *x, gint64 c, gint64 stride, float *v)
{
  for (gint64 i = 0; i < c; i += VL)
    {
      vf t[4][4];

#pragma GCC unroll 4
      for (int column = 0; column < 4; column++)
        {
          vf d0 = vf_load (x[column] + i), d1 = vf_load (x[4 + column] + i), d2 = vf_load (x[8 + column] + i),
             d3 = vf_load (x[12 + column] + i);

          t[0][column] = d0 - d2;
          t[1][column] = d1 + d2;
          t[2][column] = d2 - d1;
          t[3][column] = d1 - d3;
        }
#pragma GCC unroll 4
      for (int row = 0; row < 4; row++)
        {
          float *to = v + row * 4 * stride + i;

          vf_store (to, t[row][0] - t[row][2]);
          vf_store (to + stride, t[row][1] + t[row][2]);
          vf_store (to + 2 * stride, t[row][2] - t[row][1]);
          vf_store (to + 3 * stride, t[row][1] - t[row][3]);
        }
    }
}

static void
input_doubled (const float *const *x, gint64 c, gint64 stride, float *v)
{
  for (gint64 i = 0; i < c; i += VL)
    {
      vf t[3][3];

#pragma GCC unroll 3
      for (int column = 0; column < 3; column++)
        {
          vf d0 = vf_load (x[column] + i), d1 = vf_load (x[3 + column] + i), d2 = vf_load (x[6 + column] + i);

          t[0][column] = d0 - d1;
          t[1][column] = d1;
          t[2][column] = d1 - d2;
        }
#pragma GCC unroll 3
      for (int row = 0; row < 3; row++)
        {
          float *to = v + row * 3 * stride + i;

          vf_store (to, t[row][0] - t[row][1]);
          vf_store (to + stride, t[row][1]);
          vf_store (to + 2 * stride, t[row][1] - t[row][2]);
        }
    }
}

/* ROWS rows of the product. Every sum runs over the channels in order, so that a row does not depend on its
 * neighbours. */
INLINE void
multiply_rows (const float *v, gint64 stride, gint64 c, const float *weights, float *m)
{
  vf sum[ROWS][2] = { { { 0 } } };

  for (gint64 i = 0; i < c; i++, weights += PANEL)
    {
      vf w0 = vf_load (weights), w1 = vf_load (weights + VL);

#pragma GCC unroll 12
      for (int row = 0; row < ROWS; row++)
        {
          vf value = vf_set (v[row * stride + i]);

          sum[row][0] = vf_fma (value, w0, sum[row][0]);
          sum[row][1] = vf_fma (value, w1, sum[row][1]);
        }
    }
#pragma GCC unroll 12
  for (int row = 0; row < ROWS; row++)
    {
      vf_store (m + row * PANEL, sum[row][0]);
      vf_store (m + row * PANEL + VL, sum[row][1]);
    }
}

static void
multiply (const float *v, gint64 rows, gint64 stride, gint64 c, const float *weights, float *m)
{
  for (gint64 row = 0; row < rows; row += ROWS)
    multiply_rows (v + row * stride, stride, c, weights, m + row * PANEL);
}

INLINE void
finish (vf value, vf bias, const float *add, float *y, GessoActivation activation)
{
  if (!y)
    return;
  value = vf_activate (activation, value + bias);
  vf_store (y, add ? value + vf_load (add) : value);
}

INLINE void
output_as (const float *m, gint64 stride, gboolean doubled, const float *bias, GessoActivation activation,
           const float *const *add, float *const *y)
{
  const int n = doubled ? 3 : 4;

#pragma GCC unroll 2
  for (int i = 0; i < PANEL; i += VL)
    {
      vf b = bias ? vf_load (bias + i) : (vf) { 0 };
      vf t[2][4] = { { { 0 } } };

#pragma GCC unroll 4
      for (int column = 0; column < n; column++)
        {
          const float *from = m + column * stride + i;
          vf m0 = vf_load (from), m1 = vf_load (from + n * stride), m2 = vf_load (from + 2 * n * stride);

          t[0][column] = doubled ? m0 + m1 : m0 + m1 + m2;
          t[1][column] = doubled ? m1 - m2 : m1 - m2 - vf_load (from + 3 * n * stride);
        }
#pragma GCC unroll 2
      for (int row = 0; row < 2; row++)
        {
          vf left = doubled ? t[row][0] + t[row][1] : t[row][0] + t[row][1] + t[row][2];
          vf right = doubled ? t[row][1] - t[row][2] : t[row][1] - t[row][2] - t[row][3];

          finish (left, b, add[2 * row] ? add[2 * row] + i : NULL, y[2 * row] ? y[2 * row] + i : NULL, activation);
          finish (right, b, add[2 * row + 1] ? add[2 * row + 1] + i : NULL, y[2 * row + 1] ? y[2 * row + 1] + i : NULL,
                  activation);
        }
    }
}

static void
output (const float *m, gint64 stride, gboolean doubled, const float *bias, GessoActivation activation,
        const float *const *add, float *const *y)
{
  if (activation != GESSO_ACTIVATION_NONE)
    output_as (m, stride, doubled, bias, activation, add, y);
  else if (doubled)
    output_as (m, stride, TRUE, bias, GESSO_ACTIVATION_NONE, add, y);
  else
    output_as (m, stride, FALSE, bias, GESSO_ACTIVATION_NONE, add, y);
}

const GessoWinogradKernels GESSO_ISA_NAME (gesso_winograd_kernels) = {
  .panel = PANEL,
  .rows = ROWS,
  .input = input,
  .input_doubled = input_doubled,
  .multiply = multiply,
  .output = output,
};
