/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value that lies half-way between two bytes may fall to either. */
static gboolean
is_byte (double value, guint8 got)
{
  const double exact = CLAMP (value, 0.0, 1.0) * 255.0;

  return fabs (exact - (double) got) <= 0.5 + 1e-3;
}

static void
prove_pixels (Prover *prover, gsize n, gsize channels, gboolean damaged)
{
  g_autofree float *values = g_new (float, n *channels);
  const gint32 nothing = 0;
  Values *x, *result = values_empty (prover, GESSO_DTYPE_U8, n * 3), *flag = values_integers (prover, 1, &nothing);
  g_autofree guint8 *got = g_malloc (n * 3);
  g_autofree char *what = g_strdup_printf ("pixels of %" G_GSIZE_FORMAT " values of %" G_GSIZE_FORMAT " channels%s", n,
                                           channels, damaged ? ", one no number" : "");
  g_autoptr (GError) error = NULL;
  gboolean right = TRUE;
  gint32 is_damaged;

  for (gsize i = 0; i < n * channels; i++)
    values[i] = (float) (1.2 * ((double) prover_random () / 0x80000000u - 1.0));
  if (damaged)
    values[0] = NAN;
  x = values_new (prover, GESSO_DTYPE_F32, n * channels, values);
  prover_must (prover,
               gesso_launch_pixels (prover->launcher, x->address, result->address, flag->address, (gint64) n,
                                    (gint64) channels, &error),
               &error);
  values_fetch_bytes (prover, result, got, n * 3);
  values_fetch_bytes (prover, flag, &is_damaged, sizeof is_damaged);
  for (gsize i = damaged ? 3 : 0; i < n * 3; i++)
    right = right && is_byte ((double) values[i / 3 * channels + (channels == 3 ? i % 3 : 0)] / 2.0 + 0.5, got[i]);
  prover_note (prover, what, right && is_damaged == damaged && (!damaged || got[0] == 0));
  values_free (prover, x);
  values_free (prover, result);
  values_free (prover, flag);
}

static void
prove_preview (Prover *prover, gsize n, gsize channels)
{
  Values *x = values_random (prover, GESSO_DTYPE_F32, n * channels, 2.0);
  Values *colours = values_random (prover, GESSO_DTYPE_F32, 3 * (channels + 1), 0.5);
  Values *result = values_empty (prover, GESSO_DTYPE_U8, n * 3);
  g_autofree guint8 *got = g_malloc (n * 3);
  g_autofree char *what
      = g_strdup_printf ("preview of %" G_GSIZE_FORMAT " latents of %" G_GSIZE_FORMAT " channels", n, channels);
  g_autoptr (GError) error = NULL;
  gboolean right = TRUE;

  prover_must (prover,
               gesso_launch_preview (prover->launcher, x->address, colours->address, result->address, (gint64) n,
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

void
prove_pictures (Prover *prover)
{
  prove_pixels (prover, 1000, 3, FALSE);
  prove_pixels (prover, 77, 1, FALSE);
  prove_pixels (prover, 5, 3, TRUE);
  prove_preview (prover, 300, 4);
  prove_preview (prover, 1, 16);
}
