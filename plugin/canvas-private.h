/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What canvas.c (looking) and insertion.c (putting in) share.
 */

#pragma once

#include "canvas.h"

typedef enum
{
  PLACE_NONE,
  PLACE_IMAGE,
  PLACE_SELECTION,
  PLACE_LAYER,
} PlaceKind;

struct _GessoCanvas
{
  GimpImage *image; /* (nullable): of none yet */
  PlaceKind kind;
  GeglRectangle place;
  GeglBuffer *selection; /* (nullable): the place's part of it */
  GArray *spot;          /* of int: ids of the layers above which to insert; they may be gone by then */
};

/* Remembers the layers of `drawables`, or where there are none (NULL as well) the image's active ones. */
void gesso_canvas_find_spot (GessoCanvas *canvas, GimpDrawable **drawables);
