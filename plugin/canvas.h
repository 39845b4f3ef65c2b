/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The image that is painted in: what is needed of it, copied at the start, and the new layers put into it at the end.
 * Main thread only.
 */

#pragma once

#include <libgimp/gimp.h>

#include "result.h"
#include "scaling.h"

typedef struct _GessoCanvas GessoCanvas;

/* Of an image; or with NULL of none: gesso_canvas_insert() then makes a new image. `drawables` (nullable): ends with
 * NULL, what a procedure was called for; else the active layers are meant. Refuses a floating selection. */
GessoCanvas *gesso_canvas_new (GimpImage *image, GimpDrawable **drawables, GError **error);

/* The layer that a drawable is or is the mask of; NULL for a channel. */
GimpLayer *gesso_canvas_layer_of (GimpDrawable *drawable);
void gesso_canvas_free (GessoCanvas *canvas);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoCanvas, gesso_canvas_free)

/* The place to fill: the selection's bounds, else the whole image; FALSE for a new image. `name`: "Selection",
 * "Image" or "Layer", translated. */
gboolean gesso_canvas_get_place (const GessoCanvas *canvas, const char **name, GeglRectangle *place);

/* Where nothing is selected, the place becomes that of `layer`, in the size that it was painted for (0: its own). */
void gesso_canvas_set_layer (GessoCanvas *canvas, GimpLayer *layer, int width, int height);

/* What is seen at the place now, RGB, reduced to at most `longest` pixels a side; NULL where there is nothing. */
GBytes *gesso_canvas_get_backdrop (GessoCanvas *canvas, int longest, int *width, int *height);

/* Puts the pictures (GessoResult) into the image in one undo step, each with its settings attached: above the layers
 * that were meant at the start, in their group, with the selection as it was at the start as mask. All of them or none.
 * A layer gets the size of its origin, in the middle of the place; a picture of another size is scaled to it, which
 * takes a while where that is large: `progress` is called meanwhile, and where it gives up the error is CANCELLED.
 * Returns: (transfer container): the GimpLayers in order; NULL with an error that says so when the image was closed
 * meanwhile. */
GPtrArray *gesso_canvas_insert (GessoCanvas *canvas, GPtrArray *results, GessoFillFunc progress, gpointer data,
                                GError **error);

/* FALSE with an error where the image was closed meanwhile. A canvas without one is good. */
gboolean gesso_canvas_check_image (GessoCanvas *canvas, GError **error);

/* The image; after gesso_canvas_insert() also for a canvas without one. */
GimpImage *gesso_canvas_get_image (GessoCanvas *canvas);
