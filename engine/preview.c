/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "preview.h"

#include <math.h>

static void
fetch (GessoPreview *preview)
{
  if (!preview->is_fetched)
    preview->fetch (preview);
  preview->is_fetched = TRUE;
}

const float *
gesso_preview_get_latents (GessoPreview *preview, int image, int *n_channels, int *height, int *width)
{
  g_return_val_if_fail (preview && image >= 0 && image < preview->n_images, NULL);
  fetch (preview);
  *n_channels = preview->channels;
  *height = preview->height;
  *width = preview->width;
  return preview->planes + (gsize) image * (gsize) (preview->channels * preview->height * preview->width);
}

/* Without colours: light and dark by the mean of the channels, which at least shows that something takes shape. */
static double
grey_value (const float *latents, int channels, gsize area)
{
  double sum = 0;

  for (int c = 0; c < channels; c++)
    sum += latents[(gsize) c * area];
  return 0.5 + 0.25 * sum / channels;
}

static guint8
to_byte (double value)
{
  /* Written so that a NaN becomes 0. */
  return value > 0 ? (guint8) lrint (MIN (value, 1.0) * 255) : 0;
}

GBytes *
gesso_preview_get_picture (GessoPreview *preview, int image, int *width, int *height)
{
  const int channels = preview ? preview->channels : 0;
  const float *latents;
  gsize area;
  guint8 *pixels;

  g_return_val_if_fail (preview && image >= 0 && image < preview->n_images, NULL);
  fetch (preview);
  *width = preview->width;
  *height = preview->height;
  area = (gsize) *width * (gsize) *height;
  latents = preview->clear + (gsize) (image * channels) * area;
  pixels = g_malloc (area * 3);
  for (gsize i = 0; i < area; i++)
    for (int c = 0; c < 3; c++)
      pixels[i * 3 + (gsize) c] = to_byte (preview->colours ? gesso_colours_map (preview->colours, c, latents + i, area)
                                                            : grey_value (latents + i, channels, area));
  return g_bytes_new_take (pixels, area * 3);
}
