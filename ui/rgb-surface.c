/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "rgb-surface.h"

cairo_surface_t *
gesso_rgb_surface_new (GBytes *rgb, int width, int height)
{
  const guint8 *from;
  cairo_surface_t *surface;
  guint8 *to;
  int stride;

  g_return_val_if_fail (width > 0 && height > 0, NULL);
  g_return_val_if_fail (g_bytes_get_size (rgb) >= (gsize) width * (gsize) height * 3, NULL);
  surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  if (cairo_surface_status (surface) != CAIRO_STATUS_SUCCESS)
    {
      cairo_surface_destroy (surface);
      return NULL;
    }
  from = g_bytes_get_data (rgb, NULL);
  to = cairo_image_surface_get_data (surface);
  stride = cairo_image_surface_get_stride (surface);
  for (int y = 0; y < height; y++, to += stride)
    for (int x = 0; x < width; x++, from += 3)
      ((guint32 *) (void *) to)[x] = (guint32) from[0] << 16 | (guint32) from[1] << 8 | from[2];
  cairo_surface_mark_dirty (surface);
  return surface;
}
