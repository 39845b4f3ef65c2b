/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scaling.h"

#define MUCH 8

static void
scale_into (GeglBuffer *from, GeglBuffer *to, int width, int height)
{
  GeglNode *graph = gegl_node_new ();
  double ratio = (double) width / gegl_buffer_get_width (from);
  /* As GIMP advises: one that stays sharp without halos for enlarging, one that does not alias for reducing. Far
   * enlarged the sharp one gains nothing, and takes a minute where the cubic one takes seconds. */
  GeglSamplerType sampler = ratio > MUCH ? GEGL_SAMPLER_CUBIC : ratio > 1 ? GEGL_SAMPLER_NOHALO : GEGL_SAMPLER_LOHALO;
  GeglNode *source = gegl_node_new_child (graph, "operation", "gegl:buffer-source", "buffer", from, NULL);
  GeglNode *scale = gegl_node_new_child (graph, "operation", "gegl:scale-size", "x", (double) width, "y",
                                         (double) height, "sampler", sampler, "abyss-policy", GEGL_ABYSS_CLAMP, NULL);
  GeglNode *sink = gegl_node_new_child (graph, "operation", "gegl:write-buffer", "buffer", to, NULL);

  gegl_node_link_many (source, scale, sink, NULL);
  gegl_node_process (sink);
  g_object_unref (graph);
}

void
gesso_fill_buffer (GeglBuffer *buffer, const GessoPicture *picture)
{
  int width = gegl_buffer_get_width (buffer);
  int height = gegl_buffer_get_height (buffer);
  GeglRectangle painted = { 0, 0, gesso_picture_get_width (picture), gesso_picture_get_height (picture) };
  const Babl *format = babl_format ("R'G'B' u8");
  gconstpointer pixels = g_bytes_get_data (gesso_picture_get_pixels (picture), NULL);

  if (painted.width == width && painted.height == height)
    gegl_buffer_set (buffer, &painted, 0, format, pixels, GEGL_AUTO_ROWSTRIDE);
  else
    {
      GeglBuffer *source = gegl_buffer_new (&painted, format);

      gegl_buffer_set (source, &painted, 0, format, pixels, GEGL_AUTO_ROWSTRIDE);
      scale_into (source, buffer, width, height);
      g_object_unref (source);
    }
}
