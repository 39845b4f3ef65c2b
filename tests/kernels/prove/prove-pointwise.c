/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "prove.h"

#include <math.h>

/* Compares what lies in `result`, `n` values, and frees it. */
static void
finish (Prover *prover, const char *name, GessoDType type, Values *result, const double *expected)
{
  g_autofree char *what
      = g_strdup_printf ("%s of %" G_GSIZE_FORMAT " values, %s", name, result->n, gesso_dtype_name (type));

  prover_stop (prover);
  values_fetch (prover, result);
  prover_compare (prover, what, result, expected, 1e-5, prover_rounding (result->type) * 1.05, (double) result->n);
  values_free (prover, result);
}

static void
prove_activations (Prover *prover, GessoDType type, gsize n)
{
  static const char *const names[] = { "no activation", "SiLU", "GELU", "quick GELU" };
  Values *x = values_random (prover, type, n, 8.0);
  g_autofree double *expected = g_new (double, n);
  g_autoptr (GError) error = NULL;

  for (int kind = 0; kind < 4; kind++)
    {
      Values *result = values_empty (prover, type, n);

      for (gsize i = 0; i < n; i++)
        expected[i] = reference_activate ((GessoActivation) kind, (double) x->values[i]);
      prover_start (prover);
      prover_must (prover,
                   gesso_launch_activation (prover->launcher, type, x->address, result->address, (gint64) n,
                                            (GessoActivation) kind, &error),
                   &error);
      finish (prover, names[kind], type, result, expected);
    }
  values_free (prover, x);
}

static void
prove_geglu (Prover *prover, GessoDType type, int rows, int c)
{
  const gsize n = (gsize) (rows * c);
  Values *x = values_random (prover, type, 2 * n, 4.0), *result = values_empty (prover, type, n);
  g_autofree double *expected = g_new (double, n);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < rows * c; i++)
    {
      const float *from = x->values + i / c * 2 * c + i % c;

      expected[i] = (double) from[0] * reference_gelu ((double) from[c]);
    }
  prover_start (prover);
  prover_must (prover, gesso_launch_geglu (prover->launcher, type, x->address, result->address, rows, c, &error),
               &error);
  finish (prover, "GEGLU", type, result, expected);
  values_free (prover, x);
}

static void
prove_add (Prover *prover, GessoDType type, int n, int vector)
{
  Values *x = values_random (prover, type, (gsize) n, 4.0), *result = values_empty (prover, type, (gsize) n);
  Values *other = vector ? values_random (prover, GESSO_DTYPE_F32, (gsize) vector, 4.0)
                         : values_random (prover, type, (gsize) n, 4.0);
  g_autofree double *expected = g_new (double, (gsize) n);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < n; i++)
    expected[i] = (double) x->values[i] + (double) other->values[vector ? i % vector : i];
  prover_start (prover);
  prover_must (
      prover, gesso_launch_add (prover->launcher, type, x->address, other->address, result->address, n, vector, &error),
      &error);
  finish (prover, vector ? "addition of a vector" : "addition", type, result, expected);
  values_free (prover, x);
  values_free (prover, other);
}

static void
prove_casts (Prover *prover, int n)
{
  const GessoDType types[] = { GESSO_DTYPE_F32, prover->launcher->type };
  g_autofree double *expected = g_new (double, (gsize) n);
  g_autoptr (GError) error = NULL;

  for (int from = 0; from < 2; from++)
    for (int to = 0; to < 2; to++)
      {
        Values *x = values_random (prover, types[from], (gsize) n, 4.0);
        Values *result = values_empty (prover, types[to], (gsize) n);

        for (int i = 0; i < n; i++)
          expected[i] = (double) x->values[i];
        prover_start (prover);
        prover_must (
            prover,
            gesso_launch_cast (prover->launcher, x->address, types[from], result->address, types[to], n, &error),
            &error);
        finish (prover, "cast", types[from], result, expected);
        values_free (prover, x);
      }
}

void
prove_pointwise (Prover *prover)
{
  const GessoDType types[] = { prover->launcher->type, GESSO_DTYPE_F32 };

  for (gsize t = 0; t < G_N_ELEMENTS (types); t++)
    {
      prove_activations (prover, types[t], 2056);
      prove_activations (prover, types[t], 1);
      prove_activations (prover, types[t], 777);
      prove_geglu (prover, types[t], 30, 72);
      prove_geglu (prover, types[t], 3, 5);
      prove_add (prover, types[t], 4096, 0);
      prove_add (prover, types[t], 333, 0);
      prove_add (prover, types[t], 4096, 64);
      prove_add (prover, types[t], 35, 7);
    }
  prove_casts (prover, 1000);
  prove_casts (prover, 1);
}
