/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "pixels.h"

static void
set_true (gboolean *flag)
{
  *flag = TRUE;
}

void
pixels_settle (GtkWidget *widget)
{
  GdkFrameClock *clock = gtk_widget_get_frame_clock (widget);
  gboolean drawn = FALSE;
  gulong handler = g_signal_connect_swapped (clock, "after-paint", G_CALLBACK (set_true), &drawn);

  gdk_frame_clock_request_phase (clock, GDK_FRAME_CLOCK_PHASE_LAYOUT | GDK_FRAME_CLOCK_PHASE_AFTER_PAINT);
  while (!drawn)
    g_main_context_iteration (NULL, TRUE);
  g_signal_handler_disconnect (clock, handler);
}

cairo_surface_t *
pixels_of (GtkWidget *widget)
{
  int scale = gtk_widget_get_scale_factor (widget);
  cairo_surface_t *surface
      = cairo_image_surface_create (CAIRO_FORMAT_RGB24, gtk_widget_get_allocated_width (widget) * scale,
                                    gtk_widget_get_allocated_height (widget) * scale);
  cairo_t *cr;

  pixels_settle (widget);
  cairo_surface_set_device_scale (surface, scale, scale);
  cr = cairo_create (surface);
  gtk_widget_draw (widget, cr);
  cairo_destroy (cr);
  cairo_surface_flush (surface);
  return surface;
}

guint32
pixels_get (cairo_surface_t *surface, int x, int y)
{
  const guint8 *data = cairo_image_surface_get_data (surface);

  g_assert_cmpint (x, >=, 0);
  g_assert_cmpint (y, >=, 0);
  g_assert_cmpint (x, <, cairo_image_surface_get_width (surface));
  g_assert_cmpint (y, <, cairo_image_surface_get_height (surface));
  data += (gsize) y * (gsize) cairo_image_surface_get_stride (surface) + (gsize) x * 4;
  return *(const guint32 *) (const void *) data & 0xffffff;
}

static GdkEvent *
event_new (GtkWidget *widget, GdkEventType type)
{
  GdkEvent *event = gdk_event_new (type);
  GdkSeat *seat = gdk_display_get_default_seat (gtk_widget_get_display (widget));

  event->any.window = g_object_ref (gtk_widget_get_window (widget));
  event->any.send_event = TRUE;
  gdk_event_set_device (event, type == GDK_KEY_PRESS || type == GDK_KEY_RELEASE ? gdk_seat_get_keyboard (seat)
                                                                                : gdk_seat_get_pointer (seat));
  return event;
}

static void
send (GtkWidget *widget, GdkEvent *event)
{
  gtk_widget_event (widget, event);
  gdk_event_free (event);
}

void
pixels_button (GtkWidget *widget, GdkEventType type, double x, double y)
{
  GdkEvent *event = event_new (widget, type);

  event->button.button = GDK_BUTTON_PRIMARY;
  event->button.x = x;
  event->button.y = y;
  send (widget, event);
}

void
pixels_drag_to (GtkWidget *widget, double x, double y)
{
  GdkEvent *event = event_new (widget, GDK_MOTION_NOTIFY);

  event->motion.state = GDK_BUTTON1_MASK;
  event->motion.x = x;
  event->motion.y = y;
  send (widget, event);
}

void
pixels_wheel (GtkWidget *widget, GdkScrollDirection direction)
{
  GdkEvent *event = event_new (widget, GDK_SCROLL);

  event->scroll.direction = direction;
  send (widget, event);
}

void
pixels_key (GtkWidget *widget, GdkEventType type, guint key)
{
  GdkEvent *event = event_new (widget, type);

  event->key.keyval = key;
  send (widget, event);
}
