/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "canvas-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "pdb-error.h"

/* Grey behind what is transparent in the image, as a check pattern is on average. */
#define BEHIND 128

/* The selection is read into memory: a saved channel would show in the image and be an undo step. */
static gboolean
copy_selection (GessoCanvas *canvas, GError **error)
{
  GimpSelection *selection = gimp_image_get_selection (canvas->image);
  GeglBuffer *buffer = selection ? gimp_drawable_get_buffer (GIMP_DRAWABLE (selection)) : NULL;
  const GeglRectangle *place = &canvas->place;
  gsize size;
  guint8 *bytes;

  if (!buffer)
    return gesso_set_pdb_error (error);
  canvas->selection_format = gegl_buffer_get_format (buffer);
  size = (gsize) place->width * (gsize) place->height
         * (gsize) babl_format_get_bytes_per_pixel (canvas->selection_format);
  bytes = g_try_malloc (size);
  if (bytes)
    {
      gegl_buffer_get (buffer, place, 1.0, canvas->selection_format, bytes, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
      canvas->selection = g_bytes_new_take (bytes, size);
    }
  else
    g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                         _ ("There is not enough memory to copy the selection. Close other programs."));
  g_object_unref (buffer);
  return bytes != NULL;
}

static gboolean
look_at_image (GessoCanvas *canvas, GError **error)
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
  gesso_canvas_find_spot (canvas);
  return TRUE;
}

GessoCanvas *
gesso_canvas_new (GimpImage *image, GError **error)
{
  g_autoptr (GessoCanvas) canvas = g_new0 (GessoCanvas, 1);

  canvas->spot = g_array_new (FALSE, FALSE, sizeof (int));
  canvas->kind = PLACE_NONE;
  canvas->image = image;
  if (image && !look_at_image (canvas, error))
    return NULL;
  return g_steal_pointer (&canvas);
}

void
gesso_canvas_free (GessoCanvas *canvas)
{
  g_clear_pointer (&canvas->selection, g_bytes_unref);
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

/* Reads the place from `layer`, which is as large as the image, scaled. */
static GBytes *
read_scaled (GimpLayer *layer, const GeglRectangle *place, double scale, int width, int height)
{
  GeglBuffer *buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (layer));
  gsize n = (gsize) width * (gsize) height;
  g_autofree guint8 *rgba = g_malloc (n * 4);
  guint8 *rgb = g_malloc (n * 3);
  GeglRectangle scaled = { (int) (place->x * scale), (int) (place->y * scale), width, height };

  gegl_buffer_get (buffer, &scaled, scale, babl_format ("R'G'B'A u8"), rgba, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  g_object_unref (buffer);
  for (gsize i = 0; i < n; i++)
    for (gsize c = 0; c < 3; c++)
      rgb[i * 3 + c] = (guint8) ((rgba[i * 4 + c] * rgba[i * 4 + 3] + BEHIND * (255 - rgba[i * 4 + 3]) + 127) / 255);
  return g_bytes_new_take (rgb, n * 3);
}

GBytes *
gesso_canvas_get_backdrop (GessoCanvas *canvas, int longest, int *width, int *height)
{
  const GeglRectangle *place = &canvas->place;
  double scale = MIN (1.0, (double) longest / MAX (place->width, place->height));
  g_autofree GimpLayer **layers = NULL;
  GimpLayer *visible;
  GBytes *backdrop;

  if (canvas->kind == PLACE_NONE)
    return NULL;
  layers = gimp_image_get_layers (canvas->image);
  if (!layers || !layers[0])
    return NULL;
  visible = gimp_layer_new_from_visible (canvas->image, canvas->image, "gesso");
  if (!visible)
    return NULL;
  *width = MAX (1, (int) (place->width * scale));
  *height = MAX (1, (int) (place->height * scale));
  backdrop = read_scaled (visible, place, scale, *width, *height);
  gimp_item_delete (GIMP_ITEM (visible));
  return backdrop;
}
