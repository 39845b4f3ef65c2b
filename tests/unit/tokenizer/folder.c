/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "folder.h"

#include <glib/gstdio.h>
#include <string.h>

TestFolder *
test_folder_new (void)
{
  g_autoptr (GError) error = NULL;
  char *path = g_dir_make_tmp ("gesso-tokenizer-XXXXXX", &error);

  g_assert_no_error (error);
  return path;
}

TestFolder *
test_folder_new_v1 (void)
{
  TestFolder *folder = test_folder_new ();

  test_folder_copy (folder, "v1", "vocab.json");
  test_folder_copy (folder, "v1", "merges.txt");
  return folder;
}

void
test_folder_free (TestFolder *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)))
    test_folder_remove (folder, name);
  g_rmdir (folder);
  g_free (folder);
}

void
test_folder_copy (const TestFolder *folder, const char *from, const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", from, name, NULL);
  g_autofree char *text = NULL;
  gsize size;

  if (g_file_get_contents (path, &text, &size, NULL))
    test_folder_write (folder, name, text, (gssize) size);
}

void
test_folder_write (const TestFolder *folder, const char *name, const char *text, gssize size)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, size, &error);
  g_assert_no_error (error);
}

char *
test_folder_read (const TestFolder *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

void
test_folder_edit (const TestFolder *folder, const char *name, const char *old, const char *new)
{
  g_autofree char *text = test_folder_read (folder, name);
  g_autofree char *after = NULL;
  char *place = strstr (text, old);

  g_assert_nonnull (place);
  g_assert_null (strstr (place + 1, old));
  *place = '\0';
  after = g_strconcat (text, new, place + strlen (old), NULL);
  test_folder_write (folder, name, after, -1);
}

void
test_folder_remove (const TestFolder *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_cmpint (g_remove (path), ==, 0);
}
