/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole panel with miniature models: painting, cancelling, bound settings, keys.
 */

#include <gdk/gdkkeysyms.h>
#include <string.h>

#include "panel-test.h"
#include "progress-row.h"

#define OTHER_MODEL "tiny"
#define MANY_STEPS 900

/* --- Painting --- */

static void
test_two_pictures (PanelTest *f, gconstpointer data)
{
  g_autoptr (GPtrArray) kept = NULL;
  const GessoResult *first, *second;
  g_autofree char *fingerprint = NULL;
  const GessoOrigin *origin;

  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 0);
  g_object_set (f->panel, "count", 2, NULL);
  panel_paint (f);
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 2);
  g_assert_nonnull (test_find_label (f->window, "2 pictures"));

  kept = gesso_panel_get_kept (f->panel);
  g_assert_cmpuint (kept->len, ==, 2);
  first = g_ptr_array_index (kept, 0);
  second = g_ptr_array_index (kept, 1);
  g_assert_cmpstr (first->request->prompt, ==, "a red circle");
  g_assert_cmpstr (first->origin->model, ==, f->model);
  /* The seed that is shown is the one of the first picture. */
  g_assert_cmpuint (first->request->seed, ==, (guint64) panel_get_number (f, "seed"));
  g_assert_cmpuint (second->request->seed, ==, first->request->seed + 1);

  origin = second->origin;
  fingerprint = gesso_engine_get_fingerprint (gesso_session_get_engine (panel_session (f)), NULL);
  g_assert_cmpstr (origin->fingerprint, ==, fingerprint);
  g_assert_cmpstr (origin->model, ==, f->model);
  g_assert_cmpint (origin->device, ==, GESSO_DEVICE_CPU);
  g_assert_cmpint (origin->precision, ==, GESSO_PRECISION_F32);
  g_assert_cmpint (origin->width, ==, 0);
}

/* What a result says of itself makes the same picture. */
static void
test_same_picture (PanelTest *f, gconstpointer data)
{
  g_autoptr (GPtrArray) kept = NULL;
  g_autoptr (GPtrArray) again = NULL;
  g_autoptr (GError) error = NULL;
  const GessoResult *result;
  int width, height;

  g_object_set (f->panel, "count", 2, "negative-prompt", "blue", "guidance", 3.5, "steps", 3, NULL);
  panel_paint (f);
  kept = gesso_panel_get_kept (f->panel);
  result = g_ptr_array_index (kept, 1);
  g_assert_cmpint (result->request->steps, ==, 3);
  g_assert_cmpfloat (result->request->guidance, ==, 3.5);
  g_assert_cmpstr (result->request->negative_prompt, ==, "blue");
  /* The place has the sides 3 : 2. */
  gesso_engine_fit_size (gesso_session_get_engine (panel_session (f)), 300, 200, &width, &height);
  g_assert_cmpint (result->request->width, ==, width);
  g_assert_cmpint (result->request->height, ==, height);

  again
      = gesso_engine_generate (gesso_session_get_engine (panel_session (f)), result->request, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (gesso_picture_get_pixels (result->picture),
                                gesso_picture_get_pixels (g_ptr_array_index (again, 0))));
}

static void
test_ticking (PanelTest *f, gconstpointer data)
{
  g_autoptr (GPtrArray) kept = NULL;
  const GessoResult *result;

  g_object_set (f->panel, "count", 2, NULL);
  panel_paint (f);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (test_find (f->window, GTK_TYPE_CHECK_BUTTON, 0)), FALSE);
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 1);
  kept = gesso_panel_get_kept (f->panel);
  result = g_ptr_array_index (kept, 0);
  g_assert_cmpuint (result->request->seed, ==, (guint64) panel_get_number (f, "seed") + 1);
}

/* Generate may be pressed before the model is open. */
static void
test_at_once (PanelTest *f, gconstpointer data)
{
  g_autoptr (GPtrArray) kept = NULL;

  g_assert_false (panel_is_ready (f));
  panel_paint (f);
  kept = gesso_panel_get_kept (f->panel);
  g_assert_cmpuint (kept->len, ==, 1);
  g_assert_cmpint (((GessoResult *) g_ptr_array_index (kept, 0))->request->width, >, 0);
}

static void
test_seed (PanelTest *f, gconstpointer data)
{
  int first, second;

  panel_paint (f);
  first = panel_get_number (f, "seed");
  panel_paint (f);
  second = panel_get_number (f, "seed");
  g_assert_cmpint (first, !=, second);
  g_object_set (f->panel, "lock-seed", TRUE, NULL);
  panel_paint (f);
  g_assert_cmpint (panel_get_number (f, "seed"), ==, second);
}

/* The largest seed there is belongs to the last picture: the next one would have none. */
static void
test_largest_seed (PanelTest *f, gconstpointer data)
{
  g_autoptr (GPtrArray) kept = NULL;

  g_object_set (f->panel, "seed", G_MAXINT, "lock-seed", TRUE, "count", 2, NULL);
  panel_paint (f);
  g_assert_cmpint (panel_get_number (f, "seed"), ==, G_MAXINT - 1);
  kept = gesso_panel_get_kept (f->panel);
  g_assert_cmpuint (kept->len, ==, 2);
  g_assert_cmpuint (((GessoResult *) g_ptr_array_index (kept, 1))->request->seed, ==, G_MAXINT);
}

static void
test_empty_prompt (PanelTest *f, gconstpointer data)
{
  g_object_set (f->panel, "prompt", "", NULL);
  panel_paint (f);
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 1);
  g_assert_false (panel_shows_error (f));
}

/* What the menu of a picture does. */
static void
test_used_again (PanelTest *f, gconstpointer data)
{
  GActionGroup *actions = gtk_widget_get_action_group (GTK_WIDGET (f->panel), "result");

  g_action_group_activate_action (actions, "use-seed", g_variant_new_uint64 (77));
  g_action_group_activate_action (actions, "use-prompt", g_variant_new ("(ss)", "a hen", "blue"));
  g_assert_true (panel_get_number (f, "lock-seed") && panel_get_number (f, "seed") == 77);
  g_assert_cmpstr (gesso_choices_box_get (GESSO_CHOICES_BOX (f->panel))->prompt, ==, "a hen");
}

/* --- Cancelling --- */

static void
test_cancel (PanelTest *f, gconstpointer data)
{
  g_assert_false (gesso_panel_cancel (f->panel));
  panel_paint (f);
  f->n_progress = 0;
  g_object_set (f->panel, "steps", MANY_STEPS, NULL);
  gesso_panel_generate (f->panel);
  test_wait (panel_has_progress, f);
  g_assert_true (gesso_panel_cancel (f->panel));
  test_wait (panel_is_done, f);
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 1);
  g_assert_nonnull (test_find_label (f->window, "Cancelled"));
  g_assert_false (panel_shows_error (f));
  g_assert_false (gesso_panel_cancel (f->panel));
}

/* What was finished before stays. */
static void
test_cancel_second (PanelTest *f, gconstpointer data)
{
  g_object_set (f->panel, "count", 64, "steps", 8, NULL);
  gesso_panel_generate (f->panel);
  while (panel_get_number (f, "n-kept") == 0)
    test_run (5);
  gesso_panel_cancel (f->panel);
  test_wait (panel_is_done, f);
  g_assert_cmpint (panel_get_number (f, "n-kept"), >=, 1);
  g_assert_cmpint (panel_get_number (f, "n-kept"), <, 64);
  g_assert_nonnull (test_find_label (f->window, "Cancelled"));
}

static void
test_cancel_while_opening (PanelTest *f, gconstpointer data)
{
  gesso_panel_generate (f->panel);
  g_assert_true (gesso_panel_cancel (f->panel));
  g_assert_false (panel_is_painting (f));
  test_wait (panel_is_ready, f);
  test_run (50);
  g_assert_false (panel_is_painting (f));
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 0);
  panel_paint (f);
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 1);
}

static void
test_destroyed_while_painting (PanelTest *f, gconstpointer data)
{
  g_object_set (f->panel, "steps", MANY_STEPS, NULL);
  gesso_panel_generate (f->panel);
  test_wait (panel_has_progress, f);
  gtk_widget_destroy (f->window);
  test_run (50);
  f->window = gtk_window_new (GTK_WINDOW_TOPLEVEL); /* for panel_tear_down() */
}

/* --- Settings --- */

static void
test_properties (PanelTest *f, gconstpointer data)
{
  static const char *const texts[] = { "prompt", "negative-prompt", "model", "scheduler", "device", "precision", NULL };
  GtkSpinButton *steps = NULL;

  for (const char *const *name = texts; *name; name++)
    {
      const char *wanted = g_str_equal (*name, "scheduler")   ? "pndm"
                           : g_str_equal (*name, "device")    ? "auto"
                           : g_str_equal (*name, "precision") ? "bf16"
                                                              : "ein Fuchs";
      g_autofree char *got = NULL;

      g_object_set (f->panel, *name, wanted, NULL);
      g_object_get (f->panel, *name, &got, NULL);
      g_assert_cmpstr (got, ==, wanted);
    }

  /* And the widgets set the properties. */
  g_object_set (f->panel, "steps", 37, NULL);
  for (int i = 0; !steps || gtk_spin_button_get_value_as_int (steps) != 37; i++)
    steps = GTK_SPIN_BUTTON (test_find (f->window, GTK_TYPE_SPIN_BUTTON, i));
  gtk_spin_button_set_value (steps, 41);
  g_assert_cmpint (panel_get_number (f, "steps"), ==, 41);
}

/* The running pictures are painted as was asked for, with the model that was open. */
static void
test_undisturbed (PanelTest *f, gconstpointer data)
{
  g_autofree char *other = test_model_folder (OTHER_MODEL);
  g_autoptr (GPtrArray) kept = NULL;
  const GessoResult *first, *second;

  g_object_set (f->panel, "steps", 60, "count", 2, "seed", 5, "lock-seed", TRUE, NULL);
  gesso_panel_generate (f->panel);
  test_wait (panel_has_progress, f);
  g_object_set (f->panel, "prompt", "something else", "steps", 2, "count", 1, "seed", 9, "width", 64, "height", 64,
                "model", other, NULL);
  test_run (300); /* longer than the panel waits before it opens another model */
  g_assert_true (panel_is_painting (f) || panel_get_number (f, "n-kept") == 2);
  test_wait (panel_is_done, f);
  panel_paint (f);

  kept = gesso_panel_get_kept (f->panel);
  g_assert_cmpuint (kept->len, ==, 3);
  first = g_ptr_array_index (kept, 1);
  second = g_ptr_array_index (kept, 2);
  g_assert_cmpstr (first->request->prompt, ==, "a red circle");
  g_assert_cmpint (first->request->steps, ==, 60);
  g_assert_cmpuint (first->request->seed, ==, 6);
  g_assert_cmpint (first->request->width, !=, 64);
  g_assert_cmpstr (first->origin->model, ==, f->model);
  g_assert_cmpstr (first->origin->fingerprint, !=, second->origin->fingerprint);
  g_assert_cmpstr (second->request->prompt, ==, "something else");
  g_assert_cmpuint (second->request->seed, ==, 9);
  g_assert_cmpint (second->request->width, ==, 64);
  g_assert_cmpstr (second->origin->model, ==, other);
  g_assert_cmpint (second->origin->width, ==, 64);
}

/* As with Ctrl+Enter, before the field is left. */
static void
test_typed_number (PanelTest *f, gconstpointer data)
{
  g_autoptr (GPtrArray) kept = NULL;
  GtkWidget *steps = NULL;

  g_object_set (f->panel, "steps", 37, NULL);
  for (int i = 0; !steps || gtk_spin_button_get_value_as_int (GTK_SPIN_BUTTON (steps)) != 37; i++)
    steps = test_find (f->window, GTK_TYPE_SPIN_BUTTON, i);
  gtk_widget_grab_focus (steps);
  gtk_entry_set_text (GTK_ENTRY (steps), "3");
  g_assert_cmpint (panel_get_number (f, "steps"), ==, 37);
  panel_paint (f);
  g_assert_cmpint (panel_get_number (f, "steps"), ==, 3);
  kept = gesso_panel_get_kept (f->panel);
  g_assert_cmpint (((const GessoResult *) g_ptr_array_index (kept, 0))->request->steps, ==, 3);
}

/* A model of another size is chosen, and Generate pressed before it is open. */
static void
test_size_of_the_model_that_opens (PanelTest *f, gconstpointer data)
{
  g_autofree char *other = test_model_folder ("odd-heads");
  g_autoptr (GPtrArray) kept = NULL;
  const GessoResult *result;
  int width, height, other_width, other_height;

  test_wait (panel_is_ready, f);
  gesso_engine_get_default_size (gesso_session_get_engine (panel_session (f)), &width, &height);
  g_object_set (f->panel, "width", width, "height", height, NULL); /* the model's own */
  g_object_set (f->panel, "model", other, NULL);
  panel_paint (f);
  gesso_engine_get_default_size (gesso_session_get_engine (panel_session (f)), &other_width, &other_height);
  g_assert_cmpint (other_width, !=, width);
  kept = gesso_panel_get_kept (f->panel);
  result = g_ptr_array_index (kept, kept->len - 1);
  g_assert_cmpstr (result->origin->model, ==, other);
  g_assert_cmpint (result->request->width, ==, other_width);
  g_assert_cmpint (result->request->height, ==, other_height);
  g_assert_cmpint (result->origin->width, ==, other_width);
}

/* --- Keys, words --- */

static void
test_keys (PanelTest *f, gconstpointer data)
{
  test_press (test_find (f->window, GTK_TYPE_TEXT_VIEW, 0), GDK_KEY_Return, GDK_CONTROL_MASK);
  g_assert_cmpint (f->n_activated, ==, 1);
  test_press (test_find (f->window, GTK_TYPE_TEXT_VIEW, 1), GDK_KEY_KP_Enter, GDK_CONTROL_MASK);
  g_assert_cmpint (f->n_activated, ==, 2);
  test_press (test_find (f->window, GTK_TYPE_SPIN_BUTTON, 0), GDK_KEY_Return, GDK_CONTROL_MASK);
  g_assert_cmpint (f->n_activated, ==, 3);
}

static void
collect_mnemonics (GtkWidget *widget, gpointer data)
{
  if (GTK_IS_LABEL (widget))
    {
      guint key = gtk_label_get_mnemonic_keyval (GTK_LABEL (widget));

      if (key != GDK_KEY_VoidSymbol)
        {
          g_test_message ("%s", gtk_label_get_label (GTK_LABEL (widget)));
          g_assert_true (g_hash_table_add (data, GUINT_TO_POINTER (key)));
        }
    }
  else if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), collect_mnemonics, data);
}

/* Also none of those around the panel: Reset, Help, Load, Save, Close or Cancel, Generate, Insert. */
static void
test_mnemonics (PanelTest *f, gconstpointer data)
{
  g_autoptr (GHashTable) keys = g_hash_table_new (NULL, NULL);

  for (const char *taken = "rhlscgi"; *taken; taken++)
    g_hash_table_add (keys, GUINT_TO_POINTER (*taken));
  collect_mnemonics (GTK_WIDGET (f->panel), keys);
  g_assert_cmpuint (g_hash_table_size (keys), >, 7 + 10);
}

static void
test_words (void)
{
  GessoSessionProgress progress
      = { .stage = GESSO_STAGE_DENOISE, .step = 7, .n_steps = 25, .picture = 1, .n_pictures = 4, .seconds_left = 12.3 };
  g_autofree char *many = gesso_progress_describe (&progress);
  g_autofree char *one = NULL;
  g_autofree char *unknown = NULL;

  g_assert_cmpstr (many, ==, "Step 7 of 25 · 12 s left · picture 2 of 4");
  progress.n_pictures = 1;
  progress.seconds_left = 125;
  one = gesso_progress_describe (&progress);
  g_assert_cmpstr (one, ==, "Step 7 of 25 · 2 min left");
  progress.seconds_left = -1;
  unknown = gesso_progress_describe (&progress);
  g_assert_cmpstr (unknown, ==, "Step 7 of 25");
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
#define ADD(path, function) PANEL_TEST_ADD ("/panel/" path, function)
  ADD ("two-pictures", test_two_pictures);
  ADD ("same-picture", test_same_picture);
  ADD ("ticking", test_ticking);
  ADD ("at-once", test_at_once);
  ADD ("seed", test_seed);
  ADD ("largest-seed", test_largest_seed);
  ADD ("empty-prompt", test_empty_prompt);
  ADD ("used-again", test_used_again);
  ADD ("cancel", test_cancel);
  ADD ("cancel-second", test_cancel_second);
  ADD ("cancel-while-opening", test_cancel_while_opening);
  ADD ("destroyed-while-painting", test_destroyed_while_painting);
  ADD ("properties", test_properties);
  ADD ("undisturbed", test_undisturbed);
  ADD ("typed-number", test_typed_number);
  ADD ("size-of-the-model-that-opens", test_size_of_the_model_that_opens);
  ADD ("keys", test_keys);
  ADD ("mnemonics", test_mnemonics);
  g_test_add_func ("/panel/words", test_words);
  return g_test_run ();
}
