/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "progress-row.h"

#include <glib/gi18n-lib.h>

#include "style.h"

struct _GessoProgressRow
{
  GtkStack parent_instance;

  GtkWidget *label;
  GtkWidget *bar;
  guint pulse;
};

#define PULSE_MS 80

G_DEFINE_TYPE (GessoProgressRow, gesso_progress_row, GTK_TYPE_STACK)

static void
stop_pulse (GessoProgressRow *self)
{
  if (self->pulse)
    g_source_remove (self->pulse);
  self->pulse = 0;
}

static gboolean
on_pulse (gpointer data)
{
  GessoProgressRow *self = data;

  gtk_progress_bar_pulse (GTK_PROGRESS_BAR (self->bar));
  return G_SOURCE_CONTINUE;
}

static void
gesso_progress_row_dispose (GObject *object)
{
  stop_pulse (GESSO_PROGRESS_ROW (object));
  G_OBJECT_CLASS (gesso_progress_row_parent_class)->dispose (object);
}

static void
gesso_progress_row_class_init (GessoProgressRowClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = gesso_progress_row_dispose;
}

static void
gesso_progress_row_init (GessoProgressRow *self)
{
  self->label = gtk_label_new (NULL);
  gtk_label_set_xalign (GTK_LABEL (self->label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (self->label), PANGO_ELLIPSIZE_END);
  gesso_style_add (self->label, GESSO_STYLE_DIM);
  gtk_container_add (GTK_CONTAINER (self), self->label);

  self->bar = gtk_progress_bar_new ();
  gtk_progress_bar_set_show_text (GTK_PROGRESS_BAR (self->bar), TRUE);
  gtk_progress_bar_set_ellipsize (GTK_PROGRESS_BAR (self->bar), PANGO_ELLIPSIZE_END);
  gtk_progress_bar_set_pulse_step (GTK_PROGRESS_BAR (self->bar), 0.04);
  gtk_widget_set_valign (self->bar, GTK_ALIGN_CENTER);
  atk_object_set_name (gtk_widget_get_accessible (self->bar), _ ("Progress"));
  gtk_container_add (GTK_CONTAINER (self), self->bar);

  gtk_widget_show_all (GTK_WIDGET (self));
}

GtkWidget *
gesso_progress_row_new (void)
{
  return g_object_new (GESSO_TYPE_PROGRESS_ROW, NULL);
}

void
gesso_progress_row_set_idle (GessoProgressRow *self, const char *text)
{
  stop_pulse (self);
  gtk_label_set_text (GTK_LABEL (self->label), text);
  gtk_stack_set_visible_child (GTK_STACK (self), self->label);
}

void
gesso_progress_row_set_busy (GessoProgressRow *self, const char *text)
{
  gtk_progress_bar_set_text (GTK_PROGRESS_BAR (self->bar), text);
  gtk_stack_set_visible_child (GTK_STACK (self), self->bar);
  if (!self->pulse)
    self->pulse = g_timeout_add (PULSE_MS, on_pulse, self);
}

void
gesso_progress_row_set_fraction (GessoProgressRow *self, const char *text, double fraction)
{
  stop_pulse (self);
  gtk_progress_bar_set_text (GTK_PROGRESS_BAR (self->bar), text);
  gtk_progress_bar_set_fraction (GTK_PROGRESS_BAR (self->bar), CLAMP (fraction, 0.0, 1.0));
  gtk_stack_set_visible_child (GTK_STACK (self), self->bar);
}

void
gesso_progress_row_set_progress (GessoProgressRow *self, const GessoSessionProgress *progress)
{
  g_autofree char *text = gesso_progress_describe (progress);

  gesso_progress_row_set_fraction (self, text, progress->fraction);
}

static char *
describe_stage (const GessoSessionProgress *progress)
{
  switch (progress->stage)
    {
    case GESSO_STAGE_OPEN:
      return g_strdup (_ ("Reading the model"));
    case GESSO_STAGE_ENCODE:
      return g_strdup (_ ("Reading the prompt"));
    case GESSO_STAGE_DECODE:
      return g_strdup (_ ("Finishing the picture"));
    default:
      /* Translators: denoising steps done and to do. */
      return g_strdup_printf (_ ("Step %d of %d"), progress->step, progress->n_steps);
    }
}

static char *
describe_seconds (double seconds)
{
  /* From a minute on, seconds would only flicker. */
  int rounded = seconds < 60 ? MAX ((int) (seconds + 0.5), 1) : (int) ((seconds + 30) / 60);

  if (seconds < 60)
    return g_strdup_printf (ngettext ("%d s left", "%d s left", (gulong) rounded), rounded);
  return g_strdup_printf (ngettext ("%d min left", "%d min left", (gulong) rounded), rounded);
}

char *
gesso_progress_describe (const GessoSessionProgress *progress)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *stage = describe_stage (progress);

  g_string_append (text, stage);
  if (progress->seconds_left >= 0)
    {
      g_autofree char *left = describe_seconds (progress->seconds_left);

      g_string_append_printf (text, " · %s", left);
    }
  if (progress->n_pictures > 1)
    {
      /* Translators: which of the pictures is being painted; follows "Step 7 of 25 · 12 s left · ". */
      g_autofree char *picture = g_strdup_printf (_ ("picture %d of %d"), progress->picture + 1, progress->n_pictures);

      g_string_append_printf (text, " · %s", picture);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
gesso_progress_describe_end (int n_made, gint64 began, const GError *error)
{
  /* Nothing takes no time at all. */
  int seconds = (int) ((g_get_monotonic_time () - began + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);

  if (!error)
    return g_strdup_printf (ngettext ("%d picture in %d s", "%d pictures in %d s", (gulong) n_made), n_made, seconds);
  if (!g_error_matches (error, GESSO_ERROR, GESSO_ERROR_CANCELLED))
    return g_strdup ("");
  if (n_made == 0)
    return g_strdup (_ ("Cancelled"));
  return g_strdup_printf (
      ngettext ("Cancelled; %d picture is finished", "Cancelled; %d pictures are finished", (gulong) n_made), n_made);
}
