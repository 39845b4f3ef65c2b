/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>
#include <string.h>

#include "prompt-text.h"
#include "prompt-view.h"
#include "style.h"

enum
{
  MAX_TOKENS = 75,     /* what a CLIP text encoder reads between its start and end tokens */
  COUNT_DELAY = 150,   /* ms without typing */
  COUNT_BYTES = 16384, /* more than these are counted by their beginning alone */
};

struct _GessoPromptView
{
  GtkBox parent_instance;
  GtkWidget *header, *title, *warning, *count, *text_view;
  GtkTextBuffer *buffer; /* the text view's */
  GtkTextTag *unread;
  GessoSession *session;
  char *text;
  int min_lines;
  guint count_source;
};

G_DEFINE_FINAL_TYPE (GessoPromptView, gesso_prompt_view, GTK_TYPE_BOX)

enum
{
  PROP_TEXT = 1,
};

/* Where counting may stop in a very long text: at the last white space, as tokens do not span it. */
static char *
cut_text (const char *text)
{
  const char *end = text + COUNT_BYTES;

  while (end > text + COUNT_BYTES / 2 && !g_ascii_isspace (*end))
    end--;
  if (!g_ascii_isspace (*end))
    end = g_utf8_find_prev_char (text, text + COUNT_BYTES);
  return g_strndup (text, end - text);
}

/* `cut_off` is in bytes and may fall between the bytes of one character. */
static void
mark_unread (GessoPromptView *self, gssize cut_off)
{
  GtkTextIter start, end, from;

  gtk_text_buffer_get_bounds (self->buffer, &start, &end);
  gtk_text_buffer_remove_tag (self->buffer, self->unread, &start, &end);
  if (cut_off < 0 || (gsize) cut_off >= strlen (self->text))
    return;
  while (cut_off > 0 && (self->text[cut_off] & 0xc0) == 0x80)
    cut_off--;
  gtk_text_buffer_get_iter_at_offset (self->buffer, &from, g_utf8_pointer_to_offset (self->text, self->text + cut_off));
  gtk_text_buffer_apply_tag (self->buffer, self->unread, &from, &end);
}

static void
show_count (GessoPromptView *self, int n_tokens, gboolean more)
{
  gboolean above = n_tokens > MAX_TOKENS;
  g_autofree char *number = NULL, *explained = NULL;

  if (more && above)
    /* Translators: at least so many tokens of 75. */
    number = g_strdup_printf (_ ("%d+ / %d"), n_tokens, MAX_TOKENS);
  else
    /* Translators: so many tokens of 75. */
    number = g_strdup_printf (_ ("%d / %d"), n_tokens, MAX_TOKENS);
  if (above)
    explained
        = g_strdup_printf (_ ("The model reads the first %d tokens (words or parts of words). It does not see the "
                              "text that is struck out."),
                           MAX_TOKENS);
  else
    explained = g_strdup_printf (_ ("Tokens (words or parts of words) of the %d that the model reads."), MAX_TOKENS);
  gtk_label_set_text (GTK_LABEL (self->count), number);
  gtk_widget_set_tooltip_text (self->count, explained);
  gtk_widget_set_tooltip_text (self->warning, explained);
  gtk_widget_set_visible (self->warning, above);
  if (above)
    gesso_style_remove (self->count, GESSO_STYLE_DIM);
  else
    gesso_style_add (self->count, GESSO_STYLE_DIM);
  g_free (number);
  number = g_strdup_printf (ngettext ("%d token of %d", "%d tokens of %d", n_tokens), n_tokens, MAX_TOKENS);
  atk_object_set_description (gtk_widget_get_accessible (self->text_view), above ? explained : number);
}

static gboolean
count_tokens (gpointer data)
{
  GessoPromptView *self = data;
  GessoEngine *engine = self->session ? gesso_session_get_engine (self->session) : NULL;
  gboolean more = strlen (self->text) > COUNT_BYTES;
  gssize cut_off = -1;

  self->count_source = 0;
  if (engine)
    {
      g_autofree char *beginning = more ? cut_text (self->text) : NULL;
      int n_tokens = gesso_engine_count_tokens (engine, more ? beginning : self->text, &cut_off);

      if (more && n_tokens <= MAX_TOKENS) /* hardly anything but white space in front */
        {
          more = FALSE;
          n_tokens = gesso_engine_count_tokens (engine, self->text, &cut_off);
        }
      show_count (self, n_tokens, more);
    }
  else
    {
      gtk_label_set_text (GTK_LABEL (self->count), NULL);
      gtk_widget_set_tooltip_text (self->count, NULL);
      gtk_widget_hide (self->warning);
      atk_object_set_description (gtk_widget_get_accessible (self->text_view), "");
    }
  mark_unread (self, cut_off);
  return G_SOURCE_REMOVE;
}

static void
count_in (GessoPromptView *self, guint milliseconds)
{
  g_clear_handle_id (&self->count_source, g_source_remove);
  self->count_source = g_timeout_add (milliseconds, count_tokens, self);
}

static void
text_changed (GtkTextBuffer *buffer, GessoPromptView *self)
{
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  g_free (self->text);
  self->text = gtk_text_buffer_get_text (buffer, &start, &end, TRUE);
  count_in (self, COUNT_DELAY);
  g_object_notify (G_OBJECT (self), "text");
}

static void
session_changed (GessoPromptView *self)
{
  count_in (self, 0);
}

static void
activated (GessoPromptView *self)
{
  g_signal_emit_by_name (self, "activated");
}

/* What the model does not read fades: the theme's text colour, less of it. */
static void
style_updated (GessoPromptView *self)
{
  GtkStyleContext *style = gtk_widget_get_style_context (self->text_view);
  PangoContext *context = gtk_widget_get_pango_context (self->text_view);
  PangoFontMetrics *metrics = pango_context_get_metrics (context, NULL, NULL);
  int line = PANGO_PIXELS_CEIL (pango_font_metrics_get_ascent (metrics) + pango_font_metrics_get_descent (metrics));
  GtkTextView *view = GTK_TEXT_VIEW (self->text_view);
  GdkRGBA colour;

  pango_font_metrics_unref (metrics);
  gtk_style_context_get_color (style, gtk_style_context_get_state (style), &colour);
  colour.alpha *= 0.6;
  g_object_set (self->unread, "foreground-rgba", &colour, "strikethrough", TRUE, "strikethrough-rgba", &colour, NULL);
  gtk_widget_set_size_request (gtk_widget_get_parent (self->text_view), -1,
                               self->min_lines * line + gtk_text_view_get_top_margin (view)
                                   + gtk_text_view_get_bottom_margin (view) + 2);
}

static void
gesso_prompt_view_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_string (value, GESSO_PROMPT_VIEW (object)->text);
}

static void
gesso_prompt_view_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  gesso_prompt_view_set_text (GESSO_PROMPT_VIEW (object), g_value_get_string (value));
}

static void
gesso_prompt_view_dispose (GObject *object)
{
  GessoPromptView *self = GESSO_PROMPT_VIEW (object);

  g_clear_handle_id (&self->count_source, g_source_remove);
  g_clear_object (&self->session);
  G_OBJECT_CLASS (gesso_prompt_view_parent_class)->dispose (object);
}

static void
gesso_prompt_view_finalize (GObject *object)
{
  g_free (GESSO_PROMPT_VIEW (object)->text);
  G_OBJECT_CLASS (gesso_prompt_view_parent_class)->finalize (object);
}

/* The text, not the button above it. */
static void
gesso_prompt_view_grab_focus (GtkWidget *widget)
{
  gtk_widget_grab_focus (GESSO_PROMPT_VIEW (widget)->text_view);
}

static void
gesso_prompt_view_class_init (GessoPromptViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = gesso_prompt_view_get_property;
  object_class->set_property = gesso_prompt_view_set_property;
  object_class->dispose = gesso_prompt_view_dispose;
  object_class->finalize = gesso_prompt_view_finalize;
  GTK_WIDGET_CLASS (klass)->grab_focus = gesso_prompt_view_grab_focus;
  g_object_class_install_property (
      object_class, PROP_TEXT,
      g_param_spec_string ("text", NULL, NULL, "",
                           G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS));
  g_signal_new ("activated", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
gesso_prompt_view_init (GessoPromptView *self)
{
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL);

  self->text = g_strdup ("");
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 4);

  self->text_view = gesso_prompt_text_new ();
  self->buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (self->text_view));
  self->unread = gtk_text_buffer_create_tag (self->buffer, NULL, NULL);
  g_signal_connect (self->buffer, "changed", G_CALLBACK (text_changed), self);
  g_signal_connect_swapped (self->text_view, "activated", G_CALLBACK (activated), self);
  g_signal_connect_swapped (self->text_view, "style-updated", G_CALLBACK (style_updated), self);

  self->header = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  self->title = gtk_label_new (NULL);
  gtk_label_set_xalign (GTK_LABEL (self->title), 0);
  gtk_label_set_ellipsize (GTK_LABEL (self->title), PANGO_ELLIPSIZE_END);
  gtk_label_set_mnemonic_widget (GTK_LABEL (self->title), self->text_view);
  self->warning = gtk_image_new_from_icon_name ("dialog-warning-symbolic", GTK_ICON_SIZE_MENU);
  gtk_widget_set_no_show_all (self->warning, TRUE);
  gesso_style_add (self->warning, GESSO_STYLE_WARNING);
  self->count = gtk_label_new (NULL);
  /* "12 / 75" is read from the left in every language. */
  gtk_widget_set_direction (self->count, GTK_TEXT_DIR_LTR);
  gtk_box_pack_start (GTK_BOX (self->header), self->title, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (self->header), self->warning, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self->header), self->count, FALSE, FALSE, 0);

  gtk_scrolled_window_set_shadow_type (GTK_SCROLLED_WINDOW (scrolled), GTK_SHADOW_IN);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_container_add (GTK_CONTAINER (scrolled), self->text_view);
  gtk_box_pack_start (GTK_BOX (self), self->header, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self), scrolled, TRUE, TRUE, 0);
  gtk_widget_show_all (self->header);
  gtk_widget_show_all (scrolled);
}

GtkWidget *
gesso_prompt_view_new (const char *title, int min_lines, GessoSession *session)
{
  GessoPromptView *self = g_object_new (GESSO_TYPE_PROMPT_VIEW, NULL);

  self->min_lines = MAX (min_lines, 1);
  gtk_label_set_text_with_mnemonic (GTK_LABEL (self->title), title);
  atk_object_set_name (gtk_widget_get_accessible (self->text_view), gtk_label_get_text (GTK_LABEL (self->title)));
  style_updated (self);
  if (session)
    {
      self->session = g_object_ref (session);
      g_signal_connect_object (session, "notify::state", G_CALLBACK (session_changed), self, G_CONNECT_SWAPPED);
      count_in (self, 0);
    }
  return GTK_WIDGET (self);
}

const char *
gesso_prompt_view_get_text (GessoPromptView *self)
{
  g_return_val_if_fail (GESSO_IS_PROMPT_VIEW (self), NULL);
  return self->text;
}

void
gesso_prompt_view_set_text (GessoPromptView *self, const char *text)
{
  g_autofree char *valid = NULL;
  GtkTextIter start, end;

  g_return_if_fail (GESSO_IS_PROMPT_VIEW (self));
  valid = g_utf8_make_valid (text ? text : "", -1);
  /* A binding sets the text that was just typed: the cursor stays. */
  if (g_str_equal (valid, self->text))
    return;
  g_object_freeze_notify (G_OBJECT (self));
  gtk_text_buffer_begin_user_action (self->buffer);
  gtk_text_buffer_get_bounds (self->buffer, &start, &end);
  gtk_text_buffer_delete (self->buffer, &start, &end);
  gtk_text_buffer_insert (self->buffer, &start, valid, -1);
  gtk_text_buffer_end_user_action (self->buffer);
  g_object_thaw_notify (G_OBJECT (self));
}

void
gesso_prompt_view_add_button (GessoPromptView *self, GtkWidget *button)
{
  g_return_if_fail (GESSO_IS_PROMPT_VIEW (self) && GTK_IS_WIDGET (button));
  gtk_box_pack_end (GTK_BOX (self->header), button, FALSE, FALSE, 0);
  gtk_widget_show (button);
}
