/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "engine-test.h"

#include <glib/gstdio.h>
#include <string.h>

char *
test_model_folder (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "data", "models", name, NULL);
}

static void
copy_tree (GFile *from, GFile *to)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GFileEnumerator) children = NULL;
  GFile *child;
  GFileInfo *info;

  if (g_file_query_file_type (from, G_FILE_QUERY_INFO_NONE, NULL) != G_FILE_TYPE_DIRECTORY)
    {
      g_file_copy (from, to, G_FILE_COPY_NONE, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      return;
    }
  g_file_make_directory_with_parents (to, NULL, &error);
  g_assert_no_error (error);
  children = g_file_enumerate_children (from, G_FILE_ATTRIBUTE_STANDARD_NAME, G_FILE_QUERY_INFO_NONE, NULL, &error);
  g_assert_no_error (error);
  while (g_file_enumerator_iterate (children, &info, &child, NULL, &error) && info)
    {
      g_autoptr (GFile) target = g_file_get_child (to, g_file_info_get_name (info));

      copy_tree (child, target);
    }
  g_assert_no_error (error);
}

char *
test_model_copy (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *parent = g_dir_make_tmp ("gesso-test-XXXXXX", &error);
  g_autofree char *folder = test_model_folder (name);
  g_autoptr (GFile) from = g_file_new_for_path (folder);
  char *copy = g_build_filename (parent, name, NULL);
  g_autoptr (GFile) to = g_file_new_for_path (copy);

  g_assert_no_error (error);
  copy_tree (from, to);
  return copy;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

void
test_remove_folder (const char *folder)
{
  g_autofree char *parent = g_path_get_dirname (folder);

  remove_tree (parent);
}

GessoEngine *
test_engine_open_folder (const char *folder, const GessoOptions *options)
{
  const GessoOptions defaults = { .device = GESSO_DEVICE_CPU, .precision = GESSO_PRECISION_F32 };
  g_autoptr (GError) error = NULL;
  GessoEngine *engine = gesso_engine_new (folder, options ? options : &defaults, NULL, &error);

  g_assert_no_error (error);
  return engine;
}

GessoEngine *
test_engine_open (const char *name, const GessoOptions *options)
{
  g_autofree char *folder = test_model_folder (name);

  return test_engine_open_folder (folder, options);
}

void
test_assert_says (const GError *error, const char *text)
{
  if (!strstr (error->message, text))
    g_error ("the message \"%s\" lacks \"%s\"", error->message, text);
  g_assert_true (g_str_has_suffix (error->message, ".") || g_str_has_suffix (error->message, ")"));
}

void
test_assert_pictures_near (GessoPicture *a, GessoPicture *b)
{
  gsize size, size_b, near = 0;
  const guint8 *x = g_bytes_get_data (gesso_picture_get_pixels (a), &size);
  const guint8 *y = g_bytes_get_data (gesso_picture_get_pixels (b), &size_b);

  g_assert_cmpuint (size, ==, size_b);
  for (gsize i = 0; i < size; i++)
    near += ABS (x[i] - y[i]) <= 1;
  g_assert_cmpfloat ((double) near / (double) size, >=, 0.999);
}
