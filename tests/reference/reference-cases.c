/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "reference-cases.h"

JsonArray *
test_add_cases (JsonParser *parser, const char *what, const char *prefix, const char *const *only, GTestDataFunc func,
                JsonObject **tolerances)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "cases.json", NULL);
  g_autoptr (GError) error = NULL;
  JsonObject *root;
  JsonArray *cases;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  root = json_node_get_object (json_parser_get_root (parser));
  *tolerances = json_object_get_object_member (root, "tolerances");
  cases = json_object_get_array_member (root, what);
  g_assert_cmpuint (json_array_get_length (cases), >, 0);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *test = json_array_get_object_element (cases, i);
      g_autofree char *test_path = g_strconcat (prefix, "/", json_object_get_string_member (test, "name"), NULL);

      if (!only || g_strv_contains (only, json_object_get_string_member (test, "name")))
        g_test_add_data_func (test_path, test, func);
    }
  return cases;
}

char *
test_model_folder (const char *name)
{
  g_autofree char *miniature = g_test_build_filename (G_TEST_DIST, "data", "models", name, NULL);

  if (g_file_test (miniature, G_FILE_TEST_IS_DIR))
    return g_steal_pointer (&miniature);
  return g_test_build_filename (G_TEST_DIST, "..", "..", "models", name, NULL);
}
