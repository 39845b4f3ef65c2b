/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "library.h"

#ifdef G_OS_WIN32
#include <windows.h>

static gpointer
load (const char *name, char **why)
{
  const DWORD folders = LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
  const gboolean is_path = g_path_is_absolute (name);
  const HMODULE library = LoadLibraryExA (name, NULL, is_path ? folders | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR : folders);
  const DWORD error = library ? 0 : GetLastError ();

  if (error && error != ERROR_MOD_NOT_FOUND)
    *why = g_win32_error_message ((gint) error);
  return library;
}

gboolean
gesso_library_find (gpointer library, const char *name, gpointer *entry)
{
  *entry = (gpointer) GetProcAddress (library, name);
  return *entry != NULL;
}
#else
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* Whether the linker says of `name` that it is not there; of a library that it needs it says so as well. */
static gboolean
is_missing (const char *name, const char *words)
{
  return g_str_has_prefix (words, name) && words[strlen (name)] == ':' && g_str_has_suffix (words, strerror (ENOENT));
}

static gpointer
load (const char *name, char **why)
{
  /* An empty name would be the program itself. */
  gpointer library = *name ? dlopen (name, RTLD_NOW | RTLD_LOCAL) : NULL;
  const char *words = library || !*name ? NULL : dlerror ();

  if (words && !is_missing (name, words))
    *why = g_locale_to_utf8 (words, -1, NULL, NULL, NULL);
  return library;
}

gboolean
gesso_library_find (gpointer library, const char *name, gpointer *entry)
{
  *entry = dlsym (library, name);
  return *entry != NULL;
}
#endif

gpointer
gesso_library_open (const char *named, const char *const *names, char **why)
{
  const char *const only[] = { named, NULL };
  gpointer library = NULL;

  *why = NULL;
  for (const char *const *name = named ? only : names; *name && !library; name++)
    {
      g_autofree char *words = NULL;

      library = load (*name, &words);
      /* Of the first that is there. */
      if (!library && !*why)
        *why = g_steal_pointer (&words);
    }
  return library;
}
