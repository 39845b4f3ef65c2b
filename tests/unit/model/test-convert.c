/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The conversions against tables of every f16 and bf16 value, made by ldexp().
 */

#include "model/convert.h"

#include <math.h>
#include <string.h>

static guint32
bits_of (float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  return bits;
}

static float
float_of (guint32 bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* What the 16 bits mean, `digits` of them being the fraction's. */
static double
meaning (guint16 bits, int digits, int bias)
{
  const int exponent_bits = 15 - digits;
  const int exponent = (bits >> digits) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << digits) - 1);
  double value;

  if (exponent == (1 << exponent_bits) - 1)
    value = fraction ? (double) NAN : (double) INFINITY;
  else if (exponent == 0)
    value = ldexp (fraction, 1 - bias - digits);
  else
    value = ldexp ((1 << digits) + fraction, exponent - bias - digits);
  return bits & 0x8000 ? -value : value;
}

typedef struct
{
  GessoDType dtype;
  int digits;
  int bias;
} Format;

static const Format f16 = { GESSO_DTYPE_F16, 10, 15 };
static const Format bf16 = { GESSO_DTYPE_BF16, 7, 127 };

static guint16
shorten (const Format *format, guint32 bits)
{
  guint16 result;

  gesso_convert (GESSO_DTYPE_F32, &bits, format->dtype, &result, 1);
  return result;
}

static guint32
widen (const Format *format, guint16 bits)
{
  guint32 result;

  gesso_convert (format->dtype, &bits, GESSO_DTYPE_F32, &result, 1);
  return result;
}

static void
test_every_value (gconstpointer data)
{
  const Format *format = data;

  for (guint i = 0; i <= G_MAXUINT16; i++)
    {
      const double expected = meaning ((guint16) i, format->digits, format->bias);
      const guint32 wide = widen (format, (guint16) i);

      if (isnan (expected))
        {
          g_assert_true (isnan (float_of (wide)));
          g_assert_true (isnan (meaning (shorten (format, wide), format->digits, format->bias)));
          continue;
        }
      g_assert_cmphex (wide, ==, bits_of ((float) expected));
      g_assert_cmphex (shorten (format, wide), ==, i);
    }
}

/* Between each two neighbours: below the middle to the lower, above it to the upper, at it to the even one. */
static void
test_rounding (gconstpointer data)
{
  const Format *format = data;
  const guint infinity = (guint) (((1 << (15 - format->digits)) - 1) << format->digits);

  for (guint i = 0; i < infinity; i++)
    {
      /* Beyond the largest number the middle is where the next one would be if there were one. */
      const double low = meaning ((guint16) i, format->digits, format->bias);
      const double high = i + 1 < infinity ? meaning ((guint16) (i + 1), format->digits, format->bias)
                                           : 2 * low - meaning ((guint16) (i - 1), format->digits, format->bias);
      const guint32 middle = bits_of ((float) ((low + high) / 2));
      const guint even = i % 2 ? i + 1 : i;

      g_assert_cmphex (shorten (format, middle), ==, even);
      g_assert_cmphex (shorten (format, middle - 1), ==, i);
      g_assert_cmphex (shorten (format, middle + 1), ==, i + 1);
      g_assert_cmphex (shorten (format, middle | 0x80000000), ==, even | 0x8000);
    }
  g_assert_cmphex (shorten (format, bits_of (INFINITY)), ==, infinity);
  g_assert_cmphex (shorten (format, bits_of (-INFINITY)), ==, infinity | 0x8000);
  g_assert_cmphex (shorten (format, 0x7f7fffff), ==, infinity);
  g_assert_cmphex (shorten (format, 0x80000000), ==, 0x8000);
}

static void
test_nan (void)
{
  static const guint32 nans[] = { 0x7f800001, 0x7fc00000, 0xffffffff, 0x7f80ffff };

  for (gsize i = 0; i < G_N_ELEMENTS (nans); i++)
    {
      g_assert_true (isnan (meaning (shorten (&f16, nans[i]), f16.digits, f16.bias)));
      g_assert_true (isnan (meaning (shorten (&bf16, nans[i]), bf16.digits, bf16.bias)));
    }
}

/* Between the short types: as if by way of the f32 in the middle, which holds both. */
static void
test_between (void)
{
  for (guint i = 0; i <= G_MAXUINT16; i++)
    {
      const guint16 bits = (guint16) i;
      guint16 result;

      gesso_convert (GESSO_DTYPE_F16, &bits, GESSO_DTYPE_BF16, &result, 1);
      g_assert_cmphex (result, ==, shorten (&bf16, widen (&f16, bits)));
      gesso_convert (GESSO_DTYPE_BF16, &bits, GESSO_DTYPE_F16, &result, 1);
      g_assert_cmphex (result, ==, shorten (&f16, widen (&bf16, bits)));
    }
}

static void
test_copy (void)
{
  static const float values[] = { 1.0f, -2.5f, 1e-40f };
  float copy[3];

  gesso_convert (GESSO_DTYPE_F32, values, GESSO_DTYPE_F32, copy, 3);
  g_assert_cmpmem (copy, sizeof copy, values, sizeof values);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/convert/f16/every-value", &f16, test_every_value);
  g_test_add_data_func ("/convert/f16/rounding", &f16, test_rounding);
  g_test_add_data_func ("/convert/bf16/every-value", &bf16, test_every_value);
  g_test_add_data_func ("/convert/bf16/rounding", &bf16, test_rounding);
  g_test_add_func ("/convert/nan", test_nan);
  g_test_add_func ("/convert/between", test_between);
  g_test_add_func ("/convert/copy", test_copy);
  return g_test_run ();
}
