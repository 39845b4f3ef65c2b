/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "procedures.h"

#include <glib/gi18n-lib.h>

#include "dialog.h"
#include "generate.h"
#include "metadata.h"

/* The layer that is meant: the first of those given, or the active one. */
static GimpLayer *
find_layer (GimpImage *image, GimpDrawable **drawables, GError **error)
{
  g_autofree GimpLayer **layers = gimp_image_get_selected_layers (image);
  GimpLayer *layer = layers ? layers[0] : NULL;

  if (drawables && drawables[0])
    layer = gesso_canvas_layer_of (drawables[0]);
  if (!layer)
    g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                         _ ("No layer is selected. Select one that was painted by Gesso."));
  return layer;
}

/* The dialog of the other procedure, with its arguments set. */
static GPtrArray *
paint_with_dialog (GimpProcedure *procedure, GessoMetadata *metadata, GessoCanvas *canvas, GError **error)
{
  g_autoptr (GimpProcedure) generate
      = gesso_generate_layer_new (gimp_procedure_get_plug_in (procedure), GESSO_GENERATE_LAYER);
  g_autoptr (GimpProcedureConfig) config = gimp_procedure_create_config (generate);

  gesso_settings_simplify_size (metadata->settings);
  gesso_settings_to_config (metadata->settings, config);
  g_object_set (config, "lock-seed", TRUE, NULL);
  return gesso_dialog_run (generate, config, canvas, metadata, error);
}

static GPtrArray *
paint_again (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image, GimpDrawable **drawables, GError **error)
{
  g_autoptr (GessoCanvas) canvas = gesso_canvas_new (image, drawables, error);
  g_autoptr (GessoMetadata) metadata = NULL;
  GimpLayer *layer = canvas ? find_layer (image, drawables, error) : NULL;

  if (layer)
    metadata = gesso_metadata_read (layer, error);
  if (!metadata)
    return NULL;
  gesso_canvas_set_layer (canvas, layer, metadata->settings->width, metadata->settings->height);
  if (run_mode == GIMP_RUN_INTERACTIVE)
    return paint_with_dialog (procedure, metadata, canvas, error);
  if (run_mode == GIMP_RUN_WITH_LAST_VALS)
    metadata->settings->seed = -1;
  gesso_settings_draw_seed (metadata->settings);
  return gesso_generate_from_settings (metadata->settings, canvas, metadata->fingerprint, error);
}

static GimpValueArray *
run (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image, GimpDrawable **drawables,
     GimpProcedureConfig *config, gpointer data)
{
  g_autoptr (GPtrArray) layers = NULL;
  GError *error = NULL;

  gesso_generate_begin ();
  layers = paint_again (procedure, run_mode, image, drawables, &error);
  return gesso_generate_return_layers (procedure, run_mode, layers, error);
}

GimpProcedure *
gesso_reuse_settings_new (GimpPlugIn *plug_in, const char *name)
{
  GimpProcedure *procedure = gimp_image_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, run, NULL, NULL);

  gimp_procedure_set_image_types (procedure, "*");
  gimp_procedure_set_sensitivity_mask (procedure, GIMP_PROCEDURE_SENSITIVE_DRAWABLE);
  /* Translators: a menu entry: use the settings again that a layer was painted with. */
  gimp_procedure_set_menu_label (procedure, _ ("Reuse Generation Se_ttings..."));
  gimp_procedure_add_menu_path (procedure, "<Image>/Layer/[Structure]");
  gesso_procedure_describe (
      procedure, _ ("Paint again with the settings that are stored in the active layer"),
      _ ("Opens the dialog of plug-in-gesso-generate-layer with the prompt, the seed, the model and all else that the "
         "active layer was painted with. Without a dialog it paints the same picture again on a new layer, or with the "
         "last values one with a new seed. Fails where another model has taken the place of the one used."));
  gimp_procedure_add_core_object_array_return_value (procedure, "layers", _ ("Layers"), _ ("The new layers"),
                                                     GIMP_TYPE_LAYER, G_PARAM_READWRITE);
  return procedure;
}
