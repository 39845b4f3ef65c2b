/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "procedures.h"

#include <glib/gi18n-lib.h>

#include "generate.h"
#include "pdb-error.h"

static GimpValueArray *
run (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer data)
{
  g_autoptr (GessoCanvas) canvas = NULL;
  g_autoptr (GPtrArray) layers = NULL;
  GError *error = NULL;
  GimpRunMode run_mode;
  GimpValueArray *values;

  gesso_generate_begin ();
  g_object_get (config, "run-mode", &run_mode, NULL);
  canvas = gesso_canvas_new (NULL, NULL, &error);
  if (canvas)
    layers = gesso_generate (procedure, run_mode, config, canvas, &error);
  if (!layers)
    return gesso_pdb_failure (procedure, error);
  if (run_mode != GIMP_RUN_NONINTERACTIVE)
    {
      gimp_display_new (gesso_canvas_get_image (canvas));
      gimp_displays_flush ();
    }
  values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  GIMP_VALUES_SET_IMAGE (values, 1, gesso_canvas_get_image (canvas));
  return values;
}

GimpProcedure *
gesso_generate_image_new (GimpPlugIn *plug_in, const char *name)
{
  GimpProcedure *procedure = gimp_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, run, NULL, NULL);

  /* With any image, or none. */
  gimp_procedure_set_sensitivity_mask (procedure, GIMP_PROCEDURE_SENSITIVE_ALWAYS);
  /* Translators: a menu entry under File - Create. */
  gimp_procedure_set_menu_label (procedure, _ ("From _Sentence..."));
  gimp_procedure_add_menu_path (procedure, "<Image>/File/Create");
  gesso_procedure_describe (
      procedure, _ ("Create an image from a sentence"),
      _ ("Paints what the prompt says into a new image: in the given size, or in the one that the model was made for. "
         "With a count above 1 it has a layer for each picture. See plug-in-gesso-generate-layer."));
  gesso_procedure_add_run_mode (procedure, _ ("The run mode"));
  gesso_settings_add_arguments (procedure, TRUE);
  gimp_procedure_add_image_return_value (procedure, "image", _ ("Image"), _ ("The new image"), FALSE,
                                         G_PARAM_READWRITE);
  return procedure;
}
