/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "picture-case.h"

#include <math.h>

#include "reference-cases.h"

GessoRequest *
picture_case_request (JsonObject *test)
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

const GessoTensorData *
picture_case_traced (GPtrArray *trace, const char *name, const TestTensor *expected)
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

char *
picture_case_path (JsonObject *test)
{
  g_autofree char *name = g_strconcat (json_object_get_string_member (test, "name"), ".safetensors", NULL);

  return g_test_build_filename (G_TEST_DIST, "data", "cases", name, NULL);
}

GessoEngine *
picture_case_open (JsonObject *test, GessoDevice device, GessoPrecision precision, GError **error)
{
  g_autofree char *folder = test_model_folder (json_object_get_string_member (test, "model"));
  GessoOptions options = { .device = device, .precision = precision };

  return gesso_engine_new (folder, &options, NULL, error);
}

double
picture_case_psnr (const guint8 *a, const guint8 *b, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (double) (a[i] - b[i]) * (a[i] - b[i]);
  return 10 * log10 (255.0 * 255.0 * (double) n / sum);
}
