/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "panel-test.h"

static void
add_one (int *number)
{
  (*number)++;
}

GessoSession *
panel_session (PanelTest *f)
{
  return gesso_panel_get_session (f->panel);
}

void
panel_set_up (PanelTest *f, gconstpointer model)
{
  const GessoPanelPlace place = { .name = "Image", .width = 300, .height = 200 };
  g_autofree char *history = NULL;
  GtkWidget *panel;

  f->folder = test_folder_new ();
  f->model = test_model_folder (model ? model : PANEL_TEST_MODEL);
  history = g_build_filename (f->folder, "prompts.json", NULL);
  panel = gesso_panel_new (&place, history, NULL);
  f->panel = GESSO_PANEL (panel);
  g_object_set (panel, "model", f->model, "device", "cpu", "precision", "f32", "prompt", "a red circle", "steps", 2,
                NULL);
  g_signal_connect_swapped (panel, "activated", G_CALLBACK (add_one), &f->n_activated);
  g_signal_connect_swapped (panel_session (f), "progress", G_CALLBACK (add_one), &f->n_progress);
  f->window = test_show (panel);
}

void
panel_tear_down (PanelTest *f, gconstpointer model)
{
  gtk_widget_destroy (f->window);
  test_folder_remove (f->folder);
  g_free (f->model);
}

gboolean
panel_is_painting (PanelTest *f)
{
  gboolean painting;

  g_object_get (f->panel, "painting", &painting, NULL);
  return painting;
}

gboolean
panel_is_done (gpointer f)
{
  return !panel_is_painting (f);
}

gboolean
panel_is_ready (gpointer f)
{
  return gesso_session_get_state (panel_session (f)) == GESSO_SESSION_READY;
}

gboolean
panel_has_progress (gpointer f)
{
  return ((PanelTest *) f)->n_progress > 0;
}

gboolean
panel_shows_error (gpointer f)
{
  GtkWidget *info = test_find (((PanelTest *) f)->window, GTK_TYPE_INFO_BAR, 0);

  return gtk_widget_get_mapped (info);
}

int
panel_get_number (PanelTest *f, const char *name)
{
  int number;

  g_object_get (f->panel, name, &number, NULL);
  return number;
}

void
panel_paint (PanelTest *f)
{
  gesso_panel_generate (f->panel);
  g_assert_true (panel_is_painting (f));
  test_wait (panel_is_done, f);
}

GtkWidget *
panel_find_button (GtkWidget *root, const char *title)
{
  GtkWidget *label = test_find_label (root, title);

  return label ? gtk_widget_get_ancestor (label, GTK_TYPE_BUTTON) : NULL;
}
