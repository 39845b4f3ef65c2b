/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "support.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>

char *
test_folder_new (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("gesso-model-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

void
test_folder_remove (char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        test_folder_remove (path);
      else
        {
          g_assert_cmpint (g_remove (path), ==, 0);
          g_free (path);
        }
    }
  g_clear_pointer (&dir, g_dir_close);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_free (folder);
}

char *
test_write (const char *folder, const char *name, const void *bytes, gsize size)
{
  char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  /* Without waiting for the disk: there are hundreds of them. */
  g_file_set_contents_full (path, size ? bytes : "", (gssize) size, G_FILE_SET_CONTENTS_NONE, 0600, &error);
  g_assert_no_error (error);
  return path;
}

char *
test_write_text (const char *folder, const char *name, const char *text)
{
  return test_write (folder, name, text, strlen (text));
}

static void
put (GByteArray *array, guint64 value, gsize size)
{
  for (gsize i = 0; i < size; i++)
    {
      guint8 byte = (guint8) (value >> (8 * i));

      g_byte_array_append (array, &byte, 1);
    }
}

GByteArray *
test_safetensors (const char *header, const void *data, gsize size)
{
  GByteArray *file = g_byte_array_new ();

  put (file, strlen (header), 8);
  g_byte_array_append (file, (const guint8 *) header, (guint) strlen (header));
  if (size)
    g_byte_array_append (file, data, (guint) size);
  return file;
}

void
test_zip_start (TestZip *zip)
{
  memset (zip, 0, sizeof *zip);
  zip->file = g_byte_array_new ();
  zip->directory = g_byte_array_new ();
}

void
test_zip_add (TestZip *zip, const char *name, const void *bytes, gsize size)
{
  const guint64 local = zip->file->len + zip->misplaced;
  const guint32 shown = zip->zip64 ? G_MAXUINT32 : (guint32) size;

  put (zip->file, 0x04034b50, 4);
  put (zip->file, 20, 2);
  put (zip->file, zip->flags, 2);
  put (zip->file, zip->method, 2);
  put (zip->file, 0, 8); /* time, checksum */
  put (zip->file, size, 4);
  put (zip->file, size, 4);
  put (zip->file, strlen (name), 2);
  put (zip->file, 5, 2); /* an extra field that only the local header has, as torch's padding */
  g_byte_array_append (zip->file, (const guint8 *) name, (guint) strlen (name));
  g_byte_array_append (zip->file, (const guint8 *) "FB\001\0Z", 5);
  g_byte_array_append (zip->file, bytes, (guint) size);

  put (zip->directory, 0x02014b50, 4);
  put (zip->directory, 20, 2);
  put (zip->directory, 20, 2);
  put (zip->directory, zip->flags, 2);
  put (zip->directory, zip->method, 2);
  put (zip->directory, 0, 8);
  put (zip->directory, shown, 4);
  put (zip->directory, shown, 4);
  put (zip->directory, strlen (name), 2);
  put (zip->directory, zip->zip64 ? 5 + 4 + 24 : 0, 2);
  put (zip->directory, 0, 2);
  put (zip->directory, 0, 8);
  put (zip->directory, zip->zip64 ? G_MAXUINT32 : local, 4);
  g_byte_array_append (zip->directory, (const guint8 *) name, (guint) strlen (name));
  if (zip->zip64)
    {
      g_byte_array_append (zip->directory, (const guint8 *) "FB\001\0Z", 5);
      put (zip->directory, 1, 2);
      put (zip->directory, 24, 2);
      put (zip->directory, size, 8);
      put (zip->directory, size, 8);
      put (zip->directory, local, 8);
    }
  zip->n++;
}

char *
test_zip_finish (TestZip *zip, const char *folder)
{
  const guint64 offset = zip->file->len;
  const guint64 size = zip->directory->len;
  guint64 end;
  char *path;

  g_byte_array_append (zip->file, zip->directory->data, zip->directory->len);
  end = zip->file->len;
  if (zip->zip64)
    {
      put (zip->file, 0x06064b50, 4);
      put (zip->file, 44, 8);
      put (zip->file, 45, 2);
      put (zip->file, 45, 2);
      put (zip->file, 0, 8);
      put (zip->file, zip->n, 8);
      put (zip->file, zip->n, 8);
      put (zip->file, size, 8);
      put (zip->file, offset, 8);
      put (zip->file, 0x07064b50, 4);
      put (zip->file, 0, 4);
      put (zip->file, end, 8);
      put (zip->file, 1, 4);
    }
  put (zip->file, 0x06054b50, 4);
  put (zip->file, 0, 4);
  put (zip->file, zip->n, 2);
  put (zip->file, zip->n, 2);
  put (zip->file, zip->zip64 ? G_MAXUINT32 : size, 4);
  put (zip->file, zip->zip64 ? G_MAXUINT32 : offset, 4);
  put (zip->file, 0, 2);
  path = test_write (folder, "model.bin", zip->file->data, zip->file->len);
  g_byte_array_unref (zip->file);
  g_byte_array_unref (zip->directory);
  return path;
}

void
test_error_says (GError **error, int code, ...)
{
  va_list texts;
  const char *text;

  g_assert_error (*error, GESSO_ERROR, code);
  g_assert_true (g_utf8_validate ((*error)->message, -1, NULL));
  g_test_message ("%s", (*error)->message);
  va_start (texts, code);
  while ((text = va_arg (texts, const char *)))
    if (!strstr ((*error)->message, text))
      g_error ("\"%s\" is not in the message: %s", text, (*error)->message);
  va_end (texts);
  g_clear_error (error);
}
