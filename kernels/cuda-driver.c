/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cuda-driver.h"

#include <gmodule.h>

#include <glib/gi18n-lib.h>

#define NAME_OF(entry) NAME_OF_EXPANDED (entry)
#define NAME_OF_EXPANDED(entry) #entry

static const char *const library_names[] = {
#ifdef G_OS_WIN32
  "nvcuda.dll",
#else
  "libcuda.so.1",
  "libcuda.so",
#endif
};

static GModule *
open_library (GError **error)
{
  const char *named = g_getenv ("GESSO_CUDA_DRIVER");
  GModule *library = NULL;

  if (named)
    library = g_module_open (named, G_MODULE_BIND_LOCAL);
  for (gsize i = 0; !named && !library && i < G_N_ELEMENTS (library_names); i++)
    library = g_module_open (library_names[i], G_MODULE_BIND_LOCAL);
  if (!library)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                 _ ("There is no NVIDIA driver here (%s). With an NVIDIA card, install its driver; else use the CPU."),
                 named ? named : library_names[0]);
  return library;
}

GessoCudaDriver *
gesso_cuda_driver_open (GError **error)
{
  GModule *library = open_library (error);
  GessoCudaDriver *driver;

  if (!library)
    return NULL;
  driver = g_new0 (GessoCudaDriver, 1);
  driver->library = library;
#define FIND(entry)                                                                                                    \
  if (!g_module_symbol (library, NAME_OF (entry), (gpointer *) &driver->entry))                                        \
    {                                                                                                                  \
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,                                                             \
                   _ ("The NVIDIA driver has no \"%s\": it is too old. Bring it up to date, or use the CPU."),         \
                   NAME_OF (entry));                                                                                   \
      gesso_cuda_driver_close (driver);                                                                                \
      return NULL;                                                                                                     \
    }
  GESSO_CUDA_ENTRIES (FIND)
#undef FIND
  return driver;
}

void
gesso_cuda_driver_close (GessoCudaDriver *driver)
{
  if (!driver)
    return;
  g_module_close (driver->library);
  g_free (driver);
}

gboolean
gesso_cuda_check (const GessoCudaDriver *driver, CUresult result, const char *call, GError **error)
{
  const char *name = NULL, *text = NULL;

  if (result == CUDA_SUCCESS)
    return TRUE;
  driver->cuGetErrorName (result, &name);
  driver->cuGetErrorString (result, &text);
  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                 _ ("The card's memory is full (%s: %s). Choose a smaller picture or fewer of them, or close other "
                    "programs that use the card."),
                 call, name ? name : "?");
  else
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                 _ ("The card failed: %s said %s (%d), %s. Try again; if it stays so, restart the program or use the "
                    "CPU."),
                 call, name ? name : "?", (int) result, text ? text : "?");
  return FALSE;
}
