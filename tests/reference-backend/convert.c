/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Between 32-bit floats and the two 16-bit kinds; and from integers.
 */

#include "convert.h"

#include <math.h>
#include <string.h>

static guint32
float_bits (float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  return bits;
}

static float
bits_float (guint32 bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

static guint16
to_bf16 (float value)
{
  const guint32 bits = float_bits (value);

  if (isnan (value))
    return (guint16) ((bits >> 16) | 0x40);
  return (guint16) ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static float
from_f16 (guint16 half)
{
  const guint32 sign = (guint32) (half & 0x8000) << 16;
  const guint32 exponent = (half >> 10) & 0x1f;
  const guint32 mantissa = half & 0x3ff;

  if (exponent == 0x1f)
    return bits_float (sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0)
    return bits_float (sign | float_bits ((float) mantissa * 0x1p-24f));
  return bits_float (sign | (exponent + 112) << 23 | mantissa << 13);
}

static guint16
to_f16 (float value)
{
  const guint32 sign = (float_bits (value) >> 16) & 0x8000;
  const float magnitude = fabsf (value);
  guint32 bits = float_bits (magnitude);

  if (isnan (value))
    return (guint16) (sign | 0x7e00);
  if (magnitude >= 65520.0f)
    return (guint16) (sign | 0x7c00);
  if (magnitude < 0x1p-14f) /* a multiple of 2^-24; adding 0.5 lets the addition round it to nearest even */
    return (guint16) (sign | (float_bits (magnitude + 0.5f) - float_bits (0.5f)));
  bits += 0xfff + ((bits >> 13) & 1);
  return (guint16) (sign | ((bits >> 13) - (112 << 10)));
}

void
gesso_reference_to_f32 (GessoDType dtype, const void *from, gint64 n, float *to)
{
  const guint16 *half = from;

  if (dtype == GESSO_DTYPE_F32)
    memcpy (to, from, (gsize) n * sizeof *to);
  else if (dtype == GESSO_DTYPE_BF16)
    for (gint64 i = 0; i < n; i++)
      to[i] = bits_float ((guint32) half[i] << 16);
  else if (dtype == GESSO_DTYPE_F16)
    for (gint64 i = 0; i < n; i++)
      to[i] = from_f16 (half[i]);
  else
    for (gint64 i = 0; i < n; i++)
      to[i] = dtype == GESSO_DTYPE_U8 ? (float) ((const guint8 *) from)[i] : (float) ((const gint32 *) from)[i];
}

void
gesso_reference_from_f32 (GessoDType dtype, const float *from, gint64 n, void *to)
{
  guint16 *half = to;

  if (dtype == GESSO_DTYPE_F32)
    memcpy (to, from, (gsize) n * sizeof *from);
  else if (dtype == GESSO_DTYPE_BF16)
    for (gint64 i = 0; i < n; i++)
      half[i] = to_bf16 (from[i]);
  else
    for (gint64 i = 0; i < n; i++)
      half[i] = to_f16 (from[i]);
}
