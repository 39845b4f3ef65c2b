/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole panel where something is wrong with the model or too large, and the remedies that it offers.
 */

#include "panel-test.h"

#define MUCH_MEMORY (G_GUINT64_CONSTANT (2) << 30) /* more than the test holds, less than a machine has */

static void
test_broken_model (PanelTest *f, gconstpointer data)
{
  g_autofree char *missing = g_build_filename (f->folder, "missing", NULL);

  test_wait (panel_is_ready, f);
  g_object_set (f->panel, "model", missing, NULL);
  test_wait (panel_shows_error, f);
  g_assert_nonnull (test_find_label (f->window, missing));

  /* Trying all the same says it again. */
  gesso_panel_generate (f->panel);
  test_wait (panel_is_done, f);
  g_assert_true (panel_shows_error (f));
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 0);

  g_object_set (f->panel, "model", f->model, NULL);
  test_wait (panel_is_ready, f);
  g_assert_false (panel_shows_error (f));
  panel_paint (f);
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 1);
}

/* A folder that was mended meanwhile is opened when Generate is pressed. */
static void
test_mended_model (PanelTest *f, gconstpointer data)
{
  g_autofree char *folder = g_build_filename (f->folder, "late", NULL);

  test_wait (panel_is_ready, f);
  g_object_set (f->panel, "model", folder, NULL);
  test_wait (panel_shows_error, f);
  test_model_copy (PANEL_TEST_MODEL, f->folder, "late");
  panel_paint (f);
  g_assert_false (panel_shows_error (f));
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 1);
}

static gboolean
offers_size (gpointer f)
{
  return panel_find_button (((PanelTest *) f)->window, "Use") != NULL;
}

static void
open_limited (PanelTest *f, guint64 max_memory)
{
  g_autoptr (GessoOptions) options = gesso_options_new ();

  options->device = GESSO_DEVICE_CPU;
  options->precision = GESSO_PRECISION_F32;
  options->max_memory = max_memory;
  gesso_session_open (panel_session (f), f->model, options);
  test_wait (panel_is_ready, f);
}

static void
measure (PanelTest *f, int width, int height, GessoMemoryNeed *need)
{
  g_autoptr (GessoRequest) request = gesso_request_new ("");

  request->width = width;
  request->height = height;
  g_assert_true (gesso_engine_measure (gesso_session_get_engine (panel_session (f)), request, need, NULL));
}

/* Half way between what a small and a large picture need, on top of what the program itself holds. */
static void
test_too_large (PanelTest *f, gconstpointer data)
{
  GessoMemoryNeed small, large;

#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("AddressSanitizer keeps what is freed");
  return;
#endif
  test_wait (panel_is_ready, f);
  open_limited (f, MUCH_MEMORY);
  measure (f, 64, 64, &small);
  measure (f, 2048, 1024, &large);
  open_limited (f, MUCH_MEMORY - large.available + (small.least + large.least) / 2);
  g_object_set (f->panel, "width", 2048, "height", 1024, NULL);
  gesso_panel_generate (f->panel);
  test_wait (panel_is_done, f);
  g_assert_true (panel_shows_error (f));
  test_wait (offers_size, f);
  gtk_button_clicked (GTK_BUTTON (panel_find_button (f->window, "Use")));
  g_assert_false (panel_shows_error (f));
  g_assert_cmpint (panel_get_number (f, "width"), <, 2048);
  g_assert_cmpint (panel_get_number (f, "width"), >, panel_get_number (f, "height"));
  panel_paint (f);
  g_assert_false (panel_shows_error (f));
  g_assert_cmpint (panel_get_number (f, "n-kept"), ==, 1);
}

/* The model itself is too large: the next smaller one is offered by its name. */
static void
test_smaller_model (PanelTest *f, gconstpointer data)
{
  g_autoptr (GError) error = g_error_new_literal (GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY, "too large");
  g_autofree char *model = NULL;

  test_model_copy ("sd21", f->folder, "larger");
  test_model_copy ("sd14", f->folder, "large");
  test_model_copy ("runge-kutta", f->folder, "least");
  test_model_copy (PANEL_TEST_MODEL, f->folder, "little");
  g_setenv ("GESSO_MODELS_PATH", f->folder, TRUE);
  g_object_set (f->panel, "model", "large", NULL);
  test_run (300);
  test_wait (panel_is_ready, f);
  gesso_panel_show_error (f->panel, error);
  test_wait (offers_size, f);
  gtk_button_clicked (GTK_BUTTON (panel_find_button (f->window, "little")));
  g_object_get (f->panel, "model", &model, NULL);
  g_assert_cmpstr (model, ==, "little");
  g_unsetenv ("GESSO_MODELS_PATH");
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  PANEL_TEST_ADD ("/panel/broken-model", test_broken_model);
  PANEL_TEST_ADD ("/panel/mended-model", test_mended_model);
  PANEL_TEST_ADD ("/panel/too-large", test_too_large);
  PANEL_TEST_ADD ("/panel/smaller-model", test_smaller_model);
  return g_test_run ();
}
