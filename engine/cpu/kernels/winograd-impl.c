/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Winograd's F(2x2, 3x3): transforms of tiles and weights, and products of a few tiles, on one thread. Compiled once
 * for each instruction set (GESSO_ISA), and once more with GESSO_DOT_BF16, where a unit is two bf16 and the
 * multiply-add is vdpbf16ps. Transforms and sums are f32 either way.
 */

#include "kernels.h"
#include "simd-math.h"

#if defined(GESSO_DOT_BF16)
#define UNIT 2
#define DTYPE GESSO_DTYPE_BF16
#else
#define UNIT 1
#define DTYPE GESSO_DTYPE_F32
#endif

#define PANEL (2 * VL)
#if VL == 16
#define ROWS 12 /* 24 of 32 registers sum up */
#define ROW_STEP 4
#define BLOCK 128 /* 1.7 MB for each thread */
#else
#define ROWS 6 /* 12 of 16 */
#define ROW_STEP 2
#define BLOCK 64 /* 0.8 MB */
#endif

G_STATIC_ASSERT (BLOCK <= GESSO_WINOGRAD_MAX_BLOCK && BLOCK % ROW_STEP == 0 && ROWS == 3 * ROW_STEP);

/* Columns first. */
static void
input (const void *const *x, gint64 first, gint64 c, gint64 stride, float *v)
{
  for (gint64 i = 0; i < UNIT * c; i += VL)
    {
      vf t[4][4];

#pragma GCC unroll 4
      for (int column = 0; column < 4; column++)
        {
          const gint64 j = UNIT * first + i;
          vf d0 = load (DTYPE, x[column], j), d1 = load (DTYPE, x[4 + column], j), d2 = load (DTYPE, x[8 + column], j),
             d3 = load (DTYPE, x[12 + column], j);

          t[0][column] = d0 - d2;
          t[1][column] = d1 + d2;
          t[2][column] = d2 - d1;
          t[3][column] = d1 - d3;
        }
#pragma GCC unroll 4
      for (int row = 0; row < 4; row++)
        {
          float *to = v + row * 4 * stride;

          store (DTYPE, to, i, t[row][0] - t[row][2]);
          store (DTYPE, to + stride, i, t[row][1] + t[row][2]);
          store (DTYPE, to + 2 * stride, i, t[row][2] - t[row][1]);
          store (DTYPE, to + 3 * stride, i, t[row][1] - t[row][3]);
        }
    }
}

static void
input_doubled (const void *const *x, gint64 first, gint64 c, gint64 stride, float *v)
{
  for (gint64 i = 0; i < UNIT * c; i += VL)
    {
      vf t[3][3];

#pragma GCC unroll 3
      for (int column = 0; column < 3; column++)
        {
          const gint64 j = UNIT * first + i;
          vf d0 = load (DTYPE, x[column], j), d1 = load (DTYPE, x[3 + column], j), d2 = load (DTYPE, x[6 + column], j);

          t[0][column] = d0 - d1;
          t[1][column] = d1;
          t[2][column] = d1 - d2;
        }
#pragma GCC unroll 3
      for (int row = 0; row < 3; row++)
        {
          float *to = v + row * 3 * stride;

          store (DTYPE, to, i, t[row][0] - t[row][1]);
          store (DTYPE, to + stride, i, t[row][1]);
          store (DTYPE, to + 2 * stride, i, t[row][1] - t[row][2]);
        }
    }
}

/* Three weights in a line to four, or to three where the input is doubled. */
INLINE void
weights_line (gboolean doubled, vf g0, vf g1, vf g2, vf *u, int stride)
{
  const vf outer = g0 + g2;

  u[0] = g0;
  if (doubled)
    {
      u[stride] = outer + g1;
      u[2 * stride] = g2;
      return;
    }
  u[stride] = (outer + g1) * 0.5f;
  u[2 * stride] = (outer - g1) * 0.5f;
  u[3 * stride] = g2;
}

/* The first (second) values of some units, and units of them. */
INLINE vf
part_of (vf units, int part)
{
#if UNIT == 2
  return part ? (vf) ((vu) units & 0xffff0000) : (vf) ((vu) units << 16);
#else
  return units;
#endif
}

INLINE vf
join (const vf *parts)
{
#if UNIT == 2
#define PAIR(i) i, i + 16
  static const guint16 pairs[]
      = { PAIR (0), PAIR (1), PAIR (2),  PAIR (3),  PAIR (4),  PAIR (5),  PAIR (6),  PAIR (7),
          PAIR (8), PAIR (9), PAIR (10), PAIR (11), PAIR (12), PAIR (13), PAIR (14), PAIR (15) };
  const __m512bh both = _mm512_cvtne2ps_pbh ((__m512) parts[1], (__m512) parts[0]);

  return (vf) _mm512_permutexvar_epi16 (_mm512_loadu_si512 (pairs), (__m512i) both);
#else
  return parts[0];
#endif
}

INLINE void
weights_as (const float *w, gint64 c, gboolean doubled, gint64 stride, float *u)
{
  const int n = doubled ? 3 : 4;

  for (gint64 i = 0; i < c; i++, w += 9 * PANEL, u += PANEL)
#pragma GCC unroll 2
    for (int j = 0; j < PANEL; j += VL)
      {
        vf half[UNIT][12], line[4][4], parts[UNIT];

#pragma GCC unroll 3
        for (int column = 0; column < 3; column++)
          {
            const vf g0 = vf_load (w + column * PANEL + j), g1 = vf_load (w + (3 + column) * PANEL + j),
                     g2 = vf_load (w + (6 + column) * PANEL + j);

#pragma GCC unroll 2
            for (int part = 0; part < UNIT; part++)
              weights_line (doubled, part_of (g0, part), part_of (g1, part), part_of (g2, part), half[part] + column,
                            3);
          }
#pragma GCC unroll 4
        for (int row = 0; row < n; row++)
          {
#pragma GCC unroll 2
            for (int part = 0; part < UNIT; part++)
              weights_line (doubled, half[part][row * 3], half[part][row * 3 + 1], half[part][row * 3 + 2], line[part],
                            1);
#pragma GCC unroll 4
            for (int column = 0; column < n; column++)
              {
#pragma GCC unroll 2
                for (int part = 0; part < UNIT; part++)
                  parts[part] = line[part][column];
                vf_store (u + (row * n + column) * stride + j, join (parts));
              }
          }
      }
}

static void
weights (const float *w, gint64 c, gboolean doubled, gint64 stride, float *u)
{
  if (doubled)
    weights_as (w, c, TRUE, stride, u);
  else
    weights_as (w, c, FALSE, stride, u);
}

INLINE vf
multiply_add (vf c, vf a, vf b)
{
#if UNIT == 2
  return (vf) _mm512_dpbf16_ps ((__m512) c, (__m512bh) a, (__m512bh) b);
#else
  return vf_fma (a, b, c);
#endif
}

/* Every sum runs over the channels in order, so that a row depends neither on its neighbours nor on where the channels
 * are cut. */
INLINE void
multiply_rows (const float *v, int rows, gint64 stride, gint64 c, const float *u, gboolean more, float *m)
{
  vf sum[ROWS][2] = { { { 0 } } };

  if (more)
    {
#pragma GCC unroll 12
      for (int row = 0; row < rows; row++)
        {
          sum[row][0] = vf_load (m + row * PANEL);
          sum[row][1] = vf_load (m + row * PANEL + VL);
        }
    }
  for (gint64 i = 0; i < c; i++, u += PANEL)
    {
      vf u0 = vf_load (u), u1 = vf_load (u + VL);

#pragma GCC unroll 12
      for (int row = 0; row < rows; row++)
        {
          vf value = vf_set (v[row * stride + i]);

          sum[row][0] = multiply_add (sum[row][0], value, u0);
          sum[row][1] = multiply_add (sum[row][1], value, u1);
        }
    }
#pragma GCC unroll 12
  for (int row = 0; row < rows; row++)
    {
      vf_store (m + row * PANEL, sum[row][0]);
      vf_store (m + row * PANEL + VL, sum[row][1]);
    }
}

static void
multiply (const float *v, int rows, gint64 stride, gint64 c, const float *u, gboolean more, float *m)
{
  switch (rows)
    {
    case ROWS:
      multiply_rows (v, ROWS, stride, c, u, more, m);
      break;
    case 2 * ROW_STEP:
      multiply_rows (v, 2 * ROW_STEP, stride, c, u, more, m);
      break;
    default:
      multiply_rows (v, ROW_STEP, stride, c, u, more, m);
      break;
    }
}

INLINE void
finish (vf value, vf bias, const void *add, void *y, gint64 i, GessoActivation activation)
{
  if (!y)
    return;
  value = vf_activate (activation, value + bias);
  store (DTYPE, y, i, add ? value + load (DTYPE, add, i) : value);
}

INLINE void
output_as (const float *m, gint64 stride, gboolean doubled, const float *bias, GessoActivation activation,
           const void *const *add, void *const *y)
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

          finish (left, b, add[2 * row], y[2 * row], i, activation);
          finish (right, b, add[2 * row + 1], y[2 * row + 1], i, activation);
        }
    }
}

static void
output (const float *m, gint64 stride, gboolean doubled, const float *bias, GessoActivation activation,
        const void *const *add, void *const *y)
{
  if (activation != GESSO_ACTIVATION_NONE)
    output_as (m, stride, doubled, bias, activation, add, y);
  else if (doubled)
    output_as (m, stride, TRUE, bias, GESSO_ACTIVATION_NONE, add, y);
  else
    output_as (m, stride, FALSE, bias, GESSO_ACTIVATION_NONE, add, y);
}

const GessoWinogradKernels GESSO_ISA_NAME (gesso_winograd_kernels) = {
  .unit = UNIT,
  .panel = PANEL,
  .rows = ROWS,
  .row_step = ROW_STEP,
  .block = BLOCK,
  .input = input,
  .input_doubled = input_doubled,
  .weights = weights,
  .multiply = multiply,
  .output = output,
};
