/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of floats as wide as the flags of the including file allow: 16 with AVX-512, 8 with AVX2, else 4 through the
 * compiler's own vector types, which every architecture has. Sources that include this are compiled once for each
 * instruction set; everything here is static so that no wide instruction can leak into a narrower one's code.
 */

#pragma once

#include "../../graph/graph.h"

#include <math.h>
#include <string.h>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__ ((always_inline, unused))

#if defined(__AVX512F__)
#define VL 16
#elif defined(__AVX2__)
#define VL 8
#else
#define VL 4
#endif

typedef float vf __attribute__ ((vector_size (4 * VL)));
typedef gint32 vi __attribute__ ((vector_size (4 * VL)));
typedef guint32 vu __attribute__ ((vector_size (4 * VL)));
typedef guint16 vh __attribute__ ((vector_size (2 * VL)));

/* EXPRESSION of every lane's index */
#if VL == 16
#define LANES(EXPRESSION)                                                                                              \
  EXPRESSION (0), EXPRESSION (1), EXPRESSION (2), EXPRESSION (3), EXPRESSION (4), EXPRESSION (5), EXPRESSION (6),      \
      EXPRESSION (7), EXPRESSION (8), EXPRESSION (9), EXPRESSION (10), EXPRESSION (11), EXPRESSION (12),               \
      EXPRESSION (13), EXPRESSION (14), EXPRESSION (15)
#elif VL == 8
#define LANES(EXPRESSION)                                                                                              \
  EXPRESSION (0), EXPRESSION (1), EXPRESSION (2), EXPRESSION (3), EXPRESSION (4), EXPRESSION (5), EXPRESSION (6),      \
      EXPRESSION (7)
#else
#define LANES(EXPRESSION) EXPRESSION (0), EXPRESSION (1), EXPRESSION (2), EXPRESSION (3)
#endif
#define LANE(j) (j)

INLINE vf
vf_set (float value)
{
  return value - (vf) { 0 };
}

INLINE vf
vf_load (const float *p)
{
  vf v;
  memcpy (&v, p, sizeof v);
  return v;
}

INLINE void
vf_store (float *p, vf v)
{
  memcpy (p, &v, sizeof v);
}

/* a * b + c. Said outright where there is such an instruction: GCC's tuning for "any" processor splits it in chains of
 * sums, here and there, which halves the rate and rounds differently from one loop to the next. */
INLINE vf
vf_fma (vf a, vf b, vf c)
{
#if defined(__AVX512F__)
  return (vf) _mm512_fmadd_ps ((__m512) a, (__m512) b, (__m512) c);
#elif defined(__FMA__)
  return (vf) _mm256_fmadd_ps ((__m256) a, (__m256) b, (__m256) c);
#else
  return a * b + c;
#endif
}

/* Where `mask` is all ones `a`, where it is zero `b`. */
INLINE vf
vf_select (vi mask, vf a, vf b)
{
  return (vf) (((vi) a & mask) | ((vi) b & ~mask));
}

/* The larger; `b` where either is NaN. */
INLINE vf
vf_max (vf a, vf b)
{
#if defined(__AVX512F__)
  return (vf) _mm512_max_ps ((__m512) a, (__m512) b);
#elif defined(__AVX2__)
  return (vf) _mm256_max_ps ((__m256) a, (__m256) b);
#elif defined(__SSE2__)
  return (vf) _mm_max_ps ((__m128) a, (__m128) b);
#else
  return vf_select (a > b, a, b);
#endif
}

/* The smaller; `b` where either is NaN. */
INLINE vf
vf_min (vf a, vf b)
{
#if defined(__AVX512F__)
  return (vf) _mm512_min_ps ((__m512) a, (__m512) b);
#elif defined(__AVX2__)
  return (vf) _mm256_min_ps ((__m256) a, (__m256) b);
#elif defined(__SSE2__)
  return (vf) _mm_min_ps ((__m128) a, (__m128) b);
#else
  return vf_select (a < b, a, b);
#endif
}

/* Any lane of a comparison's result set? */
INLINE gboolean
vi_any (vi mask)
{
#if defined(__AVX512F__)
  return _mm512_test_epi32_mask ((__m512i) mask, (__m512i) mask) != 0;
#elif defined(__AVX2__)
  return !_mm256_testz_si256 ((__m256i) mask, (__m256i) mask);
#else
  gint32 any = 0;
  for (int i = 0; i < VL; i++)
    any |= mask[i];
  return any != 0;
#endif
}

INLINE float
vf_sum (vf v)
{
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps ((__m512) v);
#else
  float sum[VL];
  memcpy (sum, &v, sizeof v);
  for (int width = VL / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++)
      sum[i] += sum[i + width];
  return sum[0];
#endif
}

/* floor() of values within +-2^31. */
INLINE vf
vf_floor (vf v)
{
#if defined(__AVX512F__)
  return (vf) _mm512_roundscale_ps ((__m512) v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
  return (vf) _mm256_floor_ps ((__m256) v);
#else
  vf whole = __builtin_convertvector (__builtin_convertvector (v, vi), vf);
  return whole - (vf) ((vi) (whole > v) & (vi) vf_set (1.0f));
#endif
}

/* To the nearest whole number, half-way to the even one, of values within +-2^31. */
INLINE vi
vf_round (vf v)
{
#if defined(__AVX512F__)
  return (vi) _mm512_cvtps_epi32 ((__m512) v);
#elif defined(__AVX2__)
  return (vi) _mm256_cvtps_epi32 ((__m256) v);
#elif defined(__SSE2__)
  return (vi) _mm_cvtps_epi32 ((__m128) v);
#else
  vi whole;
  for (int i = 0; i < VL; i++)
    whole[i] = (gint32) rintf (v[i]);
  return whole;
#endif
}

/* The first `n` lanes; the others are 0. */
INLINE vf
vf_first (vf v, gint64 n)
{
  vi lane = { LANES (LANE) };
  return (vf) ((vi) v & (vi) (lane < (gint32) n));
}

/* 1 / v to an ulp or two, for v in 1..2^127. */
INLINE vf
vf_reciprocal (vf v)
{
#if defined(__AVX512F__)
  vf r = (vf) _mm512_rcp14_ps ((__m512) v);
  return r + r * (1.0f - v * r);
#else
  return 1.0f / v;
#endif
}

INLINE vu
vu_from_vh (vh v)
{
#if defined(__AVX512F__)
  return (vu) _mm512_cvtepu16_epi32 ((__m256i) v);
#elif defined(__AVX2__)
  return (vu) _mm256_cvtepu16_epi32 ((__m128i) v);
#else
  return __builtin_convertvector (v, vu);
#endif
}

/* Lanes below 2^16. */
INLINE vh
vh_from_vu (vu v)
{
#if defined(__AVX512F__)
  return (vh) _mm512_cvtepi32_epi16 ((__m512i) v);
#elif defined(__AVX2__)
  __m128i low = _mm256_castsi256_si128 ((__m256i) v), high = _mm256_extracti128_si256 ((__m256i) v, 1);
  return (vh) _mm_packus_epi32 (low, high);
#else
  return __builtin_convertvector (v, vh);
#endif
}

INLINE vf
vf_from_bf16 (vh v)
{
  return (vf) (vu_from_vh (v) << 16);
}

/* Round to nearest even; NaN stays NaN. (The instruction takes denormals for 0.) */
INLINE vh
vf_to_bf16 (vf v)
{
#if defined(__AVX512BF16__)
  return (vh) _mm512_cvtneps_pbh ((__m512) v);
#else
  vu bits = (vu) v, upper = bits >> 16;
  vu rounded = (bits + (0x7fff + (upper & 1))) >> 16;
#if defined(__AVX512F__)
  __mmask16 nan = _mm512_cmp_ps_mask ((__m512) v, (__m512) v, _CMP_UNORD_Q);
  rounded = (vu) _mm512_mask_or_epi32 ((__m512i) rounded, nan, (__m512i) upper, _mm512_set1_epi32 (0x40));
#else
  rounded = (vu) vf_select (v != v, (vf) (upper | 0x40), (vf) rounded);
#endif
  return vh_from_vu (rounded);
#endif
}

INLINE float
float_from_bits (guint32 bits)
{
  float value;
  memcpy (&value, &bits, sizeof value);
  return value;
}

#if !defined(__F16C__)
INLINE float
float_from_f16 (guint16 half)
{
  guint32 sign = (guint32) (half & 0x8000) << 16, magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) /* infinity and NaN (made quiet, as the processor does) */
    return float_from_bits (sign | 0x7f800000 | (magnitude & 0x3ff ? 0x400000 | (magnitude & 0x3ff) << 13 : 0));
  /* The exponent is moved up by a product, which makes denormal halves right too. */
  float scaled = float_from_bits (magnitude << 13) * 0x1p112f;
  guint32 bits;
  memcpy (&bits, &scaled, sizeof bits);
  return float_from_bits (sign | bits);
}

INLINE guint16
float_to_f16 (float value)
{
  guint32 bits;
  memcpy (&bits, &value, sizeof bits);
  guint32 sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00 | ((magnitude >> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) /* rounds to 65536 or more */
    return sign | 0x7c00;
  if (magnitude < 0x38800000) /* denormal half: adding 0.5 puts its units at the last bits, rounded */
    {
      float shifted = float_from_bits (magnitude) + 0.5f;
      memcpy (&bits, &shifted, sizeof bits);
      return sign | (bits - 0x3f000000);
    }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13);
}
#endif

INLINE vf
vf_from_f16 (vh v)
{
#if defined(__AVX512F__)
  return (vf) _mm512_cvtph_ps ((__m256i) v);
#elif defined(__F16C__)
  return (vf) _mm256_cvtph_ps ((__m128i) v);
#else
  vf r = { 0 };
  for (int i = 0; i < VL; i++)
    r[i] = float_from_f16 (v[i]);
  return r;
#endif
}

INLINE vh
vf_to_f16 (vf v)
{
#if defined(__AVX512F__)
  return (vh) _mm512_cvtps_ph ((__m512) v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__F16C__)
  return (vh) _mm256_cvtps_ph ((__m256) v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  vh r = { 0 };
  for (int i = 0; i < VL; i++)
    r[i] = float_to_f16 (v[i]);
  return r;
#endif
}

/* VL values of `dtype` (a constant after inlining) at index `i` of `x`. */
INLINE vf
load (GessoDType dtype, const void *x, gint64 i)
{
  if (dtype == GESSO_DTYPE_F32)
    return vf_load ((const float *) x + i);
  vh v;
  memcpy (&v, (const guint16 *) x + i, sizeof v);
  return dtype == GESSO_DTYPE_BF16 ? vf_from_bf16 (v) : vf_from_f16 (v);
}

INLINE void
store (GessoDType dtype, void *y, gint64 i, vf value)
{
  if (dtype == GESSO_DTYPE_F32)
    {
      vf_store ((float *) y + i, value);
      return;
    }
  vh v = dtype == GESSO_DTYPE_BF16 ? vf_to_bf16 (value) : vf_to_f16 (value);
  memcpy ((guint16 *) y + i, &v, sizeof v);
}

/* The last `n` < VL values of a row; the other lanes are 0. */
INLINE vf
load_part (GessoDType dtype, const void *x, gint64 i, gint64 n)
{
#if defined(__AVX512F__)
  __mmask16 mask = (1u << n) - 1;
  if (dtype == GESSO_DTYPE_F32)
    return (vf) _mm512_maskz_loadu_ps (mask, (const float *) x + i);
  vh v = (vh) _mm256_maskz_loadu_epi16 (mask, (const guint16 *) x + i);
  return dtype == GESSO_DTYPE_BF16 ? vf_from_bf16 (v) : vf_from_f16 (v);
#else
  if (dtype == GESSO_DTYPE_F32)
    {
      float part[VL] = { 0 };
      for (gint64 j = 0; j < n; j++)
        part[j] = ((const float *) x)[i + j];
      return load (dtype, part, 0);
    }
  guint16 part[VL] = { 0 };
  for (gint64 j = 0; j < n; j++)
    part[j] = ((const guint16 *) x)[i + j];
  return load (dtype, part, 0);
#endif
}

INLINE void
store_part (GessoDType dtype, void *y, gint64 i, gint64 n, vf value)
{
#if defined(__AVX512F__)
  __mmask16 mask = (1u << n) - 1;
  if (dtype == GESSO_DTYPE_F32)
    {
      _mm512_mask_storeu_ps ((float *) y + i, mask, (__m512) value);
      return;
    }
  vh v = dtype == GESSO_DTYPE_BF16 ? vf_to_bf16 (value) : vf_to_f16 (value);
  _mm256_mask_storeu_epi16 ((guint16 *) y + i, mask, (__m256i) v);
#else
  if (dtype == GESSO_DTYPE_F32)
    {
      float part[VL];
      store (dtype, part, 0, value);
      for (gint64 j = 0; j < n; j++)
        ((float *) y)[i + j] = part[j];
      return;
    }
  guint16 part[VL];
  store (dtype, part, 0, value);
  for (gint64 j = 0; j < n; j++)
    ((guint16 *) y)[i + j] = part[j];
#endif
}

/* A whole vector, or what is left of a row. */
INLINE vf
load_n (GessoDType dtype, const void *x, gint64 i, gint64 n)
{
  return n >= VL ? load (dtype, x, i) : load_part (dtype, x, i, n);
}

INLINE void
store_n (GessoDType dtype, void *y, gint64 i, gint64 n, vf value)
{
  if (n >= VL)
    store (dtype, y, i, value);
  else
    store_part (dtype, y, i, n, value);
}

/* Swaps the off-diagonal quarters of all blocks of 2w x 2w: lane j of a row takes its partner's where bit w of j and of
 * the row's index differ. */
#define UPPER_ROW(w, j) ((j) & (w) ? VL + (j) - (w) : (j))
#define LOWER_ROW(w, j) ((j) & (w) ? VL + (j) : (j) + (w))
#define TRANSPOSE_STAGE(w, UPPER, LOWER)                                                                               \
  _Pragma ("GCC unroll 16") for (int i = 0; i < VL; i++) if (!(i & (w)))                                               \
  {                                                                                                                    \
    vf upper = row[i], lower = row[i | (w)];                                                                           \
    row[i] = __builtin_shufflevector (upper, lower, LANES (UPPER));                                                    \
    row[i | (w)] = __builtin_shufflevector (upper, lower, LANES (LOWER));                                              \
  }
#define UPPER_1(j) UPPER_ROW (1, j)
#define LOWER_1(j) LOWER_ROW (1, j)
#define UPPER_2(j) UPPER_ROW (2, j)
#define LOWER_2(j) LOWER_ROW (2, j)
#define UPPER_4(j) UPPER_ROW (4, j)
#define LOWER_4(j) LOWER_ROW (4, j)
#define UPPER_8(j) UPPER_ROW (8, j)
#define LOWER_8(j) LOWER_ROW (8, j)

/* Rows become columns. */
INLINE void
vf_transpose (vf row[VL])
{
  TRANSPOSE_STAGE (1, UPPER_1, LOWER_1)
  TRANSPOSE_STAGE (2, UPPER_2, LOWER_2)
#if VL >= 8
  TRANSPOSE_STAGE (4, UPPER_4, LOWER_4)
#endif
#if VL >= 16
  TRANSPOSE_STAGE (8, UPPER_8, LOWER_8)
#endif
}
