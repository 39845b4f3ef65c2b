/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Guidance and the scheduler's update against their formulas, every term of a row in use.
 */

#include "denoise.h"
#include "formula-network.h"

#define CHANNELS 4
#define VALUES (2 * 3 * 4 * CHANNELS)

/* Some values that differ from input to input. */
static void
set (FormulaNetwork *network, const char *name, guint64 seed, float *values)
{
  gesso_noise_fill (seed, VALUES, values);
  formula_network_set (network, name, values);
}

static void
test_update (gconstpointer data)
{
  int repeat = GPOINTER_TO_INT (data);
  GessoBackend *backend = gesso_cpu_backend_entry (GESSO_BACKEND_ABI, 1, NULL);
  FormulaNetwork *network
      = formula_network_new (backend, GESSO_PRECISION_F32, NULL, gesso_update_graph (2, repeat, 3, 4, CHANNELS));
  const float guidance[2] = { repeat == 2 ? -6.5f : 1.0f, 7.5f };
  const float coefficients[] = { 0.9f, -0.5f, 0.25f, -0.125f, 0.0625f, 0.3f };
  const float input_scale = 0.75f;
  const float clear[] = { 0.8f, -0.3f };
  const float colours[] = { 0.5f, 0.125f, -0.25f, 0.1f, 0.5f, 0, 0, 1, 0, 0, -0.5f, 0.25f, 0.5f, 0, 0.75f };
  float negative[VALUES], positive[VALUES], base[VALUES], history[3][VALUES], noise[VALUES], previous[VALUES];
  g_autofree float *output = NULL;
  g_autofree float *latents = NULL;
  g_autofree float *scaled = NULL;
  g_autofree guint8 *preview = NULL;

  if (repeat == 2)
    set (network, "negative", 1, negative);
  set (network, "positive", 2, positive);
  set (network, "base", 3, base);
  set (network, "history.1", 4, history[0]);
  set (network, "history.2", 5, history[1]);
  set (network, "history.3", 6, history[2]);
  set (network, "noise", 7, noise);
  set (network, "previous", 8, previous);
  formula_network_set (network, "guidance", guidance);
  formula_network_set (network, "coefficients", coefficients);
  formula_network_set (network, "input_scale", &input_scale);
  formula_network_set (network, "clear", clear);
  formula_network_set (network, "colours", colours);
  formula_network_run (network);
  output = formula_network_get (network, "model_output");
  latents = formula_network_get (network, "latents");
  scaled = formula_network_get (network, "scaled");
  preview = formula_network_get (network, "preview");
  for (int i = 0; i < VALUES; i++)
    {
      double guided = repeat == 2 ? -6.5 * negative[i] + 7.5 * positive[i] : positive[i];
      double next = 0.9 * base[i] - 0.5 * guided + 0.25 * history[0][i] - 0.125 * history[1][i] + 0.0625 * history[2][i]
                    + 0.3 * noise[i];

      g_assert_cmpfloat_with_epsilon (output[i], guided, 1e-5);
      g_assert_cmpfloat_with_epsilon (latents[i], next, 1e-5);
      g_assert_cmpfloat_with_epsilon (scaled[i], 0.75 * next, 1e-5);
    }
  for (int i = 0; i < VALUES / CHANNELS * 3; i++)
    {
      const float *row = colours + i % 3 * (CHANNELS + 1);
      double colour = row[CHANNELS];

      for (int j = 0; j < CHANNELS; j++)
        {
          int k = i / 3 * CHANNELS + j;

          colour += row[j] * (0.8 * previous[k] - 0.3 * output[k]);
        }
      g_assert_cmpfloat_with_epsilon (preview[i], CLAMP (colour, 0, 1) * 255, 0.501);
    }
  formula_network_free (network);
  backend->free (backend);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/update/alone", GINT_TO_POINTER (1), test_update);
  g_test_add_data_func ("/update/guided", GINT_TO_POINTER (2), test_update);
  return g_test_run ();
}
