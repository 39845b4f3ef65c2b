/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Looks that the widgets share, made of the theme's own colours.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Style classes. Less opaque text, but readable on GIMP's grey theme too. */
#define GESSO_STYLE_DIM "gesso-dim"
/* An icon beside a warning: the text beside it keeps the theme's colour. */
#define GESSO_STYLE_WARNING "gesso-warning"
/* A button no higher than the text beside it. */
#define GESSO_STYLE_SMALL "gesso-small"

/* An info bar with an error: GIMP's themes leave its text hard to read. */
#define GESSO_STYLE_ERROR "gesso-error"

void gesso_style_add (GtkWidget *widget, const char *style_class);
void gesso_style_remove (GtkWidget *widget, const char *style_class);

/* A dim label, left-aligned, wrapping. */
GtkWidget *gesso_style_note_new (void);

/* An icon of the theme in a button; where the theme has none, `fallback` as text. `name` is its tooltip and its
 * accessible name. */
void gesso_style_set_icon (GtkButton *button, const char *icon_name, const char *fallback, const char *name);

/* The wheel scrolls the dialog instead of changing what is under the pointer. */
void gesso_style_pass_scrolling (GtkWidget *widget);

G_END_DECLS
