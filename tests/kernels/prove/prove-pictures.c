/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "prove.h"

#include <math.h>

/* A value that lies half-way between two bytes may fall to either. */
static gboolean
is_byte (double value, guint8 got)
{
  const double exact = CLAMP (value, 0.0, 1.0) * 255.0;

  return fabs (exact - (double) got) <= 0.5 + 1e-3;
}

static void
prove_pixels (Prover *prover, GessoDType type, gsize n, gsize channels)
{
  Values *x = values_random (prover, type, n * channels, 2.0);
  Values *colours = values_random (prover, GESSO_DTYPE_F32, 3 * (channels + 1), 0.5);
  Values *result = values_empty (prover, GESSO_DTYPE_U8, n * 3);
  g_autofree guint8 *got = g_malloc (n * 3);
  g_autofree char *what = g_strdup_printf ("pixels of %" G_GSIZE_FORMAT " values of %" G_GSIZE_FORMAT " channels, %s",
                                           n, channels, gesso_dtype_name (type));
  g_autoptr (GError) error = NULL;
  gboolean right = TRUE;

  prover_must (prover,
               gesso_launch_pixels (prover->launcher, type, x->address, colours->address, result->address, (gint64) n,
                                    (gint64) channels, &error),
               &error);
  values_fetch_bytes (prover, result, got, n * 3);
  for (gsize i = 0; i < n * 3; i++)
    {
      const float *row = colours->values + i % 3 * (channels + 1);
      double sum = (double) row[channels];

      for (gsize j = 0; j < channels; j++)
        sum += (double) row[j] * (double) x->values[i / 3 * channels + j];
      right = right && is_byte (sum, got[i]);
    }
  prover_note (prover, what, right);
  values_free (prover, x);
  values_free (prover, colours);
  values_free (prover, result);
}

/* What half-way values, far ones and those that are no numbers become. */
static void
prove_extremes (Prover *prover)
{
  static const float values[] = { 0.5f / 255.0f, 1.5f / 255.0f, 2.5f / 255.0f, -7.0f, 7.0f, INFINITY, -INFINITY, NAN };
  static const guint8 expected[] = { 0, 2, 2, 0, 255, 255, 0, 0 };
  static const float identity[] = { 1.0f, 0.0f, 1.0f, 0.0f, 1.0f, 0.0f };
  const gsize n = G_N_ELEMENTS (values);
  Values *x = values_new (prover, GESSO_DTYPE_F32, n, values);
  Values *colours = values_new (prover, GESSO_DTYPE_F32, 6, identity);
  Values *result = values_empty (prover, GESSO_DTYPE_U8, n * 3);
  guint8 got[3 * G_N_ELEMENTS (values)];
  g_autoptr (GError) error = NULL;
  gboolean right = TRUE;

  prover_must (prover,
               gesso_launch_pixels (prover->launcher, GESSO_DTYPE_F32, x->address, colours->address, result->address,
                                    (gint64) n, 1, &error),
               &error);
  values_fetch_bytes (prover, result, got, sizeof got);
  for (gsize i = 0; i < n * 3; i++)
    right = right && got[i] == expected[i / 3];
  prover_note (prover, "pixels of half-way and far values, and of no numbers", right);
  values_free (prover, x);
  values_free (prover, colours);
  values_free (prover, result);
}

/* Value `at` of `n` is `value`. */
static void
prove_finite (Prover *prover, GessoDType type, gsize n, gsize at, float value)
{
  g_autofree float *values = g_new0 (float, n);
  Values *x, *result = values_empty (prover, GESSO_DTYPE_I32, 1);
  g_autofree char *what = g_strdup_printf ("%" G_GSIZE_FORMAT " values, one %g: finite or not, %s", n, (double) value,
                                           gesso_dtype_name (type));
  g_autoptr (GError) error = NULL;
  gint32 got = -1;

  values[at] = value;
  x = values_new (prover, type, n, values);
  prover_must (prover, gesso_launch_is_finite (prover->launcher, type, x->address, result->address, (gint64) n, &error),
               &error);
  values_fetch_bytes (prover, result, &got, sizeof got);
  prover_note (prover, what, got == (isfinite (value) ? 1 : 0));
  values_free (prover, x);
  values_free (prover, result);
}

void
prove_pictures (Prover *prover)
{
  const GessoDType types[] = { prover->launcher->type, GESSO_DTYPE_F32 };

  for (gsize t = 0; t < G_N_ELEMENTS (types); t++)
    {
      prove_pixels (prover, types[t], 1000, 3);
      prove_pixels (prover, types[t], 77, 1);
      prove_pixels (prover, types[t], 300, 4);
      prove_pixels (prover, types[t], 1, 16);
      prove_finite (prover, types[t], 1000, 0, 1.0f);
      prove_finite (prover, types[t], 1000, 999, NAN);
      prove_finite (prover, types[t], 257, 256, -INFINITY);
      prove_finite (prover, types[t], 1, 0, INFINITY);
    }
  prove_extremes (prover);
}
