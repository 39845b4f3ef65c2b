/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whole-number arithmetic wherever a subnormal could meet the processor: a thread may have been told to flush those
 * to zero. Conversions between the two short types go through f32, which holds both exactly.
 */

#include "convert.h"

#include <string.h>

static inline guint32
float_bits (float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  return bits;
}

static inline float
bits_float (guint32 bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

static inline guint32
f16_to_f32 (guint16 half)
{
  const guint32 sign = (guint32) (half & 0x8000) << 16;
  const guint32 magnitude = half & 0x7fff;
  /* Exponent from a bias of 15 to one of 127. */
  const guint32 normal = (magnitude << 13) + ((127 - 15) << 23);
  /* Infinity and NaN: the exponent is all ones again. */
  const guint32 special = normal + ((128 - 16) << 23);
  /* Subnormal: the digits become those of 2^-14 (1 + m), from which 2^-14 is taken off; normal numbers all. */
  const guint32 subnormal = float_bits (bits_float ((magnitude << 13) + (113u << 23)) - bits_float (113u << 23));

  return sign | (magnitude >= 0x7c00 ? special : magnitude < 0x0400 ? subnormal : normal);
}

static inline guint16
f32_to_f16 (guint32 bits)
{
  const guint32 sign = (bits >> 16) & 0x8000;
  const guint32 magnitude = bits & 0x7fffffff;
  /* Rebias and round; a carry out of the digits is the right next exponent, up to infinity. */
  const guint32 normal = (magnitude - ((127 - 15) << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  /* Below 2^-14: adding 0.5 lines the digits up with the last places of the sum, which the addition rounds. */
  const guint32 subnormal
      = float_bits (bits_float (magnitude < (113u << 23) ? magnitude : 0) + 0.5f) - float_bits (0.5f);
  const guint32 special = magnitude > 0x7f800000 ? 0x7e00 | (magnitude >> 13 & 0x1ff) : 0x7c00;

  return (guint16) (sign | (magnitude >= 0x47800000 ? special : magnitude < (113u << 23) ? subnormal : normal));
}

static inline guint16
f32_to_bf16 (guint32 bits)
{
  const guint32 rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const guint32 quiet = (bits >> 16) | 0x40;

  return (guint16) ((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

static inline guint32
bf16_to_f32 (guint16 value)
{
  return (guint32) value << 16;
}

#define CONVERT(Source, Target, expression)                                                                            \
  do                                                                                                                   \
    {                                                                                                                  \
      const Source *restrict in = source;                                                                              \
      Target *restrict out = target;                                                                                   \
      for (gsize i = 0; i < n; i++)                                                                                    \
        {                                                                                                              \
          const Source x = in[i];                                                                                      \
          out[i] = (expression);                                                                                       \
        }                                                                                                              \
    }                                                                                                                  \
  while (0)

void
gesso_convert (GessoDType from, const void *source, GessoDType to, void *target, gsize n)
{
  if (from == to)
    memcpy (target, source, n * gesso_dtype_size (from));
  else if (from == GESSO_DTYPE_F32 && to == GESSO_DTYPE_F16)
    CONVERT (guint32, guint16, f32_to_f16 (x));
  else if (from == GESSO_DTYPE_F32)
    CONVERT (guint32, guint16, f32_to_bf16 (x));
  else if (from == GESSO_DTYPE_F16 && to == GESSO_DTYPE_F32)
    CONVERT (guint16, guint32, f16_to_f32 (x));
  else if (from == GESSO_DTYPE_F16)
    CONVERT (guint16, guint16, f32_to_bf16 (f16_to_f32 (x)));
  else if (to == GESSO_DTYPE_F32)
    CONVERT (guint16, guint32, bf16_to_f32 (x));
  else
    CONVERT (guint16, guint16, f32_to_f16 (bf16_to_f32 (x)));
}
