/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whole pictures of miniature models against what diffusers made of them; see METHOD.md.
 */

#include <math.h>
#include <string.h>

#include "gesso.h"
#include "reference-cases.h"
#include "safetensors-file.h"

static JsonObject *tolerances;

static GessoRequest *
request_of (JsonObject *test)
{
  GessoRequest *request = gesso_request_new (json_object_get_string_member (test, "prompt"));

  request->negative_prompt = g_strdup (json_object_get_string_member_with_default (test, "negative_prompt", NULL));
  request->steps = (int) json_object_get_int_member (test, "steps");
  request->guidance = json_object_get_double_member (test, "guidance");
  request->seed = (guint64) json_object_get_int_member (test, "seed");
  request->width = (int) json_object_get_int_member (test, "width");
  request->height = (int) json_object_get_int_member (test, "height");
  request->n_images = (int) json_object_get_int_member (test, "images");
  return request;
}

static const GessoTensorData *
traced (GPtrArray *trace, const char *name, const TestTensor *expected)
{
  for (guint i = 0; i < trace->len; i++)
    {
      const GessoTensorData *tensor = g_ptr_array_index (trace, i);

      if (g_strcmp0 (tensor->name, name) != 0)
        continue;
      g_assert_cmpstr (tensor->dtype, ==, expected->dtype);
      g_assert_cmpint (tensor->n_dims, ==, expected->n_dims);
      for (int d = 0; d < tensor->n_dims; d++)
        g_assert_cmpint (tensor->dims[d], ==, expected->dims[d]);
      return tensor;
    }
  g_error ("no tensor \"%s\" in the trace", name);
}

static void
compare_floats (GPtrArray *trace, TestFile *file, const char *name)
{
  TestTensor expected = test_file_get (file, name);
  const GessoTensorData *tensor = traced (trace, name, &expected);

  test_assert_close (name, g_bytes_get_data (tensor->data, NULL), expected.data, expected.n_values,
                     json_object_get_double_member (tolerances, name));
}

static void
compare_images (GPtrArray *trace, TestFile *file)
{
  TestTensor expected = test_file_get (file, "image");
  const guint8 *a = g_bytes_get_data (traced (trace, "image", &expected)->data, NULL);
  const guint8 *b = expected.data;
  gsize near = 0;

  for (gsize i = 0; i < expected.n_values; i++)
    near += ABS (a[i] - b[i]) <= 1;
  g_test_message ("image: %.4f %% of values within one level", 100.0 * (double) near / (double) expected.n_values);
  g_assert_cmpfloat ((double) near / (double) expected.n_values, >=,
                     json_object_get_double_member (tolerances, "image_within_one"));
}

static char *
case_path (JsonObject *test)
{
  g_autofree char *name = g_strconcat (json_object_get_string_member (test, "name"), ".safetensors", NULL);

  return g_test_build_filename (G_TEST_DIST, "data", "cases", name, NULL);
}

static GessoEngine *
open_engine (JsonObject *test, GessoPrecision precision, GError **error)
{
  g_autofree char *folder = test_model_folder (json_object_get_string_member (test, "model"));
  GessoOptions options = { .device = GESSO_DEVICE_CPU, .precision = precision };

  return gesso_engine_new (folder, &options, NULL, error);
}

/* Peak signal to noise ratio, in dB. */
static double
psnr (const guint8 *a, const guint8 *b, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (double) (a[i] - b[i]) * (a[i] - b[i]);
  return 10 * log10 (255.0 * 255.0 * (double) n / sum);
}

/* The pictures in bf16 are those of float32, but for noise that is hard to see. */
static void
test_bf16 (gconstpointer data)
{
  JsonArray *cases = (JsonArray *) data;

  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *test = json_array_get_object_element (cases, i);
      g_autofree char *path = case_path (test);
      g_autoptr (GError) error = NULL;
      g_autoptr (GessoEngine) engine = open_engine (test, GESSO_PRECISION_BF16, &error);
      g_autoptr (GessoRequest) request = request_of (test);
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
      ratio
          = psnr (g_bytes_get_data (traced (trace, "image", &expected)->data, NULL), expected.data, expected.n_values);
      g_test_message ("%s: %.1f dB", json_object_get_string_member (test, "name"), ratio);
      g_assert_cmpfloat (ratio, >=, 30);
    }
}

static void
test_case (gconstpointer data)
{
  JsonObject *test = (JsonObject *) data;
  g_autofree char *path = case_path (test);
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoEngine) engine = open_engine (test, GESSO_PRECISION_F32, &error);
  g_autoptr (GessoRequest) request = request_of (test);
  g_autoptr (TestFile) file = test_file_open (path);
  g_autoptr (GPtrArray) trace = NULL;
  g_autoptr (GPtrArray) pictures = NULL;
  TestTensor tokens;

  g_assert_no_error (error);
  pictures = gesso_engine_generate_traced (engine, request, NULL, NULL, &trace, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pictures->len, ==, (guint) request->n_images);

  tokens = test_file_get (file, "tokens");
  g_assert_cmpmem (g_bytes_get_data (traced (trace, "tokens", &tokens)->data, NULL), tokens.n_values * sizeof (gint32),
                   tokens.data, tokens.n_values * sizeof (gint32));
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
  cases = test_add_cases (parser, "cases", "/pictures", test_case, &tolerances);
  g_test_add_data_func ("/pictures-bf16", cases, test_bf16);
  return g_test_run ();
}
