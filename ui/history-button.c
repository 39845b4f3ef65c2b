/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>

#include "history.h"
#include "style.h"

/* What of a prompt is laid out in the list and in its tooltip: two lines, and a screenful. */
enum
{
  ROW_CHARS = 200,
  TOOLTIP_CHARS = 1000,
};

struct _GessoHistoryButton
{
  GtkMenuButton parent_instance;
  GtkWidget *popover, *list;
  GessoHistory *history;
};

G_DEFINE_FINAL_TYPE (GessoHistoryButton, gesso_history_button, GTK_TYPE_MENU_BUTTON)

static const char row_prompt[] = "gesso-prompt";

/* The beginning of a prompt, with an ellipsis where that is not all; on one line if need be. */
static char *
abbreviate (const char *prompt, glong n_chars, gboolean one_line)
{
  const char *end = prompt;
  g_autofree char *beginning = NULL;
  char *text;

  for (glong i = 0; i < n_chars && *end; i++)
    end = g_utf8_next_char (end);
  beginning = g_strndup (prompt, end - prompt);
  text = g_strconcat (beginning, *end ? "…" : "", NULL);
  if (one_line)
    g_strdelimit (g_strstrip (text), "\n\r\t\v\f", ' ');
  return text;
}

static GtkWidget *
row_new (const char *prompt)
{
  g_autofree char *text = abbreviate (prompt, ROW_CHARS, TRUE);
  g_autofree char *tip = abbreviate (prompt, TOOLTIP_CHARS, FALSE);
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_line_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_lines (GTK_LABEL (label), 2);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_width_chars (GTK_LABEL (label), 44);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 44);
  g_object_set (label, "margin", 6, NULL);
  gtk_container_add (GTK_CONTAINER (row), label);
  gtk_widget_set_tooltip_text (row, tip);
  atk_object_set_name (gtk_widget_get_accessible (row), text);
  g_object_set_data_full (G_OBJECT (row), row_prompt, g_strdup (prompt), g_free);
  return row;
}

static void
destroy_row (GtkWidget *row, gpointer data)
{
  gtk_widget_destroy (row);
}

static void
fill (GtkWidget *popover, GessoHistoryButton *self)
{
  const char *const *prompts = gesso_history_get_prompts (self->history);

  gtk_container_foreach (GTK_CONTAINER (self->list), destroy_row, NULL);
  for (guint i = 0; prompts[i]; i++)
    gtk_container_add (GTK_CONTAINER (self->list), row_new (prompts[i]));
  gtk_widget_show_all (self->list);
  /* The arrow keys go on from the newest. */
  if (*prompts)
    gtk_widget_grab_focus (GTK_WIDGET (gtk_list_box_get_row_at_index (GTK_LIST_BOX (self->list), 0)));
}

static void
row_activated (GtkListBox *list, GtkListBoxRow *row, GessoHistoryButton *self)
{
  g_autofree char *prompt = g_strdup (g_object_get_data (G_OBJECT (row), row_prompt));

  gtk_popover_popdown (GTK_POPOVER (self->popover));
  g_signal_emit_by_name (self, "chosen", prompt);
}

static void
gesso_history_button_class_init (GessoHistoryButtonClass *klass)
{
  g_signal_new ("chosen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE);
}

static void
gesso_history_button_init (GessoHistoryButton *self)
{
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL);
  GtkWidget *empty = gtk_label_new (_ ("No prompts yet"));

  gesso_style_set_icon (GTK_BUTTON (self), "document-open-recent-symbolic", _ ("Recent"), _ ("Recent prompts"));
  gtk_button_set_relief (GTK_BUTTON (self), GTK_RELIEF_NONE);
  gesso_style_add (GTK_WIDGET (self), GESSO_STYLE_SMALL);

  self->list = gtk_list_box_new ();
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (self->list), GTK_SELECTION_NONE);
  g_object_set (empty, "margin", 18, NULL);
  gesso_style_add (empty, GESSO_STYLE_DIM);
  gtk_widget_show (empty);
  gtk_list_box_set_placeholder (GTK_LIST_BOX (self->list), empty);
  g_signal_connect (self->list, "row-activated", G_CALLBACK (row_activated), self);
  atk_object_set_name (gtk_widget_get_accessible (self->list), _ ("Recent prompts"));

  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scrolled), TRUE);
  gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (scrolled), 320);
  gtk_widget_set_can_focus (scrolled, FALSE); /* the rows are */
  gtk_container_add (GTK_CONTAINER (scrolled), self->list);
  gtk_widget_show_all (scrolled);

  self->popover = gtk_popover_new (GTK_WIDGET (self));
  gtk_container_add (GTK_CONTAINER (self->popover), scrolled);
  g_signal_connect (self->popover, "show", G_CALLBACK (fill), self);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (self), self->popover);
}

GtkWidget *
gesso_history_button_new (GessoHistory *history)
{
  GessoHistoryButton *self = g_object_new (GESSO_TYPE_HISTORY_BUTTON, NULL);

  self->history = history;
  return GTK_WIDGET (self);
}
