/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a caller sees while a picture is being painted.
 */

#pragma once

#include "colours.h"

struct _GessoPreview
{
  float *planes; /* [n, c, h, w]: the latents */
  float *clear;  /* the same without the noise that the model saw in them at this step */
  /* Reads both where they lie, when somebody asks: the device is not waited for otherwise. */
  void (*fetch) (GessoPreview *preview);
  gpointer source;
  gboolean is_fetched;
  int n_images, channels, height, width;
  const GessoColours *colours; /* NULL: not known */
};
