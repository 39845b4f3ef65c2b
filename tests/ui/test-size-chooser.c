/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <gdk/gdkkeysyms.h>

#include "bounds.h"
#include "size-chooser.h"
#include "widget-test.h"

typedef struct
{
  GessoSession *session;
  GtkWidget *chooser, *window, *combo;
  int model[2]; /* the model's own size */
} Fixture;

/* `place`: whether there is one, of 800 x 600. */
static void
begin (Fixture *f, const char *model, gboolean place)
{
  f->session = model ? test_session_new (model) : gesso_session_new ();
  if (model)
    gesso_engine_get_default_size (gesso_session_get_engine (f->session), &f->model[0], &f->model[1]);
  f->chooser = gesso_size_chooser_new (f->session, place ? "Selection" : NULL, place ? 800 : 0, place ? 600 : 0);
  f->window = test_show (f->chooser);
  f->combo = test_find (f->chooser, GTK_TYPE_COMBO_BOX, 0);
}

static void
end (Fixture *f)
{
  gtk_widget_destroy (f->window);
  g_object_unref (f->session);
}

static char *
row_text (Fixture *f, GtkTreeIter *iter)
{
  char *text;

  gtk_tree_model_get (gtk_combo_box_get_model (GTK_COMBO_BOX (f->combo)), iter, 1, &text, -1);
  return text;
}

/* Chooses the row that begins like this. */
static void
choose (Fixture *f, const char *beginning)
{
  GtkTreeModel *rows = gtk_combo_box_get_model (GTK_COMBO_BOX (f->combo));
  GtkTreeIter iter;

  for (gboolean valid = gtk_tree_model_get_iter_first (rows, &iter); valid;
       valid = gtk_tree_model_iter_next (rows, &iter))
    {
      g_autofree char *text = row_text (f, &iter);

      if (g_str_has_prefix (text, beginning))
        {
          gtk_combo_box_set_active_iter (GTK_COMBO_BOX (f->combo), &iter);
          test_run (1);
          return;
        }
    }
  g_error ("no row \"%s\"", beginning);
}

static void
assert_shown (Fixture *f, const char *expected)
{
  g_autofree char *text = NULL;
  GtkTreeIter iter;

  g_assert_true (gtk_combo_box_get_active_iter (GTK_COMBO_BOX (f->combo), &iter));
  text = row_text (f, &iter);
  g_assert_cmpstr (text, ==, expected);
}

static void
assert_properties (Fixture *f, int width, int height)
{
  int size[2];

  g_object_get (f->chooser, "width", &size[0], "height", &size[1], NULL);
  g_assert_cmpint (size[0], ==, width);
  g_assert_cmpint (size[1], ==, height);
}

static void
get_size (Fixture *f, int size[2])
{
  gesso_size_chooser_get_size (GESSO_SIZE_CHOOSER (f->chooser), &size[0], &size[1]);
}

static void
fit (Fixture *f, int width, int height, int size[2])
{
  gesso_engine_fit_size (gesso_session_get_engine (f->session), width, height, &size[0], &size[1]);
}

static GtkSpinButton *
side (Fixture *f, int nth)
{
  return GTK_SPIN_BUTTON (test_find (f->chooser, GTK_TYPE_SPIN_BUTTON, nth));
}

static void
test_place (void)
{
  g_autofree char *note = NULL;
  Fixture f;
  int size[2], expected[2];

  begin (&f, "tiny", TRUE);
  assert_shown (&f, "Selection (800 × 600)");
  assert_properties (&f, 0, 0);
  get_size (&f, size);
  fit (&f, 800, 600, expected);
  g_assert_cmpint (size[0], ==, expected[0]);
  g_assert_cmpint (size[1], ==, expected[1]);
  note = g_strdup_printf ("Painted at %d\u00a0×\u00a0%d, then scaled to 800\u00a0×\u00a0600.", size[0], size[1]);
  g_assert_nonnull (test_find_label (f.chooser, note));
  g_assert_false (gtk_widget_get_mapped (GTK_WIDGET (side (&f, 0))));

  choose (&f, "Model's Own");
  assert_properties (&f, f.model[0], f.model[1]);
  choose (&f, "Selection");
  assert_properties (&f, 0, 0);
  end (&f);
}

static void
test_no_place (void)
{
  g_autofree char *own = NULL;
  Fixture f;
  int size[2];

  begin (&f, "tiny", FALSE);
  own = g_strdup_printf ("Model's Own (%d × %d)", f.model[0], f.model[1]);
  assert_shown (&f, own);
  assert_properties (&f, 0, 0);
  get_size (&f, size);
  g_assert_cmpint (size[0], ==, f.model[0]);
  g_assert_cmpint (size[1], ==, f.model[1]);
  choose (&f, "3:2");
  get_size (&f, size);
  assert_properties (&f, size[0], size[1]);
  g_assert_cmpint (size[0], >, size[1]);
  choose (&f, "2:3");
  assert_properties (&f, size[1], size[0]);
  choose (&f, "Model's Own");
  assert_properties (&f, 0, 0);
  end (&f);
}

/* A copy of a model for pictures of other sizes. */
static char *
make_larger (const char *parent)
{
  char *folder = g_build_filename (parent, "larger", NULL);
  g_autofree char *file = g_build_filename (folder, "unet", "config.json", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GRegex) regex = g_regex_new ("\"sample_size\": *\\d+", 0, 0, NULL);
  g_autofree char *larger = NULL;

  test_model_copy ("tiny", parent, "larger");
  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  larger = g_regex_replace_literal (regex, text, -1, 0, "\"sample_size\": 96", 0, NULL);
  g_assert_cmpstr (larger, !=, text);
  g_assert_true (g_file_set_contents (file, larger, -1, NULL));
  return folder;
}

/* A ratio stays one, and the model's own size is the new model's. */
static void
test_model_changes (void)
{
  char *parent = test_folder_new ();
  g_autofree char *folder = make_larger (parent);
  g_autofree char *tiny = test_model_folder ("tiny");
  Fixture f;
  int small[2], large[2], model[2];

  begin (&f, "tiny", TRUE);
  choose (&f, "16:9");
  get_size (&f, small);
  assert_properties (&f, small[0], small[1]);
  gesso_session_open (f.session, folder, NULL);
  assert_properties (&f, small[0], small[1]); /* while it opens */
  test_session_open (f.session, folder);
  get_size (&f, large);
  gesso_engine_get_default_size (gesso_session_get_engine (f.session), &model[0], &model[1]);
  g_assert_cmpint (model[0], >, f.model[0]);
  g_assert_cmpint (large[0], >, small[0]);
  g_assert_cmpint (large[1], >, small[1]);
  assert_properties (&f, large[0], large[1]);

  choose (&f, "Model's Own");
  assert_properties (&f, model[0], model[1]);
  test_session_open (f.session, tiny);
  assert_properties (&f, f.model[0], f.model[1]);
  choose (&f, "Custom");
  test_session_open (f.session, folder);
  assert_properties (&f, f.model[0], f.model[1]);
  end (&f);
  test_folder_remove (parent);
}

static void
test_before_the_model (void)
{
  g_autofree char *folder = test_model_folder ("tiny");
  Fixture f;
  int size[2];

  begin (&f, NULL, TRUE);
  assert_shown (&f, "Selection (800 × 600)");
  get_size (&f, size);
  g_assert_cmpint (size[0], ==, 0);
  choose (&f, "4:3"); /* a guess until the model is known */
  get_size (&f, size);
  g_assert_cmpint (size[0], >, size[1]);
  assert_properties (&f, size[0], size[1]);
  test_session_open (f.session, folder);
  get_size (&f, size);
  assert_properties (&f, size[0], size[1]);
  choose (&f, "Selection");
  get_size (&f, size);
  g_assert_cmpint (size[0], >, 0);
  end (&f);
}

/* Sizes that are set, as by saved settings, show as what they are. */
static void
test_set_from_outside (void)
{
  g_autofree char *text = NULL;
  Fixture f;
  int size[2];

  begin (&f, "tiny", TRUE);
  choose (&f, "3:4");
  get_size (&f, size);
  text = g_strdup_printf ("3:4 (%d × %d)", size[0], size[1]);
  g_object_set (f.chooser, "width", 0, "height", 0, NULL);
  assert_shown (&f, "Selection (800 × 600)");
  g_object_set (f.chooser, "width", size[0], "height", size[1], NULL);
  assert_shown (&f, text);
  assert_properties (&f, size[0], size[1]);

  g_object_set (f.chooser, "width", 1000, "height", 136, NULL);
  assert_shown (&f, "Custom");
  assert_properties (&f, 1000, 136);
  g_assert_cmpint (gtk_spin_button_get_value_as_int (side (&f, 0)), ==, 1000);
  g_assert_cmpint (gtk_spin_button_get_value_as_int (side (&f, 1)), ==, 136);

  /* Of a script: not what can be painted, and one side alone. */
  g_object_set (f.chooser, "width", 500, "height", 50000, NULL);
  assert_properties (&f, 500, 50000);
  get_size (&f, size);
  g_assert_cmpint (size[0], ==, 504);
  g_assert_cmpint (size[1], ==, GESSO_LARGEST_SIDE);
  /* Of an earlier layer: larger than what the chooser offers by itself. */
  g_object_set (f.chooser, "width", 3000, "height", 512, NULL);
  assert_shown (&f, "Custom");
  get_size (&f, size);
  g_assert_cmpint (size[0], ==, 3000);
  g_assert_cmpint (size[1], ==, 512);
  g_object_set (f.chooser, "width", 64, "height", 0, NULL);
  get_size (&f, size);
  g_assert_cmpint (size[0], ==, 64);
  g_assert_cmpint (size[1], ==, f.model[1]);
  end (&f);
}

static void
test_custom (void)
{
  Fixture f;
  int size[2];

  begin (&f, "tiny", TRUE);
  choose (&f, "4:3");
  get_size (&f, size);
  choose (&f, "Custom");
  assert_properties (&f, size[0], size[1]); /* goes on from there */
  g_assert_true (gtk_widget_get_mapped (GTK_WIDGET (side (&f, 0))));
  g_assert_cmpstr (atk_object_get_name (gtk_widget_get_accessible (GTK_WIDGET (side (&f, 1)))), ==, "Height");

  test_press (GTK_WIDGET (side (&f, 0)), GDK_KEY_Up, 0);
  assert_properties (&f, size[0] + 8, size[1]);
  gtk_entry_set_text (GTK_ENTRY (side (&f, 1)), "1001");
  gtk_spin_button_update (side (&f, 1));
  assert_properties (&f, size[0] + 8, 1000);
  gtk_entry_set_text (GTK_ENTRY (side (&f, 1)), "999999");
  gtk_spin_button_update (side (&f, 1));
  assert_properties (&f, size[0] + 8, GESSO_LARGEST_SIDE);
  test_run (20);
  g_assert_nonnull (test_find_label (f.chooser, "The model paints best near"));
  assert_shown (&f, "Custom");

  /* A size that has a name stays custom while it is typed. */
  gtk_spin_button_set_value (side (&f, 0), f.model[0]);
  gtk_spin_button_set_value (side (&f, 1), f.model[1]);
  assert_shown (&f, "Custom");
  test_run (20);
  g_assert_null (test_find_label (f.chooser, "The model paints best near"));
  end (&f);
}

static void
add_one (int *number)
{
  (*number)++;
}

/* A change is told once, and a binding both ways settles. */
static void
test_notify (void)
{
  Fixture f, g;
  int n_widths = 0;

  begin (&f, "tiny", TRUE);
  begin (&g, "tiny", TRUE);
  g_object_bind_property (f.chooser, "width", g.chooser, "width", G_BINDING_BIDIRECTIONAL);
  g_object_bind_property (f.chooser, "height", g.chooser, "height", G_BINDING_BIDIRECTIONAL);
  g_signal_connect_swapped (f.chooser, "notify::width", G_CALLBACK (add_one), &n_widths);
  for (int pass = 0; pass < 3; pass++)
    {
      static const char *const modes[] = { "16:9", "9:16", "Selection" };
      g_autofree char *text = NULL;
      GtkTreeIter iter;
      int size[2];

      choose (&f, modes[pass]);
      gtk_combo_box_get_active_iter (GTK_COMBO_BOX (f.combo), &iter);
      text = row_text (&f, &iter);
      g_assert_true (g_str_has_prefix (text, modes[pass]));
      assert_shown (&g, text);
      g_object_get (f.chooser, "width", &size[0], "height", &size[1], NULL);
      assert_properties (&g, size[0], size[1]);
    }
  g_assert_cmpint (n_widths, ==, 3);
  end (&g);
  end (&f);
}

int
main (int argc, char *argv[])
{
  test_init (&argc, &argv);
  g_test_add_func ("/size-chooser/place", test_place);
  g_test_add_func ("/size-chooser/no-place", test_no_place);
  g_test_add_func ("/size-chooser/model-changes", test_model_changes);
  g_test_add_func ("/size-chooser/before-the-model", test_before_the_model);
  g_test_add_func ("/size-chooser/set-from-outside", test_set_from_outside);
  g_test_add_func ("/size-chooser/custom", test_custom);
  g_test_add_func ("/size-chooser/notify", test_notify);
  return g_test_run ();
}
