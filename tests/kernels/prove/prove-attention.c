/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Attention of every head width, itself and across, causal, in bands, with shared keys and rows that lie apart.
 */

#include "prove.h"

#include <math.h>

typedef struct
{
  int pictures, sharing, queries, keys, heads, width;
  gboolean causal, plain;
  int begin, end;    /* 0, 0: all queries */
  int q_gap, kv_gap; /* values between rows */
  double spread;     /* of the queries: large ones make peaked softmaxes */
} Case;

static void
reference (const Case *test, const float *q, const float *k, const float *v, float scale, double *result)
{
  const int c = test->heads * test->width, q_pitch = c + test->q_gap, kv_pitch = c + test->kv_gap;
  g_autofree double *scores = g_new (double, (gsize) test->keys);

  for (int n = 0; n < test->pictures; n++)
    for (int i = test->begin; i < test->end; i++)
      for (int head = 0; head < test->heads; head++)
        {
          const float *query = q + (n * test->queries + i) * q_pitch + head * test->width;
          const gint64 other = (gint64) (n / test->sharing) * test->keys * kv_pitch + head * test->width;
          const int end = test->causal ? MIN (test->keys, i + 1) : test->keys;
          double *to = result + (n * test->queries + i) * c + head * test->width;
          double highest = -INFINITY, sum = 0.0;

          for (int j = 0; j < end; j++)
            {
              scores[j] = 0.0;
              for (int d = 0; d < test->width; d++)
                scores[j] += (double) query[d] * (double) k[other + j * kv_pitch + d];
              scores[j] *= (double) scale;
              highest = MAX (highest, scores[j]);
            }
          for (int j = 0; j < end; j++)
            {
              scores[j] = exp (scores[j] - highest);
              sum += scores[j];
            }
          for (int j = 0; j < end; j++)
            for (int d = 0; d < test->width; d++)
              to[d] += scores[j] / sum * (double) v[other + j * kv_pitch + d];
        }
}

static void
prove_way (Prover *prover, Case test, GessoAttentionWay way)
{
  const GessoDType type = prover->launcher->type;
  const int c = test.heads * test.width, q_pitch = c + test.q_gap, kv_pitch = c + test.kv_gap;
  const gsize n = (gsize) (test.pictures * test.queries * c);
  const gsize n_keys = (gsize) (test.pictures / test.sharing * test.keys * kv_pitch);
  const float scale = (float) (1.0 / sqrt ((double) test.width));
  const double rounding = prover_rounding (type);
  Values *q, *k, *v, *result;
  GessoAttention attention;
  g_autofree double *expected = g_new0 (double, n);
  g_autofree float *nothing = g_new0 (float, n);
  g_autofree char *what = NULL;
  g_autoptr (GError) error = NULL;

  if (!test.end)
    test.end = test.queries;
  q = values_random (prover, type, (gsize) (test.pictures * test.queries * q_pitch), test.spread);
  k = values_random (prover, type, n_keys, 1.0);
  v = values_random (prover, type, n_keys, 1.0);
  result = values_new (prover, type, n, nothing);
  attention = (GessoAttention) { .q = q->address,
                                 .k = k->address,
                                 .v = v->address,
                                 .result = result->address,
                                 .pictures = test.pictures,
                                 .shape = { .queries = test.queries,
                                            .keys = test.keys,
                                            .heads = test.heads,
                                            .width = test.width,
                                            .q_pitch = q_pitch,
                                            .kv_pitch = kv_pitch,
                                            .sharing = test.sharing,
                                            .begin = test.begin,
                                            .end = test.end,
                                            .causal = test.causal,
                                            .scale = scale },
                                 .plain = test.plain,
                                 .way = way };
  reference (&test, q->values, k->values, v->values, scale, expected);
  prover_start (prover);
  prover_must (prover, gesso_launch_attention (prover->launcher, &attention, &error), &error);
  prover_stop (prover);
  values_fetch (prover, result);
  what = g_strdup_printf ("attention %d/%d x %d queries %d keys, %d heads of %d, %d by %d%s%s%s", test.pictures,
                          test.sharing, test.queries, test.keys, test.heads, test.width, way.queries, way.warp_queries,
                          test.causal ? " causal" : "", test.plain ? " plain" : "",
                          test.end - test.begin < test.queries ? " band" : "");
  /* Probabilities are rounded before they meet the values. */
  prover_compare (prover, what, result, expected, rounding, rounding * 1.5,
                  4.0 * test.pictures * (test.end - test.begin) * (double) test.keys * c);
  values_free (prover, q);
  values_free (prover, k);
  values_free (prover, v);
  values_free (prover, result);
}

static void
prove_case (Prover *prover, Case test)
{
  prove_way (prover, test, (GessoAttentionWay) { 0 });
}

void
prove_attention (Prover *prover)
{
  static const int widths[] = { 40, 64, 80, 160, 512, 8, 24, 33, 72 };
  static const GessoAttentionWay ways[] = { { 128, 32 }, { 128, 16 }, { 64, 16 } };

  for (gsize i = 0; i < G_N_ELEMENTS (widths); i++)
    {
      const int width = widths[i], heads = width == 512 ? 1 : 2;
      const gboolean odd = width % 8 != 0;
      const Case cases[] = {
        { 1, 1, 1, 1, heads, width, FALSE, FALSE, 0, 0, 0, 0, 1.0 },
        { 2, 1, 70, 77, heads, width, FALSE, FALSE, 0, 0, 0, 0, 4.0 },
        { 1, 1, 77, 77, heads, width, TRUE, FALSE, 0, 0, 0, 0, 4.0 },
        { 4, 2, 33, 130, heads, width, FALSE, FALSE, 5, 30, odd ? 1 : 8, odd ? 3 : 16, 20.0 },
        { 3, 3, 150, 64, heads, width, FALSE, FALSE, 0, 0, 0, 0, 2.0 },
      };

      for (gsize j = 0; j < (prover->quick ? 3 : G_N_ELEMENTS (cases)); j++)
        prove_case (prover, cases[j]);
      if (width == 64)
        prove_case (prover, (Case) { 8, 1, 12, 65, heads, width, TRUE, TRUE, 0, 0, 0, 0, 4.0 });
    }
  /* Heads that are cut into slices: with more than one key's round, and wider than shared memory has room for. */
  prove_case (prover, (Case) { 1, 1, 9, 77, 2, 1100, FALSE, FALSE, 2, 8, 0, 0, 4.0 });
  prove_case (prover, (Case) { 1, 1, 40, 40, 1, 1024, TRUE, FALSE, 0, 0, 0, 0, 4.0 });
  if (!prover->quick)
    prove_case (prover, (Case) { 2, 2, 3, 9, 1, 13001, FALSE, FALSE, 1, 3, 1, 3, 2.0 });
  for (gsize i = 0; i < 3; i++)
    for (gsize j = 0; j < G_N_ELEMENTS (ways); j++)
      {
        /* Warps that have few queries or none; and blocks enough for all of a card. */
        prove_way (prover, (Case) { 1, 1, 98, 77, 2, widths[i], FALSE, FALSE, 0, 0, 0, 0, 4.0 }, ways[j]);
        prove_way (prover, (Case) { 2, 2, 150, 150, 1, widths[i], TRUE, FALSE, 3, 149, 8, 16, 4.0 }, ways[j]);
        if (!prover->quick || prover->timing)
          prove_way (prover, (Case) { 8, 2, 257, 96, 8, widths[i], i == 1, FALSE, 0, 0, 0, 0, 4.0 }, ways[j]);
      }
}
