/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "emulated-driver.h"

#include <string.h>

#include <gmodule.h>

#include "gesso.h"

const EmulatedDriver *
emulated_driver (void)
{
  static EmulatedDriver driver;
  GModule *library;

  if (driver.fail)
    return &driver;
  library = g_module_open (g_getenv ("GESSO_CUDA_DRIVER"), G_MODULE_BIND_LOCAL);
  g_assert_nonnull (library);
  g_assert_true (g_module_symbol (library, "gesso_emulation_fail", (gpointer *) &driver.fail));
  g_assert_true (g_module_symbol (library, "gesso_emulation_hang", (gpointer *) &driver.hang));
  g_assert_true (g_module_symbol (library, "gesso_emulation_calls", (gpointer *) &driver.calls));
  g_assert_true (g_module_symbol (library, "gesso_emulation_failed_call", (gpointer *) &driver.failed_call));
  g_assert_true (
      g_module_symbol (library, "gesso_emulation_failed_in_capture", (gpointer *) &driver.failed_in_capture));
  g_assert_true (g_module_symbol (library, "gesso_emulation_refuse", (gpointer *) &driver.refuse));
  g_assert_true (g_module_symbol (library, "gesso_emulation_refused", (gpointer *) &driver.refused));
  g_assert_true (g_module_symbol (library, "gesso_emulation_launched", (gpointer *) &driver.launched));
  g_assert_true (g_module_symbol (library, "gesso_emulation_leaks", (gpointer *) &driver.leaks));
  g_module_make_resident (library);
  return &driver;
}

/* What gives something back. */
static gboolean
is_giving_back (const char *call)
{
  static const char *const parts[] = { "Destroy", "Free", "Unload", "Release", NULL };

  for (int i = 0; parts[i]; i++)
    if (strstr (call, parts[i]))
      return TRUE;
  return FALSE;
}

/* What also comes before something is given back, to be sure that it is not used any more. */
static gboolean
is_waiting (const char *call)
{
  return g_str_equal (call, "cuStreamSynchronize") || g_str_equal (call, "cuCtxSetCurrent")
         || g_str_equal (call, "cuStreamQuery");
}

/* What cannot be recorded is queued instead, and there it is told what the card fails in. */
static gboolean
is_recording (const EmulatedDriver *driver, const char *failed)
{
  return driver->failed_in_capture () || strstr (failed, "Capture") || g_str_has_prefix (failed, "cuGraphInstantiate");
}

/* Whether the failed call may have failed unnoticed. A wait that fails tells nobody only where what follows it gives
 * something back. Without cuBLASLt all products are our own. */
static gboolean
may_pass (const EmulatedDriver *driver, const char *failed)
{
  const char *call = failed;

  for (guint i = 1; call && is_waiting (call); i++)
    call = driver->failed_call (i);
  return (call && is_giving_back (call)) || is_recording (driver, failed) || g_str_equal (failed, "cublasLtCreate");
}

/* Names in the library may end with a version, for which cuda.h has a plainer one. */
static gboolean
names_call (const char *message, const char *call)
{
  const char *version = g_str_has_suffix (call, "WithFlags") ? strstr (call, "WithFlags") : strstr (call, "_v");
  g_autofree char *name = version ? g_strndup (call, (gsize) (version - call)) : g_strdup (call);

  return strstr (message, name) != NULL;
}

void
emulated_driver_check_failure (gboolean done, const GError *error)
{
  const EmulatedDriver *driver = emulated_driver ();
  const char *failed = driver->failed_call (0);
  gboolean felt_later, asks_for_memory;

  g_assert_nonnull (failed);
  if (done)
    {
      g_assert_null (error);
      if (!may_pass (driver, failed))
        g_error ("the failure of %s went unnoticed", failed);
      return;
    }
  g_assert_nonnull (error);
  g_assert_true (error->domain == GESSO_ERROR);
  /* Where all is lost, what cuBLASLt could not do, what could not be recorded, a wait, or what gives something back,
   * may first be felt by the next call, of either library. */
  felt_later = g_str_has_prefix (failed, "cublasLt") || is_recording (driver, failed) || is_waiting (failed)
               || is_giving_back (failed);
  asks_for_memory = strstr (failed, "Alloc") || (felt_later && strstr (error->message, "Alloc"));
  g_assert_cmpint (error->code, ==, asks_for_memory ? GESSO_ERROR_OUT_OF_MEMORY : GESSO_ERROR_DEVICE);
  g_assert_true (strstr (error->message, "CUDA_ERROR_") || (felt_later && strstr (error->message, "CUBLAS_STATUS_")));
  if (!felt_later && !names_call (error->message, failed))
    g_error ("the failure of %s is told without its name: %s", failed, error->message);
}
