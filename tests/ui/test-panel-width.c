/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The form with all of it unfolded: what is said of the model is not cut for the scroll bar beside it.
 */

#include "model-chooser.h"
#include "panel.h"
#include "widget-test.h"

/* As the model chooser has them. */
enum
{
  COLUMN_MARKUP = 5,
  COLUMN_DETAIL = 7,
};

#define MODEL "v2-tiny"
#define SETTLE_MS 300
#define LOW 500 /* pixels: the form does not fit */

typedef struct
{
  GtkWidget *window, *panel, *combo;
} Fixture;

static void
set_up (Fixture *f, gconstpointer direction)
{
  const GessoPanelPlace place = { .name = "Image", .width = 300, .height = 200 };
  g_autofree char *folder = test_folder_new ();
  g_autofree char *history = g_build_filename (folder, "prompts.json", NULL);
  g_autofree char *model = test_model_folder (MODEL);

  gtk_widget_set_default_direction (GPOINTER_TO_INT (direction));
  f->panel = gesso_panel_new (&place, history, NULL);
  g_object_set (f->panel, "model", model, "device", "cpu", NULL);
  f->window = test_show (f->panel);
  f->combo = test_find (test_find (f->panel, GESSO_TYPE_MODEL_CHOOSER, 0), GTK_TYPE_COMBO_BOX, 0);
  gtk_expander_set_expanded (GTK_EXPANDER (test_find (f->panel, GTK_TYPE_EXPANDER, 0)), TRUE);
  gtk_window_resize (GTK_WINDOW (f->window), 980, LOW);
  test_run (SETTLE_MS);
  test_folder_remove (g_steal_pointer (&folder));
}

static void
tear_down (Fixture *f, gconstpointer direction)
{
  gtk_widget_destroy (f->window);
  gtk_widget_set_default_direction (GTK_TEXT_DIR_LTR);
}

static gboolean
is_measured (gpointer data)
{
  Fixture *f = data;
  g_autofree char *detail = NULL;
  GtkTreeIter iter;

  g_assert_true (gtk_combo_box_get_active_iter (GTK_COMBO_BOX (f->combo), &iter));
  gtk_tree_model_get (gtk_combo_box_get_model (GTK_COMBO_BOX (f->combo)), &iter, COLUMN_DETAIL, &detail, -1);
  return detail && strstr (detail, "runs here");
}

/* How many pixels a line of the chosen row lacks. */
static int
lacking (Fixture *f, int line)
{
  GtkWidget *view = gtk_bin_get_child (GTK_BIN (f->combo));
  GtkCellArea *area = gtk_cell_layout_get_area (GTK_CELL_LAYOUT (f->combo));
  g_autoptr (GList) cells = gtk_cell_layout_get_cells (GTK_CELL_LAYOUT (f->combo));
  GtkCellRenderer *cell = g_list_nth_data (cells, line);
  GtkTreeModel *rows = gtk_combo_box_get_model (GTK_COMBO_BOX (f->combo));
  GtkTreeIter iter;
  int natural;

  g_assert_true (gtk_combo_box_get_active_iter (GTK_COMBO_BOX (f->combo), &iter));
  gtk_cell_area_apply_attributes (area, rows, &iter, FALSE, FALSE);
  gtk_cell_renderer_get_preferred_width (cell, view, NULL, &natural);
  return natural - gtk_widget_get_allocated_width (view);
}

static void
set_line (Fixture *f, int column, const char *markup)
{
  GtkTreeIter iter;

  g_assert_true (gtk_combo_box_get_active_iter (GTK_COMBO_BOX (f->combo), &iter));
  gtk_list_store_set (GTK_LIST_STORE (gtk_combo_box_get_model (GTK_COMBO_BOX (f->combo))), &iter, column, markup, -1);
  test_run (SETTLE_MS);
}

static void
test_detail (Fixture *f, gconstpointer direction)
{
  static const char *const details[] = {
    "19.6 MB · 175.4 MB of memory · runs here",
    "‏⁨19.6 MB⁩ · يحتاج إلى ⁨175.4 MB⁩ من الذاكرة · يعمل هنا",
    "19,6 MB · 175,4 MB de mémoire · fonctionne ici",
  };
  GtkWidget *bar = gtk_scrolled_window_get_vscrollbar (
      GTK_SCROLLED_WINDOW (gtk_widget_get_ancestor (f->combo, GTK_TYPE_SCROLLED_WINDOW)));
  g_autofree char *name = g_strnfill (200, 'w');
  int width;

  test_wait (is_measured, f);
  g_assert_cmpfloat (gtk_widget_get_opacity (bar), ==, 1);
  width = gtk_widget_get_allocated_width (f->combo);
  for (guint i = 0; i < G_N_ELEMENTS (details); i++)
    {
      g_autofree char *markup = g_strdup_printf ("<span size='smaller'>%s</span>", details[i]);

      set_line (f, COLUMN_DETAIL, markup);
      g_assert_cmpint (lacking (f, 1), <=, 0);
    }

  /* A long name takes no more, and leaves the line below it alone. */
  set_line (f, COLUMN_MARKUP, name);
  g_assert_cmpint (lacking (f, 0), >, 0);
  g_assert_cmpint (lacking (f, 1), <=, 0);
  g_assert_cmpint (gtk_widget_get_allocated_width (f->combo), <=, width + 60);
}

int
main (int argc, char *argv[])
{
  test_init (&argc, &argv);
  g_test_add ("/panel-width/left-to-right", Fixture, GINT_TO_POINTER (GTK_TEXT_DIR_LTR), set_up, test_detail,
              tear_down);
  g_test_add ("/panel-width/right-to-left", Fixture, GINT_TO_POINTER (GTK_TEXT_DIR_RTL), set_up, test_detail,
              tear_down);
  return g_test_run ();
}
