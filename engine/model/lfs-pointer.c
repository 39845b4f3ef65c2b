/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "lfs-pointer.h"
#include "../gesso.h"
#include <glib/gi18n-lib.h>
#include <string.h>

gboolean
gesso_lfs_pointer_refuse (GessoFile *file, GError **error)
{
  static const char pointer[] = "version https://git-lfs";
  char start[sizeof pointer] = "";

  if (gesso_file_size (file) < sizeof start || !gesso_file_read (file, 0, sizeof start, start, NULL)
      || memcmp (start, pointer, strlen (pointer)) != 0)
    return FALSE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s is only a Git LFS pointer to what should be there. Fetch the file itself, for example with "
                  "\"git lfs pull\"."),
               gesso_file_path (file));
  return TRUE;
}
