/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "picture-view.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "rgb-surface.h"

#define LEAST_SIDE 128
#define NATURAL_SIDE 384
#define TEXT_MARGIN 24
#define DIM 0.7
/* From here on single pixels show, and are kept; below, they would come out unequally wide. */
#define KEEP_PIXELS_FROM 2.0
/* Proportions this near to each other count as the same: sizes are rounded to what a model can do. */
#define SAME_PROPORTIONS 0.03
#define KEY_STEP 0.05
#define HANDLE_RADIUS 9

typedef struct
{
  cairo_surface_t *surface; /* NULL: none */
  int width, height;
} Picture;

struct _GessoPictureView
{
  GtkDrawingArea parent_instance;
  Picture picture, backdrop;
  gboolean smooth, compare;
  gboolean pressed;
  double split; /* where the picture begins, 0..1 from the left */
  char *placeholder;
};

G_DEFINE_FINAL_TYPE (GessoPictureView, gesso_picture_view, GTK_TYPE_DRAWING_AREA)

/* In device pixels. */
typedef struct
{
  int x, y, width, height;
} Place;

static void
picture_set (Picture *self, GBytes *rgb, int width, int height)
{
  g_clear_pointer (&self->surface, cairo_surface_destroy);
  if (rgb)
    self->surface = gesso_rgb_surface_new (rgb, width, height);
  self->width = width;
  self->height = height;
}

/* The largest place of these proportions in the middle of another one. */
static Place
fit (int width, int height, Place room)
{
  double scale = MIN ((double) room.width / width, (double) room.height / height);
  Place place;

  place.width = CLAMP ((int) lround (width * scale), 1, room.width);
  place.height = CLAMP ((int) lround (height * scale), 1, room.height);
  place.x = room.x + (room.width - place.width) / 2;
  place.y = room.y + (room.height - place.height) / 2;
  return place;
}

static gboolean
same_proportions (const Picture *a, const Picture *b)
{
  return fabs (log ((double) a->width * b->height / ((double) a->height * b->width))) < SAME_PROPORTIONS;
}

static void
draw_picture (cairo_t *cr, const Picture *picture, Place place, gboolean smooth)
{
  double scale_x = (double) place.width / picture->width;
  double scale_y = (double) place.height / picture->height;
  cairo_pattern_t *pattern;

  cairo_save (cr);
  cairo_rectangle (cr, place.x, place.y, place.width, place.height);
  cairo_clip (cr);
  cairo_translate (cr, place.x, place.y);
  cairo_scale (cr, scale_x, scale_y);
  cairo_set_source_surface (cr, picture->surface, 0, 0);
  pattern = cairo_get_source (cr);
  /* Blending does not reach beyond the edges. */
  cairo_pattern_set_extend (pattern, CAIRO_EXTEND_PAD);
  if (MIN (scale_x, scale_y) < 1)
    cairo_pattern_set_filter (pattern, CAIRO_FILTER_GOOD);
  else if (smooth || MIN (scale_x, scale_y) < KEEP_PIXELS_FROM)
    cairo_pattern_set_filter (pattern, CAIRO_FILTER_BILINEAR);
  else
    cairo_pattern_set_filter (pattern, CAIRO_FILTER_NEAREST);
  cairo_paint (cr);
  cairo_restore (cr);
}

static void
draw_arrow (cairo_t *cr, double x, double y, double size, double direction)
{
  cairo_move_to (cr, x + direction * size, y);
  cairo_line_to (cr, x, y - size);
  cairo_line_to (cr, x, y + size);
  cairo_close_path (cr);
  cairo_fill (cr);
}

/* White with a dark seam: to be seen on every picture, whatever the theme. */
static void
draw_divider (cairo_t *cr, Place place, int x, int scale)
{
  double radius = MIN (HANDLE_RADIUS * scale, place.height / 4.0);
  double y = place.y + place.height / 2.0;

  cairo_save (cr);
  cairo_rectangle (cr, place.x, place.y, place.width, place.height);
  cairo_clip (cr);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.5);
  cairo_rectangle (cr, x - 2 * scale, place.y, 4 * scale, place.height);
  cairo_arc (cr, x, y, radius + scale, 0, 2 * G_PI);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_rectangle (cr, x - scale, place.y, 2 * scale, place.height);
  cairo_arc (cr, x, y, radius, 0, 2 * G_PI);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, 0.2, 0.2, 0.2);
  draw_arrow (cr, x + radius * 0.25, y, radius * 0.4, 1);
  draw_arrow (cr, x - radius * 0.25, y, radius * 0.4, -1);
  cairo_restore (cr);
}

static void
draw_placeholder (GessoPictureView *self, cairo_t *cr, GtkAllocation *room)
{
  GtkStyleContext *context = gtk_widget_get_style_context (GTK_WIDGET (self));
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (GTK_WIDGET (self), self->placeholder);
  GdkRGBA colour;
  int height;

  pango_layout_set_width (layout, MAX (room->width - 2 * TEXT_MARGIN, 1) * PANGO_SCALE);
  pango_layout_set_wrap (layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_alignment (layout, PANGO_ALIGN_CENTER);
  pango_layout_get_pixel_size (layout, NULL, &height);
  gtk_style_context_get_color (context, gtk_style_context_get_state (context), &colour);
  colour.alpha *= DIM;
  gdk_cairo_set_source_rgba (cr, &colour);
  cairo_move_to (cr, TEXT_MARGIN, (room->height - height) / 2);
  pango_cairo_show_layout (cr, layout);
}

/* Where the picture is drawn, in device pixels; one pixel of the display around it is for the frame. */
static Place
picture_place (GessoPictureView *self)
{
  int scale = gtk_widget_get_scale_factor (GTK_WIDGET (self));
  int width = gtk_widget_get_allocated_width (GTK_WIDGET (self)) - 2;
  int height = gtk_widget_get_allocated_height (GTK_WIDGET (self)) - 2;
  Place room = { scale, scale, MAX (width, 1) * scale, MAX (height, 1) * scale };

  return fit (self->picture.width, self->picture.height, room);
}

static gboolean
can_compare (GessoPictureView *self)
{
  return self->picture.surface && self->backdrop.surface;
}

static void
draw_pictures (GessoPictureView *self, cairo_t *cr, Place place)
{
  int scale = gtk_widget_get_scale_factor (GTK_WIDGET (self));
  gboolean both = can_compare (self);
  gboolean split = both && self->compare && !self->pressed;
  int divider = place.x + (int) lround (self->split * place.width);

  cairo_save (cr);
  cairo_scale (cr, 1.0 / scale, 1.0 / scale);
  if (!both || !self->pressed)
    draw_picture (cr, &self->picture, place, self->smooth);
  if (split || (both && self->pressed))
    {
      Place backdrop = same_proportions (&self->picture, &self->backdrop)
                           ? place
                           : fit (self->backdrop.width, self->backdrop.height, place);

      cairo_save (cr);
      if (split)
        {
          cairo_rectangle (cr, place.x, place.y, divider - place.x, place.height);
          cairo_clip (cr);
          /* Other proportions leave room at the sides. */
          cairo_set_source_rgb (cr, 0.5, 0.5, 0.5);
          cairo_paint (cr);
        }
      draw_picture (cr, &self->backdrop, backdrop, FALSE);
      cairo_restore (cr);
    }
  if (split)
    draw_divider (cr, place, divider, scale);
  cairo_restore (cr);
}

static gboolean
gesso_picture_view_draw (GtkWidget *widget, cairo_t *cr)
{
  GessoPictureView *self = GESSO_PICTURE_VIEW (widget);
  GtkStyleContext *context = gtk_widget_get_style_context (widget);
  GtkAllocation frame = { 0, 0, gtk_widget_get_allocated_width (widget), gtk_widget_get_allocated_height (widget) };

  if (self->picture.surface)
    {
      int scale = gtk_widget_get_scale_factor (widget);
      Place place = picture_place (self);

      draw_pictures (self, cr, place);
      frame.x = place.x / scale - 1;
      frame.y = place.y / scale - 1;
      frame.width = (place.x + place.width + scale - 1) / scale + 1 - frame.x;
      frame.height = (place.y + place.height + scale - 1) / scale + 1 - frame.y;
    }
  else if (self->placeholder)
    draw_placeholder (self, cr, &frame);
  gtk_render_frame (context, cr, frame.x, frame.y, frame.width, frame.height);
  if (gtk_widget_has_visible_focus (widget))
    gtk_render_focus (context, cr, frame.x, frame.y, frame.width, frame.height);
  return GDK_EVENT_STOP;
}

static void
set_pressed (GessoPictureView *self, gboolean pressed)
{
  if (self->pressed == pressed)
    return;
  self->pressed = pressed;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
set_split (GessoPictureView *self, double split)
{
  self->split = CLAMP (split, 0, 1);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static gboolean
follow_pointer (GessoPictureView *self, double x)
{
  Place place;

  if (!can_compare (self) || !self->compare)
    return GDK_EVENT_PROPAGATE;
  place = picture_place (self);
  set_split (self, (x * gtk_widget_get_scale_factor (GTK_WIDGET (self)) - place.x) / place.width);
  return GDK_EVENT_STOP;
}

static gboolean
gesso_picture_view_button_press (GtkWidget *widget, GdkEventButton *event)
{
  GessoPictureView *self = GESSO_PICTURE_VIEW (widget);

  if (event->button != GDK_BUTTON_PRIMARY || !can_compare (self))
    return GDK_EVENT_PROPAGATE;
  gtk_widget_grab_focus (widget);
  if (self->compare)
    return follow_pointer (self, event->x);
  set_pressed (self, TRUE);
  return GDK_EVENT_STOP;
}

static gboolean
gesso_picture_view_motion (GtkWidget *widget, GdkEventMotion *event)
{
  if (!(event->state & GDK_BUTTON1_MASK))
    return GDK_EVENT_PROPAGATE;
  return follow_pointer (GESSO_PICTURE_VIEW (widget), event->x);
}

static gboolean
gesso_picture_view_button_release (GtkWidget *widget, GdkEventButton *event)
{
  if (event->button != GDK_BUTTON_PRIMARY)
    return GDK_EVENT_PROPAGATE;
  set_pressed (GESSO_PICTURE_VIEW (widget), FALSE);
  return GDK_EVENT_STOP;
}

static gboolean
move_divider (GessoPictureView *self, guint key)
{
  switch (key)
    {
    case GDK_KEY_Left:
    case GDK_KEY_KP_Left:
      set_split (self, self->split - KEY_STEP);
      return GDK_EVENT_STOP;
    case GDK_KEY_Right:
    case GDK_KEY_KP_Right:
      set_split (self, self->split + KEY_STEP);
      return GDK_EVENT_STOP;
    case GDK_KEY_Home:
      set_split (self, 0);
      return GDK_EVENT_STOP;
    case GDK_KEY_End:
      set_split (self, 1);
      return GDK_EVENT_STOP;
    default:
      return GDK_EVENT_PROPAGATE;
    }
}

static gboolean
gesso_picture_view_key_press (GtkWidget *widget, GdkEventKey *event)
{
  GessoPictureView *self = GESSO_PICTURE_VIEW (widget);

  if (can_compare (self) && (event->keyval == GDK_KEY_space || event->keyval == GDK_KEY_KP_Space))
    {
      set_pressed (self, TRUE);
      return GDK_EVENT_STOP;
    }
  if (can_compare (self) && self->compare && move_divider (self, event->keyval))
    return GDK_EVENT_STOP;
  return GTK_WIDGET_CLASS (gesso_picture_view_parent_class)->key_press_event (widget, event);
}

static gboolean
gesso_picture_view_key_release (GtkWidget *widget, GdkEventKey *event)
{
  if (event->keyval != GDK_KEY_space && event->keyval != GDK_KEY_KP_Space)
    return GTK_WIDGET_CLASS (gesso_picture_view_parent_class)->key_release_event (widget, event);
  set_pressed (GESSO_PICTURE_VIEW (widget), FALSE);
  return GDK_EVENT_STOP;
}

static gboolean
gesso_picture_view_focus_out (GtkWidget *widget, GdkEventFocus *event)
{
  set_pressed (GESSO_PICTURE_VIEW (widget), FALSE);
  return GTK_WIDGET_CLASS (gesso_picture_view_parent_class)->focus_out_event (widget, event);
}

static void
get_preferred_side (GtkWidget *widget, int *least, int *natural)
{
  *least = LEAST_SIDE;
  *natural = NATURAL_SIDE;
}

/* What can be done with the view, for the pointer and for who does not see it. */
static void
update_offer (GessoPictureView *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  AtkObject *accessible = gtk_widget_get_accessible (widget);
  gboolean both = can_compare (self);
  const char *hint = !both ? NULL
                     : self->compare
                         ? _ ("Drag the divider, or move it with the arrow keys. The image as it is now lies "
                              "to the left of it.")
                         : _ ("Press, or hold the space bar, to see the image as it is now.");
  g_autofree char *size = NULL;
  g_autofree char *description = NULL;

  if (self->picture.surface)
    size = g_strdup_printf (_ ("%d × %d pixels"), self->picture.width, self->picture.height);
  description = size ? g_strjoin (". ", size, hint, NULL) : g_strdup (self->placeholder ? self->placeholder : "");
  atk_object_set_description (accessible, description);
  gtk_widget_set_tooltip_text (widget, hint);
  gtk_widget_set_can_focus (widget, both);
  if (!both)
    self->pressed = FALSE;
  if (gtk_widget_get_realized (widget))
    {
      g_autoptr (GdkCursor) cursor = NULL;

      if (both && self->compare)
        cursor = gdk_cursor_new_from_name (gtk_widget_get_display (widget), "ew-resize");
      gdk_window_set_cursor (gtk_widget_get_window (widget), cursor);
    }
  gtk_widget_queue_draw (widget);
}

static void
gesso_picture_view_realize (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (gesso_picture_view_parent_class)->realize (widget);
  update_offer (GESSO_PICTURE_VIEW (widget));
}

static void
gesso_picture_view_finalize (GObject *object)
{
  GessoPictureView *self = GESSO_PICTURE_VIEW (object);

  picture_set (&self->picture, NULL, 0, 0);
  picture_set (&self->backdrop, NULL, 0, 0);
  g_free (self->placeholder);
  G_OBJECT_CLASS (gesso_picture_view_parent_class)->finalize (object);
}

static void
gesso_picture_view_class_init (GessoPictureViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = gesso_picture_view_finalize;
  widget_class->draw = gesso_picture_view_draw;
  widget_class->realize = gesso_picture_view_realize;
  widget_class->button_press_event = gesso_picture_view_button_press;
  widget_class->button_release_event = gesso_picture_view_button_release;
  widget_class->motion_notify_event = gesso_picture_view_motion;
  widget_class->key_press_event = gesso_picture_view_key_press;
  widget_class->key_release_event = gesso_picture_view_key_release;
  widget_class->focus_out_event = gesso_picture_view_focus_out;
  widget_class->get_preferred_width = get_preferred_side;
  widget_class->get_preferred_height = get_preferred_side;
  gtk_widget_class_set_accessible_role (widget_class, ATK_ROLE_IMAGE);
}

static void
gesso_picture_view_init (GessoPictureView *self)
{
  GtkWidget *widget = GTK_WIDGET (self);

  self->split = 0.5;
  gtk_widget_add_events (widget, GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK | GDK_BUTTON1_MOTION_MASK
                                     | GDK_KEY_PRESS_MASK | GDK_KEY_RELEASE_MASK);
  gtk_style_context_add_class (gtk_widget_get_style_context (widget), GTK_STYLE_CLASS_FRAME);
  atk_object_set_name (gtk_widget_get_accessible (widget), _ ("Picture"));
}

GtkWidget *
gesso_picture_view_new (void)
{
  return g_object_new (GESSO_TYPE_PICTURE_VIEW, NULL);
}

void
gesso_picture_view_set_rgb (GessoPictureView *self, GBytes *rgb, int width, int height, gboolean smooth)
{
  g_return_if_fail (GESSO_IS_PICTURE_VIEW (self));
  picture_set (&self->picture, rgb, width, height);
  self->smooth = smooth;
  update_offer (self);
}

void
gesso_picture_view_set_backdrop (GessoPictureView *self, GBytes *rgb, int width, int height)
{
  g_return_if_fail (GESSO_IS_PICTURE_VIEW (self));
  picture_set (&self->backdrop, rgb, width, height);
  update_offer (self);
}

void
gesso_picture_view_set_compare (GessoPictureView *self, gboolean compare)
{
  g_return_if_fail (GESSO_IS_PICTURE_VIEW (self));
  self->compare = compare;
  update_offer (self);
}

void
gesso_picture_view_set_placeholder (GessoPictureView *self, const char *text)
{
  g_return_if_fail (GESSO_IS_PICTURE_VIEW (self));
  g_free (self->placeholder);
  self->placeholder = g_strdup (text);
  update_offer (self);
}
