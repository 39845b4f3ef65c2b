/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "generate.h"

#include <gegl.h>

#include "dialog.h"
#include "metadata.h"
#include "painter.h"
#include "pdb-error.h"
#include "recall.h"

static gboolean begun;

void
gesso_generate_begin (void)
{
  gegl_init (NULL, NULL);
  begun = TRUE;
  gimp_plug_in_set_pdb_error_handler (gimp_get_plug_in (), GIMP_PDB_ERROR_HANDLER_PLUGIN);
}

void
gesso_generate_end (void)
{
  if (begun)
    gegl_exit ();
  begun = FALSE;
}

static gboolean
check_model (GessoEngine *engine, const GessoSettings *settings, const char *fingerprint, GError **error)
{
  g_autofree char *found = fingerprint ? gesso_engine_get_fingerprint (engine, error) : NULL;

  return !fingerprint || (found && gesso_metadata_check_model (settings->model, fingerprint, found, error));
}

GPtrArray *
gesso_generate_from_settings (const GessoSettings *settings, GessoCanvas *canvas, const char *fingerprint,
                              GError **error)
{
  g_autoptr (GessoPainter) painter = gesso_painter_new (settings, 1, error);
  g_autoptr (GPtrArray) results = NULL;
  GeglRectangle place;

  if (!painter || !check_model (gesso_painter_get_engine (painter), settings, fingerprint, error))
    return NULL;
  gesso_canvas_get_place (canvas, NULL, &place);
  results = gesso_painter_paint (painter, settings, place.width, place.height, error);
  if (!results)
    return NULL;
  return gesso_canvas_insert (canvas, results, gesso_painter_show_inserting, NULL, error);
}

GPtrArray *
gesso_generate (GimpProcedure *procedure, GimpRunMode run_mode, GimpProcedureConfig *config, GessoCanvas *canvas,
                GError **error)
{
  g_autoptr (GessoSettings) settings = NULL;
  gboolean locked;

  if (run_mode == GIMP_RUN_INTERACTIVE)
    {
      gesso_recall (config);
      return gesso_dialog_run (procedure, config, canvas, NULL, error);
    }

  g_object_get (config, "lock-seed", &locked, NULL);
  if (run_mode == GIMP_RUN_WITH_LAST_VALS && !locked)
    g_object_set (config, "seed", -1, NULL);
  settings = gesso_settings_from_config (config, error);
  if (!settings)
    return NULL;
  gesso_settings_draw_seed (settings);
  gesso_settings_to_config (settings, config);
  return gesso_generate_from_settings (settings, canvas, NULL, error);
}

GObject **
gesso_generate_to_array (GPtrArray *objects)
{
  GObject **array = g_new0 (GObject *, objects->len + 1);

  for (guint i = 0; i < objects->len; i++)
    array[i] = g_ptr_array_index (objects, i);
  return array;
}

GimpValueArray *
gesso_generate_return_layers (GimpProcedure *procedure, GimpRunMode run_mode, GPtrArray *layers, GError *error)
{
  GimpValueArray *values;

  if (!layers)
    return gesso_pdb_failure (procedure, error);
  if (run_mode != GIMP_RUN_NONINTERACTIVE)
    gimp_displays_flush ();
  values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  GIMP_VALUES_TAKE_CORE_OBJECT_ARRAY (values, 1, gesso_generate_to_array (layers));
  return values;
}
