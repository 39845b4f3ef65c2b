/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The picture that is looked at, and the strip of all those made: the preview while painting, then the chosen result.
 */

#pragma once

#include <gtk/gtk.h>

#include "results.h"

G_BEGIN_DECLS

#define GESSO_TYPE_GALLERY (gesso_gallery_get_type ())
/* Properties: "n-kept" (int, read only). */
G_DECLARE_FINAL_TYPE (GessoGallery, gesso_gallery, GESSO, GALLERY, GtkBox)

/* `backdrop` (nullable): what is in the image now, RGB, to compare with. */
GtkWidget *gesso_gallery_new (GBytes *backdrop, int width, int height);

/* What is said while there is no picture. */
void gesso_gallery_set_placeholder (GessoGallery *gallery, const char *text);

/* Painting begins: previews are shown until another picture is chosen, and again from the next picture on. */
void gesso_gallery_begin (GessoGallery *gallery);
void gesso_gallery_set_preview (GessoGallery *gallery, GBytes *rgb, int width, int height);
/* Takes `result`. */
void gesso_gallery_add (GessoGallery *gallery, GessoResult *result);
/* Painting is over: a preview gives way to the chosen picture. */
void gesso_gallery_end (GessoGallery *gallery);

int gesso_gallery_get_n_kept (GessoGallery *gallery);
/* (transfer full) (element-type GessoResult) */
GPtrArray *gesso_gallery_get_kept (GessoGallery *gallery);

G_END_DECLS
