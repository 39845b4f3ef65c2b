/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whole pictures of miniature models, painted by the engine with the CUDA module beside it, against what diffusers
 * made of them in float32; and the same to the last bit when they are painted again, also where it was measured how.
 */

#include <glib/gstdio.h>
#include <string.h>

#include "picture-case.h"
#include "reference-cases.h"

#define LEAST_RATIO 35.0 /* dB */
#define TEXT_TOLERANCE 5e-3
#define AGAIN "v2-tiny-batch"

/* The cases that each run looks at: every architecture, a batch, which is painted twice, and the starter. */
static const char *const quick[]
    = { "sd14", "v2-tiny", "sd21", "base", "small", "tiny", "v2-base", "v2-small", AGAIN, "starter", NULL };

static GBytes *
paint (JsonObject *test, GessoPrecision precision, const TestTensor *expected, GPtrArray **trace)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoEngine) engine = picture_case_open (test, GESSO_DEVICE_CUDA, precision, &error);
  g_autoptr (GessoRequest) request = picture_case_request (test);
  g_autoptr (GPtrArray) pictures = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (gesso_engine_get_device (engine), ==, GESSO_DEVICE_CUDA);
  pictures = gesso_engine_generate_traced (engine, request, NULL, NULL, trace, NULL, &error);
  g_assert_no_error (error);
  return g_bytes_ref (picture_case_traced (*trace, "image", expected)->data);
}

/* What was measured for the first picture holds for the second. */
static void
test_measured (gconstpointer data)
{
  JsonObject *test = (JsonObject *) data;
  g_autofree char *path = picture_case_path (test);
  g_autoptr (TestFile) file = test_file_open (path);
  const TestTensor expected = test_file_get (file, "image");
  g_autofree char *folder = g_dir_make_tmp ("gesso-pictures-XXXXXX", NULL);
  g_autofree char *before = g_strdup (g_getenv ("GESSO_CUDA_TUNING"));
  g_autoptr (GPtrArray) trace = NULL, trace_again = NULL;
  g_autoptr (GBytes) image = NULL, again = NULL;
  g_autoptr (GDir) dir = NULL;
  guint n_files = 0;

  g_setenv ("GESSO_CUDA_TUNING", folder, TRUE);
  image = paint (test, GESSO_PRECISION_AUTO, &expected, &trace);
  again = paint (test, GESSO_PRECISION_AUTO, &expected, &trace_again);
  if (before)
    g_setenv ("GESSO_CUDA_TUNING", before, TRUE);
  else
    g_unsetenv ("GESSO_CUDA_TUNING");
  g_assert_true (g_bytes_equal (image, again));
  g_assert_cmpfloat (picture_case_psnr (g_bytes_get_data (image, NULL), expected.data, expected.n_values), >=,
                     LEAST_RATIO);
  dir = g_dir_open (folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir)); n_files++)
    {
      g_autofree char *written = g_build_filename (folder, name, NULL);

      g_assert_cmpint (g_remove (written), ==, 0);
    }
  /* It and its lock. */
  g_assert_cmpuint (n_files, ==, 2);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_case (gconstpointer data)
{
  JsonObject *test = (JsonObject *) data;
  const char *name = json_object_get_string_member (test, "name");
  g_autofree char *path = picture_case_path (test);
  g_autoptr (TestFile) file = test_file_open (path);
  g_autoptr (GPtrArray) trace = NULL, trace_again = NULL;
  g_autoptr (GBytes) image = NULL, again = NULL;
  TestTensor expected = test_file_get (file, "image"), text = test_file_get (file, "text");
  double ratio;

  image = paint (test, GESSO_PRECISION_AUTO, &expected, &trace);
  ratio = picture_case_psnr (g_bytes_get_data (image, NULL), expected.data, expected.n_values);
  g_test_message ("%s: %.1f dB", name, ratio);
  test_assert_close ("text", g_bytes_get_data (picture_case_traced (trace, "text", &text)->data, NULL), text.data,
                     text.n_values, TEXT_TOLERANCE);
  g_assert_cmpfloat (ratio, >=, LEAST_RATIO);
  if (g_str_equal (name, AGAIN))
    {
      again = paint (test, GESSO_PRECISION_AUTO, &expected, &trace_again);
      g_assert_true (g_bytes_equal (image, again));
    }
}

int
main (int argc, char **argv)
{
  static const char *const measured[] = { AGAIN, NULL };
  g_autoptr (JsonParser) parser = json_parser_new (), measured_parser = json_parser_new ();
  JsonObject *tolerances;

  g_test_init (&argc, &argv, NULL);
  test_add_cases (parser, "cases", "/cuda/pictures", g_getenv ("GESSO_FULL") ? NULL : quick, test_case, &tolerances);
  test_add_cases (measured_parser, "cases", "/cuda/measured-pictures", measured, test_measured, &tolerances);
  return g_test_run ();
}
