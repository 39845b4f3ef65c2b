/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Value by value, on one thread. Compiled once for each instruction set (GESSO_ISA).
 */

#include "kernels.h"
#include "simd-math.h"

INLINE void
activation_as (GessoDType dtype, const void *x, gint64 n, GessoActivation kind, void *y)
{
  for (gint64 i = 0; i < n; i += VL)
    store_n (dtype, y, i, n - i, vf_activate (kind, load_n (dtype, x, i, n - i)));
}

INLINE void
activation_of (GessoDType dtype, const void *x, gint64 n, GessoActivation kind, void *y)
{
  switch (kind)
    {
    case GESSO_ACTIVATION_NONE:
      activation_as (dtype, x, n, GESSO_ACTIVATION_NONE, y);
      break;
    case GESSO_ACTIVATION_SILU:
      activation_as (dtype, x, n, GESSO_ACTIVATION_SILU, y);
      break;
    case GESSO_ACTIVATION_GELU:
      activation_as (dtype, x, n, GESSO_ACTIVATION_GELU, y);
      break;
    case GESSO_ACTIVATION_QUICK_GELU:
      activation_as (dtype, x, n, GESSO_ACTIVATION_QUICK_GELU, y);
      break;
    }
}

static void
activation (GessoDType dtype, const void *x, gint64 n, GessoActivation kind, void *y)
{
  if (dtype == GESSO_DTYPE_F32)
    activation_of (GESSO_DTYPE_F32, x, n, kind, y);
  else
    activation_of (GESSO_DTYPE_BF16, x, n, kind, y);
}

INLINE void
geglu_as (GessoDType dtype, const void *x, gint64 rows, gint64 c, void *y)
{
  for (gint64 row = 0; row < rows; row++)
    for (gint64 i = 0; i < c; i += VL)
      {
        vf value = load_n (dtype, x, row * 2 * c + i, c - i);
        vf gate = load_n (dtype, x, row * 2 * c + c + i, c - i);
        store_n (dtype, y, row * c + i, c - i, value * vf_gelu (gate));
      }
}

static void
geglu (GessoDType dtype, const void *x, gint64 rows, gint64 c, void *y)
{
  if (dtype == GESSO_DTYPE_F32)
    geglu_as (GESSO_DTYPE_F32, x, rows, c, y);
  else
    geglu_as (GESSO_DTYPE_BF16, x, rows, c, y);
}

INLINE void
add_as (GessoDType dtype, const void *a, const void *b, gint64 n, void *y)
{
  for (gint64 i = 0; i < n; i += VL)
    store_n (dtype, y, i, n - i, load_n (dtype, a, i, n - i) + load_n (dtype, b, i, n - i));
}

static void
add (GessoDType dtype, const void *a, const void *b, gint64 n, void *y)
{
  if (dtype == GESSO_DTYPE_F32)
    add_as (GESSO_DTYPE_F32, a, b, n, y);
  else
    add_as (GESSO_DTYPE_BF16, a, b, n, y);
}

INLINE void
add_vector_as (GessoDType dtype, const void *a, const float *b, gint64 rows, gint64 c, void *y)
{
  for (gint64 row = 0; row < rows; row++)
    for (gint64 i = 0; i < c; i += VL)
      store_n (dtype, y, row * c + i, c - i,
               load_n (dtype, a, row * c + i, c - i) + load_n (GESSO_DTYPE_F32, b, i, c - i));
}

static void
add_vector (GessoDType dtype, const void *a, const float *b, gint64 rows, gint64 c, void *y)
{
  if (dtype == GESSO_DTYPE_F32)
    add_vector_as (GESSO_DTYPE_F32, a, b, rows, c, y);
  else
    add_vector_as (GESSO_DTYPE_BF16, a, b, rows, c, y);
}

INLINE void
cast_as (GessoDType from, const void *x, gint64 n, GessoDType to, void *y)
{
  for (gint64 i = 0; i < n; i += VL)
    store_n (to, y, i, n - i, load_n (from, x, i, n - i));
}

INLINE void
cast_from (GessoDType from, const void *x, gint64 n, GessoDType to, void *y)
{
  if (to == GESSO_DTYPE_F32)
    cast_as (from, x, n, GESSO_DTYPE_F32, y);
  else if (to == GESSO_DTYPE_BF16)
    cast_as (from, x, n, GESSO_DTYPE_BF16, y);
  else
    cast_as (from, x, n, GESSO_DTYPE_F16, y);
}

static void
cast (GessoDType from, const void *x, gint64 n, GessoDType to, void *y)
{
  if (from == GESSO_DTYPE_F32)
    cast_from (GESSO_DTYPE_F32, x, n, to, y);
  else if (from == GESSO_DTYPE_BF16)
    cast_from (GESSO_DTYPE_BF16, x, n, to, y);
  else
    cast_from (GESSO_DTYPE_F16, x, n, to, y);
}

INLINE void
combine_as (GessoDType dtype, int n_terms, const void *const *terms, const float *coefficients, gint64 first, gint64 n,
            void *y)
{
  for (gint64 i = 0; i < n; i += VL)
    {
      vf sum = { 0 };
      for (int term = 0; term < n_terms; term++)
        if (coefficients[term] != 0.0f)
          sum += coefficients[term] * load_n (dtype, terms[term], first + i, n - i);
      store_n (dtype, y, first + i, n - i, sum);
    }
}

static void
combine (GessoDType dtype, int n_terms, const void *const *terms, const float *coefficients, gint64 first, gint64 n,
         void *y)
{
  if (dtype == GESSO_DTYPE_F32)
    combine_as (GESSO_DTYPE_F32, n_terms, terms, coefficients, first, n, y);
  else
    combine_as (GESSO_DTYPE_BF16, n_terms, terms, coefficients, first, n, y);
}

/* Values `step` apart, the first `n` of them; the others are 0. */
INLINE vf
load_apart (GessoDType dtype, const void *x, gint64 first, gint64 step, gint64 n)
{
  vf v = { 0 };
  for (gint64 i = 0; i < MIN (n, VL); i++)
    v[i] = dtype == GESSO_DTYPE_F32 ? ((const float *) x)[first + i * step]
                                    : float_from_bits ((guint32) ((const guint16 *) x)[first + i * step] << 16);
  return v;
}

INLINE void
pixels_as (GessoDType dtype, const void *x, const float *colours, gint64 n, gint64 c, guint8 *y)
{
  for (gint64 i = 0; i < n; i += VL)
    {
      vf sums[3];
      for (int k = 0; k < 3; k++)
        sums[k] = vf_set (colours[k * (c + 1) + c]);
      for (gint64 j = 0; j < c; j++)
        {
          vf channel = load_apart (dtype, x, i * c + j, c, n - i);
          for (int k = 0; k < 3; k++)
            sums[k] += colours[k * (c + 1) + j] * channel;
        }
      for (int k = 0; k < 3; k++)
        {
          /* In this order NaN becomes 0. */
          vi bytes = vf_round (vf_min (vf_max (sums[k], vf_set (0.0f)), vf_set (1.0f)) * 255.0f);
          for (gint64 j = 0; j < MIN (n - i, VL); j++)
            y[(i + j) * 3 + k] = (guint8) bytes[j];
        }
    }
}

static void
pixels (GessoDType dtype, const void *x, const float *colours, gint64 n, gint64 c, guint8 *y)
{
  if (dtype == GESSO_DTYPE_F32)
    pixels_as (GESSO_DTYPE_F32, x, colours, n, c, y);
  else
    pixels_as (GESSO_DTYPE_BF16, x, colours, n, c, y);
}

/* 0 times a value is 0, or NaN where it is no finite number. */
INLINE gboolean
is_finite_as (GessoDType dtype, const void *x, gint64 n)
{
  vf sum = { 0 };
  for (gint64 i = 0; i < n; i += VL)
    sum += 0.0f * load_n (dtype, x, i, n - i);
  return !vi_any (sum != sum);
}

static gboolean
is_finite (GessoDType dtype, const void *x, gint64 n)
{
  return dtype == GESSO_DTYPE_F32 ? is_finite_as (GESSO_DTYPE_F32, x, n) : is_finite_as (GESSO_DTYPE_BF16, x, n);
}

const GessoPointwiseKernels GESSO_ISA_NAME (gesso_pointwise_kernels) = { .activation = activation,
                                                                         .geglu = geglu,
                                                                         .add = add,
                                                                         .add_vector = add_vector,
                                                                         .cast = cast,
                                                                         .combine = combine,
                                                                         .pixels = pixels,
                                                                         .is_finite = is_finite };
