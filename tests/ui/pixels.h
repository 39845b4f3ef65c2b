/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A widget drawn into memory, in the pixels of the display, and events for it.
 */

#pragma once

#include <gtk/gtk.h>

/* Lets a frame pass, so that everything has its place. */
void pixels_settle (GtkWidget *widget);

/* What the widget looks like. Positions below are device pixels. */
cairo_surface_t *pixels_of (GtkWidget *widget);
/* 0xRRGGBB */
guint32 pixels_get (cairo_surface_t *surface, int x, int y);

/* Positions of events are those of the widget's own coordinates. */
void pixels_button (GtkWidget *widget, GdkEventType type, double x, double y);
void pixels_drag_to (GtkWidget *widget, double x, double y);
void pixels_wheel (GtkWidget *widget, GdkScrollDirection direction);
void pixels_key (GtkWidget *widget, GdkEventType type, guint key);
