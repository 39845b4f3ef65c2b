/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * torch's CPU normal distribution: mt19937, and Box-Muller in two ways, by how many values are asked for.
 */

#include "noise.h"

#include <math.h>

#define STATE_SIZE 624
#define STATE_SHIFT 397
#define CHUNK 16

typedef struct
{
  guint32 state[STATE_SIZE];
  int next; /* first word of `state` not given out yet */
} Twister;

struct _GessoNoise
{
  Twister twister;
  gboolean has_second;
  double second; /* deviate that came with the last one drawn singly */
};

static void
twister_seed (Twister *twister, guint32 seed)
{
  twister->state[0] = seed;
  for (guint32 i = 1; i < STATE_SIZE; i++)
    {
      guint32 before = twister->state[i - 1];

      twister->state[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
  twister->next = STATE_SIZE;
}

static void
twister_refill (Twister *twister)
{
  guint32 *state = twister->state;

  for (int i = 0; i < STATE_SIZE; i++)
    {
      guint32 joined = (state[i] & 0x80000000u) | (state[(i + 1) % STATE_SIZE] & 0x7fffffffu);
      guint32 twist = (joined & 1) ? 0x9908b0dfu : 0;

      state[i] = state[(i + STATE_SHIFT) % STATE_SIZE] ^ (joined >> 1) ^ twist;
    }
  twister->next = 0;
}

static guint32
twister_next (Twister *twister)
{
  guint32 y;

  if (twister->next == STATE_SIZE)
    twister_refill (twister);
  y = twister->state[twister->next++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

/* 24 bits of one draw, in [0, 1). */
static float
uniform_float (Twister *twister)
{
  return (float) (twister_next (twister) & ((1u << 24) - 1)) * (1.0f / (1u << 24));
}

/* 53 bits of two draws, in [0, 1). */
static double
uniform_double (Twister *twister)
{
  guint64 high = twister_next (twister);
  guint64 both = high << 32 | twister_next (twister);

  return (double) (both & ((G_GUINT64_CONSTANT (1) << 53) - 1)) * (1.0 / (G_GUINT64_CONSTANT (1) << 53));
}

/* Box-Muller in place over 16 uniforms: the first eight become radii, the last eight angles. */
static void
normalize_chunk (float *values)
{
  for (int i = 0; i < CHUNK / 2; i++)
    {
      float radius = sqrtf (-2.0f * logf (1.0f - values[i]));
      float angle = 2.0f * (float) G_PI * values[i + CHUNK / 2];

      values[i] = radius * cosf (angle);
      values[i + CHUNK / 2] = radius * sinf (angle);
    }
}

static void
fill_chunks (Twister *twister, gsize n, float *values)
{
  for (gsize i = 0; i < n; i++)
    values[i] = uniform_float (twister);
  for (gsize i = 0; i + CHUNK <= n; i += CHUNK)
    normalize_chunk (values + i);
  if (n % CHUNK != 0)
    {
      float *last = values + n - CHUNK;

      for (int i = 0; i < CHUNK; i++)
        last[i] = uniform_float (twister);
      normalize_chunk (last);
    }
}

/* Fewer values than a chunk come one by one, in double; every other one from the uniforms of the one before, also from
 * one draw to the next. */
static void
fill_singly (GessoNoise *noise, gsize n, float *values)
{
  for (gsize i = 0; i < n; i++)
    {
      double u1, u2, radius, angle;

      if (noise->has_second)
        {
          values[i] = (float) noise->second;
          noise->has_second = FALSE;
          continue;
        }
      u1 = uniform_double (&noise->twister);
      u2 = uniform_double (&noise->twister);
      radius = sqrt (-2.0 * log1p (-u2));
      angle = 2.0 * G_PI * u1;
      values[i] = (float) (radius * cos (angle));
      noise->second = radius * sin (angle);
      noise->has_second = TRUE;
    }
}

GessoNoise *
gesso_noise_new (guint64 seed)
{
  GessoNoise *noise = g_new0 (GessoNoise, 1);

  twister_seed (&noise->twister, (guint32) seed);
  return noise;
}

void
gesso_noise_free (GessoNoise *noise)
{
  g_free (noise);
}

void
gesso_noise_draw (GessoNoise *noise, gsize n, float *values)
{
  if (n < CHUNK)
    fill_singly (noise, n, values);
  else
    fill_chunks (&noise->twister, n, values);
}

void
gesso_noise_fill (guint64 seed, gsize n, float *values)
{
  g_autoptr (GessoNoise) noise = gesso_noise_new (seed);

  gesso_noise_draw (noise, n, values);
}
