/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "safetensors-file.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

struct _TestFile
{
  char *contents;
  gsize size;
  gsize data_begin;
  JsonParser *parser;
};

TestFile *
test_file_open (const char *path)
{
  g_autoptr (GError) error = NULL;
  TestFile *file = g_new0 (TestFile, 1);
  guint64 header;

  g_file_get_contents (path, &file->contents, &file->size, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (file->size, >=, 8);
  memcpy (&header, file->contents, sizeof header);
  header = GUINT64_FROM_LE (header);
  g_assert_cmpuint (header, <=, file->size - 8);
  file->data_begin = 8 + (gsize) header;
  file->parser = json_parser_new ();
  json_parser_load_from_data (file->parser, file->contents + 8, (gssize) header, &error);
  g_assert_no_error (error);
  return file;
}

void
test_file_free (TestFile *file)
{
  g_object_unref (file->parser);
  g_free (file->contents);
  g_free (file);
}

TestTensor
test_file_get (TestFile *file, const char *name)
{
  JsonObject *all = json_node_get_object (json_parser_get_root (file->parser));
  TestTensor tensor = { .n_values = 1 };
  JsonObject *entry;
  JsonArray *shape, *offsets;

  g_assert_true (json_object_has_member (all, name));
  entry = json_object_get_object_member (all, name);
  shape = json_object_get_array_member (entry, "shape");
  offsets = json_object_get_array_member (entry, "data_offsets");
  g_strlcpy (tensor.dtype, json_object_get_string_member (entry, "dtype"), sizeof tensor.dtype);
  tensor.n_dims = (int) json_array_get_length (shape);
  g_assert_cmpint (tensor.n_dims, <=, TEST_TENSOR_DIMS);
  for (int i = 0; i < tensor.n_dims; i++)
    {
      tensor.dims[i] = json_array_get_int_element (shape, (guint) i);
      tensor.n_values *= (gsize) tensor.dims[i];
    }
  g_assert_cmpuint (file->data_begin + (gsize) json_array_get_int_element (offsets, 1), <=, file->size);
  tensor.data = file->contents + file->data_begin + json_array_get_int_element (offsets, 0);
  return tensor;
}

float *
test_tensor_pixels (const TestTensor *tensor)
{
  const float *planes = tensor->data;
  const gint64 *last = tensor->dims + tensor->n_dims - 3;
  const gsize channels = (gsize) last[0];
  const gsize area = (gsize) (last[1] * last[2]);
  float *pixels = g_new (float, tensor->n_values);

  g_assert_cmpstr (tensor->dtype, ==, "F32");
  for (gsize i = 0; i < tensor->n_values; i += channels * area)
    for (gsize c = 0; c < channels; c++)
      for (gsize p = 0; p < area; p++)
        pixels[i + p * channels + c] = planes[i + c * area + p];
  return pixels;
}

double
test_relative_error (const float *a, const float *b, gsize n, double *worst)
{
  double difference = 0, norm = 0, largest_difference = 0, largest = 0;

  for (gsize i = 0; i < n; i++)
    {
      double d = (double) a[i] - b[i];

      difference += d * d;
      norm += (double) b[i] * b[i];
      /* Written so that a NaN counts. */
      if (!(fabs (d) <= largest_difference))
        largest_difference = fabs (d);
      largest = MAX (largest, fabs ((double) b[i]));
    }
  if (worst)
    *worst = largest_difference / largest;
  return sqrt (difference / norm);
}

void
test_assert_close (const char *what, const float *a, const float *b, gsize n, double tolerance)
{
  double worst;
  double error = test_relative_error (a, b, n, &worst);

  g_test_message ("%s: relative error %.3g, worst value %.3g (allowed %.3g, %.3g)", what, error, worst, tolerance,
                  20 * tolerance);
  g_assert_cmpfloat (error, <=, tolerance);
  g_assert_cmpfloat (worst, <=, 20 * tolerance);
}
