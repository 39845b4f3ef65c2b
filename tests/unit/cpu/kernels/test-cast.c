/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "kernels-test.h"

#include <math.h>
#include <string.h>

static guint32
float_bits (float value)
{
  guint32 bits;
  memcpy (&bits, &value, 4);
  return bits;
}

/* The value of a half, by its definition. */
static double
half_value (guint16 half)
{
  int exponent = half >> 10 & 31, fraction = half & 1023;
  double magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                     : exponent == 0 ? ldexp (fraction, -24)
                                     : ldexp (1024 + fraction, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

static void
test_halves_to_float (const GessoCpuContext *context)
{
  g_autofree guint16 *halves = g_new (guint16, 65536);
  g_autofree float *floats = g_new (float, 65536);

  for (int i = 0; i < 65536; i++)
    halves[i] = i;
  g_assert_true (gesso_cpu_cast (context, GESSO_DTYPE_F16, halves, 65536, GESSO_DTYPE_F32, floats));
  for (int i = 0; i < 65536; i++)
    {
      double expected = half_value (i);
      g_assert_true (isnan (expected) ? isnan (floats[i]) : float_bits (floats[i]) == float_bits (expected));
    }
  g_assert_true (gesso_cpu_cast (context, GESSO_DTYPE_BF16, halves, 65536, GESSO_DTYPE_F32, floats));
  for (int i = 0; i < 65536; i++)
    g_assert_cmpuint (float_bits (floats[i]), ==, (guint32) i << 16);
}

/* Nearest of the two neighbours, the even one where both are as near. `value` of neighbours given as doubles. */
static void
check_nearest (double x, guint16 got, double (*value) (guint16), guint16 infinity)
{
  guint16 low = 0, high = infinity;
  double size = fabs (x);

  g_assert_cmpint (got >> 15, ==, !!signbit (x));
  if (isnan (x))
    {
      g_assert_cmpint (got & 0x7fff, >, infinity);
      return;
    }
  while (high - low > 1) /* bits of positive numbers are in the order of their values */
    {
      guint16 middle = (low + high) / 2;
      if (value (middle) <= size)
        low = middle;
      else
        high = middle;
    }
  if (size == INFINITY)
    low = high = infinity;
  /* "Infinity" stands for the next number of the grid here. */
  double above = high == infinity && size != INFINITY ? 2 * value (low) - value (low - 1) : value (high);
  double down = size - value (low), up = above - size;
  guint16 expected = size == INFINITY ? infinity : down < up || (down == up && low % 2 == 0) ? low : high;
  g_assert_cmpuint (got & 0x7fff, ==, expected);
}

static double
bf16_value (guint16 bits)
{
  guint32 wide = (guint32) bits << 16;
  float value;
  memcpy (&value, &wide, 4);
  return value;
}

static void
test_float_to_halves (const GessoCpuContext *context)
{
  enum
  {
    N = 40013
  };
  g_autofree float *x = g_new (float, N);
  g_autofree guint16 *f16 = g_new (guint16, N), *bf16 = g_new (guint16, N), *both = g_new (guint16, N);
  guint32 state = 1;

  for (int i = 0; i < N; i++)
    {
      /* any bits; bits near the range of halves; exact ties of either type */
      state = state * 1664525 + 1013904223;
      guint32 bits = i % 4 == 0 ? state : (state & 0x80ffffff) + (0x30 + state / 256 % 24) * 0x1000000u;
      if (i % 4 == 2)
        bits = (bits & ~0x1fffu) | 0x1000;
      if (i % 4 == 3)
        bits = (bits & ~0xffffu) | 0x8000;
      memcpy (&x[i], &bits, 4);
    }
  x[0] = INFINITY;
  x[1] = -INFINITY;
  x[2] = NAN;
  x[3] = 65519.996f;
  x[4] = 65520;
  x[5] = -0.0f;
  x[6] = 3.3895314e38f;
  x[7] = 3.4028235e38f;
  guint32 odd_nan = 0x7f800001; /* NaN whose upper half alone would be infinity */
  memcpy (&x[8], &odd_nan, 4);
  x[N - 1] = NAN;
  g_assert_true (gesso_cpu_cast (context, GESSO_DTYPE_F32, x, N, GESSO_DTYPE_F16, f16));
  g_assert_true (gesso_cpu_cast (context, GESSO_DTYPE_F32, x, N, GESSO_DTYPE_BF16, bf16));
  for (int i = 0; i < N; i++)
    {
      check_nearest (x[i], f16[i], half_value, 0x7c00);
      check_nearest (x[i], bf16[i], bf16_value, 0x7f80);
    }
  g_assert_true (gesso_cpu_cast (context, GESSO_DTYPE_F16, f16, N, GESSO_DTYPE_BF16, both));
  for (int i = 0; i < N; i++)
    check_nearest (half_value (f16[i]) == 0 && f16[i] >> 15
                       ? -0.0
                       : copysign (half_value (f16[i] & 0x7fff), f16[i] >> 15 ? -1 : 1),
                   both[i], bf16_value, 0x7f80);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kernels_test_add ("/cpu/cast/halves-to-float", test_halves_to_float);
  kernels_test_add ("/cpu/cast/float-to-halves", test_float_to_halves);
  return g_test_run ();
}
