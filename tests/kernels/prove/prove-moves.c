/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What moves values as they are: compared to the byte.
 */

#include "prove.h"

#include <string.h>

static guint8 *
random_bytes (gsize n)
{
  guint8 *bytes = g_malloc (MAX (n, 4) + 3);

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) prover_random ();
  return bytes;
}

/* `n` bytes on the device; rounded up to whole integers. */
static Values *
upload_bytes (Prover *prover, const guint8 *bytes, gsize n)
{
  return values_integers (prover, (n + 3) / 4, (const gint32 *) (const void *) bytes);
}

static gboolean
holds (Prover *prover, const Values *result, const guint8 *expected, gsize n)
{
  g_autofree guint8 *got = g_malloc (MAX (n, 1));

  values_fetch_bytes (prover, result, got, n);
  return memcmp (got, expected, n) == 0;
}

static void
prove_concat (Prover *prover, gsize rows, gsize a_row, gsize b_row)
{
  g_autofree guint8 *a = random_bytes (rows * a_row), *b = random_bytes (rows * b_row);
  const gsize row = a_row + b_row;
  g_autofree guint8 *expected = g_malloc (rows * row);
  g_autofree char *what = g_strdup_printf ("concatenation of %" G_GSIZE_FORMAT " rows of %" G_GSIZE_FORMAT
                                           " and %" G_GSIZE_FORMAT " bytes",
                                           rows, a_row, b_row);
  Values *on_a = upload_bytes (prover, a, rows * a_row), *on_b = upload_bytes (prover, b, rows * b_row);
  Values *result = values_empty (prover, GESSO_DTYPE_U8, rows * row);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < rows; i++)
    {
      memcpy (expected + i * row, a + i * a_row, a_row);
      memcpy (expected + i * row + a_row, b + i * b_row, b_row);
    }
  prover_must (prover,
               gesso_launch_concat (prover->launcher, on_a->address, a_row, on_b->address, b_row, result->address,
                                    (gint64) rows, &error),
               &error);
  prover_note (prover, what, holds (prover, result, expected, rows * row));
  values_free (prover, on_a);
  values_free (prover, on_b);
  values_free (prover, result);
}

static void
prove_upsample (Prover *prover, gsize pictures, gsize h, gsize w, gsize oh, gsize ow, gsize pixel)
{
  g_autofree guint8 *x = random_bytes (pictures * h * w * pixel);
  const gsize n = pictures * oh * ow * pixel;
  g_autofree guint8 *expected = g_malloc (n);
  g_autofree char *what
      = g_strdup_printf ("upsampling of %" G_GSIZE_FORMAT "x%" G_GSIZE_FORMAT "x%" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
                         "x%" G_GSIZE_FORMAT " pixels of %" G_GSIZE_FORMAT " bytes",
                         pictures, h, w, oh, ow, pixel);
  Values *on_x = upload_bytes (prover, x, pictures * h * w * pixel), *result = values_empty (prover, GESSO_DTYPE_U8, n);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < pictures * oh * ow; i++)
    {
      const gsize column = i % ow, row = i / ow % oh, picture = i / ow / oh;

      memcpy (expected + i * pixel, x + ((picture * h + row * h / oh) * w + column * w / ow) * pixel, pixel);
    }
  prover_must (prover,
               gesso_launch_upsample (prover->launcher, on_x->address, result->address, (gint64) pictures, (gint64) h,
                                      (gint64) w, (gint64) oh, (gint64) ow, pixel, &error),
               &error);
  prover_note (prover, what, holds (prover, result, expected, n));
  values_free (prover, on_x);
  values_free (prover, result);
}

static void
prove_repeat (Prover *prover, gsize bytes, int times)
{
  g_autofree guint8 *x = random_bytes (bytes), *expected = g_malloc (bytes * (gsize) times);
  g_autofree char *what = g_strdup_printf ("repetition of %" G_GSIZE_FORMAT " bytes %d times", bytes, times);
  Values *on_x = upload_bytes (prover, x, bytes);
  Values *result = values_empty (prover, GESSO_DTYPE_U8, bytes * (gsize) times);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < times; i++)
    memcpy (expected + (gsize) i * bytes, x, bytes);
  prover_must (prover, gesso_launch_repeat (prover->launcher, on_x->address, result->address, bytes, times, &error),
               &error);
  prover_note (prover, what, holds (prover, result, expected, bytes * (gsize) times));
  values_free (prover, on_x);
  values_free (prover, result);
}

static void
prove_embedding (Prover *prover, int texts, int length, int channels, int vocabulary)
{
  const GessoDType type = prover->launcher->type;
  const int rows = texts * length;
  Values *table = values_random (prover, type, (gsize) (vocabulary * channels), 1.0);
  Values *positions = values_random (prover, type, (gsize) (length * channels), 1.0);
  Values *result = values_empty (prover, type, (gsize) (rows * channels)), *on_ids;
  g_autofree gint32 *ids = g_new (gint32, (gsize) rows);
  g_autofree double *expected = g_new (double, (gsize) (rows * channels));
  g_autofree char *what = g_strdup_printf ("embedding of %d texts of %d in %d", texts, length, channels);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < rows; i++)
    {
      ids[i] = prover_random_int (0, vocabulary - 1);
      for (int j = 0; j < channels; j++)
        expected[i * channels + j]
            = (double) table->values[ids[i] * channels + j] + (double) positions->values[i % length * channels + j];
    }
  on_ids = values_integers (prover, (gsize) rows, ids);
  prover_must (prover,
               gesso_launch_embedding (prover->launcher, on_ids->address, table->address, positions->address,
                                       result->address, rows, length, channels, vocabulary, &error),
               &error);
  values_fetch (prover, result);
  prover_compare (prover, what, result, expected, 1e-6, prover_rounding (type) * 1.05, 0.0);
  values_free (prover, table);
  values_free (prover, positions);
  values_free (prover, result);
  values_free (prover, on_ids);
}

void
prove_moves (Prover *prover)
{
  prove_concat (prover, 100, 640, 320);
  prove_concat (prover, 7, 6, 10);
  prove_concat (prover, 5, 3, 8);
  prove_concat (prover, 1, 1, 1);
  prove_upsample (prover, 2, 8, 9, 16, 18, 128);
  prove_upsample (prover, 3, 5, 7, 9, 13, 6);
  prove_upsample (prover, 1, 1, 1, 3, 2, 1);
  prove_repeat (prover, 1000, 2);
  prove_repeat (prover, 3, 8);
  prove_embedding (prover, 2, 77, 64, 99);
  prove_embedding (prover, 3, 5, 7, 11);
}
