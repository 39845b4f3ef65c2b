/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A picture as a PNG file.
 */

#include "png.h"

#include <gdk-pixbuf/gdk-pixbuf.h>

GBytes *
cli_png_encode (const GessoPicture *picture, GError **error)
{
  const int width = gesso_picture_get_width (picture), height = gesso_picture_get_height (picture);
  g_autoptr (GdkPixbuf) pixbuf = gdk_pixbuf_new_from_bytes (gesso_picture_get_pixels (picture), GDK_COLORSPACE_RGB,
                                                            FALSE, 8, width, height, 3 * width);
  char *keys[] = { "tEXt::parameters", NULL };
  char *values[] = { (char *) gesso_picture_get_parameters (picture), NULL };
  char *data = NULL;
  gsize size = 0;

  if (!gdk_pixbuf_save_to_bufferv (pixbuf, &data, &size, "png", keys, values, error))
    return NULL;
  return g_bytes_new_take (data, size);
}
