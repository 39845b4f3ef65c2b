/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a caller sees while a picture is being painted.
 */

#pragma once

#include "gesso.h"

struct _GessoPreview
{
  float *planes;  /* [n, c, h, w]: the latents */
  guint8 *pixels; /* [n, h, w, 3]: the picture of them without the noise that the model saw in them at this step */
  /* Each reads one where it lies, when somebody asks: the device is not waited for otherwise. */
  void (*fetch_latents) (GessoPreview *preview);
  void (*fetch_pixels) (GessoPreview *preview);
  gpointer source;
  gboolean has_latents, has_pixels;
  int n_images, channels, height, width;
};
