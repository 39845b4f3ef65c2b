/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <gdk/gdkkeysyms.h>
#include <glib/gstdio.h>
#include <string.h>

#include "history.h"
#include "widget-test.h"

typedef struct
{
  char *folder, *file;
  GessoHistory *history;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = test_folder_new ();
  f->file = g_build_filename (f->folder, "deep", "er", "history.json", NULL);
  f->history = gesso_history_new (f->file);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  gesso_history_free (f->history);
  test_folder_remove (f->folder);
  g_free (f->file);
}

/* As if the dialog had been closed and opened. */
static void
reopen (Fixture *f)
{
  gesso_history_free (f->history);
  f->history = gesso_history_new (f->file);
}

static void
assert_prompts (Fixture *f, const char *expected)
{
  g_autofree char *joined = g_strjoinv ("|", (char **) gesso_history_get_prompts (f->history));

  g_assert_cmpstr (joined, ==, expected);
}

static void
write_file (Fixture *f, const char *text)
{
  g_autofree char *folder = g_path_get_dirname (f->file);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (f->file, text, -1, NULL));
}

static void
test_order (Fixture *f, gconstpointer data)
{
  assert_prompts (f, "");
  gesso_history_add (f->history, "a");
  gesso_history_add (f->history, "b");
  gesso_history_add (f->history, "c");
  gesso_history_add (f->history, "a");
  gesso_history_add (f->history, " \n");
  gesso_history_add (f->history, "");
  gesso_history_add (f->history, NULL);
  gesso_history_add (f->history, "not \xff UTF-8");
  assert_prompts (f, "a|c|b");
  reopen (f);
  assert_prompts (f, "a|c|b");
}

static void
test_limit (Fixture *f, gconstpointer data)
{
  for (int i = 0; i < 60; i++)
    {
      g_autofree char *prompt = g_strdup_printf ("prompt %d", i);

      gesso_history_add (f->history, prompt);
    }
  for (int pass = 0; pass < 2; pass++)
    {
      const char *const *prompts = gesso_history_get_prompts (f->history);

      g_assert_cmpuint (g_strv_length ((char **) prompts), ==, 50);
      g_assert_cmpstr (prompts[0], ==, "prompt 59");
      g_assert_cmpstr (prompts[49], ==, "prompt 10");
      reopen (f);
    }
}

/* A pointer that get_prompts() gave may be what is added. */
static void
test_adding_its_own (Fixture *f, gconstpointer data)
{
  gesso_history_add (f->history, "a");
  gesso_history_add (f->history, "b");
  gesso_history_add (f->history, gesso_history_get_prompts (f->history)[1]);
  assert_prompts (f, "a|b");
}

static void
test_content (Fixture *f, gconstpointer data)
{
  const char *const odd = "<b>\"\\\n\t\x01 🦊 é\u2028";
  g_autofree char *huge = g_strnfill (100000, 'x');
  GStatBuf status;

  gesso_history_add (f->history, odd);
  gesso_history_add (f->history, huge);
  reopen (f);
  g_assert_cmpstr (gesso_history_get_prompts (f->history)[0], ==, huge);
  g_assert_cmpstr (gesso_history_get_prompts (f->history)[1], ==, odd);
#ifdef G_OS_UNIX
  g_assert_cmpint (g_stat (f->file, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
#endif
}

static void
test_damaged (Fixture *f, gconstpointer data)
{
  g_autofree char *deep = g_strnfill (100000, '[');
  const char *const damaged[] = { "",
                                  "{",
                                  "null",
                                  "[\"a\"]",
                                  "{\"prompts\": \"a\"}",
                                  "{\"prompts\": {}}",
                                  "{\"prompts\": [1, null, [\"a\"], {}, true]}",
                                  "{\"prompts\": [\"\xff\"]}",
                                  "\x01\x02\x03",
                                  deep };

  for (guint i = 0; i < G_N_ELEMENTS (damaged); i++)
    {
      write_file (f, damaged[i]);
      reopen (f);
      assert_prompts (f, "");
      gesso_history_add (f->history, "after");
      reopen (f);
      assert_prompts (f, "after");
    }
  write_file (f, "{\"prompts\": [1, \"a\", \"\", \"a\", \"b\"], \"more\": 3}");
  reopen (f);
  assert_prompts (f, "a|b");
}

static void
test_unwritable (Fixture *f, gconstpointer data)
{
  g_autofree char *blocked = g_build_filename (f->folder, "deep", NULL);

  g_assert_true (g_file_set_contents (blocked, "a file where the folder should be", -1, NULL));
  gesso_history_add (f->history, "a");
  gesso_history_add (f->history, "b");
  assert_prompts (f, "b|a");
  reopen (f);
  assert_prompts (f, "");
}

/* Two dialogs, of two images. */
static void
test_shared (Fixture *f, gconstpointer data)
{
  GessoHistory *other = gesso_history_new (f->file);

  gesso_history_add (f->history, "a");
  gesso_history_add (other, "b");
  gesso_history_add (f->history, "c");
  reopen (f);
  assert_prompts (f, "c|a|b");
  gesso_history_free (other);
}

typedef struct
{
  GtkWidget *button, *window, *popover, *list;
  GString *chosen;
} Button;

static void
chosen (GtkWidget *widget, const char *prompt, GString *log)
{
  g_string_append_printf (log, "%s;", prompt);
}

static void
button_set_up (Button *b, Fixture *f)
{
  b->button = gesso_history_button_new (f->history);
  b->window = test_show (b->button);
  b->popover = GTK_WIDGET (gtk_menu_button_get_popover (GTK_MENU_BUTTON (b->button)));
  b->list = test_find (b->popover, GTK_TYPE_LIST_BOX, 0);
  b->chosen = g_string_new (NULL);
  g_signal_connect (b->button, "chosen", G_CALLBACK (chosen), b->chosen);
}

static void
button_tear_down (Button *b)
{
  gtk_widget_destroy (b->window);
  g_string_free (b->chosen, TRUE);
}

/* With the keyboard alone. */
static void
test_button (Fixture *f, gconstpointer data)
{
  g_autofree char *huge = g_strnfill (100000, 'x');
  AtkObject *accessible;
  Button b;

  gesso_history_add (f->history, huge);
  gesso_history_add (f->history, "one\n<b>line</b>");
  button_set_up (&b, f);
  g_assert_cmpstr (atk_object_get_name (gtk_widget_get_accessible (b.button)), ==, "Recent prompts");
  g_assert_null (test_find_label (b.popover, "one"));
  test_press (b.button, GDK_KEY_space, 0);
  test_run (400);
  g_assert_true (gtk_widget_get_mapped (b.popover));
  g_assert_nonnull (test_find_label (b.popover, "one <b>line</b>"));
  accessible = gtk_widget_get_accessible (GTK_WIDGET (gtk_list_box_get_row_at_index (GTK_LIST_BOX (b.list), 0)));
  g_assert_cmpstr (atk_object_get_name (accessible), ==, "one <b>line</b>");
  g_assert_cmpuint (strlen (gtk_label_get_text (GTK_LABEL (test_find_label (b.popover, "xxx")))), <, 300);

  test_press (gtk_window_get_focus (GTK_WINDOW (b.window)), GDK_KEY_Down, 0);
  test_press (gtk_window_get_focus (GTK_WINDOW (b.window)), GDK_KEY_Return, 0);
  test_run (400);
  g_assert_false (gtk_widget_get_mapped (b.popover));
  g_assert_cmpuint (b.chosen->len, ==, 100001);
  g_assert_true (g_str_has_prefix (b.chosen->str, huge));

  /* What was added meanwhile is there the next time. */
  gesso_history_add (f->history, "newest");
  gtk_button_clicked (GTK_BUTTON (b.button));
  test_run (400);
  g_string_truncate (b.chosen, 0);
  g_signal_emit_by_name (gtk_list_box_get_row_at_index (GTK_LIST_BOX (b.list), 0), "activate");
  g_assert_cmpstr (b.chosen->str, ==, "newest;");
  button_tear_down (&b);
}

static void
test_empty_button (Fixture *f, gconstpointer data)
{
  Button b;

  button_set_up (&b, f);
  gtk_button_clicked (GTK_BUTTON (b.button));
  test_run (400);
  g_assert_nonnull (test_find_label (b.popover, "No prompts yet"));
  button_tear_down (&b);
}

int
main (int argc, char *argv[])
{
  test_init (&argc, &argv);
#define ADD(name, test) g_test_add ("/history/" name, Fixture, NULL, set_up, test, tear_down)
  ADD ("order", test_order);
  ADD ("limit", test_limit);
  ADD ("adding-its-own", test_adding_its_own);
  ADD ("content", test_content);
  ADD ("damaged", test_damaged);
  ADD ("unwritable", test_unwritable);
  ADD ("shared", test_shared);
  ADD ("button", test_button);
  ADD ("empty-button", test_empty_button);
  return g_test_run ();
}
