/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "library-folder.h"

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

char *
gesso_library_folder (void)
{
#if defined(_WIN32)
  return g_win32_get_package_installation_directory_of_module (NULL);
#else
  static const char marker = 0;
  Dl_info info;
  g_autofree char *path = NULL;

  if (!dladdr (&marker, &info) || !info.dli_fname)
    return NULL;
  path = g_canonicalize_filename (info.dli_fname, "/");
  return g_path_is_absolute (info.dli_fname) ? g_path_get_dirname (path) : NULL;
#endif
}
