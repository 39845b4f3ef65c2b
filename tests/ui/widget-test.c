/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "widget-test.h"

#include <glib/gstdio.h>
#include <string.h>

enum
{
  PATIENCE = 60, /* seconds */
};

void
test_init (int *argc, char ***argv)
{
  gtk_test_init (argc, argv, NULL);
}

static gboolean
is_mapped (gpointer widget)
{
  return gtk_widget_get_mapped (widget);
}

GtkWidget *
test_show (GtkWidget *widget)
{
  GtkWidget *window = gtk_window_new (GTK_WINDOW_TOPLEVEL);

  gtk_container_set_border_width (GTK_CONTAINER (window), 12);
  gtk_container_add (GTK_CONTAINER (window), widget);
  gtk_widget_show (widget);
  gtk_widget_show (window);
  test_wait (is_mapped, widget);
  test_run (20);
  return window;
}

static gboolean
set_true (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_CONTINUE;
}

void
test_run (guint milliseconds)
{
  gboolean over = FALSE;
  guint source = g_timeout_add (milliseconds, set_true, &over);

  while (!over)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (source);
}

void
test_wait (TestCondition condition, gpointer data)
{
  gboolean over = FALSE;
  guint source = g_timeout_add_seconds (PATIENCE, set_true, &over);

  while (!over && !condition (data))
    {
      /* Conditions that no event announces are looked at again. */
      if (!g_main_context_iteration (NULL, FALSE))
        g_usleep (2000);
    }
  g_source_remove (source);
  g_assert_true (condition (data));
}

static void
send_key (GtkWidget *window, GdkEventType type, guint key, GdkModifierType modifiers)
{
  GdkEvent *event = gdk_event_new (type);
  GdkDisplay *display = gtk_widget_get_display (window);
  g_autofree GdkKeymapKey *keys = NULL;
  int n_keys;

  event->key.window = g_object_ref (gtk_widget_get_window (window));
  event->key.send_event = TRUE;
  event->key.time = GDK_CURRENT_TIME;
  event->key.keyval = key;
  event->key.state = modifiers;
  if (gdk_keymap_get_entries_for_keyval (gdk_keymap_get_for_display (display), key, &keys, &n_keys) && n_keys)
    {
      event->key.hardware_keycode = keys[0].keycode;
      event->key.group = keys[0].group;
    }
  gdk_event_set_device (event, gdk_seat_get_keyboard (gdk_display_get_default_seat (display)));
  gtk_main_do_event (event);
  gdk_event_free (event);
}

void
test_press (GtkWidget *widget, guint key, GdkModifierType modifiers)
{
  GtkWidget *window = gtk_widget_get_toplevel (widget);

  gtk_widget_grab_focus (widget);
  send_key (window, GDK_KEY_PRESS, key, modifiers);
  send_key (window, GDK_KEY_RELEASE, key, modifiers);
  test_run (5);
}

typedef struct
{
  GType type;
  int nth;
  const char *text;
  GtkWidget *found;
} Search;

static void
search (GtkWidget *widget, gpointer data)
{
  Search *wanted = data;

  if (wanted->found)
    return;
  if (wanted->text ? GTK_IS_LABEL (widget) && gtk_widget_get_mapped (widget)
                         && strstr (gtk_label_get_text (GTK_LABEL (widget)), wanted->text)
                   : g_type_is_a (G_OBJECT_TYPE (widget), wanted->type) && wanted->nth-- == 0)
    wanted->found = widget;
  else if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), search, data);
}

GtkWidget *
test_find (GtkWidget *root, GType type, int nth)
{
  Search wanted = { .type = type, .nth = nth };

  search (root, &wanted);
  g_assert_nonnull (wanted.found);
  return wanted.found;
}

GtkWidget *
test_find_label (GtkWidget *root, const char *text)
{
  Search wanted = { .text = text };

  search (root, &wanted);
  return wanted.found;
}

char *
test_model_folder (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "data", "models", name, NULL);
}

void
test_model_copy (const char *model, const char *parent, const char *name)
{
  g_autofree char *from = test_model_folder (model);
  g_autofree char *to = g_build_filename (parent, name, NULL);
  const char *const argv[] = { "cp", "-r", from, to, NULL };
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
}

void
test_session_open (GessoSession *session, const char *folder)
{
  g_autoptr (GessoOptions) options = gesso_options_new ();

  options->device = GESSO_DEVICE_CPU;
  options->precision = GESSO_PRECISION_F32;
  gesso_session_open (session, folder, options);
  gesso_session_wait (session);
  g_assert_nonnull (gesso_session_get_engine (session));
}

GessoSession *
test_session_new (const char *model)
{
  g_autofree char *folder = test_model_folder (model);
  GessoSession *session = gesso_session_new ();

  test_session_open (session, folder);
  return session;
}

char *
test_folder_new (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("gesso-test-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

static void
remove_below (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        remove_below (path);
      else
        g_unlink (path);
    }
  g_rmdir (folder);
}

void
test_folder_remove (char *folder)
{
  remove_below (folder);
  g_free (folder);
}
