/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the device's own instructions do, each alone (layouts.cu): a card that disagrees with the emulation shows here
 * first.
 */

#include "prove.h"

#include <math.h>

static const guint32 one_block[3] = { 1, 1, 1 };

static void
prove_matrices (Prover *prover)
{
  const GessoDType type = prover->launcher->type;
  Values *in = values_random (prover, type, 256, 1.0);
  Values *out = values_empty (prover, GESSO_DTYPE_I32, 256);
  const guint16 *raw = in->raw;
  void *parameters[] = { &in->address, &out->address };
  g_autoptr (GError) error = NULL;
  guint32 got[256];
  gboolean right = TRUE;

  prover_must (prover, gesso_launch (prover->launcher, "layout_matrices", type, one_block, 32, 0, parameters, &error),
               &error);
  values_fetch_bytes (prover, out, got, sizeof got);
  for (int lane = 0; lane < 32; lane++)
    for (int i = 0; i < 4; i++)
      {
        /* matrix i: rows from (i & 1) * 8, columns from (i >> 1) * 8 */
        const int row = (i & 1) * 8, column = (i >> 1) * 8, g = lane / 4, t = lane % 4 * 2;
        const guint16 *plain = raw + (row + g) * 16 + column + t;
        const guint16 *turned = raw + (row + t) * 16 + column + g;

        right = right && got[lane * 8 + i] == (plain[0] | (guint32) plain[1] << 16)
                && got[lane * 8 + 4 + i] == (turned[0] | (guint32) turned[16] << 16);
      }
  prover_note (prover, "layout of matrices from shared memory", right);
  values_free (prover, in);
  values_free (prover, out);
}

static void
prove_product (Prover *prover)
{
  const GessoDType type = prover->launcher->type;
  Values *a = values_random (prover, type, 256, 1.0), *b = values_random (prover, type, 128, 1.0);
  Values *c = values_random (prover, GESSO_DTYPE_F32, 128, 1.0);
  void *parameters[] = { &a->address, &b->address, &c->address };
  g_autoptr (GError) error = NULL;
  double expected[128];

  for (int i = 0; i < 128; i++)
    {
      expected[i] = (double) c->values[i];
      for (int k = 0; k < 16; k++)
        expected[i] += (double) a->values[i / 8 * 16 + k] * (double) b->values[i % 8 * 16 + k];
    }
  prover_must (prover, gesso_launch (prover->launcher, "layout_product", type, one_block, 32, 0, parameters, &error),
               &error);
  values_fetch (prover, c);
  prover_compare (prover, "layout of a product", c, expected, 1e-5, 1e-5, 4096.0);
  values_free (prover, a);
  values_free (prover, b);
  values_free (prover, c);
}

/* Rows by 64 values of k, 160 columns: what a product of warpgroups reads and adds up. */
static void
prove_warpgroup (Prover *prover)
{
  enum
  {
    M = 64,
    N = 160,
    K = 64
  };
  const GessoDType type = prover->launcher->type;
  Values *a = values_random (prover, type, M * K, 1.0), *b = values_random (prover, type, N * K, 1.0);
  Values *c = values_random (prover, GESSO_DTYPE_F32, M * N, 1.0);
  void *parameters[] = { &a->address, &b->address, &c->address };
  g_autofree double *expected = g_new (double, M *N);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < M * N; i++)
    {
      expected[i] = (double) c->values[i];
      for (int k = 0; k < K; k++)
        expected[i] += (double) a->values[i / N * K + k] * (double) b->values[i % N * K + k];
    }
  prover_must (prover,
               gesso_launch (prover->launcher, "layout_wg", type, one_block, 128, (M + N) * K * 2, parameters, &error),
               &error);
  values_fetch (prover, c);
  prover_compare (prover, "layout of a warpgroup's product", c, expected, 1e-5, 1e-5, 2.0 * M * N * K);
  values_free (prover, a);
  values_free (prover, b);
  values_free (prover, c);
}

static void
prove_copies (Prover *prover)
{
  enum
  {
    N = 100,
    THREADS = 128
  };
  const GessoDType type = prover->launcher->type;
  Values *in = values_random (prover, type, N * 8, 1.0), *out = values_empty (prover, type, THREADS * 8);
  int n = N;
  void *parameters[] = { &in->address, &out->address, &n };
  g_autoptr (GError) error = NULL;
  double expected[THREADS * 8];

  for (int i = 0; i < THREADS * 8; i++)
    {
      const int from = THREADS - 1 - i / 8;

      expected[i] = from < N ? (double) in->values[from * 8 + i % 8] : 0.0;
    }
  prover_must (prover,
               gesso_launch (prover->launcher, "layout_copies", type, one_block, THREADS, 0, parameters, &error),
               &error);
  values_fetch (prover, out);
  prover_compare (prover, "asynchronous copies", out, expected, 1e-30, 0.0, 0.0);
  values_free (prover, in);
  values_free (prover, out);
}

static void
prove_lanes (Prover *prover)
{
  Values *in = values_random (prover, GESSO_DTYPE_F32, 64, 4.0), *out = values_empty (prover, GESSO_DTYPE_F32, 256);
  void *parameters[] = { &in->address, &out->address };
  g_autoptr (GError) error = NULL;
  double expected[256];

  for (int i = 0; i < 64; i++)
    {
      expected[i] = 0.0;
      for (int j = 0; j < 32; j++)
        expected[i] += (double) in->values[i / 32 * 32 + j];
      expected[64 + i] = -INFINITY;
      for (int j = 0; j < 4; j++)
        expected[64 + i] = MAX (expected[64 + i], (double) in->values[i / 4 * 4 + j]);
      expected[128 + i] = exp2 ((double) in->values[i]);
      expected[192 + i] = (double) in->values[i / 32 * 32 + 5];
    }
  prover_must (
      prover,
      gesso_launch (prover->launcher, "layout_lanes", prover->launcher->type, one_block, 64, 0, parameters, &error),
      &error);
  values_fetch (prover, out);
  prover_compare (prover, "operations of a warp", out, expected, 1e-5, 1e-6, 0.0);
  values_free (prover, in);
  values_free (prover, out);
}

void
prove_layouts (Prover *prover)
{
  prove_matrices (prover);
  prove_product (prover);
  if (prover->launcher->has_warpgroups)
    prove_warpgroup (prover);
  prove_copies (prover);
  prove_lanes (prover);
}
