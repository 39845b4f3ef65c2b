/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "prove.h"

#include <math.h>
#include <string.h>

#define MOST_PLACES 10

static const float factors[] = { 1.5f, 0.0f, -2.0f, 0.25f, 7.5f, -0.5f, 1.0f };

static void
prove_one (Prover *prover, GessoDType type, int n_terms, int n)
{
  Values *coefficients = values_new (prover, GESSO_DTYPE_F32, (gsize) n_terms, factors);
  Values *terms[GESSO_COMBINE_TERMS], *result = values_empty (prover, type, (gsize) n);
  GessoCombine stage = { .n_terms = n_terms, .coefficients = coefficients->address, .result = result->address };
  g_autofree double *expected = g_new0 (double, (gsize) n);
  g_autofree char *what
      = g_strdup_printf ("combination of %d times %d values, %s", n_terms, n, gesso_dtype_name (type));
  g_autoptr (GError) error = NULL;

  for (int j = 0; j < n_terms; j++)
    {
      /* The term that does not count holds no number at all. */
      terms[j]
          = factors[j] == 0.0f ? values_empty (prover, type, (gsize) n) : values_random (prover, type, (gsize) n, 1.0);
      stage.terms[j] = terms[j]->address;
      for (int i = 0; i < n && factors[j] != 0.0f; i++)
        expected[i] += (double) factors[j] * (double) terms[j]->values[i];
    }
  prover_start (prover);
  prover_must (prover, gesso_launch_combine (prover->launcher, type, &stage, 1, n, &error), &error);
  prover_stop (prover);
  values_fetch (prover, result);
  prover_compare (prover, what, result, expected, 1e-5, prover_rounding (type) * 1.05, (double) n);
  for (int j = 0; j < n_terms; j++)
    values_free (prover, terms[j]);
  values_free (prover, coefficients);
  values_free (prover, result);
}

/* Reads "01>2 2>3": the terms' places and the result's, stage by stage. */
static int
read_chain (const char *chain, Values *const *places, const Values *coefficients, GessoCombine *stages)
{
  int n_stages = 0;

  for (const char *c = chain; *c; c++)
    {
      GessoCombine *stage = &stages[n_stages++];

      *stage = (GessoCombine) { .coefficients = coefficients->address };
      for (; *c != '>'; c++)
        stage->terms[stage->n_terms++] = places[*c - '0']->address;
      stage->result = places[*++c - '0']->address;
      if (c[1])
        c++;
    }
  return n_stages;
}

/* One launch leaves the same everywhere, to the last bit, as one a stage. */
static void
prove_chain (Prover *prover, GessoDType type, const char *chain, int n)
{
  const gsize bytes = (gsize) n * gesso_dtype_size (type);
  Values *coefficients = values_new (prover, GESSO_DTYPE_F32, GESSO_COMBINE_TERMS, factors);
  Values *places[2][MOST_PLACES];
  GessoCombine stages[2][GESSO_COMBINE_STAGES];
  g_autofree float *values = g_new (float, (gsize) n);
  g_autofree char *what = g_strdup_printf ("%s in one launch, %d values, %s", chain, n, gesso_dtype_name (type));
  g_autoptr (GError) error = NULL;
  gboolean right = TRUE;
  int n_stages = 0;

  for (int p = 0; p < MOST_PLACES; p++)
    {
      for (int i = 0; i < n; i++)
        values[i] = p == 9 ? NAN : (float) ((double) prover_random () / 0x80000000u - 1.0);
      for (int way = 0; way < 2; way++)
        places[way][p] = values_new (prover, type, (gsize) n, values);
    }
  for (int way = 0; way < 2; way++)
    n_stages = read_chain (chain, places[way], coefficients, stages[way]);
  right = gesso_combine_together (stages[0], n_stages, type, n) == n_stages;
  prover_must (prover, gesso_launch_combine (prover->launcher, type, stages[0], n_stages, n, &error), &error);
  for (int s = 0; s < n_stages; s++)
    prover_must (prover, gesso_launch_combine (prover->launcher, type, &stages[1][s], 1, n, &error), &error);
  for (int p = 0; p < MOST_PLACES; p++)
    {
      for (int way = 0; way < 2; way++)
        values_fetch (prover, places[way][p]);
      right = right && memcmp (places[0][p]->raw, places[1][p]->raw, bytes) == 0;
    }
  prover_note (prover, what, right);
  for (int p = 0; p < MOST_PLACES; p++)
    for (int way = 0; way < 2; way++)
      values_free (prover, places[way][p]);
  values_free (prover, coefficients);
}

/* Of stages x -> result, coefficients at 64, that do 16 values of F32 each. */
static void
prove_together (Prover *prover)
{
  static const struct
  {
    const char *what;
    CUdeviceptr x[2], result[2], coefficients;
    int together;
  } cases[] = {
    { "apart", { 256, 512 }, { 1024, 2048 }, 64, 2 },
    { "the first one's result", { 256, 1024 }, { 1024, 2048 }, 64, 2 },
    { "in place", { 256, 256 }, { 256, 256 }, 64, 2 },
    { "next to each other", { 256, 320 }, { 384, 448 }, 64, 2 },
    { "over the first one's term, shifted", { 256, 512 }, { 1024, 260 }, 64, 1 },
    { "a term over the first one's result, shifted", { 256, 1028 }, { 1024, 2048 }, 64, 1 },
    { "results over each other, shifted", { 256, 512 }, { 1024, 964 }, 64, 1 },
    { "over the coefficients", { 256, 512 }, { 1024, 64 }, 64, 1 },
    { "coefficients that the first one makes", { 256, 512 }, { 1024, 2048 }, 1024, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GessoCombine stages[] = { { 1, { cases[i].x[0] }, 64, cases[i].result[0] },
                                      { 1, { cases[i].x[1] }, cases[i].coefficients, cases[i].result[1] } };
      g_autofree char *what = g_strconcat ("together or not: ", cases[i].what, NULL);

      prover_note (prover, what, gesso_combine_together (stages, 2, GESSO_DTYPE_F32, 16) == cases[i].together);
    }
}

void
prove_combine (Prover *prover)
{
  const GessoDType types[] = { prover->launcher->type, GESSO_DTYPE_F32 };
  /* Place 9 holds no numbers; the second coefficient is 0. */
  static const char *const chains[] = {
    "01>2",                             /* one */
    "09>4 14235>5 5>6",                 /* the update */
    "01>4 23>5",                        /* nothing in common */
    "01>0 10>1 1>1",                    /* in place */
    "012>3 4>0 5>1",                    /* over what was read before */
    "01>4 23>4 404>5",                  /* twice to one place */
    "0123456>7 7654321>8 8>0 0798123>1" /* all that there may be */
  };

  for (gsize t = 0; t < G_N_ELEMENTS (types); t++)
    {
      prove_one (prover, types[t], 1, 500);
      prove_one (prover, types[t], 3, 256);
      prove_one (prover, types[t], 7, 301);
      for (gsize i = 0; i < G_N_ELEMENTS (chains); i++)
        prove_chain (prover, types[t], chains[i], i % 2 ? 1000 : 77);
    }
  prove_together (prover);
}
