/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is seen in the image now, to compare pictures with.
 */

#include "canvas-private.h"

/* Grey behind what is transparent in the image, as a check pattern is on average. */
#define BEHIND 128
/* GIMP makes no larger ones. */
#define LARGEST_THUMBNAIL 1024

/* RGB from pixels of 1 to 4 channels, the last of an even number of them being alpha. */
static void
take_pixel (guint8 *rgb, const guint8 *pixel, int n_channels)
{
  int alpha = n_channels % 2 == 0 ? pixel[n_channels - 1] : 255;

  for (int c = 0; c < 3; c++)
    rgb[c] = (guint8) ((pixel[n_channels >= 3 ? c : 0] * alpha + BEHIND * (255 - alpha) + 127) / 255);
}

/* From a small picture of a whole image: GIMP has one at hand, however large the image is. */
static GBytes *
crop_thumbnail (GimpImage *image, const GeglRectangle *place, double scale, int width, int height)
{
  int columns = MAX (1, (int) (gimp_image_get_width (image) * scale));
  int rows = MAX (1, (int) (gimp_image_get_height (image) * scale));
  int x = (int) (place->x * scale), y = (int) (place->y * scale);
  int n_channels;
  g_autoptr (GBytes) thumbnail = gimp_image_get_thumbnail_data (image, &columns, &rows, &n_channels);
  const guint8 *pixels;
  guint8 *rgb;

  if (!thumbnail || columns < 1 || rows < 1
      || g_bytes_get_size (thumbnail) < (gsize) columns * (gsize) rows * (gsize) n_channels)
    return NULL;
  pixels = g_bytes_get_data (thumbnail, NULL);
  rgb = g_malloc ((gsize) width * (gsize) height * 3);
  for (int row = 0; row < height; row++)
    for (int column = 0; column < width; column++)
      {
        int from_x = x + column, from_y = y + row;
        static const guint8 nothing[4];
        gboolean inside = from_x >= 0 && from_x < columns && from_y >= 0 && from_y < rows;

        take_pixel (rgb + ((gsize) row * (gsize) width + (gsize) column) * 3,
                    inside ? pixels + ((gsize) from_y * (gsize) columns + (gsize) from_x) * (gsize) n_channels
                           : nothing,
                    inside ? n_channels : 4);
      }
  return g_bytes_new_take (rgb, (gsize) width * (gsize) height * 3);
}

/* A small place of a large image, of which a copy of what is seen would be as large: instead the canvas of a duplicate,
 * which shares the pixels, becomes the place, so that GIMP composes no more than that. */
static GBytes *
crop_duplicate (GimpImage *image, const GeglRectangle *place, double scale, int width, int height)
{
  const GeglRectangle whole = { 0, 0, place->width, place->height };
  GimpImage *duplicate = gimp_image_duplicate (image);
  GBytes *rgb = NULL;

  if (!duplicate)
    return NULL;
  gimp_image_undo_disable (duplicate);
  if (gimp_image_resize (duplicate, place->width, place->height, -place->x, -place->y))
    rgb = crop_thumbnail (duplicate, &whole, scale, width, height);
  gimp_image_delete (duplicate);
  return rgb;
}

GBytes *
gesso_canvas_get_backdrop (GessoCanvas *canvas, int longest, int *width, int *height)
{
  const GeglRectangle *place = &canvas->place;
  double scale = MIN (1.0, (double) longest / MAX (place->width, place->height));
  g_autofree GimpLayer **layers = NULL;
  int side;

  if (canvas->kind == PLACE_NONE)
    return NULL;
  layers = gimp_image_get_layers (canvas->image);
  if (!layers || !layers[0])
    return NULL;
  side = MAX (gimp_image_get_width (canvas->image), gimp_image_get_height (canvas->image));
  *width = MAX (1, (int) (place->width * scale));
  *height = MAX (1, (int) (place->height * scale));
  if (side * scale <= LARGEST_THUMBNAIL)
    return crop_thumbnail (canvas->image, place, scale, *width, *height);
  return crop_duplicate (canvas->image, place, scale, *width, *height);
}
