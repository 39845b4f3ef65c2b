/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "canvas-private.h"

#include <glib/gi18n-lib.h>

#include "pdb-error.h"

/* A copy: a saved channel would show in the image and be an undo step. GEGL keeps it on disk where it is large. */
static gboolean
copy_selection (GessoCanvas *canvas, GError **error)
{
  GimpSelection *selection = gimp_image_get_selection (canvas->image);
  GeglBuffer *buffer = selection ? gimp_drawable_get_buffer (GIMP_DRAWABLE (selection)) : NULL;

  if (!buffer)
    return gesso_set_pdb_error (error);
  canvas->selection = gegl_buffer_new (&canvas->place, gegl_buffer_get_format (buffer));
  gegl_buffer_copy (buffer, &canvas->place, GEGL_ABYSS_NONE, canvas->selection, &canvas->place);
  g_object_unref (buffer);
  return TRUE;
}

static gboolean
look_at_image (GessoCanvas *canvas, GimpDrawable **drawables, GError **error)
{
  gboolean selected;
  int x1, y1, x2, y2;

  if (!gimp_image_is_valid (canvas->image))
    {
      g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0, _ ("The image is not open any more."));
      return FALSE;
    }
  if (gimp_image_get_floating_sel (canvas->image))
    {
      g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                           _ ("The image has a floating selection. Anchor it or make it a layer first."));
      return FALSE;
    }
  if (!gimp_selection_bounds (canvas->image, &selected, &x1, &y1, &x2, &y2))
    return gesso_set_pdb_error (error);
  canvas->place = *GEGL_RECTANGLE (x1, y1, x2 - x1, y2 - y1);
  canvas->kind = selected ? PLACE_SELECTION : PLACE_IMAGE;
  if (selected && !copy_selection (canvas, error))
    return FALSE;
  gesso_canvas_find_spot (canvas, drawables);
  return TRUE;
}

GessoCanvas *
gesso_canvas_new (GimpImage *image, GimpDrawable **drawables, GError **error)
{
  g_autoptr (GessoCanvas) canvas = g_new0 (GessoCanvas, 1);

  canvas->spot = g_array_new (FALSE, FALSE, sizeof (int));
  canvas->kind = PLACE_NONE;
  canvas->image = image;
  if (image && !look_at_image (canvas, drawables, error))
    return NULL;
  return g_steal_pointer (&canvas);
}

void
gesso_canvas_free (GessoCanvas *canvas)
{
  g_clear_object (&canvas->selection);
  g_array_unref (canvas->spot);
  g_free (canvas);
}

GimpImage *
gesso_canvas_get_image (GessoCanvas *canvas)
{
  return canvas->image;
}

gboolean
gesso_canvas_get_place (const GessoCanvas *canvas, const char **name, GeglRectangle *place)
{
  const char *names[] = {
    [PLACE_NONE] = NULL,
    [PLACE_IMAGE] = _ ("Image"),
    [PLACE_SELECTION] = _ ("Selection"),
    [PLACE_LAYER] = _ ("Layer"),
  };

  if (name)
    *name = names[canvas->kind];
  *place = canvas->place;
  return canvas->kind != PLACE_NONE;
}

void
gesso_canvas_set_layer (GessoCanvas *canvas, GimpLayer *layer, int width, int height)
{
  int x, y;

  if (canvas->kind != PLACE_IMAGE || !gimp_drawable_get_offsets (GIMP_DRAWABLE (layer), &x, &y))
    return;
  canvas->kind = PLACE_LAYER;
  canvas->place = *GEGL_RECTANGLE (x, y, width > 0 ? width : gimp_drawable_get_width (GIMP_DRAWABLE (layer)),
                                   height > 0 ? height : gimp_drawable_get_height (GIMP_DRAWABLE (layer)));
}
