/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a caller sees while a picture is being painted.
 */

#pragma once

#include "colours.h"

struct _GessoPreview
{
  const float *planes; /* [n, c, h, w] */
  int n_images, channels, height, width;
  const GessoColours *colours; /* NULL: not known */
};
