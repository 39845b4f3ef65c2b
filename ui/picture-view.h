/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Shows a picture scaled to fit, sharp on every display; with a second one to compare with.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define GESSO_TYPE_PICTURE_VIEW (gesso_picture_view_get_type ())
G_DECLARE_FINAL_TYPE (GessoPictureView, gesso_picture_view, GESSO, PICTURE_VIEW, GtkDrawingArea)

GtkWidget *gesso_picture_view_new (void);

/* RGB, rows from the top, 3 bytes a pixel; NULL clears. `smooth`: blend when enlarged, else keep pixels. */
void gesso_picture_view_set_rgb (GessoPictureView *view, GBytes *rgb, int width, int height, gboolean smooth);

/* What lies under the picture in the image: shown instead of the picture while the view is pressed, and beside it while
 * comparing is on. NULL: none. */
void gesso_picture_view_set_backdrop (GessoPictureView *view, GBytes *rgb, int width, int height);
void gesso_picture_view_set_compare (GessoPictureView *view, gboolean compare);

/* Text in the middle while there is no picture. */
void gesso_picture_view_set_placeholder (GessoPictureView *view, const char *text);

G_END_DECLS
