/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "panel-private.h"

#include <gdk/gdkkeysyms.h>

#include "error-bar.h"
#include "form.h"
#include "gallery.h"
#include "progress-row.h"

enum
{
  PROP_PAINTING = 1,
  PROP_N_KEPT,
  N_PROPERTIES,
};

static GParamSpec *properties[N_PROPERTIES];

enum
{
  SIGNAL_ACTIVATED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

#define LEAST_FORM_WIDTH 360
#define LEAST_FORM_HEIGHT 300

G_DEFINE_TYPE (GessoPanel, gesso_panel, GESSO_TYPE_CHOICES_BOX)

/* --- Remedies, keys --- */

static void
on_use_size (GessoErrorBar *bar, int width, int height, GessoPanel *self)
{
  g_object_set (self, "width", width, "height", height, NULL);
}

static void
on_use_model (GessoErrorBar *bar, const char *model, GessoPanel *self)
{
  g_object_set (self, "model", model, NULL);
}

/* A seed that is to be used again stays until it is set free. */
static void
use_seed (GSimpleAction *action, GVariant *seed, gpointer self)
{
  g_object_set (self, "seed", (int) MIN (g_variant_get_uint64 (seed), G_MAXINT), "lock-seed", TRUE, NULL);
}

static void
use_prompt (GSimpleAction *action, GVariant *prompts, gpointer self)
{
  const char *prompt, *negative_prompt;

  g_variant_get (prompts, "(&s&s)", &prompt, &negative_prompt);
  g_object_set (self, "prompt", prompt, "negative-prompt", negative_prompt, NULL);
}

/* What the menu of a picture offers. */
static void
add_actions (GessoPanel *self)
{
  static const GActionEntry entries[] = {
    { .name = "use-seed", .activate = use_seed, .parameter_type = "t" },
    { .name = "use-prompt", .activate = use_prompt, .parameter_type = "(ss)" },
  };
  g_autoptr (GSimpleActionGroup) actions = g_simple_action_group_new ();

  g_action_map_add_action_entries (G_ACTION_MAP (actions), entries, G_N_ELEMENTS (entries), self);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "result", G_ACTION_GROUP (actions));
}

static void
on_n_kept (GObject *gallery, GParamSpec *pspec, GessoPanel *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_KEPT]);
}

static void
on_form_activated (GessoForm *form, GessoPanel *self)
{
  g_signal_emit (self, signals[SIGNAL_ACTIVATED], 0);
}

/* Ctrl+Enter wherever the focus is. */
static gboolean
gesso_panel_key_press_event (GtkWidget *widget, GdkEventKey *event)
{
  gboolean enter
      = event->keyval == GDK_KEY_Return || event->keyval == GDK_KEY_KP_Enter || event->keyval == GDK_KEY_ISO_Enter;

  if (enter && (event->state & gtk_accelerator_get_default_mod_mask ()) == GDK_CONTROL_MASK)
    {
      g_signal_emit (widget, signals[SIGNAL_ACTIVATED], 0);
      return GDK_EVENT_STOP;
    }
  return GTK_WIDGET_CLASS (gesso_panel_parent_class)->key_press_event (widget, event);
}

static void
gesso_panel_grab_focus (GtkWidget *widget)
{
  gtk_widget_grab_focus (GESSO_PANEL (widget)->form);
}

/* --- The object --- */

static void
gesso_panel_notify (GObject *object, GParamSpec *pspec)
{
  static const char *const opened_with[] = { "model", "device", "precision", NULL };

  if (GESSO_PANEL (object)->session && g_strv_contains (opened_with, pspec->name))
    gesso_panel_schedule_open (GESSO_PANEL (object));
  if (G_OBJECT_CLASS (gesso_panel_parent_class)->notify)
    G_OBJECT_CLASS (gesso_panel_parent_class)->notify (object, pspec);
}

static void
gesso_panel_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GessoPanel *self = GESSO_PANEL (object);

  if (id == PROP_PAINTING)
    g_value_set_boolean (value, gesso_panel_is_painting (self));
  else
    g_value_set_int (value, gesso_gallery_get_n_kept (GESSO_GALLERY (self->gallery)));
}

static void
gesso_panel_dispose (GObject *object)
{
  GessoPanel *self = GESSO_PANEL (object);

  if (self->open_source)
    g_source_remove (self->open_source);
  self->open_source = 0;
  if (self->session)
    {
      g_signal_handlers_disconnect_by_data (self->session, self);
      gesso_session_cancel (self->session);
    }
  G_OBJECT_CLASS (gesso_panel_parent_class)->dispose (object);
  g_clear_object (&self->session);
}

static void
gesso_panel_finalize (GObject *object)
{
  GessoPanel *self = GESSO_PANEL (object);

  g_clear_pointer (&self->request, gesso_request_free);
  g_clear_pointer (&self->origin, gesso_origin_free);
  g_clear_pointer (&self->history, gesso_history_free);
  G_OBJECT_CLASS (gesso_panel_parent_class)->finalize (object);
}

static void
gesso_panel_class_init (GessoPanelClass *klass)
{
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->notify = gesso_panel_notify;
  object_class->get_property = gesso_panel_get_property;
  object_class->dispose = gesso_panel_dispose;
  object_class->finalize = gesso_panel_finalize;
  GTK_WIDGET_CLASS (klass)->key_press_event = gesso_panel_key_press_event;
  GTK_WIDGET_CLASS (klass)->grab_focus = gesso_panel_grab_focus;

  properties[PROP_PAINTING] = g_param_spec_boolean ("painting", NULL, NULL, FALSE, flags);
  properties[PROP_N_KEPT] = g_param_spec_int ("n-kept", NULL, NULL, 0, G_MAXINT, 0, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  signals[SIGNAL_ACTIVATED]
      = g_signal_new ("activated", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
gesso_panel_init (GessoPanel *self)
{
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 6);
  add_actions (self);
}

/* Where there is something to scroll. */
static void
show_bar (GtkAdjustment *adjustment, GtkWidget *bar)
{
  gtk_widget_set_opacity (bar, gtk_adjustment_get_upper (adjustment) > gtk_adjustment_get_page_size (adjustment));
}

static void
build (GessoPanel *self, const GessoPanelPlace *place, GessoMakeScale make_scale)
{
  GtkWidget *columns = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL);
  GtkWidget *bar = gtk_scrolled_window_get_vscrollbar (GTK_SCROLLED_WINDOW (scrolled));

  /* On a low screen the settings scroll and the picture shrinks. The bar has its place from the start: it would take
   * its width from the settings. */
  self->form = gesso_form_new (G_OBJECT (self), self->session, place, self->history, make_scale);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_ALWAYS);
  g_signal_connect_object (gtk_range_get_adjustment (GTK_RANGE (bar)), "changed", G_CALLBACK (show_bar), bar, 0);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scrolled), TRUE);
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scrolled), LEAST_FORM_HEIGHT);
  gtk_widget_set_size_request (scrolled, LEAST_FORM_WIDTH, -1);
  gtk_widget_set_hexpand (scrolled, FALSE); /* what grows with the window is the picture */
  gtk_widget_set_margin_end (self->form, 6);
  /* What is hidden below shall be seen to be there; what gets the focus comes into sight. */
  gtk_scrolled_window_set_overlay_scrolling (GTK_SCROLLED_WINDOW (scrolled), FALSE);
  gtk_container_set_focus_vadjustment (GTK_CONTAINER (self->form),
                                       gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (scrolled)));
  gtk_container_add (GTK_CONTAINER (scrolled), self->form);
  gtk_box_pack_start (GTK_BOX (columns), scrolled, FALSE, FALSE, 0);

  self->gallery = gesso_gallery_new (place->backdrop, place->backdrop_width, place->backdrop_height);
  gtk_box_pack_start (GTK_BOX (columns), self->gallery, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (self), columns, TRUE, TRUE, 0);

  self->error_bar = gesso_error_bar_new ();
  gtk_box_pack_start (GTK_BOX (self), self->error_bar, FALSE, FALSE, 0);
  self->progress = gesso_progress_row_new ();
  gtk_box_pack_start (GTK_BOX (self), self->progress, FALSE, FALSE, 0);
  gtk_widget_show_all (GTK_WIDGET (self));
}

GtkWidget *
gesso_panel_new (const GessoPanelPlace *place, const char *history_file, GessoMakeScale make_scale)
{
  GessoPanel *self = g_object_new (GESSO_TYPE_PANEL, NULL);

  self->session = gesso_session_new ();
  self->history = gesso_history_new (history_file);
  build (self, place, make_scale);

  g_signal_connect (self->form, "activated", G_CALLBACK (on_form_activated), self);
  g_signal_connect (self->gallery, "notify::n-kept", G_CALLBACK (on_n_kept), self);
  g_signal_connect (self->error_bar, "use-size", G_CALLBACK (on_use_size), self);
  g_signal_connect (self->error_bar, "use-model", G_CALLBACK (on_use_model), self);
  gesso_panel_listen (self);
  return GTK_WIDGET (self);
}

void
gesso_panel_set_n_threads (GessoPanel *self, int n_threads)
{
  g_return_if_fail (GESSO_IS_PANEL (self));
  self->n_threads = n_threads;
}

GPtrArray *
gesso_panel_get_kept (GessoPanel *self)
{
  g_return_val_if_fail (GESSO_IS_PANEL (self), NULL);
  return gesso_gallery_get_kept (GESSO_GALLERY (self->gallery));
}

void
gesso_panel_show_error (GessoPanel *self, const GError *error)
{
  g_return_if_fail (GESSO_IS_PANEL (self) && error);
  gesso_error_bar_show_error (GESSO_ERROR_BAR (self->error_bar), error, NULL, NULL,
                              gesso_choices_box_get (GESSO_CHOICES_BOX (self))->model);
}

void
gesso_panel_show_work (GessoPanel *self, const char *text, double fraction)
{
  g_return_if_fail (GESSO_IS_PANEL (self));
  self->working = text != NULL;
  gtk_widget_set_sensitive (self->form, !self->working);
  gtk_widget_set_sensitive (self->gallery, !self->working);
  if (text)
    gesso_progress_row_set_fraction (GESSO_PROGRESS_ROW (self->progress), text, fraction);
  else
    gesso_progress_row_set_idle (GESSO_PROGRESS_ROW (self->progress), "");
}

GessoSession *
gesso_panel_get_session (GessoPanel *self)
{
  g_return_val_if_fail (GESSO_IS_PANEL (self), NULL);
  return self->session;
}
