/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files are read, never mapped: a file that is cut short under a map kills the process (SIGBUS) at any later touch,
 * where a read merely returns less than was asked.
 */

#include "platform-file.h"
#include "../gesso.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#ifdef G_OS_WIN32
#include <windows.h>
#include <io.h>
#else
#include <unistd.h>
#endif

/* One read call moves at most this much: Linux stops at 2 GiB - 4 KiB, Windows counts in 32 bits. */
#define LARGEST_READ ((gsize) 1 << 30)

struct _GessoFile
{
  char *path;
  guint64 size;
  int descriptor;
};

#ifdef G_OS_WIN32

typedef struct _stat64 FileStatus;
#define OPEN_FLAGS (O_RDONLY | O_BINARY | O_NOINHERIT)
#define file_status _fstat64
#define is_ordinary(mode) (((mode) & S_IFMT) == S_IFREG)

static gssize
read_at (int descriptor, void *buffer, gsize count, guint64 offset)
{
  OVERLAPPED where = { 0 };
  DWORD got = 0;

  where.Offset = (DWORD) offset;
  where.OffsetHigh = (DWORD) (offset >> 32);
  if (!ReadFile ((HANDLE) _get_osfhandle (descriptor), buffer, (DWORD) count, &got, &where)
      && GetLastError () != ERROR_HANDLE_EOF)
    {
      errno = EIO;
      return -1;
    }
  return got;
}

#else

typedef struct stat FileStatus;
/* O_NONBLOCK: opening a pipe must not wait for its writer; it means nothing to an ordinary file. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK)
#define file_status fstat
#define is_ordinary(mode) S_ISREG (mode)

static gssize
read_at (int descriptor, void *buffer, gsize count, guint64 offset)
{
  return pread (descriptor, buffer, count, (off_t) offset);
}

#endif

GessoFile *
gesso_file_open (const char *path, GError **error)
{
  g_autoptr (GessoFile) file = g_new0 (GessoFile, 1);
  FileStatus status;

  file->path = g_strdup (path);
  file->descriptor = g_open (path, OPEN_FLAGS, 0);
  if (file->descriptor < 0)
    {
      int reason = errno;
      gboolean missing = reason == ENOENT || reason == ENOTDIR;

      if (missing)
        g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                     _ ("There is no file %s. Is the folder complete? Download the model again."), path);
      else
        g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                     _ ("%s cannot be opened: %s. Check the file and who may read it, or download the model again."),
                     path, g_strerror (reason));
      return NULL;
    }
  if (file_status (file->descriptor, &status) != 0 || !is_ordinary (status.st_mode))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s is not an ordinary file. Put the file itself in its place, or download the model again."),
                   path);
      return NULL;
    }
  file->size = (guint64) status.st_size;
  return g_steal_pointer (&file);
}

void
gesso_file_close (GessoFile *file)
{
  if (!file)
    return;
  if (file->descriptor >= 0)
    g_close (file->descriptor, NULL);
  g_free (file->path);
  g_free (file);
}

const char *
gesso_file_path (const GessoFile *file)
{
  return file->path;
}

guint64
gesso_file_size (const GessoFile *file)
{
  return file->size;
}

gboolean
gesso_file_read (GessoFile *file, guint64 offset, gsize count, void *buffer, GError **error)
{
  guint8 *place = buffer;

  while (count > 0)
    {
      gssize got = read_at (file->descriptor, place, MIN (count, LARGEST_READ), offset);

      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s cannot be read: %s. Check the disk, or download it again."), file->path,
                       g_strerror (errno));
          return FALSE;
        }
      if (got == 0)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s is cut short: it ends before byte %" PRIu64 ". Download it again."), file->path, offset);
          return FALSE;
        }
      place += got;
      offset += (guint64) got;
      count -= (gsize) got;
    }
  return TRUE;
}
