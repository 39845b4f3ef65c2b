/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cublaslt.h"

#include <glib/gi18n-lib.h>

#include "library.h"

/* Their interfaces are the same as far as they are used here. */
#define LEAST_MAJOR 12
#define LAST_MAJOR 13

static const char *const library_names[] = {
#ifdef G_OS_WIN32
  "cublasLt64_13.dll",
  "cublasLt64_12.dll",
#else
  "libcublasLt.so.13",
  "libcublasLt.so.12",
  "libcublasLt.so",
#endif
  NULL,
};

static gpointer
open_library (GError **error)
{
  const char *named = g_getenv ("GESSO_CUBLASLT");
  g_autofree char *why = NULL;
  gpointer library;

  /* What is installed works with the driver that is installed, and with no other. */
  if (named ? g_str_equal (named, "none") : g_getenv ("GESSO_CUDA_DRIVER") != NULL)
    {
      g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("GESSO_CUBLASLT names no library"));
      return NULL;
    }
  library = gesso_library_open (named, library_names, &why);
  if (why && !library)
    g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_DEVICE, why);
  else if (!library)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("%s was not found"), named ? named : library_names[0]);
  return library;
}

static gboolean
find_entries (GessoCublasLt *lt, gpointer library, GError **error)
{
#define FIND(entry)                                                                                                    \
  if (!gesso_library_find (library, #entry, (gpointer *) &lt->entry))                                                  \
    {                                                                                                                  \
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("the library cuBLASLt has no \"%s\""), #entry);          \
      return FALSE;                                                                                                    \
    }
  GESSO_CUBLASLT_ENTRIES (FIND)
#undef FIND
  return TRUE;
}

static gboolean
check_version (GessoCublasLt *lt, GError **error)
{
  const int major = (lt->version = (int) lt->cublasLtGetVersion ()) / 10000;

  if (major >= LEAST_MAJOR && major <= LAST_MAJOR)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("cuBLASLt is version %d, and Gesso knows %d to %d"), major,
               LEAST_MAJOR, LAST_MAJOR);
  return FALSE;
}

static gboolean
make_handle (GessoCublasLt *lt, GError **error)
{
  const cublasStatus_t status = lt->cublasLtCreate (&lt->handle);

  if (status == CUBLAS_STATUS_SUCCESS)
    return TRUE;
  lt->handle = NULL;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("cublasLtCreate said %s"),
               lt->cublasLtGetStatusName (status));
  return FALSE;
}

GessoCublasLt *
gesso_cublaslt_open (int major, GError **error)
{
  gpointer library = open_library (error);
  GessoCublasLt *lt;

  if (!library)
    return NULL;
  lt = g_new0 (GessoCublasLt, 1);
  /* What NVIDIA advises. */
  lt->workspace = (gsize) (major >= 9 ? 32 : 4) << 20;
  if (find_entries (lt, library, error) && check_version (lt, error) && make_handle (lt, error))
    return lt;
  g_free (lt);
  return NULL;
}

void
gesso_cublaslt_close (GessoCublasLt *lt)
{
  if (!lt)
    return;
  lt->cublasLtDestroy (lt->handle);
  g_free (lt);
}

gboolean
gesso_cublaslt_check (const GessoCublasLt *lt, cublasStatus_t status, const char *call, GError **error)
{
  if (status == CUBLAS_STATUS_SUCCESS)
    return TRUE;
  if (status == CUBLAS_STATUS_ALLOC_FAILED)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                 _ ("The card's memory is full (%s: %s). Choose a smaller picture or fewer of them, or close other "
                    "programs that use the card."),
                 call, lt->cublasLtGetStatusName (status));
  else
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                 _ ("The card failed: %s said %s (%d), %s. Try again; if it stays so, set GESSO_CUBLASLT=none in the "
                    "environment, or use the CPU."),
                 call, lt->cublasLtGetStatusName (status), (int) status, lt->cublasLtGetStatusString (status));
  return FALSE;
}
