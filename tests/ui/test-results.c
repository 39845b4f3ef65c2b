/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The strip of results: what is selected and kept, by pointer and keys, in both directions of writing, what
 * accessibility tools are told, and that the chosen one is in sight. Also run at twice the resolution.
 */

#include "results.h"
#include "pixels.h"
#include "result-item.h"
#include "widget-test.h"

#define THUMBNAIL_SIDE 96
#define SEED 1233

static GPtrArray *pictures; /* painted once; the last one is twice as wide as high */
static GessoRequest *request;

typedef struct
{
  GtkWidget *window;
  GessoResults *results;
  GessoPicture *told; /* by "selected" */
  int n_selected, n_kept_changed, n_notified;
} Fixture;

static void
on_selected (GessoResults *results, GessoPicture *picture, Fixture *fixture)
{
  fixture->told = picture;
  fixture->n_selected++;
}

static void
count (int *n)
{
  (*n)++;
}

static void
set_up (Fixture *fixture, gconstpointer direction)
{
  GtkWidget *results;

  gtk_widget_set_default_direction (direction ? GTK_TEXT_DIR_RTL : GTK_TEXT_DIR_LTR);
  results = gesso_results_new ();
  gtk_widget_set_size_request (results, 420, -1);
  fixture->results = GESSO_RESULTS (results);
  g_signal_connect (results, "selected", G_CALLBACK (on_selected), fixture);
  g_signal_connect_swapped (results, "kept-changed", G_CALLBACK (count), &fixture->n_kept_changed);
  g_signal_connect_swapped (results, "notify::n-kept", G_CALLBACK (count), &fixture->n_notified);
  fixture->window = test_show (results);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  int n_selected = fixture->n_selected;

  gtk_widget_destroy (fixture->window);
  g_assert_cmpint (fixture->n_selected, ==, n_selected);
  gtk_widget_set_default_direction (GTK_TEXT_DIR_LTR);
}

static void
add (Fixture *fixture, guint i, gboolean keep)
{
  GessoOrigin origin = { .model = "tiny", .fingerprint = "" };

  gesso_results_add (fixture->results,
                     gesso_result_new (g_ptr_array_index (pictures, i % pictures->len), request, &origin), keep);
  pixels_settle (fixture->window);
}

static GtkWidget *
item (Fixture *fixture, int i)
{
  return test_find (GTK_WIDGET (fixture->results), GESSO_TYPE_RESULT_ITEM, i);
}

static GessoPicture *
selected (Fixture *fixture)
{
  GessoPicture *picture = gesso_results_get_selected (fixture->results);

  g_assert_true (picture == fixture->told);
  return picture;
}

static void
test_select (Fixture *fixture, gconstpointer data)
{
  /* Arrow keys follow what is seen. */
  guint forwards = data ? GDK_KEY_Left : GDK_KEY_Right;
  guint backwards = data ? GDK_KEY_Right : GDK_KEY_Left;

  g_assert_null (gesso_results_get_selected (fixture->results));
  add (fixture, 0, FALSE);
  g_assert_true (selected (fixture) == pictures->pdata[0]);
  add (fixture, 1, FALSE);
  g_assert_true (selected (fixture) == pictures->pdata[1]);
  g_assert_cmpint (fixture->n_selected, ==, 2);

  test_press (item (fixture, 1), backwards, 0);
  g_assert_true (selected (fixture) == pictures->pdata[0]);
  /* Whoever looks at an earlier one goes on looking at it. */
  add (fixture, 2, FALSE);
  g_assert_true (selected (fixture) == pictures->pdata[0]);
  g_assert_cmpint (fixture->n_selected, ==, 3);
  test_press (item (fixture, 0), forwards, 0);
  g_assert_true (selected (fixture) == pictures->pdata[1]);
  test_press (item (fixture, 1), forwards, 0);
  g_assert_true (selected (fixture) == pictures->pdata[2]);
  add (fixture, 3, FALSE);
  g_assert_true (selected (fixture) == pictures->pdata[3]);
}

static void
test_keep (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) kept = NULL;
  const GessoResult *result;
  int n_kept = -1;

  add (fixture, 0, TRUE);
  add (fixture, 1, FALSE);
  add (fixture, 2, TRUE);
  g_assert_cmpint (gesso_results_get_n_kept (fixture->results), ==, 2);
  g_assert_cmpint (fixture->n_kept_changed, ==, 2);

  /* By space, and by a click on the tick itself. */
  test_press (item (fixture, 2), GDK_KEY_space, 0);
  g_assert_cmpint (gesso_results_get_n_kept (fixture->results), ==, 1);
  gtk_button_clicked (GTK_BUTTON (test_find (item (fixture, 1), GTK_TYPE_CHECK_BUTTON, 0)));
  g_object_get (fixture->results, "n-kept", &n_kept, NULL);
  g_assert_cmpint (n_kept, ==, 2);
  g_assert_cmpint (fixture->n_kept_changed, ==, 4);
  g_assert_cmpint (fixture->n_notified, ==, 4);

  kept = gesso_results_get_kept (fixture->results);
  g_assert_cmpuint (kept->len, ==, 2);
  result = kept->pdata[1];
  g_assert_true (result->picture == pictures->pdata[1]);
  g_assert_cmpuint (result->request->seed, ==, SEED + 1);
  g_assert_cmpint (result->request->n_images, ==, 1);
  g_assert_cmpstr (result->request->prompt, ==, request->prompt);
  g_assert_cmpstr (result->origin->model, ==, "tiny");

  /* They outlive the strip. */
  gesso_results_clear (fixture->results);
  g_assert_cmpint (gesso_results_get_n_kept (fixture->results), ==, 0);
  g_assert_cmpint (fixture->n_kept_changed, ==, 5);
  g_assert_null (selected (fixture));
  g_assert_cmpint (gesso_picture_get_width (result->picture), >, 0);
  add (fixture, 3, TRUE);
  g_assert_true (selected (fixture) == pictures->pdata[3]);
}

static void
test_accessible (Fixture *fixture, gconstpointer data)
{
  AtkObject *first, *second;

  add (fixture, 0, FALSE);
  add (fixture, 1, TRUE);
  first = gtk_widget_get_accessible (item (fixture, 0));
  second = gtk_widget_get_accessible (item (fixture, 1));
  g_assert_cmpstr (atk_object_get_name (first), ==, "Picture 1, seed 1233, not kept");
  g_assert_cmpstr (atk_object_get_name (second), ==, "Picture 2, seed 1234, kept");
  test_press (item (fixture, 1), GDK_KEY_space, 0);
  g_assert_cmpstr (atk_object_get_name (second), ==, "Picture 2, seed 1234, not kept");
}

static GtkAllocation
place_of (GtkWidget *widget)
{
  GtkAllocation place;

  gtk_widget_get_allocation (widget, &place);
  return place;
}

/* Whether the item is in sight as a whole. */
static void
remember (GSimpleAction *action, GVariant *value, gpointer data)
{
  g_clear_pointer ((GVariant **) data, g_variant_unref);
  *(GVariant **) data = g_variant_ref (value);
}

/* The menu hands the seed or the prompts to the actions that it finds above. */
static void
test_menu (Fixture *fixture, gconstpointer data)
{
  static const GActionEntry entries[] = {
    { .name = "use-seed", .activate = remember, .parameter_type = "t" },
    { .name = "use-prompt", .activate = remember, .parameter_type = "(ss)" },
  };
  g_autoptr (GSimpleActionGroup) actions = g_simple_action_group_new ();
  g_autoptr (GVariant) said = NULL;
  const char *prompt;
  GtkWidget *menu;

  g_action_map_add_action_entries (G_ACTION_MAP (actions), entries, G_N_ELEMENTS (entries), &said);
  gtk_widget_insert_action_group (fixture->window, "result", G_ACTION_GROUP (actions));
  add (fixture, 0, TRUE);
  add (fixture, 1, FALSE);
  test_press (item (fixture, 1), GDK_KEY_F10, GDK_SHIFT_MASK);
  menu = gtk_menu_get_for_attach_widget (item (fixture, 1))->data;
  gtk_menu_item_activate (GTK_MENU_ITEM (test_find (menu, GTK_TYPE_MENU_ITEM, 0)));
  g_assert_cmpuint (g_variant_get_uint64 (said), ==, SEED + 1);
  gtk_menu_item_activate (GTK_MENU_ITEM (test_find (menu, GTK_TYPE_MENU_ITEM, 1)));
  g_variant_get_child (said, 0, "&s", &prompt);
  g_assert_cmpstr (prompt, ==, request->prompt);
  gtk_menu_shell_cancel (GTK_MENU_SHELL (menu)); /* as Escape does */
}

static gboolean
in_sight (Fixture *fixture, int i)
{
  GtkWidget *results = GTK_WIDGET (fixture->results);
  GtkAllocation place = place_of (item (fixture, i));
  int x;

  g_assert_true (gtk_widget_translate_coordinates (item (fixture, i), results, 0, 0, &x, NULL));
  return x >= 0 && x + place.width <= gtk_widget_get_allocated_width (results);
}

static gboolean
first_in_sight (gpointer fixture)
{
  return in_sight (fixture, 0);
}

static void
test_row (Fixture *fixture, gconstpointer data)
{
  int n = 12;

  for (int i = 0; i < n; i++)
    {
      add (fixture, (guint) i, FALSE);
      g_assert_true (in_sight (fixture, i));
    }
  for (int i = 1; i < n; i++)
    {
      GtkAllocation before = place_of (item (fixture, i - 1));
      GtkAllocation after = place_of (item (fixture, i));

      g_assert_cmpint (before.y, ==, after.y);
      g_assert_cmpint (before.width, ==, after.width);
      g_assert_cmpint (data ? before.x - after.x : after.x - before.x, >=, before.width);
    }
  g_assert_false (in_sight (fixture, 0));
  /* Keys and the wheel bring the others into sight. */
  test_press (item (fixture, n - 1), GDK_KEY_Home, 0);
  test_wait (first_in_sight, fixture);
  g_assert_false (in_sight (fixture, n - 1));
}

static void
test_wheel (Fixture *fixture, gconstpointer data)
{
  GtkWidget *scroller;
  GtkAdjustment *adjustment;
  double end;

  for (int i = 0; i < 12; i++)
    add (fixture, (guint) i, FALSE);
  scroller = test_find (GTK_WIDGET (fixture->results), GTK_TYPE_SCROLLED_WINDOW, 0);
  adjustment = gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (scroller));
  end = gtk_adjustment_get_value (adjustment);
  pixels_wheel (scroller, GDK_SCROLL_UP);
  if (data)
    g_assert_cmpfloat (gtk_adjustment_get_value (adjustment), >, end);
  else
    g_assert_cmpfloat (gtk_adjustment_get_value (adjustment), <, end);
  pixels_wheel (scroller, GDK_SCROLL_DOWN);
  g_assert_cmpfloat_with_epsilon (gtk_adjustment_get_value (adjustment), end, 1);
}

/* Thumbnails have as many pixels as the display, and the picture's own proportions and colours. */
static void
test_thumbnail (Fixture *fixture, gconstpointer data)
{
  int scale = gtk_widget_get_scale_factor (fixture->window);
  cairo_surface_t *surface = NULL;

  for (guint i = 0; i < pictures->len; i++)
    {
      GtkWidget *image;

      add (fixture, i, FALSE);
      image = test_find (item (fixture, (int) i), GTK_TYPE_IMAGE, 0);
      g_object_get (image, "surface", &surface, NULL);
      g_assert_cmpint (cairo_image_surface_get_width (surface), ==, THUMBNAIL_SIDE * scale);
      g_assert_cmpint (cairo_image_surface_get_height (surface), ==,
                       THUMBNAIL_SIDE * scale / (i == pictures->len - 1 ? 2 : 1));
      if (i == 0)
        {
          const guint8 *rgb = g_bytes_get_data (gesso_picture_get_pixels (pictures->pdata[0]), NULL);

          cairo_surface_flush (surface);
          g_assert_cmphex (pixels_get (surface, 0, 0), ==, (guint32) rgb[0] << 16 | (guint32) rgb[1] << 8 | rgb[2]);
        }
      cairo_surface_destroy (surface);
    }
}

static void
on_picture (GessoSession *session, GessoPicture *picture, int index, gpointer data)
{
  g_ptr_array_add (pictures, gesso_picture_ref (picture));
}

static void
paint_pictures (void)
{
  g_autoptr (GessoSession) session = test_session_new ("tiny");

  pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_picture_unref);
  request = gesso_request_new ("a lighthouse");
  request->steps = 1;
  request->seed = SEED;
  request->n_images = 3;
  request->width = request->height = 32;
  g_signal_connect (session, "picture", G_CALLBACK (on_picture), NULL);
  gesso_session_paint (session, request);
  gesso_session_wait (session);
  request->width = 64;
  gesso_session_paint (session, request);
  gesso_session_wait (session);
  g_ptr_array_set_size (pictures, 4);
}

#define ADD(name, rtl, func) g_test_add ("/results/" name, Fixture, rtl, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  int status;

  test_init (&argc, &argv);
  paint_pictures ();
  ADD ("select", NULL, test_select);
  ADD ("select/right-to-left", "", test_select);
  ADD ("keep", NULL, test_keep);
  ADD ("accessible", NULL, test_accessible);
  ADD ("menu", NULL, test_menu);
  ADD ("row", NULL, test_row);
  ADD ("row/right-to-left", "", test_row);
  ADD ("wheel", NULL, test_wheel);
  ADD ("wheel/right-to-left", "", test_wheel);
  ADD ("thumbnail", NULL, test_thumbnail);
  status = g_test_run ();
  g_ptr_array_unref (pictures);
  gesso_request_free (request);
  return status;
}
