/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The weights from the formula against those that made the references (data/full/formula.json), bit for bit.
 */

#include <string.h>
#include <json-glib/json-glib.h>

#include "formula.h"

static void
check_sample (JsonObject *sample)
{
  const char *name = json_object_get_string_member (sample, "name");
  JsonArray *dims = json_object_get_array_member (sample, "shape");
  gint64 first = json_object_get_int_member (sample, "first");
  gint64 count = json_object_get_int_member (sample, "count");
  g_autofree float *values = g_new (float, count);
  g_autofree guint32 *bits = g_new (guint32, count);
  GessoShape shape = { (int) json_array_get_length (dims), { 1, 1, 1, 1 } };
  guint32 checksum = 0;

  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = json_array_get_int_element (dims, (guint) i);
  gesso_formula_fill (name, &shape, first, count, values);
  memcpy (bits, values, (gsize) count * sizeof *bits);
  for (gint64 i = 0; i < count; i++)
    checksum = checksum * 31 + bits[i];

  g_test_message ("%s", name);
  g_assert_cmphex (bits[0], ==, (guint32) json_object_get_int_member (sample, "first_bits"));
  g_assert_cmphex (bits[count - 1], ==, (guint32) json_object_get_int_member (sample, "last_bits"));
  g_assert_cmphex (checksum, ==, (guint32) json_object_get_int_member (sample, "checksum"));
}

static void
test_bits (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "full", "formula.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonArray *samples;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  samples = json_node_get_array (json_parser_get_root (parser));
  g_assert_cmpuint (json_array_get_length (samples), >, 0);
  for (guint i = 0; i < json_array_get_length (samples); i++)
    check_sample (json_array_get_object_element (samples, i));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/reference/formula/bits", test_bits);
  return g_test_run ();
}
