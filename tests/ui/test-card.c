/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The panel's device chooser on machines with an emulated card, or with none that can be used. The environment says
 * what the machine is like, in GESSO_TEST_SIDE how large a picture is wanted, and in GESSO_TEST_SAYS which words tell
 * why the card is not used; "" where it is.
 */

#include <stdlib.h>

#include "panel.h"
#include "widget-test.h"

typedef struct
{
  char *folder;
  GtkWidget *window;
  GessoPanel *panel;
} Fixture;

#define SIDE 32

static const char *says;

static void
set_up (Fixture *f, gconstpointer device)
{
  const GessoPanelPlace place = { .name = "Image", .width = SIDE, .height = SIDE };
  g_autofree char *history = NULL;

  f->folder = test_folder_new ();
  history = g_build_filename (f->folder, "prompts.json", NULL);
  f->panel = GESSO_PANEL (gesso_panel_new (&place, history, NULL));
  g_object_set (f->panel, "model", g_getenv ("GESSO_TEST_MODEL"), "device", device, "prompt", "a red circle", "steps",
                1, "width", SIDE, "height", SIDE, NULL);
  f->window = test_show (GTK_WIDGET (f->panel));
}

static void
tear_down (Fixture *f, gconstpointer device)
{
  gtk_widget_destroy (f->window);
  test_folder_remove (f->folder);
}

static gboolean
is_done (gpointer f)
{
  gboolean painting;

  g_object_get (((Fixture *) f)->panel, "painting", &painting, NULL);
  return !painting;
}

static gboolean
shows_error (Fixture *f)
{
  return gtk_widget_get_mapped (test_find (f->window, GTK_TYPE_INFO_BAR, 0));
}

/* The device that painted the one picture. */
static GessoDevice
paint (Fixture *f)
{
  g_autoptr (GPtrArray) kept = NULL;

  gesso_panel_generate (f->panel);
  test_wait (is_done, f);
  g_assert_false (shows_error (f));
  kept = gesso_panel_get_kept (f->panel);
  g_assert_cmpuint (kept->len, ==, 1);
  return ((const GessoResult *) g_ptr_array_index (kept, 0))->origin->device;
}

/* "CUDA" is the card or an error. */
static void
test_cuda (Fixture *f, gconstpointer data)
{
  int n_kept;

  if (!says[0])
    {
      g_assert_cmpint (paint (f), ==, GESSO_DEVICE_CUDA);
      return;
    }
  gesso_panel_generate (f->panel);
  test_wait (is_done, f);
  g_assert_true (shows_error (f));
  g_assert_nonnull (test_find_label (f->window, says));
  g_object_get (f->panel, "n-kept", &n_kept, NULL);
  g_assert_cmpint (n_kept, ==, 0);

  /* Choosing the CPU then is all it takes. */
  g_object_set (f->panel, "device", "cpu", NULL);
  g_assert_cmpint (paint (f), ==, GESSO_DEVICE_CPU);
}

/* "Auto" paints in any case, and says under Advanced why without the card. */
static void
test_auto (Fixture *f, gconstpointer data)
{
  g_assert_cmpint (paint (f), ==, says[0] ? GESSO_DEVICE_CPU : GESSO_DEVICE_CUDA);
  gtk_expander_set_expanded (GTK_EXPANDER (test_find (f->window, GTK_TYPE_EXPANDER, 0)), TRUE);
  test_run (50);
  g_assert_nonnull (test_find_label (f->window, says[0] ? "In use: CPU" : "In use: CUDA"));
  g_assert_nonnull (test_find_label (f->window, says));
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  says = g_getenv ("GESSO_TEST_SAYS");
  g_assert_nonnull (says);
  g_test_add ("/card/cuda", Fixture, "cuda", set_up, test_cuda, tear_down);
  g_test_add ("/card/auto", Fixture, "auto", set_up, test_auto, tear_down);
  return g_test_run ();
}
