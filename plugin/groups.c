/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "groups.h"

static const GessoOrigin *
origin_of (GessoPanel *panel, GPtrArray *results, guint i)
{
  const GessoResult *result = g_ptr_array_index (results, i);

  return gesso_panel_get_origin (panel, result->picture);
}

static GessoSettings *
new_settings (const GessoOrigin *origin, const GessoResult *result)
{
  GessoSettings *settings = g_new0 (GessoSettings, 1);
  const GessoRequest *request = result->request;

  settings->prompt = g_strdup (request->prompt);
  settings->negative_prompt = g_strdup (request->negative_prompt ? request->negative_prompt : "");
  settings->model = g_strdup (origin->model);
  settings->width = origin->width;
  settings->height = origin->height;
  settings->steps = request->steps;
  settings->guidance = request->guidance;
  settings->seed = (int) request->seed;
  settings->count = 1;
  settings->scheduler = g_strdup (request->scheduler ? request->scheduler : "");
  settings->device = origin->device;
  settings->precision = origin->precision;
  return settings;
}

/* The panel's engine where it is the one that painted; else one is opened for what is asked of it here, which reads no
 * weights. */
static GessoEngine *
find_engine (const GessoOrigin *origin, GessoPanel *panel, GError **error)
{
  GessoEngine *engine = gesso_session_get_engine (gesso_panel_get_session (panel));
  g_autoptr (GessoOptions) options = gesso_options_new ();
  g_autofree char *folder = NULL;
  g_autofree char *open_model = NULL;

  g_object_get (panel, "model", &open_model, NULL);
  if (engine && g_strcmp0 (open_model, origin->model) == 0 && gesso_engine_get_device (engine) == origin->device
      && gesso_engine_get_precision (engine) == origin->precision)
    return g_object_ref (engine);
  folder = gesso_models_find (origin->model, error);
  options->device = origin->device;
  options->precision = origin->precision;
  return folder ? gesso_engine_new (folder, options, NULL, error) : NULL;
}

/* Results `first` up to before `last`. */
static GPtrArray *
insert_group (GessoCanvas *canvas, GPtrArray *results, guint first, guint last, GessoPanel *panel, GError **error)
{
  const GessoOrigin *origin = origin_of (panel, results, first);
  g_autoptr (GessoSettings) settings = new_settings (origin, g_ptr_array_index (results, first));
  g_autoptr (GessoEngine) engine = find_engine (origin, panel, error);
  g_autoptr (GPtrArray) group = g_ptr_array_new ();

  for (guint i = first; i < last; i++)
    g_ptr_array_add (group, g_ptr_array_index (results, i));
  return engine ? gesso_canvas_insert (canvas, group, settings, engine, error) : NULL;
}

/* Each group goes above the one before. */
static GPtrArray *
insert_groups (GessoCanvas *canvas, GPtrArray *results, GessoPanel *panel, GError **error)
{
  g_autoptr (GPtrArray) layers = g_ptr_array_new ();

  for (guint first = 0, last; first < results->len; first = last)
    {
      g_autoptr (GPtrArray) group = NULL;

      for (last = first + 1;
           last < results->len
           && gesso_origin_equal (origin_of (panel, results, first), origin_of (panel, results, last));)
        last++;
      group = insert_group (canvas, results, first, last, panel, error);
      if (!group)
        {
          for (guint i = 0; i < layers->len; i++)
            gimp_image_remove_layer (gesso_canvas_get_image (canvas), g_ptr_array_index (layers, i));
          return NULL;
        }
      g_ptr_array_extend (layers, group, NULL, NULL);
    }
  return g_steal_pointer (&layers);
}

GPtrArray *
gesso_groups_insert (GessoCanvas *canvas, GPtrArray *results, GessoPanel *panel, GError **error)
{
  GimpImage *image = gesso_canvas_get_image (canvas);
  gboolean grouped = image && gimp_image_is_valid (image);
  GPtrArray *layers;

  if (grouped)
    gimp_image_undo_group_start (image);
  layers = insert_groups (canvas, results, panel, error);
  if (grouped && gimp_image_is_valid (image))
    gimp_image_undo_group_end (image);
  return layers;
}
