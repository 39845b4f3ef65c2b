/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exponential, sigmoid and GELU on vectors. The polynomials are minimax fits of our own (relative error for 2^x,
 * absolute error of the whole GELU for its tail).
 */

#pragma once

#include "simd.h"

/* 2^n * p for a whole n in -126..127; 0 where `keep` is not set. */
INLINE vf
vf_scale_exponent (vf p, vf n, vi keep)
{
  vi exponent = __builtin_convertvector (n, vi) << 23;
  return (vf) (((vi) p + exponent) & keep);
}

/* 2^f for f in 0..1, relative error 8e-8 */
INLINE vf
vf_exp2_fraction (vf f)
{
  vf p = 1.867130079e-03f * f + 9.017030296e-03f;
  p = p * f + 5.579991313e-02f;
  p = p * f + 2.401644501e-01f;
  p = p * f + 6.931513118e-01f;
  return p * f + 1.0f;
}

/* 2^t; 0 below 2^-126, the largest power of two above; NaN stays NaN. */
INLINE vf
vf_exp2 (vf t)
{
#if defined(__AVX512F__)
  /* scalef takes floor (t) itself and reduce is t - floor (t). */
  vf f = (vf) _mm512_reduce_ps ((__m512) t, _MM_FROUND_TO_NEG_INF);
  __mmask16 keep = _mm512_cmp_ps_mask ((__m512) t, _mm512_set1_ps (-126.0f), _CMP_NLT_UQ);
  return (vf) _mm512_maskz_scalef_ps (keep, (__m512) vf_exp2_fraction (f), (__m512) t);
#else
  t = vf_min (vf_set (127.0f), vf_max (vf_set (-127.0f), t));
  vf n = vf_floor (t);
  return vf_scale_exponent (vf_exp2_fraction (t - n), n, ~(vi) (t < -126.0f));
#endif
}

/* e^x to a few ulp; 0 below e^-87, finite above (at least 2^126). */
INLINE vf
vf_exp (vf x)
{
  x = vf_min (vf_set (88.0f), vf_max (vf_set (-88.0f), x));
  vf n = vf_floor (x * 1.44269504f);
  /* ln 2 in two parts, the first short enough for n times it to be exact. */
  vf r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  return vf_scale_exponent (vf_exp2_fraction (r * 1.44269504f), n, ~(vi) (n < -126.0f));
}

/* x / (1 + e^(-k x)), with e^-|k x| so that nothing overflows */
INLINE vf
vf_swish (vf x, float k)
{
  vf e = vf_exp ((vf) ((vi) (x * k) | G_MININT32));
  return x * vf_select (x < 0.0f, e, vf_set (1.0f)) * vf_reciprocal (1.0f + e);
}

/* x * Phi (x) = max (x, 0) - a Q (a) with a = |x| and the normal tail Q (a) = e^(-a a / 2) R (1 / (1 + 0.28 a)): small
 * terms are computed small, so that nothing cancels for negative x. Absolute error below 2e-7. */
INLINE vf
vf_gelu (vf x)
{
  vf a = (vf) ((vi) x & 0x7fffffff);
  vf t = vf_reciprocal (0.28f * a + 1.0f);
  vf r = -1.075558498e-01f * t + 3.969935672e-01f;
  r = r * t - 2.485232508e-01f;
  r = r * t + 2.781862533e-01f;
  r = r * t + 6.379002166e-02f;
  r = r * t + 1.171092093e-01f;
  /* Beyond 14 the tail is 0, and the product must not overflow to infinity times 0. */
  vf c = vf_min (vf_set (14.0f), a);
  return vf_max (vf_set (0.0f), x) - c * (r * t) * vf_exp (c * c * -0.5f);
}

INLINE vf
vf_activate (GessoActivation activation, vf x)
{
  switch (activation)
    {
    case GESSO_ACTIVATION_SILU:
      return vf_swish (x, 1.0f);
    case GESSO_ACTIVATION_GELU:
      return vf_gelu (x);
    case GESSO_ACTIVATION_QUICK_GELU:
      return vf_swish (x, 1.702f);
    case GESSO_ACTIVATION_NONE:
      break;
    }
  return x;
}
