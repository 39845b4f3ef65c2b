/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The view of a picture, drawn into memory: where it lies, how it is scaled, comparing by pointer and keys, and what
 * accessibility tools are told. Also run at twice the resolution.
 */

#include "picture-view.h"
#include "pixels.h"
#include "widget-test.h"

#include <string.h>

#define ROOM 400 /* for the picture, in pixels of the widget */
#define FRAME 1
#define RED 0xff0000
#define BLUE 0x0000ff
#define WHITE 0xffffff

typedef struct
{
  GtkWidget *window;
  GessoPictureView *view;
  int scale;
  int side; /* device pixels of the room */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  GtkWidget *view = gesso_picture_view_new ();

  gtk_widget_set_size_request (view, ROOM + 2 * FRAME, ROOM + 2 * FRAME);
  gtk_widget_set_halign (view, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (view, GTK_ALIGN_CENTER);
  fixture->window = test_show (view);
  fixture->view = GESSO_PICTURE_VIEW (view);
  fixture->scale = gtk_widget_get_scale_factor (view);
  fixture->side = ROOM * fixture->scale;
  g_assert_cmpint (gtk_widget_get_allocated_width (view), ==, ROOM + 2 * FRAME);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  gtk_widget_destroy (fixture->window);
}

static GBytes *
plain (guint32 colour, int width, int height)
{
  guint8 *rgb = g_malloc ((gsize) (width * height * 3));

  for (int i = 0; i < width * height; i++)
    {
      rgb[3 * i] = (guint8) (colour >> 16);
      rgb[3 * i + 1] = (guint8) (colour >> 8);
      rgb[3 * i + 2] = (guint8) colour;
    }
  return g_bytes_new_take (rgb, (gsize) (width * height * 3));
}

static void
show_plain (Fixture *fixture, guint32 colour, int width, int height)
{
  g_autoptr (GBytes) rgb = plain (colour, width, height);

  gesso_picture_view_set_rgb (fixture->view, rgb, width, height, TRUE);
}

static void
set_backdrop (Fixture *fixture, guint32 colour, int width, int height)
{
  g_autoptr (GBytes) rgb = plain (colour, width, height);

  gesso_picture_view_set_backdrop (fixture->view, rgb, width, height);
}

/* The colour at a share of the room. */
static guint32
colour_at (Fixture *fixture, double x, double y)
{
  cairo_surface_t *surface = pixels_of (GTK_WIDGET (fixture->view));
  int inset = FRAME * fixture->scale;
  guint32 colour
      = pixels_get (surface, inset + (int) (x * (fixture->side - 1)), inset + (int) (y * (fixture->side - 1)));

  cairo_surface_destroy (surface);
  return colour;
}

/* The rectangle that is of one colour, and whether it is so everywhere. */
static cairo_rectangle_int_t
extents_of (Fixture *fixture, guint32 colour)
{
  cairo_surface_t *surface = pixels_of (GTK_WIDGET (fixture->view));
  int x0 = G_MAXINT, y0 = G_MAXINT, x1 = -1, y1 = -1, n = 0;

  for (int y = 0; y < cairo_image_surface_get_height (surface); y++)
    for (int x = 0; x < cairo_image_surface_get_width (surface); x++)
      if (pixels_get (surface, x, y) == colour)
        {
          x0 = MIN (x0, x);
          y0 = MIN (y0, y);
          x1 = MAX (x1, x);
          y1 = MAX (y1, y);
          n++;
        }
  cairo_surface_destroy (surface);
  g_assert_cmpint (n, ==, (x1 - x0 + 1) * (y1 - y0 + 1));
  return (cairo_rectangle_int_t) { x0, y0, x1 - x0 + 1, y1 - y0 + 1 };
}

static void
assert_rectangle (cairo_rectangle_int_t rectangle, int x, int y, int width, int height)
{
  g_assert_cmpint (rectangle.x, ==, x);
  g_assert_cmpint (rectangle.y, ==, y);
  g_assert_cmpint (rectangle.width, ==, width);
  g_assert_cmpint (rectangle.height, ==, height);
}

static void
test_proportions (Fixture *fixture, gconstpointer data)
{
  int inset = FRAME * fixture->scale;
  int side = fixture->side;

  show_plain (fixture, RED, 64, 64);
  assert_rectangle (extents_of (fixture, RED), inset, inset, side, side);
  show_plain (fixture, RED, 64, 32);
  assert_rectangle (extents_of (fixture, RED), inset, inset + side / 4, side, side / 2);
  show_plain (fixture, RED, 8, 32);
  assert_rectangle (extents_of (fixture, RED), inset + side * 3 / 8, inset, side / 4, side);
  show_plain (fixture, RED, 2000, 500);
  assert_rectangle (extents_of (fixture, RED), inset, inset + side * 3 / 8, side, side / 4);
  show_plain (fixture, RED, 5000, 1);
  g_assert_cmpint (extents_of (fixture, RED).height, ==, 1);
}

/* A picture of the display's own size is shown pixel by pixel. */
static void
test_device_pixels (Fixture *fixture, gconstpointer data)
{
  int side = fixture->side;
  int inset = FRAME * fixture->scale;
  gsize size = (gsize) (side * side * 3);
  guint8 *rgb = g_malloc (size);
  g_autoptr (GBytes) bytes = g_bytes_new_take (rgb, size);
  cairo_surface_t *surface;

  for (int i = 0; i < side * side; i++)
    {
      rgb[3 * i] = (guint8) (i % side);
      rgb[3 * i + 1] = (guint8) (i / side);
      rgb[3 * i + 2] = i % 2 ? 255 : 0;
    }
  gesso_picture_view_set_rgb (fixture->view, bytes, side, side, TRUE);
  surface = pixels_of (GTK_WIDGET (fixture->view));
  for (int y = 0; y < side; y++)
    for (int x = 0; x < side; x++)
      {
        const guint8 *pixel = rgb + 3 * (y * side + x);

        g_assert_cmphex (pixels_get (surface, inset + x, inset + y), ==,
                         (guint32) pixel[0] << 16 | (guint32) pixel[1] << 8 | pixel[2]);
      }
  cairo_surface_destroy (surface);
}

static void
test_filter (Fixture *fixture, gconstpointer data)
{
  const guint8 halves[] = { 255, 0, 0, 0, 0, 255 };
  g_autoptr (GBytes) rgb = g_bytes_new_static (halves, sizeof halves);
  gsize n = (gsize) (4 * fixture->side * fixture->side);
  guint8 *fine = g_malloc (3 * n);
  g_autoptr (GBytes) bytes = g_bytes_new_take (fine, 3 * n);
  guint32 colour;

  gesso_picture_view_set_rgb (fixture->view, rgb, 2, 1, FALSE);
  g_assert_cmphex (colour_at (fixture, 0.49, 0.5), ==, RED);
  g_assert_cmphex (colour_at (fixture, 0.51, 0.5), ==, BLUE);

  gesso_picture_view_set_rgb (fixture->view, rgb, 2, 1, TRUE);
  g_assert_cmphex (colour_at (fixture, 0, 0.5), ==, RED);
  g_assert_cmphex (colour_at (fixture, 1, 0.5), ==, BLUE);
  colour = colour_at (fixture, 0.5, 0.5);
  g_assert_cmpint (colour >> 16, >, 100);
  g_assert_cmpint (colour >> 16, <, 155);
  g_assert_cmpint (colour & 0xff, >, 100);
  g_assert_cmpint (colour & 0xff, <, 155);

  /* Made smaller, fine stripes become grey and nothing else. */
  for (gsize i = 0; i < n; i++)
    memset (fine + 3 * i, i % 2 ? 255 : 0, 3);
  gesso_picture_view_set_rgb (fixture->view, bytes, 2 * fixture->side, 2 * fixture->side, FALSE);
  for (int i = 1; i < 40; i++)
    {
      colour = colour_at (fixture, i / 40.0, 0.5) & 0xff;
      g_assert_cmpint (colour, >, 96);
      g_assert_cmpint (colour, <, 160);
    }
}

/* The edge lies on the frame: no seam of the background, and no picture outside. */
static void
test_frame (Fixture *fixture, gconstpointer data)
{
  cairo_surface_t *surface;
  int inset = FRAME * fixture->scale;
  guint32 frame;

  show_plain (fixture, WHITE, 32, 16);
  surface = pixels_of (GTK_WIDGET (fixture->view));
  frame = pixels_get (surface, inset + fixture->side / 2, inset + fixture->side / 4 - 1);
  g_assert_cmphex (frame, !=, WHITE);
  g_assert_cmphex (frame, !=, 0);
  g_assert_cmphex (pixels_get (surface, inset + fixture->side / 2, inset + fixture->side / 4), ==, WHITE);
  g_assert_cmphex (pixels_get (surface, inset + fixture->side / 2, inset + fixture->side * 3 / 4 - 1), ==, WHITE);
  g_assert_cmphex (pixels_get (surface, inset + fixture->side / 2, inset + fixture->side * 3 / 4), ==, frame);
  g_assert_cmphex (pixels_get (surface, 0, fixture->side / 2), ==, frame);
  cairo_surface_destroy (surface);
}

static void
test_pressed (Fixture *fixture, gconstpointer data)
{
  GtkWidget *view = GTK_WIDGET (fixture->view);

  show_plain (fixture, RED, 32, 32);
  pixels_button (view, GDK_BUTTON_PRESS, 100, 100);
  g_assert_cmphex (colour_at (fixture, 0.5, 0.5), ==, RED);
  pixels_button (view, GDK_BUTTON_RELEASE, 100, 100);
  g_assert_false (gtk_widget_get_can_focus (view));

  set_backdrop (fixture, BLUE, 100, 100);
  g_assert_true (gtk_widget_get_can_focus (view));
  g_assert_cmphex (colour_at (fixture, 0.5, 0.5), ==, RED);
  pixels_button (view, GDK_BUTTON_PRESS, 100, 100);
  assert_rectangle (extents_of (fixture, BLUE), fixture->scale, fixture->scale, fixture->side, fixture->side);
  pixels_button (view, GDK_BUTTON_RELEASE, 100, 100);
  g_assert_cmphex (colour_at (fixture, 0.5, 0.5), ==, RED);

  pixels_key (view, GDK_KEY_PRESS, GDK_KEY_space);
  g_assert_cmphex (colour_at (fixture, 0.5, 0.5), ==, BLUE);
  pixels_key (view, GDK_KEY_RELEASE, GDK_KEY_space);
  g_assert_cmphex (colour_at (fixture, 0.5, 0.5), ==, RED);

  /* Another picture may come meanwhile; one that goes ends it. */
  pixels_key (view, GDK_KEY_PRESS, GDK_KEY_space);
  show_plain (fixture, WHITE, 32, 32);
  g_assert_cmphex (colour_at (fixture, 0.5, 0.5), ==, BLUE);
  gesso_picture_view_set_rgb (fixture->view, NULL, 0, 0, FALSE);
  show_plain (fixture, WHITE, 32, 32);
  g_assert_cmphex (colour_at (fixture, 0.5, 0.5), ==, WHITE);
}

static void
test_other_proportions (Fixture *fixture, gconstpointer data)
{
  int inset = FRAME * fixture->scale;
  int side = fixture->side;

  show_plain (fixture, RED, 32, 32);
  set_backdrop (fixture, BLUE, 200, 100);
  pixels_key (GTK_WIDGET (fixture->view), GDK_KEY_PRESS, GDK_KEY_space);
  assert_rectangle (extents_of (fixture, BLUE), inset, inset + side / 4, side, side / 2);
  /* Nearly the same ones cover the picture. */
  set_backdrop (fixture, BLUE, 101, 100);
  assert_rectangle (extents_of (fixture, BLUE), inset, inset, side, side);
}

static void
test_compare (Fixture *fixture, gconstpointer data)
{
  GtkWidget *view = GTK_WIDGET (fixture->view);

  show_plain (fixture, RED, 32, 32);
  gesso_picture_view_set_compare (fixture->view, TRUE);
  g_assert_cmphex (colour_at (fixture, 0.1, 0.1), ==, RED);
  set_backdrop (fixture, BLUE, 100, 100);
  g_assert_cmphex (colour_at (fixture, 0.45, 0.1), ==, BLUE);
  g_assert_cmphex (colour_at (fixture, 0.5, 0.1), ==, WHITE);
  g_assert_cmphex (colour_at (fixture, 0.55, 0.1), ==, RED);

  pixels_button (view, GDK_BUTTON_PRESS, FRAME + ROOM * 0.25, 20);
  g_assert_cmphex (colour_at (fixture, 0.2, 0.1), ==, BLUE);
  g_assert_cmphex (colour_at (fixture, 0.3, 0.1), ==, RED);
  pixels_drag_to (view, FRAME + ROOM * 0.75, 300);
  g_assert_cmphex (colour_at (fixture, 0.7, 0.1), ==, BLUE);
  g_assert_cmphex (colour_at (fixture, 0.8, 0.1), ==, RED);
  pixels_drag_to (view, 5000, 300);
  g_assert_cmphex (colour_at (fixture, 0.97, 0.1), ==, BLUE);
  pixels_button (view, GDK_BUTTON_RELEASE, 5000, 300);

  pixels_key (view, GDK_KEY_PRESS, GDK_KEY_Home);
  g_assert_cmphex (colour_at (fixture, 0.03, 0.1), ==, RED);
  for (int i = 0; i < 5; i++)
    pixels_key (view, GDK_KEY_PRESS, GDK_KEY_Right);
  g_assert_cmphex (colour_at (fixture, 0.22, 0.1), ==, BLUE);
  g_assert_cmphex (colour_at (fixture, 0.28, 0.1), ==, RED);
  pixels_key (view, GDK_KEY_PRESS, GDK_KEY_Left);
  g_assert_cmphex (colour_at (fixture, 0.22, 0.1), ==, RED);

  gesso_picture_view_set_compare (fixture->view, FALSE);
  g_assert_cmphex (colour_at (fixture, 0.03, 0.1), ==, RED);
}

static void
test_placeholder (Fixture *fixture, gconstpointer data)
{
  cairo_surface_t *empty, *text;
  int n_different = 0, edge = 8 * fixture->scale;

  empty = pixels_of (GTK_WIDGET (fixture->view));
  gesso_picture_view_set_placeholder (fixture->view,
                                      "Describe what you would like to see, and generate a few pictures of it. <b>&");
  text = pixels_of (GTK_WIDGET (fixture->view));
  for (int y = edge; y < fixture->side - edge; y++)
    for (int x = 0; x < fixture->side; x++)
      if (pixels_get (empty, x, y) != pixels_get (text, x, y))
        {
          /* Wrapped, in the middle, with a margin. */
          g_assert_cmpint (x, >, edge);
          g_assert_cmpint (x, <, fixture->side - edge);
          g_assert_cmpint (ABS (y - fixture->side / 2), <, fixture->side / 4);
          n_different++;
        }
  g_assert_cmpint (n_different, >, 200);
  cairo_surface_destroy (empty);
  cairo_surface_destroy (text);

  show_plain (fixture, RED, 8, 8);
  assert_rectangle (extents_of (fixture, RED), fixture->scale, fixture->scale, fixture->side, fixture->side);
}

static void
test_accessible (Fixture *fixture, gconstpointer data)
{
  AtkObject *accessible = gtk_widget_get_accessible (GTK_WIDGET (fixture->view));

  g_assert_cmpint (atk_object_get_role (accessible), ==, ATK_ROLE_IMAGE);
  g_assert_cmpstr (atk_object_get_name (accessible), ==, "Picture");
  gesso_picture_view_set_placeholder (fixture->view, "Nothing yet");
  g_assert_cmpstr (atk_object_get_description (accessible), ==, "Nothing yet");
  show_plain (fixture, RED, 64, 32);
  g_assert_cmpstr (atk_object_get_description (accessible), ==, "64 × 32 pixels");
  set_backdrop (fixture, BLUE, 64, 32);
  g_assert_nonnull (strstr (atk_object_get_description (accessible), "space bar"));
  gesso_picture_view_set_compare (fixture->view, TRUE);
  g_assert_nonnull (strstr (atk_object_get_description (accessible), "arrow keys"));
}

#define ADD(name, func) g_test_add ("/picture-view/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  ADD ("proportions", test_proportions);
  ADD ("device-pixels", test_device_pixels);
  ADD ("filter", test_filter);
  ADD ("frame", test_frame);
  ADD ("pressed", test_pressed);
  ADD ("other-proportions", test_other_proportions);
  ADD ("compare", test_compare);
  ADD ("placeholder", test_placeholder);
  ADD ("accessible", test_accessible);
  return g_test_run ();
}
