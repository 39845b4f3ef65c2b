/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "preview.h"

const float *
gesso_preview_get_latents (GessoPreview *preview, int image, int *n_channels, int *height, int *width)
{
  g_return_val_if_fail (preview && image >= 0 && image < preview->n_images, NULL);
  if (!preview->has_latents)
    preview->fetch_latents (preview);
  preview->has_latents = TRUE;
  *n_channels = preview->channels;
  *height = preview->height;
  *width = preview->width;
  return preview->planes + (gsize) image * (gsize) (preview->channels * preview->height * preview->width);
}

GBytes *
gesso_preview_get_picture (GessoPreview *preview, int image, int *width, int *height)
{
  gsize bytes;

  g_return_val_if_fail (preview && image >= 0 && image < preview->n_images, NULL);
  if (!preview->has_pixels)
    preview->fetch_pixels (preview);
  preview->has_pixels = TRUE;
  *width = preview->width;
  *height = preview->height;
  bytes = (gsize) *width * (gsize) *height * 3;
  return g_bytes_new (preview->pixels + (gsize) image * bytes, bytes);
}
