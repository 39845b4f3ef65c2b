/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The noise against torch.randn's (noise.json, made by make-references.py).
 */

#include <math.h>
#include <string.h>
#include <json-glib/json-glib.h>

#include "sampling/noise.h"

#define N_WHOLE 40 /* up to so many values all are stored, else the first and the last N_SHOWN */
#define N_SHOWN 20
#define TOLERANCE 1e-5

static JsonParser *references;

static void
check_entry (JsonObject *entry)
{
  guint64 seed = (guint64) json_object_get_int_member (entry, "seed");
  gsize n = (gsize) json_object_get_int_member (entry, "n");
  JsonArray *wanted = json_object_get_array_member (entry, "values");
  g_autofree float *values = g_new (float, n + 1);
  double mean_square = 0;

  values[n] = 12345;
  gesso_noise_fill (seed, n, values);
  g_assert_cmpfloat (values[n], ==, 12345);
  g_assert_cmpuint (json_array_get_length (wanted), ==, n <= N_WHOLE ? n : 2 * N_SHOWN);
  for (gsize i = 0; i < json_array_get_length (wanted); i++)
    {
      gsize at = n <= N_WHOLE || i < N_SHOWN ? i : n - 2 * N_SHOWN + i;
      double value = json_array_get_double_element (wanted, (guint) i);

      if (!(fabs (values[at] - value) <= TOLERANCE * MAX (1, fabs (value))))
        g_error ("seed %" G_GUINT64_FORMAT ", value %zu of %zu: %.9g instead of %.9g", seed, at, n, (double) values[at],
                 value);
    }
  for (gsize i = 0; i < n; i++)
    mean_square += (double) values[i] * values[i] / (double) n;
  g_assert_cmpfloat_with_epsilon (mean_square, json_object_get_double_member (entry, "mean_square"), 1e-5);
}

static void
test_torch (void)
{
  JsonArray *entries = json_node_get_array (json_parser_get_root (references));

  g_assert_cmpuint (json_array_get_length (entries), >, 100);
  for (guint i = 0; i < json_array_get_length (entries); i++)
    check_entry (json_array_get_object_element (entries, i));
}

/* Draws that follow one another: the last three values of each torch.randn (n, generator=generator), the generator
 * seeded with 7, as torch 2.11.0 printed them. */
static void
test_stream (void)
{
  static const struct
  {
    gsize n[3];
    double last[3][3];
  } cases[] = {
    { { 20, 33, 5 },
      { { -0.5640067, -2.0564625, -0.3567225 },
        { 0.7469808, 1.3797723, 1.2877198 },
        { -1.374972, 0.1321472, 0.1582528 } } },
    { { 5, 5, 20 },
      { { 0.9468216, -1.114344, 1.6907902 },
        { 1.2323858, 0.1381727, -1.6821985 },
        { 0.2370146, 0.6326821, -0.0916772 } } },
    { { 3, 4, 3 },
      { { -0.1467951, 0.7861413, 0.9468216 },
        { 1.6907902, -0.8948279, -0.355625 },
        { 1.2323858, 0.1381727, -1.6821985 } } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoNoise) noise = gesso_noise_new (7);

      for (int draw = 0; draw < 3; draw++)
        {
          gsize n = cases[i].n[draw];
          float values[40];

          gesso_noise_draw (noise, n, values);
          for (gsize k = 0; k < 3; k++)
            g_assert_cmpfloat_with_epsilon (values[n - 3 + k], cases[i].last[draw][k], 1e-6);
        }
    }
}

/* Only the low 32 bits of a seed count; the others must not. */
static void
test_low_bits (void)
{
  float a[50], b[50], c[50];

  gesso_noise_fill (77, 50, a);
  gesso_noise_fill (G_GUINT64_CONSTANT (0xabcdef0000000000) + 77, 50, b);
  gesso_noise_fill (78, 50, c);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  g_assert_true (memcmp (a, c, sizeof a) != 0);
}

static void
test_none (void)
{
  float value = 3;

  gesso_noise_fill (1, 0, &value);
  g_assert_cmpfloat (value, ==, 3);
}

int
main (int argc, char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  path = g_test_build_filename (G_TEST_DIST, "noise.json", NULL);
  references = json_parser_new ();
  json_parser_load_from_file (references, path, &error);
  g_assert_no_error (error);
  g_test_add_func ("/sampling/noise/torch", test_torch);
  g_test_add_func ("/sampling/noise/stream", test_stream);
  g_test_add_func ("/sampling/noise/low-bits", test_low_bits);
  g_test_add_func ("/sampling/noise/none", test_none);
  result = g_test_run ();
  g_object_unref (references);
  return result;
}
