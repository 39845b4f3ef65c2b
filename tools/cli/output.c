/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files that are either written whole or not at all.
 */

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <glib/gi18n.h>
#include <glib/gstdio.h>

#ifndef O_BINARY
#define O_BINARY 0
#endif

#define MAX_LINKS 40

/* The temporary file there is, so that a second Ctrl-C can take it away. */
static GMutex temporary_lock;
static char *temporary;

static gboolean
fail (GError **error, const char *path, int code)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
               _ ("Cannot write “%s”: %s. Choose another file or folder."), shown, g_strerror (code));
  return FALSE;
}

/* The rename would replace the link itself. */
char *
cli_output_target (const char *path)
{
  char *target = g_strdup (path);

  for (int i = 0; i < MAX_LINKS; i++)
    {
      g_autofree char *link = g_file_read_link (target, NULL);
      g_autofree char *folder = g_path_get_dirname (target);

      if (link == NULL)
        break;
      g_free (target);
      target = g_path_is_absolute (link) ? g_steal_pointer (&link) : g_build_filename (folder, link, NULL);
    }
  return target;
}

static int
open_temporary (const char *folder, char **path)
{
  int fd;

  *path = g_build_filename (folder, ".gesso-XXXXXX", NULL);
  g_mutex_lock (&temporary_lock);
  fd = g_mkstemp_full (*path, O_WRONLY | O_CLOEXEC | O_BINARY, 0666);
  if (fd >= 0)
    {
      g_free (temporary);
      temporary = g_strdup (*path);
    }
  g_mutex_unlock (&temporary_lock);
  return fd;
}

static void
forget_temporary (void)
{
  g_mutex_lock (&temporary_lock);
  g_clear_pointer (&temporary, g_free);
  g_mutex_unlock (&temporary_lock);
}

/* Returns 0, or the errno that forbids writing. *special: there is something, but no regular file. */
static int
look_at (const char *path, gboolean *special)
{
  GStatBuf status;

  *special = FALSE;
  if (g_stat (path, &status) != 0)
    return errno == ENOENT ? 0 : errno;
  if (S_ISDIR (status.st_mode))
    return EISDIR;
  *special = !S_ISREG (status.st_mode);
  return g_access (path, W_OK) == 0 ? 0 : errno;
}

/* Whether files can be made in @folder; @path is what the message names. */
static gboolean
try_folder (const char *folder, const char *path, GError **error)
{
  g_autofree char *trial = NULL;
  int fd = open_temporary (folder, &trial);

  if (fd < 0)
    return fail (error, path, errno);
  g_close (fd, NULL);
  g_unlink (trial);
  forget_temporary ();
  return TRUE;
}

gboolean
cli_output_check (const char *path, GError **error)
{
  g_autofree char *target = cli_output_target (path);
  g_autofree char *folder = g_path_get_dirname (target);
  gboolean special;
  int code = look_at (path, &special);

  if (code != 0)
    return fail (error, path, code);
  return special || try_folder (folder, path, error);
}

gboolean
cli_output_check_folder (const char *folder, GError **error)
{
  return try_folder (folder, folder, error);
}

/* Returns 0 or an errno; closes @fd in any case. */
static int
write_chunks (int fd, GPtrArray *chunks, gboolean sync)
{
  FILE *file = fdopen (fd, "wb");
  int code = 0;

  if (file == NULL)
    {
      code = errno;
      g_close (fd, NULL);
      return code;
    }

  for (guint i = 0; i < chunks->len && code == 0; i++)
    {
      gsize size = 0;
      gconstpointer data = g_bytes_get_data (g_ptr_array_index (chunks, i), &size);

      if (size > 0 && fwrite (data, 1, size, file) != size)
        code = errno;
    }
  /* Some file systems report a full disk no sooner than this. */
  if (code == 0 && (fflush (file) != 0 || (sync && g_fsync (fileno (file)) != 0)))
    code = errno;
  if (fclose (file) != 0 && code == 0)
    code = errno;
  return code;
}

/* Gives the finished temporary file its name. */
static int
publish (const char *path, const char *target, gboolean replace)
{
  int code = 0;

  if (!replace)
    {
      int fd = g_open (target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

      if (fd < 0)
        return errno;
      g_close (fd, NULL);
    }
  if (g_rename (path, target) != 0)
    {
      code = errno;
      if (!replace)
        g_unlink (target);
    }
  return code;
}

gboolean
cli_output_write (const char *path, gboolean replace, GPtrArray *chunks, GError **error)
{
  g_autofree char *target = cli_output_target (path);
  g_autofree char *folder = g_path_get_dirname (target);
  g_autofree char *unfinished = NULL;
  gboolean special;
  int code, fd;

  if (!replace && g_file_test (path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK))
    return fail (error, path, EEXIST);
  code = look_at (path, &special);
  if (code != 0)
    return fail (error, path, code);

  fd = special ? g_open (path, O_WRONLY | O_CLOEXEC | O_BINARY, 0) : open_temporary (folder, &unfinished);
  if (fd < 0)
    return fail (error, path, errno);

  code = write_chunks (fd, chunks, !special);
  if (!special)
    {
      if (code == 0)
        code = publish (unfinished, target, replace);
      if (code != 0)
        g_unlink (unfinished);
      forget_temporary ();
    }
  return code == 0 ? TRUE : fail (error, path, code);
}

void
cli_output_abandon (void)
{
  g_mutex_lock (&temporary_lock);
  if (temporary != NULL)
    g_unlink (temporary);
  /* Stays locked: no other one shall be made. */
}
