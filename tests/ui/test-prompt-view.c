/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <gdk/gdkkeysyms.h>
#include <string.h>
#include <time.h>

#include "prompt-text.h"
#include "prompt-view.h"
#include "widget-test.h"

typedef struct
{
  GessoSession *session;
  GtkWidget *view, *window, *text;
  GtkTextBuffer *buffer;
} Fixture;

static void
set_up (Fixture *f, gconstpointer model)
{
  f->session = model ? test_session_new (model) : gesso_session_new ();
  f->view = gesso_prompt_view_new ("_Prompt", 3, f->session);
  f->window = test_show (f->view);
  f->text = test_find (f->view, GESSO_TYPE_PROMPT_TEXT, 0);
  f->buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (f->text));
}

static void
tear_down (Fixture *f, gconstpointer model)
{
  gtk_widget_destroy (f->window);
  g_object_unref (f->session);
}

static void
add_one (int *number)
{
  (*number)++;
}

static void
type (Fixture *f, const char *keys)
{
  for (; *keys; keys++)
    test_press (f->text, *keys == ' ' ? GDK_KEY_space : (guint) *keys, 0);
}

static const char *
get_text (Fixture *f)
{
  return gesso_prompt_view_get_text (GESSO_PROMPT_VIEW (f->view));
}

static void
set_text (Fixture *f, const char *text)
{
  gesso_prompt_view_set_text (GESSO_PROMPT_VIEW (f->view), text);
}

static int
cursor (Fixture *f)
{
  int position;

  g_object_get (f->buffer, "cursor-position", &position, NULL);
  return position;
}

/* The first struck-out character, or -1. */
static int
first_unread (Fixture *f)
{
  GtkTextIter iter;

  gtk_text_buffer_get_start_iter (f->buffer, &iter);
  if (gtk_text_iter_get_tags (&iter))
    return 0;
  return gtk_text_iter_forward_to_tag_toggle (&iter, NULL) ? gtk_text_iter_get_offset (&iter) : -1;
}

typedef struct
{
  Fixture *f;
  const char *text;
} Label;

static gboolean
says (gpointer data)
{
  Label *label = data;

  return test_find_label (label->f->view, label->text) != NULL;
}

static void
wait_for_label (Fixture *f, const char *text)
{
  Label label = { f, text };

  test_wait (says, &label);
}

static void
wait_for_count (Fixture *f, int n_tokens)
{
  g_autofree char *text = g_strdup_printf ("%d / 75", n_tokens);

  wait_for_label (f, text);
}

static int
count (Fixture *f, const char *text, gssize *cut_off)
{
  return gesso_engine_count_tokens (gesso_session_get_engine (f->session), text, cut_off);
}

static void
test_text (Fixture *f, gconstpointer model)
{
  g_autofree char *read = NULL;
  int n_notified = 0;

  g_signal_connect_swapped (f->view, "notify::text", G_CALLBACK (add_one), &n_notified);
  g_assert_cmpstr (get_text (f), ==, "");
  type (f, "a fox");
  g_assert_cmpstr (get_text (f), ==, "a fox");
  g_assert_cmpint (n_notified, ==, 5);

  /* The same text again leaves the cursor where it is. */
  test_press (f->text, GDK_KEY_Left, 0);
  g_object_set (f->view, "text", "a fox", NULL);
  g_assert_cmpint (cursor (f), ==, 4);
  g_assert_cmpint (n_notified, ==, 5);

  /* Another one is one change. */
  g_object_set (f->view, "text", "<b>a</b> & \"b\"", NULL);
  g_assert_cmpint (n_notified, ==, 6);
  g_object_get (f->view, "text", &read, NULL);
  g_assert_cmpstr (read, ==, "<b>a</b> & \"b\"");
  set_text (f, NULL);
  g_assert_cmpstr (get_text (f), ==, "");
  set_text (f, "bad \xff byte");
  g_assert_true (g_utf8_validate (get_text (f), -1, NULL));
}

static void
test_keys (Fixture *f, gconstpointer model)
{
  GtkWidget *button = gtk_button_new_with_label ("after");
  GtkWidget *box = gtk_widget_get_parent (f->text);
  int n_activated = 0;

  /* Tab leaves the text for what comes after it. */
  box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  g_object_ref (f->view);
  gtk_container_remove (GTK_CONTAINER (f->window), f->view);
  gtk_container_add (GTK_CONTAINER (box), f->view);
  g_object_unref (f->view);
  gtk_container_add (GTK_CONTAINER (box), button);
  gtk_container_add (GTK_CONTAINER (f->window), box);
  gtk_widget_show_all (box);

  g_signal_connect_swapped (f->view, "activated", G_CALLBACK (add_one), &n_activated);
  type (f, "a");
  test_press (f->text, GDK_KEY_Return, GDK_CONTROL_MASK);
  test_press (f->text, GDK_KEY_KP_Enter, GDK_CONTROL_MASK);
  g_assert_cmpint (n_activated, ==, 2);
  test_press (f->text, GDK_KEY_Return, 0);
  type (f, "b");
  g_assert_cmpint (n_activated, ==, 2);
  g_assert_cmpstr (get_text (f), ==, "a\nb");
  test_press (f->text, GDK_KEY_Tab, 0);
  g_assert_cmpstr (get_text (f), ==, "a\nb");
  g_assert_true (gtk_widget_is_focus (button));
  gtk_widget_grab_focus (f->view);
  g_assert_true (gtk_widget_is_focus (f->text));
}

static void
test_undo (Fixture *f, gconstpointer model)
{
  type (f, "red fox");
  test_press (f->text, GDK_KEY_BackSpace, 0);
  test_press (f->text, GDK_KEY_BackSpace, 0);
  g_assert_cmpstr (get_text (f), ==, "red f");
  set_text (f, "from the history");

  test_press (f->text, GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpstr (get_text (f), ==, "red f");
  test_press (f->text, GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpstr (get_text (f), ==, "red fox");
  test_press (f->text, GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpstr (get_text (f), ==, "red");
  g_assert_cmpint (cursor (f), ==, 3);
  test_press (f->text, GDK_KEY_Z, GDK_CONTROL_MASK | GDK_SHIFT_MASK);
  g_assert_cmpstr (get_text (f), ==, "red fox");
  test_press (f->text, GDK_KEY_y, GDK_CONTROL_MASK);
  test_press (f->text, GDK_KEY_y, GDK_CONTROL_MASK);
  g_assert_cmpstr (get_text (f), ==, "from the history");
  test_press (f->text, GDK_KEY_y, GDK_CONTROL_MASK); /* nothing left */
  for (int i = 0; i < 6; i++)
    test_press (f->text, GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpstr (get_text (f), ==, "");

  /* What is typed after undoing cannot be redone away. */
  type (f, "x");
  test_press (f->text, GDK_KEY_y, GDK_CONTROL_MASK);
  g_assert_cmpstr (get_text (f), ==, "x");
}

static void
test_undo_of_many_edits (Fixture *f, gconstpointer model)
{
  for (int i = 0; i < 700; i++)
    {
      g_autofree char *text = g_strdup_printf ("prompt %d", i);

      set_text (f, text);
    }
  for (int i = 0; i < 10; i++)
    g_signal_emit_by_name (f->text, "undo");
  g_assert_cmpstr (get_text (f), ==, "prompt 689");
  for (int i = 0; i < 1000; i++)
    g_signal_emit_by_name (f->text, "undo");
  for (int i = 0; i < 1000; i++)
    g_signal_emit_by_name (f->text, "redo");
  g_assert_cmpstr (get_text (f), ==, "prompt 699");
}

static void
test_count (Fixture *f, gconstpointer model)
{
  AtkObject *accessible = gtk_widget_get_accessible (f->text);
  g_autofree char *described = NULL;

  wait_for_count (f, 0);
  set_text (f, "a red fox, sleeping");
  g_assert_nonnull (test_find_label (f->view, "0 / 75")); /* not while typing */
  wait_for_count (f, count (f, "a red fox, sleeping", NULL));
  g_assert_cmpint (first_unread (f), ==, -1);
  described = g_strdup_printf ("%d tokens of 75", count (f, "a red fox, sleeping", NULL));
  g_assert_cmpstr (atk_object_get_description (accessible), ==, described);
}

static void
test_no_model (Fixture *f, gconstpointer model)
{
  g_autofree char *folder = test_model_folder ("tiny");

  set_text (f, "a red fox");
  test_run (300);
  g_assert_null (test_find_label (f->view, "/"));

  /* Counted as soon as there is a model, and no more when it goes. */
  gesso_session_open (f->session, folder, NULL);
  gesso_session_wait (f->session);
  wait_for_count (f, count (f, "a red fox", NULL));
  gesso_session_open (f->session, "/there/is/nothing", NULL);
  gesso_session_wait (f->session);
  test_run (50);
  g_assert_null (test_find_label (f->view, "/"));
}

/* The mark begins where the tokens end, in characters of two and four bytes as well. */
static void
test_cut_off (Fixture *f, gconstpointer model)
{
  const char *const words[] = { "fox ", "é ", "🦊 ", "日本 ", "é🦊日\n" };
  g_autofree char *tip = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autofree char *before = NULL;
      gssize cut_off;
      const char *at;
      int n_tokens, from;

      for (int j = 0; j < 90; j++)
        g_string_append (text, words[i]);
      n_tokens = count (f, text->str, &cut_off);
      g_assert_cmpint (n_tokens, >, 75);
      set_text (f, text->str);
      wait_for_count (f, n_tokens);
      from = first_unread (f);
      at = g_utf8_offset_to_pointer (text->str, from);
      g_assert_cmpint (at - text->str, <=, cut_off);
      g_assert_cmpint (g_utf8_next_char (at) - text->str, >, cut_off);
      /* All before it is read. */
      before = g_strndup (text->str, at - text->str);
      g_assert_cmpint (count (f, before, NULL), <=, 75);
    }
  tip = gtk_widget_get_tooltip_text (test_find_label (f->view, " / 75"));
  g_assert_nonnull (strstr (tip, "struck out"));

  set_text (f, "short again");
  wait_for_count (f, count (f, "short again", NULL));
  g_assert_cmpint (first_unread (f), ==, -1);
}

/* 100 kB do not hold up typing. */
static void
test_huge (Fixture *f, gconstpointer model)
{
  const char *const words[] = { "fox ", "x", " ", "é" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      clock_t begin;

      while (text->len < 100000)
        g_string_append (text, words[i]);
      begin = clock ();
      set_text (f, text->str);
      g_assert_cmpstr (get_text (f), ==, text->str);
      if (*words[i] == ' ')
        wait_for_count (f, 0);
      else
        {
          gssize cut_off;

          wait_for_label (f, "+ / 75");
          count (f, text->str, &cut_off);
          g_assert_cmpint (first_unread (f), ==, g_utf8_pointer_to_offset (text->str, text->str + cut_off));
        }
      /* Typing goes on. */
      test_press (f->text, GDK_KEY_q, 0);
      test_run (1);
      g_assert_cmpint (clock () - begin, <, 10 * CLOCKS_PER_SEC); /* of the processor: others may use the machine */
      g_test_message ("100 kB of '%s': %.0f ms", words[i], (clock () - begin) * 1e3 / CLOCKS_PER_SEC);
      set_text (f, "");
      wait_for_count (f, 0);
    }
}

static void
test_paste (Fixture *f, gconstpointer model)
{
  GtkClipboard *clipboard = gtk_widget_get_clipboard (f->text, GDK_SELECTION_CLIPBOARD);

  gtk_clipboard_set_text (clipboard, "<span size='1'>a\x01\x1b[31m\tb</span>\nc", -1);
  g_signal_emit_by_name (f->text, "paste-clipboard");
  test_run (100);
  g_assert_cmpstr (get_text (f), ==, "<span size='1'>a\x01\x1b[31m\tb</span>\nc");
  wait_for_count (f, count (f, get_text (f), NULL));

  /* A NUL ends what is pasted. */
  gtk_clipboard_set_text (clipboard, "a\0b", 3);
  set_text (f, "");
  g_signal_emit_by_name (f->text, "paste-clipboard");
  test_run (100);
  g_assert_cmpstr (get_text (f), ==, "a");
}

static void
test_accessible (Fixture *f, gconstpointer model)
{
  GtkWidget *button = gtk_button_new_with_label ("Recent");
  AtkObject *accessible = gtk_widget_get_accessible (f->text);
  g_autoptr (AtkRelationSet) relations = atk_object_ref_relation_set (accessible);
  GtkAllocation at, title;

  g_assert_cmpstr (atk_object_get_name (accessible), ==, "Prompt");
  g_assert_true (atk_relation_set_contains (relations, ATK_RELATION_LABELLED_BY));
  gesso_prompt_view_add_button (GESSO_PROMPT_VIEW (f->view), button);
  test_run (50);
  gtk_widget_get_allocation (button, &at);
  gtk_widget_get_allocation (test_find_label (f->view, "Prompt"), &title);
  g_assert_cmpint (at.x, >, title.x);
  g_assert_cmpint (at.y, <, title.y + title.height);
  test_press (button, GDK_KEY_p, GDK_MOD1_MASK);
  g_assert_true (gtk_widget_is_focus (f->text));
}

/* Going away with a count still to come. */
static void
test_destroy (void)
{
  g_autoptr (GessoSession) session = test_session_new ("tiny");
  g_autofree char *folder = test_model_folder ("small");
  GtkWidget *view = gesso_prompt_view_new ("_Prompt", 1, session);
  GtkWidget *window = test_show (view);

  gesso_prompt_view_set_text (GESSO_PROMPT_VIEW (view), "a fox");
  g_object_add_weak_pointer (G_OBJECT (view), (gpointer *) &view);
  gtk_widget_destroy (window);
  g_assert_null (view);
  gesso_session_open (session, folder, NULL);
  gesso_session_wait (session);
  test_run (200);
}

int
main (int argc, char *argv[])
{
  test_init (&argc, &argv);
#define ADD(name, model, test) g_test_add ("/prompt-view/" name, Fixture, model, set_up, test, tear_down)
  ADD ("text", NULL, test_text);
  ADD ("keys", NULL, test_keys);
  ADD ("undo", NULL, test_undo);
  ADD ("undo-of-many-edits", NULL, test_undo_of_many_edits);
  ADD ("no-model", NULL, test_no_model);
  ADD ("count", "tiny", test_count);
  ADD ("cut-off", "tiny", test_cut_off);
  ADD ("huge", "tiny", test_huge);
  ADD ("paste", "tiny", test_paste);
  ADD ("accessible", NULL, test_accessible);
  g_test_add_func ("/prompt-view/destroy", test_destroy);
  return g_test_run ();
}
