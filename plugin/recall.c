/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "recall.h"

#include <errno.h>
#include <glib/gstdio.h>

#define FOLDER "gesso"
#define FOLDER_MODE 0700

static GFile *
settings_file (GimpProcedureConfig *config)
{
  GimpProcedure *procedure = gimp_procedure_config_get_procedure (config);
  g_autofree char *name = g_strconcat (gimp_procedure_get_name (procedure), ".settings", NULL);

  return gimp_directory_file (FOLDER, name, NULL);
}

void
gesso_recall (GimpProcedureConfig *config)
{
  g_autoptr (GFile) file = settings_file (config);
  g_autoptr (GObject) read = gimp_config_duplicate (GIMP_CONFIG (config));

  /* Of a damaged file nothing is taken: half of the settings would be a mixture that nobody chose. */
  if (gimp_config_deserialize_file (GIMP_CONFIG (read), file, NULL, NULL))
    gimp_config_copy (GIMP_CONFIG (read), GIMP_CONFIG (config), 0);
}

static gboolean
make_folder (GError **error)
{
  g_autoptr (GFile) folder = gimp_directory_file (FOLDER, NULL);
  g_autofree char *path = g_file_get_path (folder);

  if (g_mkdir_with_parents (path, FOLDER_MODE) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", path, g_strerror (errno));
  return FALSE;
}

gboolean
gesso_remember (GimpProcedureConfig *config, GError **error)
{
  g_autoptr (GFile) file = settings_file (config);

  return make_folder (error)
         && gimp_config_serialize_to_file (GIMP_CONFIG (config), file, "settings of Gesso's dialog", "end of settings",
                                           NULL, error);
}

char *
gesso_recall_history_file (void)
{
  g_autoptr (GFile) file = gimp_directory_file (FOLDER, "prompts.json", NULL);

  return g_file_get_path (file);
}
