/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cuda-driver.h"

#include <glib/gi18n-lib.h>

#include "library.h"

#define NAME_OF(entry) NAME_OF_EXPANDED (entry)
#define NAME_OF_EXPANDED(entry) #entry

static const char *const library_names[] = {
#ifdef G_OS_WIN32
  "nvcuda.dll",
#else
  "libcuda.so.1",
  "libcuda.so",
#endif
  NULL,
};

static gpointer
open_library (GError **error)
{
  const char *named = g_getenv ("GESSO_CUDA_DRIVER");
  g_autofree char *why = NULL;
  gpointer library = gesso_library_open (named, library_names, &why);

  if (why && !library)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                 _ ("The NVIDIA driver is there and cannot be loaded (%s). Install it anew, or use the CPU."), why);
  else if (!library)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                 _ ("There is no NVIDIA driver here (%s). With an NVIDIA card, install its driver; else use the CPU."),
                 named ? named : library_names[0]);
  return library;
}

GessoCudaDriver *
gesso_cuda_driver_open (GError **error)
{
  gpointer library = open_library (error);
  GessoCudaDriver *driver;

  if (!library)
    return NULL;
  driver = g_new0 (GessoCudaDriver, 1);
#define FIND(entry)                                                                                                    \
  if (!gesso_library_find (library, NAME_OF (entry), (gpointer *) &driver->entry))                                     \
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
  g_free (driver);
}

/* What `result` means, and what to do about it; where the results of calls differ, of `call`. */
static const char *
explain (CUresult result, const char *call, GessoError *code)
{
  *code = GESSO_ERROR_DEVICE;
  switch (result)
    {
    case CUDA_ERROR_OUT_OF_MEMORY:
      *code = GESSO_ERROR_OUT_OF_MEMORY;
      if (g_str_has_prefix (call, "cuMemHostAlloc"))
        return _ (
            "The computer's own memory has no room that the card could read from (%s: %s). Close other programs.");
      return _ (
          "The card's memory is full (%s: %s). Choose a smaller picture or fewer of them, or close other programs "
          "that use the card.");
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
      return _ (
          "The NVIDIA driver cannot translate Gesso's kernels for this card (%s: %s). Bring the driver up to date, "
          "or use the CPU.");
    default:
      return NULL;
    }
}

gboolean
gesso_cuda_check (const GessoCudaDriver *driver, CUresult result, const char *call, GError **error)
{
  const char *name = NULL, *text = NULL, *explanation;
  GessoError code;

  if (result == CUDA_SUCCESS)
    return TRUE;
  driver->cuGetErrorName (result, &name);
  driver->cuGetErrorString (result, &text);
  explanation = explain (result, call, &code);
  if (explanation)
    g_set_error (error, GESSO_ERROR, code, explanation, call, name ? name : "?");
  else
    g_set_error (error, GESSO_ERROR, code,
                 _ ("The card failed: %s said %s (%d), %s. Try again; if it stays so, restart the program or use the "
                    "CPU."),
                 call, name ? name : "?", (int) result, text ? text : "?");
  return FALSE;
}
