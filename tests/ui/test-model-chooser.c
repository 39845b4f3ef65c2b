/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <gdk/gdkkeysyms.h>
#include <glib/gstdio.h>
#include <string.h>

#include "model-chooser.h"
#include "widget-test.h"

/* As the chooser has them. */
enum
{
  COLUMN_MARKUP = 5,
  COLUMN_ERROR = 6,
  COLUMN_DETAIL = 7,
};

static char *searched; /* its folder "models" is in GESSO_MODELS_PATH */

typedef struct
{
  char *models, *own; /* folders: one that is searched, and one of the user's */
  GtkWidget *chooser, *window, *combo;
  int n_notified;
} Fixture;

static void
add_one (int *number)
{
  (*number)++;
}

static void
show_chooser (Fixture *f)
{
  f->chooser = gesso_model_chooser_new ();
  g_signal_connect_swapped (f->chooser, "notify::model", G_CALLBACK (add_one), &f->n_notified);
  f->window = test_show (f->chooser);
  f->combo = test_find (f->chooser, GTK_TYPE_COMBO_BOX, 0);
}

/* The starter, a model called "b<i>g", and a damaged one. */
static void
set_up (Fixture *f, gconstpointer data)
{
  g_autofree char *cut = NULL;

  f->models = g_build_filename (searched, "models", NULL);
  g_assert_cmpint (g_mkdir (f->models, 0700), ==, 0);
  f->own = test_folder_new ();
  test_model_copy ("tiny", f->models, "starter");
  test_model_copy ("small", f->models, "b<i>g");
  test_model_copy ("base", f->models, "cut");
  cut = g_build_filename (f->models, "cut", "unet", "config.json", NULL);
  g_assert_cmpint (g_unlink (cut), ==, 0);
  test_model_copy ("tiny", f->own, "mine");
  show_chooser (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  gtk_widget_destroy (f->window);
  test_folder_remove (f->models);
  test_folder_remove (f->own);
}

static char *
row_text (Fixture *f, GtkTreeIter *iter, int column)
{
  char *text = NULL;

  gtk_tree_model_get (gtk_combo_box_get_model (GTK_COMBO_BOX (f->combo)), iter, column, &text, -1);
  return text;
}

/* Both lines, as markup. */
static char *
row_markup (Fixture *f, GtkTreeIter *iter)
{
  g_autofree char *name = row_text (f, iter, COLUMN_MARKUP), *detail = row_text (f, iter, COLUMN_DETAIL);

  return name ? g_strconcat (name, detail ? "\n" : "", detail, NULL) : NULL;
}

/* The row whose name, or the line below it, holds `text`. */
static gboolean
find_row (Fixture *f, const char *text, GtkTreeIter *iter)
{
  GtkTreeModel *rows = gtk_combo_box_get_model (GTK_COMBO_BOX (f->combo));

  for (gboolean valid = gtk_tree_model_get_iter_first (rows, iter); valid;
       valid = gtk_tree_model_iter_next (rows, iter))
    {
      g_autofree char *markup = row_markup (f, iter);
      g_autofree char *plain = NULL;

      if (markup)
        g_assert_true (pango_parse_markup (markup, -1, 0, NULL, &plain, NULL, NULL));
      if (plain && strstr (plain, text))
        return TRUE;
    }
  return FALSE;
}

static void
choose (Fixture *f, const char *text)
{
  GtkTreeIter iter;

  g_assert_true (find_row (f, text, &iter));
  gtk_combo_box_set_active_iter (GTK_COMBO_BOX (f->combo), &iter);
}

static void
assert_shown (Fixture *f, const char *text)
{
  g_autofree char *markup = NULL;
  GtkTreeIter iter;

  g_assert_true (gtk_combo_box_get_active_iter (GTK_COMBO_BOX (f->combo), &iter));
  markup = row_markup (f, &iter);
  if (!strstr (markup, text))
    g_test_message ("shown: %s", markup);
  g_assert_nonnull (strstr (markup, text));
}

static void
assert_model (Fixture *f, const char *model)
{
  g_autofree char *property = NULL;

  g_object_get (f->chooser, "model", &property, NULL);
  g_assert_cmpstr (property, ==, model);
  g_assert_cmpstr (gesso_model_chooser_get_model (GESSO_MODEL_CHOOSER (f->chooser)), ==, model);
}

static void
set_model (Fixture *f, const char *model)
{
  gesso_model_chooser_set_model (GESSO_MODEL_CHOOSER (f->chooser), model);
}

typedef struct
{
  Fixture *f;
  const char *name, *detail;
} Wanted;

static gboolean
has_detail (gpointer data)
{
  Wanted *wanted = data;
  g_autofree char *markup = NULL;
  GtkTreeIter iter;

  if (!find_row (wanted->f, wanted->name, &iter))
    return FALSE;
  markup = row_markup (wanted->f, &iter);
  return strstr (markup, wanted->detail) != NULL;
}

static void
wait_for (Fixture *f, const char *name, const char *detail)
{
  Wanted wanted = { f, name, detail };

  test_wait (has_detail, &wanted);
}

static void
test_list (Fixture *f, gconstpointer data)
{
  g_autofree char *error = NULL, *tip = NULL;
  GtkTreeIter iter;

  assert_model (f, "");
  assert_shown (f, "Starter");
  g_assert_true (find_row (f, "b<i>g", &iter));
  wait_for (f, "Starter", "runs here");
  wait_for (f, "Starter", " of memory · runs");
  wait_for (f, "b<i>g", "runs here");
  wait_for (f, "cut", "incomplete");
  g_assert_true (find_row (f, "cut", &iter));
  error = row_text (f, &iter, COLUMN_ERROR);
  g_assert_nonnull (strstr (error, "config.json"));
  g_assert_cmpint (f->n_notified, ==, 0);

  /* A model that does not run can still be chosen; the tooltip says what is wrong. */
  choose (f, "cut");
  assert_model (f, "cut");
  g_assert_cmpint (f->n_notified, ==, 1);
  tip = gtk_widget_get_tooltip_text (f->combo);
  g_assert_nonnull (strstr (tip, error));
  choose (f, "Starter");
  assert_model (f, "");
  set_model (f, "starter");
  assert_shown (f, "Starter");
  set_model (f, "b<i>g");
  assert_shown (f, "b&lt;i&gt;g");
  g_assert_cmpint (f->n_notified, ==, 4);
}

static void
test_set (Fixture *f, gconstpointer data)
{
  g_autofree char *own = g_build_filename (f->own, "mine", NULL);
  g_autofree char *installed = g_build_filename (f->models, "b<i>g", NULL);
  GtkTreeIter iter;

  /* A name that is not installed is kept, and shown as such. */
  set_model (f, "nota-ai/bk-sdm-small");
  assert_model (f, "nota-ai/bk-sdm-small");
  assert_shown (f, "nota-ai/bk-sdm-small");
  assert_shown (f, "not found");
  set_model (f, "/there/is/nothing");
  assert_model (f, "/there/is/nothing");
  assert_shown (f, "not found");
  g_assert_false (find_row (f, "nota-ai", &iter));

  /* A folder gets a row, is measured, and keeps the row. */
  set_model (f, own);
  assert_model (f, own);
  assert_shown (f, "/mine");
  wait_for (f, "/mine", "runs here");
  set_model (f, NULL);
  assert_model (f, "");
  assert_shown (f, "Starter");
  g_assert_true (find_row (f, "/mine", &iter));

  /* A folder that is in the list already needs none of its own. */
  set_model (f, installed);
  assert_model (f, installed);
  assert_shown (f, "\n");
  g_assert_false (find_row (f, installed, &iter));
}

static GtkWidget *
find_dialog (void)
{
  g_autoptr (GList) windows = gtk_window_list_toplevels ();

  for (GList *item = windows; item; item = item->next)
    if (GTK_IS_FILE_CHOOSER_DIALOG (item->data) && gtk_widget_get_mapped (item->data))
      return item->data;
  return NULL;
}

static gboolean
is_dialog_open (gpointer data)
{
  return find_dialog () != NULL;
}

/* Chooses "Other Folder…" and a folder in its dialog; NULL: cancels it. */
static void
choose_folder (Fixture *f, const char *folder)
{
  GtkWidget *dialog;

  choose (f, "Other Folder");
  test_wait (is_dialog_open, NULL);
  dialog = find_dialog ();
  if (folder)
    {
      gtk_file_chooser_set_current_folder (GTK_FILE_CHOOSER (dialog), folder);
      test_run (500);
    }
  gtk_dialog_response (GTK_DIALOG (dialog), folder ? GTK_RESPONSE_ACCEPT : GTK_RESPONSE_CANCEL);
  test_run (100);
  g_assert_null (find_dialog ());
}

static gboolean
says_what_is_missing (gpointer chooser)
{
  return test_find_label (chooser, "model_index.json") != NULL;
}

static void
test_other_folder (Fixture *f, gconstpointer data)
{
  g_autofree char *own = g_build_filename (f->own, "mine", NULL);

  set_model (f, "b<i>g");
  choose_folder (f, NULL);
  assert_model (f, "b<i>g");
  assert_shown (f, "b&lt;i&gt;g");

  /* No model: a message, and what was chosen before stays. */
  choose_folder (f, f->own);
  test_wait (says_what_is_missing, f->chooser);
  assert_model (f, "b<i>g");
  assert_shown (f, "b&lt;i&gt;g");

  /* The message goes with the next choice. */
  choose (f, "Starter");
  test_run (20);
  g_assert_false (says_what_is_missing (f->chooser));

  choose_folder (f, own);
  wait_for (f, "/mine", "runs here");
  assert_model (f, own);
  assert_shown (f, "/mine");
  test_run (20);
  g_assert_false (says_what_is_missing (f->chooser));
  choose (f, "Starter");
  assert_model (f, "");
  choose (f, "/mine");
  assert_model (f, own);
}

/* Nothing installed at all. */
static void
test_none (void)
{
  g_autoptr (GPtrArray) elsewhere = gesso_models_list ();
  Fixture f = { 0 };

  if (elsewhere->len)
    {
      g_test_skip ("models are installed on this machine");
      return;
    }
  f.models = g_build_filename (searched, "models", NULL); /* not there */
  f.own = test_folder_new ();
  show_chooser (&f);
  assert_model (&f, "");
  assert_shown (&f, "Starter");
  assert_shown (&f, "not found");
  g_assert_nonnull (test_find_label (f.chooser, "gesso/models"));
  tear_down (&f, NULL);
}

/* A dialog that closes while models are measured. */
static void
test_destroy (Fixture *f, gconstpointer data)
{
  GtkWidget *chooser = gesso_model_chooser_new ();
  GtkWidget *window = test_show (chooser);

  g_object_add_weak_pointer (G_OBJECT (chooser), (gpointer *) &chooser);
  gtk_widget_destroy (window);
  for (int i = 0; chooser && i < 500; i++)
    test_run (10);
  g_assert_null (chooser);
}

static void
test_accessible (Fixture *f, gconstpointer data)
{
  g_assert_cmpstr (atk_object_get_name (gtk_widget_get_accessible (f->combo)), ==, "Model");
  test_press (f->combo, GDK_KEY_Down, 0);
  g_assert_cmpint (f->n_notified, ==, 1);
}

int
main (int argc, char *argv[])
{
  g_autofree char *models = NULL;
  int status;

  searched = test_folder_new ();
  models = g_build_filename (searched, "models", NULL);
  g_setenv ("GESSO_MODELS_PATH", models, TRUE);
  test_init (&argc, &argv);
#define ADD(name, test) g_test_add ("/model-chooser/" name, Fixture, NULL, set_up, test, tear_down)
  ADD ("list", test_list);
  ADD ("set", test_set);
  ADD ("other-folder", test_other_folder);
  ADD ("destroy", test_destroy);
  ADD ("accessible", test_accessible);
  g_test_add_func ("/model-chooser/none", test_none);
  status = g_test_run ();
  test_folder_remove (searched);
  return status;
}
