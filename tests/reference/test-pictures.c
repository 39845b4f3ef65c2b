/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whole pictures of miniature models against what diffusers made of them; see METHOD.md.
 */

#include "picture-case.h"
#include "reference-cases.h"

static JsonObject *tolerances;

static void
compare_floats (GPtrArray *trace, TestFile *file, const char *name)
{
  TestTensor expected = test_file_get (file, name);
  const GessoTensorData *tensor = picture_case_traced (trace, name, &expected);

  test_assert_close (name, g_bytes_get_data (tensor->data, NULL), expected.data, expected.n_values,
                     json_object_get_double_member (tolerances, name));
}

static void
compare_images (GPtrArray *trace, TestFile *file)
{
  TestTensor expected = test_file_get (file, "image");
  const guint8 *a = g_bytes_get_data (picture_case_traced (trace, "image", &expected)->data, NULL);
  const guint8 *b = expected.data;
  gsize near = 0;

  for (gsize i = 0; i < expected.n_values; i++)
    near += ABS (a[i] - b[i]) <= 1;
  g_test_message ("image: %.4f %% of values within one level", 100.0 * (double) near / (double) expected.n_values);
  g_assert_cmpfloat ((double) near / (double) expected.n_values, >=,
                     json_object_get_double_member (tolerances, "image_within_one"));
}

/* The pictures in bf16 are those of float32, but for noise that is hard to see. */
static void
test_bf16 (gconstpointer data)
{
  JsonArray *cases = (JsonArray *) data;

  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *test = json_array_get_object_element (cases, i);
      g_autofree char *path = picture_case_path (test);
      g_autoptr (GError) error = NULL;
      g_autoptr (GessoEngine) engine = picture_case_open (test, GESSO_DEVICE_CPU, GESSO_PRECISION_BF16, &error);
      g_autoptr (GessoRequest) request = picture_case_request (test);
      g_autoptr (TestFile) file = test_file_open (path);
      g_autoptr (GPtrArray) trace = NULL;
      g_autoptr (GPtrArray) pictures = NULL;
      TestTensor expected = test_file_get (file, "image");
      double ratio;

      if (g_error_matches (error, GESSO_ERROR, GESSO_ERROR_DEVICE))
        {
          g_test_skip (error->message);
          return;
        }
      g_assert_no_error (error);
      pictures = gesso_engine_generate_traced (engine, request, NULL, NULL, &trace, NULL, &error);
      g_assert_no_error (error);
      ratio = picture_case_psnr (g_bytes_get_data (picture_case_traced (trace, "image", &expected)->data, NULL),
                                 expected.data, expected.n_values);
      g_test_message ("%s: %.1f dB", json_object_get_string_member (test, "name"), ratio);
      g_assert_cmpfloat (ratio, >=, 30);
    }
}

static void
test_case (gconstpointer data)
{
  JsonObject *test = (JsonObject *) data;
  g_autofree char *path = picture_case_path (test);
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoEngine) engine = picture_case_open (test, GESSO_DEVICE_CPU, GESSO_PRECISION_F32, &error);
  g_autoptr (GessoRequest) request = picture_case_request (test);
  g_autoptr (TestFile) file = test_file_open (path);
  g_autoptr (GPtrArray) trace = NULL;
  g_autoptr (GPtrArray) pictures = NULL;
  TestTensor tokens;

  g_assert_no_error (error);
  pictures = gesso_engine_generate_traced (engine, request, NULL, NULL, &trace, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pictures->len, ==, (guint) request->n_images);

  tokens = test_file_get (file, "tokens");
  g_assert_cmpmem (g_bytes_get_data (picture_case_traced (trace, "tokens", &tokens)->data, NULL),
                   tokens.n_values * sizeof (gint32), tokens.data, tokens.n_values * sizeof (gint32));
  compare_floats (trace, file, "text");
  compare_floats (trace, file, "noise");
  compare_floats (trace, file, "latents");
  compare_images (trace, file);
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *cases;

  g_test_init (&argc, &argv, NULL);
  cases = test_add_cases (parser, "cases", "/pictures", NULL, test_case, &tolerances);
  g_test_add_data_func ("/pictures-bf16", cases, test_bf16);
  return g_test_run ();
}
