/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "prove.h"

#include <math.h>

typedef struct
{
  int pictures, rows, channels, groups;
  GessoActivation activation;
  double mean; /* of the input: large ones cost digits */
} Case;

static const float eps = 1e-5f;

/* Of `count` values, `step` apart after each run of `width`. */
static void
statistics (const float *x, int rows, int width, int step, double *mean, double *factor)
{
  const double n = (double) rows * width;
  double sum = 0.0, squares = 0.0;

  for (int row = 0; row < rows; row++)
    for (int i = 0; i < width; i++)
      sum += (double) x[row * step + i];
  *mean = sum / n;
  for (int row = 0; row < rows; row++)
    for (int i = 0; i < width; i++)
      squares += ((double) x[row * step + i] - *mean) * ((double) x[row * step + i] - *mean);
  *factor = 1.0 / sqrt (squares / n + (double) eps);
}

static Values *
input (Prover *prover, GessoDType type, gsize n, double mean)
{
  g_autofree float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = (float) (mean + (double) prover_random () / 0x80000000u - 1.0);
  return values_new (prover, type, n, values);
}

/* Both halves of the last picture, each by itself, with what is known of the whole. */
static void
prove_bands (Prover *prover, GessoDType type, const Case *test, const Values *x, const Values *pairs,
             const Values *gamma, const Values *beta, const double *expected)
{
  const gsize size = gesso_dtype_size (type), c = (gsize) test->channels, rows = (gsize) test->rows;
  const gsize last = (gsize) (test->pictures - 1), n = (gsize) test->pictures * rows * c, half = rows / 2;
  const CUdeviceptr statistics = pairs->address + last * (gsize) test->groups * 2 * sizeof (float);
  Values *result = values_empty (prover, type, rows * c);
  g_autofree char *what
      = g_strdup_printf ("group norm of bands, %dx%d in %d groups, mean %g%s, %s", test->rows, test->channels,
                         test->groups, test->mean, test->activation ? " activation" : "", gesso_dtype_name (type));
  g_autoptr (GError) error = NULL;

  for (int band = 0; band < 2; band++)
    {
      const gsize first = band ? half : 0, count = band ? rows - half : half;

      if (count)
        prover_must (
            prover,
            gesso_launch_group_normalise (prover->launcher, type, x->address + (last * rows + first) * c * size,
                                          statistics, gamma->address, beta->address, result->address + first * c * size,
                                          1, (gint64) count, test->channels, test->groups, test->activation, &error),
            &error);
    }
  values_fetch (prover, result);
  prover_compare (prover, what, result, expected + (n - rows * c), 3e-5 + 2e-6 * fabs (test->mean),
                  prover_rounding (type) * 1.05, (double) (rows * c));
  values_free (prover, result);
}

static void
prove_group_norm (Prover *prover, GessoDType type, const Case *test)
{
  const int c = test->channels, width = c / test->groups;
  const gsize n = (gsize) (test->pictures * test->rows * c), n_statistics = (gsize) (test->pictures * test->groups);
  Values *x = input (prover, type, n, test->mean);
  Values *gamma = values_random (prover, GESSO_DTYPE_F32, (gsize) c, 1.0);
  Values *beta = values_random (prover, GESSO_DTYPE_F32, (gsize) c, 1.0);
  Values *result = values_empty (prover, type, n);
  Values *pairs = values_empty (prover, GESSO_DTYPE_F32, n_statistics * 2);
  Values *scratch = values_empty (
      prover, GESSO_DTYPE_F32,
      gesso_group_norm_scratch (prover->launcher, test->pictures, test->rows, c, test->groups) / sizeof (float));
  g_autofree double *expected = g_new (double, n), *expected_pairs = g_new (double, n_statistics * 2);
  g_autofree char *what
      = g_strdup_printf ("group norm %dx%dx%d in %d groups, mean %g%s, %s", test->pictures, test->rows, c, test->groups,
                         test->mean, test->activation ? " activation" : "", gesso_dtype_name (type));
  g_autofree char *what_pairs = g_strconcat (what, " statistics", NULL);
  g_autofree char *what_in_place = g_strconcat (what, " in place", NULL);
  const double rounding = prover_rounding (type);
  g_autoptr (GError) error = NULL;

  for (int picture = 0; picture < test->pictures; picture++)
    for (int group = 0; group < test->groups; group++)
      {
        const int first = picture * test->rows * c + group * width;
        double *pair = expected_pairs + (picture * test->groups + group) * 2;

        statistics (x->values + first, test->rows, width, c, &pair[0], &pair[1]);
        for (int row = 0; row < test->rows; row++)
          for (int i = 0; i < width; i++)
            {
              const int channel = group * width + i;

              expected[first + row * c + i]
                  = reference_activate (test->activation, ((double) x->values[first + row * c + i] - pair[0]) * pair[1]
                                                                  * (double) gamma->values[channel]
                                                              + (double) beta->values[channel]);
            }
      }
  prover_start (prover);
  prover_must (prover,
               gesso_launch_group_norm (prover->launcher, type, x->address, gamma->address, beta->address,
                                        result->address, scratch->address, test->pictures, test->rows, c, test->groups,
                                        eps, test->activation, &error),
               &error);
  prover_stop (prover);
  values_fetch (prover, result);
  prover_compare (prover, what, result, expected, 3e-5 + 2e-6 * fabs (test->mean), rounding * 1.05, (double) n);
  prover_must (prover,
               gesso_launch_group_norm (prover->launcher, type, x->address, 0, 0, pairs->address, scratch->address,
                                        test->pictures, test->rows, c, test->groups, eps, GESSO_ACTIVATION_NONE,
                                        &error),
               &error);
  values_fetch (prover, pairs);
  prover_compare (prover, what_pairs, pairs, expected_pairs, 1e-5, 2e-5, (double) n);
  prove_bands (prover, type, test, x, pairs, gamma, beta, expected);
  prover_must (prover,
               gesso_launch_group_norm (prover->launcher, type, x->address, gamma->address, beta->address, x->address,
                                        scratch->address, test->pictures, test->rows, c, test->groups, eps,
                                        test->activation, &error),
               &error);
  values_fetch (prover, x);
  prover_compare (prover, what_in_place, x, expected, 3e-5 + 2e-6 * fabs (test->mean), rounding * 1.05, (double) n);
  values_free (prover, x);
  values_free (prover, gamma);
  values_free (prover, beta);
  values_free (prover, result);
  values_free (prover, pairs);
  values_free (prover, scratch);
}

static void
prove_layer_norm (Prover *prover, GessoDType type, int rows, int c, double mean)
{
  const gsize n = (gsize) (rows * c);
  Values *x = input (prover, type, n, mean);
  Values *gamma = values_random (prover, GESSO_DTYPE_F32, (gsize) c, 1.0);
  Values *beta = values_random (prover, GESSO_DTYPE_F32, (gsize) c, 1.0);
  Values *result = values_empty (prover, type, n);
  g_autofree double *expected = g_new (double, n);
  g_autofree char *what = g_strdup_printf ("layer norm %dx%d, mean %g, %s", rows, c, mean, gesso_dtype_name (type));
  g_autoptr (GError) error = NULL;

  for (int row = 0; row < rows; row++)
    {
      double mean_value, factor;

      statistics (x->values + row * c, 1, c, c, &mean_value, &factor);
      for (int i = 0; i < c; i++)
        expected[row * c + i] = ((double) x->values[row * c + i] - mean_value) * factor * (double) gamma->values[i]
                                + (double) beta->values[i];
    }
  prover_start (prover);
  prover_must (prover,
               gesso_launch_layer_norm (prover->launcher, type, x->address, gamma->address, beta->address,
                                        result->address, rows, c, eps, &error),
               &error);
  prover_stop (prover);
  values_fetch (prover, result);
  prover_compare (prover, what, result, expected, 3e-5 + 2e-6 * fabs (mean), prover_rounding (type) * 1.05, (double) n);
  values_free (prover, x);
  values_free (prover, gamma);
  values_free (prover, beta);
  values_free (prover, result);
}

void
prove_norms (Prover *prover)
{
  static const Case cases[] = {
    { 2, 100, 320, 32, GESSO_ACTIVATION_SILU, 0.0 },
    { 1, 1, 32, 32, GESSO_ACTIVATION_NONE, 0.0 },
    { 8, 33, 64, 32, GESSO_ACTIVATION_NONE, 3.0 },
    { 1, 1500, 96, 32, GESSO_ACTIVATION_SILU, -20.0 },
    { 2, 7, 36, 6, GESSO_ACTIVATION_SILU, 0.0 },
    { 1, 9, 2560, 32, GESSO_ACTIVATION_SILU, 0.5 },
    { 1, 65, 5, 5, GESSO_ACTIVATION_QUICK_GELU, 0.0 },
    { 3, 4, 1280, 1, GESSO_ACTIVATION_GELU, 0.0 },
    /* more shared memory than a kernel has by default, after it was launched with less */
    { 1, 3, 8192, 32, GESSO_ACTIVATION_NONE, 0.0 },
    /* more than any has */
    { 2, 5, 12673, 29, GESSO_ACTIVATION_SILU, 3.0 },
    { 1, 2, 14000, 7000, GESSO_ACTIVATION_NONE, 0.0 },
    { 1, 70, 12674, 1, GESSO_ACTIVATION_GELU, -20.0 },
  };
  const GessoDType types[] = { prover->launcher->type, GESSO_DTYPE_F32 };

  for (gsize t = 0; t < G_N_ELEMENTS (types); t++)
    {
      for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
        prove_group_norm (prover, types[t], &cases[i]);
      prove_layer_norm (prover, types[t], 77, 768, 0.0);
      prove_layer_norm (prover, types[t], 1, 8, 0.0);
      prove_layer_norm (prover, types[t], 13, 1, 0.0);
      prove_layer_norm (prover, types[t], 9, 1027, -8.0);
      prove_layer_norm (prover, types[t], 20, 1280, 8.0);
    }
}
