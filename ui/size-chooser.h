/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Width and height: as the place to fill (selection or image), a ratio of sides, or numbers.
 */

#pragma once

#include <gtk/gtk.h>

#include "session.h"

G_BEGIN_DECLS

#define GESSO_TYPE_SIZE_CHOOSER (gesso_size_chooser_get_type ())
/* Properties: "width", "height" (int, to bind): 0 x 0 is the place to fill, fitted to the model. */
G_DECLARE_FINAL_TYPE (GessoSizeChooser, gesso_size_chooser, GESSO, SIZE_CHOOSER, GtkBox)

/* `place_name`: "Selection", "Image", "Layer" or NULL where there is none (a new image); its size in pixels. `session`
 * knows what suits the model. */
GtkWidget *gesso_size_chooser_new (GessoSession *session, const char *place_name, int place_width, int place_height);

/* The size that will be painted: never 0 once the model is open. */
void gesso_size_chooser_get_size (GessoSizeChooser *chooser, int *width, int *height);

G_END_DECLS
