/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "devices.h"

#include <gmodule.h>
#include <glib/gi18n-lib.h>

#include "library-folder.h"

/* The path of the backend's module; NULL where this installation has none. */
static char *
find_module (const char *name)
{
  g_autofree char *folder = gesso_library_folder ();
  g_autofree char *file = g_strdup_printf ("libgesso-%s.%s", name, G_MODULE_SUFFIX);
  g_autofree char *path = folder ? g_build_filename (folder, file, NULL) : NULL;

  return path && g_file_test (path, G_FILE_TEST_EXISTS) ? g_steal_pointer (&path) : NULL;
}

static GessoBackend *
open_module (const char *name, int n_threads, GError **error)
{
  g_autofree char *path = find_module (name);
  GModule *module;
  gpointer symbol = NULL;

  if (!path)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                   _ ("This installation of Gesso has no module for the device \"%s\" (libgesso-%s.%s)."), name, name,
                   G_MODULE_SUFFIX);
      return NULL;
    }
  module = g_module_open (path, G_MODULE_BIND_LOCAL | G_MODULE_BIND_LAZY);
  if (!module)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("%s cannot be loaded: %s"), path, g_module_error ());
      return NULL;
    }
  /* Code of a backend may still be on some thread's stack when its last engine closes, so it stays mapped. */
  g_module_make_resident (module);
  if (!g_module_symbol (module, GESSO_BACKEND_SYMBOL, &symbol) || !symbol)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("%s is no backend of Gesso: it lacks the symbol %s."),
                   path, GESSO_BACKEND_SYMBOL);
      return NULL;
    }
  return ((GessoBackendEntry) symbol) (GESSO_BACKEND_ABI, n_threads, error);
}

static GessoBackend *
open_device (GessoDevice device, int n_threads, GError **error)
{
  GessoBackend *backend = device == GESSO_DEVICE_CPU ? gesso_cpu_backend_entry (GESSO_BACKEND_ABI, n_threads, error)
                                                     : open_module (gesso_device_to_string (device), n_threads, error);

  if (backend && (backend->abi != GESSO_BACKEND_ABI || backend->size != sizeof (GessoBackend)))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                   _ ("The module for the device \"%s\" was built for another version of Gesso (%u, not %u). Install "
                      "both from one build."),
                   gesso_device_to_string (device), backend->abi, GESSO_BACKEND_ABI);
      return NULL;
    }
  return backend;
}

GessoBackend *
gesso_devices_open (GessoDevice device, int n_threads, GessoDevice *opened, char **why_not, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *module = NULL;
  GessoBackend *backend;

  *opened = device;
  if (device != GESSO_DEVICE_AUTO)
    return open_device (device, n_threads, error);

  *opened = GESSO_DEVICE_CUDA;
  backend = open_device (GESSO_DEVICE_CUDA, n_threads, &local_error);
  if (backend)
    return backend;
  /* Where no module is installed nobody expects the card to be taken. */
  module = find_module (gesso_device_to_string (GESSO_DEVICE_CUDA));
  if (why_not && module)
    *why_not = g_strdup (local_error->message);
  *opened = GESSO_DEVICE_CPU;
  return open_device (GESSO_DEVICE_CPU, n_threads, error);
}

static void
describe_device (GString *text, GessoDevice device)
{
  g_autoptr (GError) error = NULL;
  GessoBackend *backend = open_device (device, 0, &error);
  g_autofree char *description = NULL;
  g_autofree char *memory = NULL;
  guint64 available;

  if (!backend)
    {
      g_string_append_printf (text, _ ("%s: cannot be used. %s\n"), gesso_device_to_string (device), error->message);
      return;
    }
  description = backend->describe (backend);
  available = backend->memory_available (backend);
  memory = g_format_size_full (available, G_FORMAT_SIZE_IEC_UNITS);
  g_string_append_printf (text, "%s: %s", gesso_device_to_string (device), description);
  if (available != G_MAXUINT64)
    g_string_append_printf (text, _ (", %s of memory free"), memory);
  g_string_append (text, "; ");
  for (int i = GESSO_PRECISION_AUTO; i <= (int) GESSO_PRECISION_F16; i++)
    {
      GessoPrecision precision;

      if (!backend->resolve_precision (backend, i, &precision, NULL))
        continue;
      if (i == GESSO_PRECISION_AUTO)
        g_string_append_printf (text, _ ("precision %s unless asked otherwise, of:"),
                                gesso_precision_to_string (precision));
      else
        g_string_append_printf (text, " %s", gesso_precision_to_string (precision));
    }
  g_string_append_c (text, '\n');
  backend->free (backend);
}

char *
gesso_devices_describe (void)
{
  GString *text = g_string_new (NULL);

  describe_device (text, GESSO_DEVICE_CPU);
  describe_device (text, GESSO_DEVICE_CUDA);
  return g_string_free (text, FALSE);
}
