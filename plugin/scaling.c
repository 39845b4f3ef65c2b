/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scaling.h"

#define MUCH 8
/* What is scaled at a time: some tenths of a second. */
#define BAND_PIXELS (512 * 1024)

static gboolean
scale_into (GeglBuffer *from, GeglBuffer *to, int width, int height, GessoFillFunc progress, gpointer data)
{
  GeglNode *graph = gegl_node_new ();
  double x = (double) width / gegl_buffer_get_width (from);
  double y = (double) height / gegl_buffer_get_height (from);
  /* As GIMP advises: one that stays sharp without halos for enlarging, one that does not alias for reducing. Far
   * enlarged the sharp one gains nothing, and takes a minute where the cubic one takes seconds. */
  GeglSamplerType sampler = x > MUCH ? GEGL_SAMPLER_CUBIC : x > 1 ? GEGL_SAMPLER_NOHALO : GEGL_SAMPLER_LOHALO;
  GeglNode *source = gegl_node_new_child (graph, "operation", "gegl:buffer-source", "buffer", from, NULL);
  /* Not gegl:scale-size: of more than 9000 pixels it makes transparent ones. */
  GeglNode *scale = gegl_node_new_child (graph, "operation", "gegl:scale-ratio", "x", x, "y", y, "sampler", sampler,
                                         "abyss-policy", GEGL_ABYSS_CLAMP, NULL);
  int n_rows = MAX (BAND_PIXELS / width, 1);
  gboolean goes_on = TRUE;

  gegl_node_link (source, scale);
  for (int row = 0; row < height && goes_on; row += n_rows)
    {
      GeglRectangle band = { 0, row, width, MIN (n_rows, height - row) };

      gegl_node_blit_buffer (scale, to, &band, 0, GEGL_ABYSS_NONE);
      goes_on = progress ((double) (row + band.height) / height, data);
    }
  g_object_unref (graph);
  return goes_on;
}

gboolean
gesso_fill_buffer (GeglBuffer *buffer, const GessoPicture *picture, GessoFillFunc progress, gpointer data)
{
  int width = gegl_buffer_get_width (buffer);
  int height = gegl_buffer_get_height (buffer);
  GeglRectangle painted = { 0, 0, gesso_picture_get_width (picture), gesso_picture_get_height (picture) };
  const Babl *format = babl_format ("R'G'B' u8");
  gconstpointer pixels = g_bytes_get_data (gesso_picture_get_pixels (picture), NULL);
  GeglBuffer *source;
  gboolean done;

  if (painted.width == width && painted.height == height)
    {
      gegl_buffer_set (buffer, &painted, 0, format, pixels, GEGL_AUTO_ROWSTRIDE);
      return progress (1, data);
    }
  source = gegl_buffer_new (&painted, format);
  gegl_buffer_set (source, &painted, 0, format, pixels, GEGL_AUTO_ROWSTRIDE);
  done = scale_into (source, buffer, width, height, progress, data);
  g_object_unref (source);
  return done;
}
