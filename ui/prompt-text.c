/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <gdk/gdkkeysyms.h>
#include <string.h>

#include "prompt-text.h"

enum
{
  MAX_EDITS = 500,    /* so much can be taken back; older edits are forgotten */
  LONGEST_RUN = 1000, /* bytes without the begin or end of a word; longer ones are wrapped anywhere */
};

typedef struct
{
  guint action; /* edits of one action are undone together */
  gboolean inserted;
  gboolean typed; /* by single keys, and may go on */
  int at;         /* in characters */
  GString *text;
} Edit;

struct _GessoPromptText
{
  GtkTextView parent_instance;
  GQueue done, undone; /* of Edit, the last one first */
  guint action;
  gboolean in_action, replaying;
};

G_DEFINE_FINAL_TYPE (GessoPromptText, gesso_prompt_text, GTK_TYPE_TEXT_VIEW)

static void
edit_free (gpointer data)
{
  Edit *edit = data;

  g_string_free (edit->text, TRUE);
  g_free (edit);
}

/* Typing, or deleting with one key, goes on where it was: one edit up to the end of a word. */
static gboolean
edit_extend (Edit *edit, gboolean inserted, int at, const char *text)
{
  glong length = g_utf8_strlen (edit->text->str, -1);

  if (!edit->typed || edit->inserted != inserted || g_utf8_strlen (text, -1) != 1
      || (inserted && g_unichar_isspace (g_utf8_get_char (text))))
    return FALSE;
  if (inserted && at == edit->at + length)
    g_string_append (edit->text, text);
  else if (!inserted && at == edit->at) /* Delete */
    g_string_append (edit->text, text);
  else if (!inserted && at == edit->at - 1) /* Backspace */
    {
      g_string_prepend (edit->text, text);
      edit->at = at;
    }
  else
    return FALSE;
  return TRUE;
}

static void
record (GessoPromptText *self, gboolean inserted, int at, const char *text)
{
  Edit *edit = g_queue_peek_head (&self->done);

  if (self->replaying || !*text)
    return;
  g_queue_clear_full (&self->undone, edit_free);
  if (!self->in_action)
    self->action++;
  if (edit && edit->action != self->action && edit_extend (edit, inserted, at, text))
    return;
  edit = g_new (Edit, 1);
  *edit = (Edit) { .action = self->action,
                   .inserted = inserted,
                   .typed = g_utf8_strlen (text, -1) == 1,
                   .at = at,
                   .text = g_string_new (text) };
  g_queue_push_head (&self->done, edit);
  if (g_queue_get_length (&self->done) > MAX_EDITS)
    edit_free (g_queue_pop_tail (&self->done));
}

static void
insert_text (GtkTextBuffer *buffer, GtkTextIter *at, const char *text, int length, GessoPromptText *self)
{
  g_autofree char *inserted = g_strndup (text, length);

  record (self, TRUE, gtk_text_iter_get_offset (at), inserted);
}

static void
delete_range (GtkTextBuffer *buffer, GtkTextIter *start, GtkTextIter *end, GessoPromptText *self)
{
  g_autofree char *deleted = gtk_text_buffer_get_text (buffer, start, end, TRUE);

  record (self, FALSE, gtk_text_iter_get_offset (start), deleted);
}

static void
begin_action (GtkTextBuffer *buffer, GessoPromptText *self)
{
  self->action++;
  self->in_action = TRUE;
}

static void
end_action (GtkTextBuffer *buffer, GessoPromptText *self)
{
  self->in_action = FALSE;
}

/* Takes the edits of the last action from one queue, does them or their opposite, and moves them to the other. */
static void
replay (GessoPromptText *self, GQueue *from, GQueue *to, gboolean undo)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (self));
  Edit *edit = g_queue_peek_head (from);
  guint action;
  GtkTextIter start, end;

  if (!edit || !gtk_text_view_get_editable (GTK_TEXT_VIEW (self)))
    return;
  self->replaying = TRUE;
  gtk_text_buffer_begin_user_action (buffer);
  for (action = edit->action; edit && edit->action == action; edit = g_queue_peek_head (from))
    {
      gtk_text_buffer_get_iter_at_offset (buffer, &start, edit->at);
      if (edit->inserted == !undo)
        gtk_text_buffer_insert (buffer, &start, edit->text->str, -1);
      else
        {
          end = start;
          gtk_text_iter_forward_chars (&end, g_utf8_strlen (edit->text->str, -1));
          gtk_text_buffer_delete (buffer, &start, &end);
        }
      gtk_text_buffer_place_cursor (buffer, &start);
      g_queue_push_head (to, g_queue_pop_head (from));
    }
  gtk_text_buffer_end_user_action (buffer);
  self->replaying = FALSE;
  self->action++;
  gtk_text_view_scroll_mark_onscreen (GTK_TEXT_VIEW (self), gtk_text_buffer_get_insert (buffer));
}

static void
undo (GessoPromptText *self)
{
  replay (self, &self->done, &self->undone, TRUE);
}

static void
redo (GessoPromptText *self)
{
  replay (self, &self->undone, &self->done, FALSE);
}

/* Pango takes minutes to wrap 100 kB without a space while it looks for words, and less than a second otherwise. */
static void
choose_wrapping (GtkTextBuffer *buffer, GessoPromptText *self)
{
  g_autofree char *text = NULL;
  gsize longest = 0;
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  text = gtk_text_buffer_get_text (buffer, &start, &end, TRUE);
  for (const char *at = text; *at && longest <= LONGEST_RUN;)
    {
      gsize length = strspn (at, " \t");

      if (!length)
        length = strcspn (at, " \t\n");
      longest = MAX (longest, length);
      at += MAX (length, 1);
    }
  gtk_text_view_set_wrap_mode (GTK_TEXT_VIEW (self), longest > LONGEST_RUN ? GTK_WRAP_CHAR : GTK_WRAP_WORD_CHAR);
}

static void
gesso_prompt_text_finalize (GObject *object)
{
  GessoPromptText *self = GESSO_PROMPT_TEXT (object);

  g_queue_clear_full (&self->done, edit_free);
  g_queue_clear_full (&self->undone, edit_free);
  G_OBJECT_CLASS (gesso_prompt_text_parent_class)->finalize (object);
}

static void
gesso_prompt_text_constructed (GObject *object)
{
  GtkTextBuffer *buffer;

  G_OBJECT_CLASS (gesso_prompt_text_parent_class)->constructed (object);
  buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (object));
  g_signal_connect_object (buffer, "insert-text", G_CALLBACK (insert_text), object, 0);
  g_signal_connect_object (buffer, "delete-range", G_CALLBACK (delete_range), object, 0);
  g_signal_connect_object (buffer, "changed", G_CALLBACK (choose_wrapping), object, 0);
  g_signal_connect_object (buffer, "begin-user-action", G_CALLBACK (begin_action), object, 0);
  g_signal_connect_object (buffer, "end-user-action", G_CALLBACK (end_action), object, 0);
}

static void
gesso_prompt_text_class_init (GessoPromptTextClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);
  GSignalFlags flags = G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION;
  /* Bindings instead of a key handler: GTK matches them on keyboards of other scripts too. */
  GtkBindingSet *bindings = gtk_binding_set_by_class (klass);
  const guint enter[] = { GDK_KEY_Return, GDK_KEY_KP_Enter, GDK_KEY_ISO_Enter };

  object_class->constructed = gesso_prompt_text_constructed;
  object_class->finalize = gesso_prompt_text_finalize;
  g_signal_new ("activated", type, flags, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  g_signal_new_class_handler ("undo", type, flags, G_CALLBACK (undo), NULL, NULL, NULL, G_TYPE_NONE, 0);
  g_signal_new_class_handler ("redo", type, flags, G_CALLBACK (redo), NULL, NULL, NULL, G_TYPE_NONE, 0);
  for (guint i = 0; i < G_N_ELEMENTS (enter); i++)
    gtk_binding_entry_add_signal (bindings, enter[i], GDK_CONTROL_MASK, "activated", 0);
  gtk_binding_entry_add_signal (bindings, GDK_KEY_z, GDK_CONTROL_MASK, "undo", 0);
  gtk_binding_entry_add_signal (bindings, GDK_KEY_z, GDK_CONTROL_MASK | GDK_SHIFT_MASK, "redo", 0);
  gtk_binding_entry_add_signal (bindings, GDK_KEY_y, GDK_CONTROL_MASK, "redo", 0);
}

static void
gesso_prompt_text_init (GessoPromptText *self)
{
  GtkTextView *view = GTK_TEXT_VIEW (self);

  g_queue_init (&self->done);
  g_queue_init (&self->undone);
  gtk_text_view_set_wrap_mode (view, GTK_WRAP_WORD_CHAR);
  gtk_text_view_set_accepts_tab (view, FALSE);
  gtk_text_view_set_left_margin (view, 6);
  gtk_text_view_set_right_margin (view, 6);
  gtk_text_view_set_top_margin (view, 4);
  gtk_text_view_set_bottom_margin (view, 4);
}

GtkWidget *
gesso_prompt_text_new (void)
{
  return g_object_new (GESSO_TYPE_PROMPT_TEXT, NULL);
}
