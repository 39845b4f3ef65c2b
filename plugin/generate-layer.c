/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "procedures.h"

#include <glib/gi18n-lib.h>

#include "generate.h"

static GimpValueArray *
run (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image, GimpDrawable **drawables,
     GimpProcedureConfig *config, gpointer data)
{
  g_autoptr (GessoCanvas) canvas = NULL;
  g_autoptr (GPtrArray) layers = NULL;
  GError *error = NULL;

  gesso_generate_begin ();
  canvas = gesso_canvas_new (image, drawables, &error);
  if (canvas)
    layers = gesso_generate (procedure, run_mode, config, canvas, &error);
  return gesso_generate_return_layers (procedure, run_mode, layers, error);
}

GimpProcedure *
gesso_generate_layer_new (GimpPlugIn *plug_in, const char *name)
{
  GimpProcedure *procedure = gimp_image_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, run, NULL, NULL);

  gimp_procedure_set_image_types (procedure, "*");
  gimp_procedure_set_sensitivity_mask (procedure, GIMP_PROCEDURE_SENSITIVE_DRAWABLE | GIMP_PROCEDURE_SENSITIVE_DRAWABLES
                                                      | GIMP_PROCEDURE_SENSITIVE_NO_DRAWABLES);
  /* Translators: a menu entry. */
  gimp_procedure_set_menu_label (procedure, _ ("_Generate Layer..."));
  gimp_procedure_add_menu_path (procedure, "<Image>/Layer/[Structure]");
  gesso_procedure_describe (
      procedure, _ ("Paint a new layer from a sentence"),
      _ ("Paints what the prompt says on new layers above the active one, in its group, named after the prompt: at the "
         "place of the selection, which becomes the layer's mask, or over the whole image. With a count above 1 the "
         "pictures have consecutive seeds. The same arguments and the same model give the same picture. Each layer "
         "remembers its settings, see plug-in-gesso-reuse-settings."));
  gesso_settings_add_arguments (procedure, TRUE);
  gimp_procedure_add_core_object_array_return_value (procedure, "layers", _ ("Layers"),
                                                     _ ("The new layers, in the order of their seeds"), GIMP_TYPE_LAYER,
                                                     G_PARAM_READWRITE);
  return procedure;
}
