/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <gdk/gdkkeysyms.h>

#include "seed-chooser.h"
#include "widget-test.h"

typedef struct
{
  GtkWidget *chooser, *window, *spin, *lock, *dice;
  int n_seeds, n_locks; /* notifications */
} Fixture;

static void
add_one (int *number)
{
  (*number)++;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->chooser = gesso_seed_chooser_new ();
  f->window = test_show (f->chooser);
  f->spin = test_find (f->chooser, GTK_TYPE_SPIN_BUTTON, 0);
  f->lock = test_find (f->chooser, GTK_TYPE_TOGGLE_BUTTON, 0);
  f->dice = test_find (f->chooser, GTK_TYPE_BUTTON, 1);
  g_signal_connect_swapped (f->chooser, "notify::seed", G_CALLBACK (add_one), &f->n_seeds);
  g_signal_connect_swapped (f->chooser, "notify::locked", G_CALLBACK (add_one), &f->n_locks);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  gtk_widget_destroy (f->window);
}

static int
get_seed (Fixture *f)
{
  int seed;

  g_object_get (f->chooser, "seed", &seed, NULL);
  return seed;
}

static gboolean
get_locked (Fixture *f)
{
  gboolean locked;

  g_object_get (f->chooser, "locked", &locked, NULL);
  return locked;
}

static int
next (Fixture *f)
{
  return gesso_seed_chooser_next (GESSO_SEED_CHOOSER (f->chooser));
}

static void
test_properties (Fixture *f, gconstpointer data)
{
  g_object_set (f->chooser, "seed", 42, NULL);
  g_object_set (f->chooser, "seed", 42, NULL);
  g_assert_cmpint (f->n_seeds, ==, 1);
  g_assert_cmpstr (gtk_entry_get_text (GTK_ENTRY (f->spin)), ==, "42");
  g_assert_false (get_locked (f)); /* nobody has typed it */

  g_object_set (f->chooser, "seed", G_MAXINT, "locked", TRUE, NULL);
  g_assert_cmpstr (gtk_entry_get_text (GTK_ENTRY (f->spin)), ==, "2147483647");
  g_assert_true (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (f->lock)));
  g_object_set (f->chooser, "locked", TRUE, NULL);
  g_assert_cmpint (f->n_locks, ==, 1);
  g_assert_cmpint (next (f), ==, G_MAXINT);
  gtk_button_clicked (GTK_BUTTON (f->lock));
  g_assert_false (get_locked (f));
  g_assert_cmpint (f->n_locks, ==, 2);
}

static void
test_next (Fixture *f, gconstpointer data)
{
  int last = get_seed (f);
  gboolean large = FALSE;

  for (int i = 0; i < 100; i++)
    {
      int seed = next (f);

      g_assert_cmpint (seed, >=, 0);
      g_assert_cmpint (seed, !=, last);
      g_assert_cmpint (seed, ==, get_seed (f));
      large = large || seed > G_MAXINT / 2;
      last = seed;
    }
  g_assert_true (large);
  g_assert_cmpint (f->n_seeds, ==, 100);
  g_object_set (f->chooser, "locked", TRUE, NULL);
  for (int i = 0; i < 10; i++)
    g_assert_cmpint (next (f), ==, last);
}

static void
test_typing (Fixture *f, gconstpointer data)
{
  /* What is typed counts even where the field was not left, and is kept. */
  gtk_entry_set_text (GTK_ENTRY (f->spin), "123456789");
  g_assert_cmpint (next (f), ==, 123456789);
  g_assert_true (get_locked (f));
  g_assert_cmpstr (gtk_entry_get_text (GTK_ENTRY (f->spin)), ==, "123456789");

  gtk_entry_set_text (GTK_ENTRY (f->spin), "99999999999999");
  g_assert_cmpint (next (f), ==, G_MAXINT);
  gtk_entry_set_text (GTK_ENTRY (f->spin), "-5");
  g_assert_cmpint (next (f), ==, 0);
  test_press (f->spin, GDK_KEY_Up, 0);
  g_assert_cmpint (get_seed (f), ==, 1);
}

static void
test_dice (Fixture *f, gconstpointer data)
{
  int seed;

  g_object_set (f->chooser, "seed", 7, "locked", TRUE, NULL);
  gtk_button_clicked (GTK_BUTTON (f->dice));
  seed = get_seed (f);
  g_assert_cmpint (seed, !=, 7);
  g_assert_true (get_locked (f));
  g_assert_cmpint (next (f), ==, seed);
  test_press (f->dice, GDK_KEY_space, 0);
  test_run (300);
  g_assert_cmpint (get_seed (f), !=, seed);
}

static void
test_scrolling (Fixture *f, gconstpointer data)
{
  GdkEvent *event = gdk_event_new (GDK_SCROLL);

  event->scroll.window = g_object_ref (gtk_widget_get_window (f->spin));
  event->scroll.direction = GDK_SCROLL_UP;
  gdk_event_set_device (event, gdk_seat_get_pointer (gdk_display_get_default_seat (gdk_display_get_default ())));
  g_assert_false (gtk_widget_event (f->spin, event)); /* goes on to what can be scrolled */
  gdk_event_free (event);
  g_assert_cmpint (get_seed (f), ==, 0);
}

static void
test_accessible (Fixture *f, gconstpointer data)
{
  g_assert_cmpstr (atk_object_get_name (gtk_widget_get_accessible (f->spin)), ==, "Seed");
  g_assert_cmpstr (atk_object_get_name (gtk_widget_get_accessible (f->lock)), ==, "Lock Seed");
  g_assert_cmpstr (atk_object_get_name (gtk_widget_get_accessible (f->dice)), ==, "New Seed");
}

int
main (int argc, char *argv[])
{
  test_init (&argc, &argv);
#define ADD(name, test) g_test_add ("/seed-chooser/" name, Fixture, NULL, set_up, test, tear_down)
  ADD ("properties", test_properties);
  ADD ("next", test_next);
  ADD ("typing", test_typing);
  ADD ("dice", test_dice);
  ADD ("scrolling", test_scrolling);
  ADD ("accessible", test_accessible);
  return g_test_run ();
}
