/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "panel.h"

#include <gdk/gdkkeysyms.h>
#include <glib/gi18n-lib.h>

#include "error-bar.h"
#include "form.h"
#include "gallery.h"
#include "history.h"
#include "bounds.h"
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

struct _GessoPanel
{
  GessoChoicesBox parent_instance;

  GessoSession *session;
  GessoHistory *history;
  GtkWidget *form;
  GtkWidget *gallery;
  GtkWidget *error_bar;
  GtkWidget *progress;

  guint open_source;       /* the model is opened when the settings have come to rest */
  gboolean stale;          /* another model, device or precision was chosen than is open */
  GessoSessionState state; /* of the session when last heard of */
  gboolean waiting;        /* `request` waits for the model */
  gboolean running;        /* the session paints `request` */
  gboolean cancelling;
  gboolean working; /* gesso_panel_show_work() */
  GessoRequest *request;
  int layer_width, layer_height; /* what was chosen when `request` was made; 0: the place to fill */
  GessoOrigin *origin;           /* of the pictures being painted */
  int n_made;                    /* pictures of the running request */
  gint64 began;
};

#define OPEN_DELAY_MS 150
#define LEAST_FORM_WIDTH 360
#define LEAST_FORM_HEIGHT 300

G_DEFINE_TYPE (GessoPanel, gesso_panel, GESSO_TYPE_CHOICES_BOX)

static const GessoChoices *
choices_of (GessoPanel *self)
{
  return gesso_choices_box_get (GESSO_CHOICES_BOX (self));
}

static gboolean
is_painting (GessoPanel *self)
{
  return self->waiting || self->running;
}

/* --- The model --- */

static void
open_model (GessoPanel *self)
{
  const GessoChoices *choices = choices_of (self);
  g_autoptr (GessoOptions) options = gesso_options_new ();

  if (self->open_source)
    g_source_remove (self->open_source);
  self->open_source = 0;
  /* One that could not be opened is tried again. */
  if (!self->stale && gesso_session_get_state (self->session) != GESSO_SESSION_CLOSED)
    return;
  self->stale = FALSE;
  /* The choosers offer no other names; what a script has set wrongly counts as "auto". */
  gesso_device_from_string (choices->device, &options->device);
  gesso_precision_from_string (choices->precision, &options->precision);
  gesso_error_bar_hide (GESSO_ERROR_BAR (self->error_bar));
  gesso_session_open (self->session, choices->model, options);
}

static gboolean
on_open_timeout (gpointer data)
{
  GessoPanel *self = data;

  self->open_source = 0;
  open_model (self);
  return G_SOURCE_REMOVE;
}

/* What is painting goes on with the settings that it began with: its model stays open until then. */
static void
schedule_open (GessoPanel *self)
{
  self->stale = TRUE;
  if (self->open_source)
    g_source_remove (self->open_source);
  self->open_source = is_painting (self) ? 0 : g_timeout_add (OPEN_DELAY_MS, on_open_timeout, self);
}

/* --- Painting --- */

static GessoRequest *
new_request (GessoPanel *self)
{
  const GessoChoices *choices = choices_of (self);
  GessoRequest *request = gesso_request_new (choices->prompt);

  request->negative_prompt = g_strdup (choices->negative_prompt);
  gesso_form_get_size (GESSO_FORM (self->form), &request->width, &request->height);
  request->steps = choices->steps;
  request->guidance = choices->guidance;
  request->seed = (guint64) choices->seed;
  request->n_images = choices->count;
  if (choices->scheduler[0])
    request->scheduler = g_strdup (choices->scheduler);
  return request;
}

/* The size to paint, and what was chosen for it. */
static void
take_size (GessoPanel *self)
{
  const GessoChoices *choices = choices_of (self);

  gesso_form_get_size (GESSO_FORM (self->form), &self->request->width, &self->request->height);
  self->layer_width = choices->width;
  self->layer_height = choices->height;
}

static void
set_idle (GessoPanel *self, const char *text)
{
  gesso_progress_row_set_idle (GESSO_PROGRESS_ROW (self->progress), text);
}

/* Every way painting ends comes through here. */
static void
end_painting (GessoPanel *self, const GError *error)
{
  g_autoptr (GessoRequest) request = g_steal_pointer (&self->request);
  g_autofree char *model = g_strdup (gesso_session_get_model (self->session));
  g_autofree char *text = gesso_progress_describe_end (self->n_made, self->began, error);

  self->waiting = FALSE;
  self->running = FALSE;
  self->cancelling = FALSE;
  g_clear_pointer (&self->origin, gesso_origin_free);
  gesso_gallery_end (GESSO_GALLERY (self->gallery));
  set_idle (self, text);
  if (error)
    gesso_error_bar_show_error (GESSO_ERROR_BAR (self->error_bar), error, gesso_session_get_engine (self->session),
                                request, model);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PAINTING]);
}

/* The chosen side, unless the picture has another for want of room in the form. */
static int
layer_side (int chosen, int painted)
{
  return chosen == 0 || ABS (chosen - painted) < GESSO_SIDE_UNIT ? chosen : painted;
}

/* The model is open: what could not be known before is filled in. */
static void
start_waiting_request (GessoPanel *self)
{
  self->waiting = FALSE;
  self->running = TRUE;
  if (self->request->width == 0 || self->request->height == 0)
    take_size (self);
  self->origin = gesso_origin_new (self->session, layer_side (self->layer_width, self->request->width),
                                   layer_side (self->layer_height, self->request->height));
  gesso_session_paint (self->session, self->request);
}

static void
on_state (GObject *object, GParamSpec *pspec, GessoPanel *self)
{
  const GessoChoices *choices = choices_of (self);
  const GError *error = gesso_session_get_error (self->session);
  GessoSessionState before = self->state;
  g_autoptr (GessoRequest) request = NULL;

  self->state = gesso_session_get_state (self->session);
  switch (self->state)
    {
    case GESSO_SESSION_OPENING:
      gesso_gallery_set_placeholder (GESSO_GALLERY (self->gallery), _ ("Opening the model…"));
      if (!self->waiting)
        set_idle (self, _ ("Opening the model…"));
      break;
    case GESSO_SESSION_READY:
      gesso_gallery_set_placeholder (GESSO_GALLERY (self->gallery),
                                     _ ("Write what to paint, then press Generate (Ctrl+Enter)."));
      if (self->waiting)
        start_waiting_request (self);
      else if (before == GESSO_SESSION_OPENING)
        {
          set_idle (self, "");
          request = new_request (self);
          gesso_session_warm_up (self->session, request);
        }
      break;
    case GESSO_SESSION_CLOSED:
      if (!error)
        break;
      gesso_gallery_set_placeholder (GESSO_GALLERY (self->gallery), _ ("No model is open."));
      if (self->waiting)
        end_painting (self, error);
      else
        {
          set_idle (self, "");
          gesso_error_bar_show_error (GESSO_ERROR_BAR (self->error_bar), error, NULL, NULL, choices->model);
        }
      break;
    case GESSO_SESSION_PAINTING:
      break;
    }
}

static void
on_progress (GessoSession *session, const GessoSessionProgress *progress, GessoPanel *self)
{
  GessoSessionProgress shown = *progress;

  /* A scheduler may evaluate the network more often than there are steps; what was asked for is what is counted. */
  if (shown.n_steps > 0)
    shown.step = (shown.step * self->request->steps + shown.n_steps - 1) / shown.n_steps;
  shown.n_steps = self->request->steps;
  if (!self->cancelling && !self->working)
    gesso_progress_row_set_progress (GESSO_PROGRESS_ROW (self->progress), &shown);
}

static void
on_preview (GessoSession *session, GBytes *rgb, int width, int height, GessoPanel *self)
{
  gesso_gallery_set_preview (GESSO_GALLERY (self->gallery), rgb, width, height);
}

static void
on_picture (GessoSession *session, GessoPicture *picture, int index, GessoPanel *self)
{
  self->n_made++;
  gesso_gallery_add (GESSO_GALLERY (self->gallery), gesso_result_new (picture, self->request, self->origin));
}

static void
on_finished (GessoSession *session, const GError *error, GessoPanel *self)
{
  if (!self->running)
    return;
  end_painting (self, error);
  /* Chosen meanwhile. */
  if (self->stale)
    schedule_open (self);
}

void
gesso_panel_generate (GessoPanel *self)
{
  const GessoChoices *choices = choices_of (self);
  g_return_if_fail (GESSO_IS_PANEL (self));
  if (is_painting (self))
    return;

  gesso_error_bar_hide (GESSO_ERROR_BAR (self->error_bar));
  open_model (self);
  gesso_form_next_seed (GESSO_FORM (self->form));
  gesso_history_add (self->history, choices->prompt);
  self->request = new_request (self);
  take_size (self);
  self->n_made = 0;
  self->began = g_get_monotonic_time ();
  self->waiting = TRUE;
  gesso_gallery_begin (GESSO_GALLERY (self->gallery));
  gesso_progress_row_set_busy (GESSO_PROGRESS_ROW (self->progress), _ ("Opening the model…"));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PAINTING]);
  if (gesso_session_get_state (self->session) != GESSO_SESSION_OPENING)
    on_state (NULL, NULL, self);
}

gboolean
gesso_panel_cancel (GessoPanel *self)
{
  g_autoptr (GError) error = NULL;

  g_return_val_if_fail (GESSO_IS_PANEL (self), FALSE);
  if (self->running)
    {
      self->cancelling = TRUE;
      gesso_progress_row_set_busy (GESSO_PROGRESS_ROW (self->progress), _ ("Cancelling…"));
      gesso_session_cancel (self->session);
      return TRUE;
    }
  if (!self->waiting)
    return FALSE;
  error = g_error_new_literal (GESSO_ERROR, GESSO_ERROR_CANCELLED, "");
  end_painting (self, error);
  return TRUE;
}

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

/* Ctrl+Enter wherever the focus is; the prompts have taken theirs by then. */
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
    schedule_open (GESSO_PANEL (object));
  if (G_OBJECT_CLASS (gesso_panel_parent_class)->notify)
    G_OBJECT_CLASS (gesso_panel_parent_class)->notify (object, pspec);
}

static void
gesso_panel_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GessoPanel *self = GESSO_PANEL (object);

  if (id == PROP_PAINTING)
    g_value_set_boolean (value, is_painting (self));
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
}

static void
build (GessoPanel *self, const GessoPanelPlace *place, GessoMakeScale make_scale)
{
  GtkWidget *columns = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL);

  /* On a low screen the settings scroll and the picture shrinks. */
  self->form = gesso_form_new (G_OBJECT (self), self->session, place, self->history, make_scale);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
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
  g_signal_connect (self->session, "notify::state", G_CALLBACK (on_state), self);
  g_signal_connect (self->session, "progress", G_CALLBACK (on_progress), self);
  g_signal_connect (self->session, "preview", G_CALLBACK (on_preview), self);
  g_signal_connect (self->session, "picture", G_CALLBACK (on_picture), self);
  g_signal_connect (self->session, "finished", G_CALLBACK (on_finished), self);
  schedule_open (self);
  return GTK_WIDGET (self);
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
  gesso_error_bar_show_error (GESSO_ERROR_BAR (self->error_bar), error, NULL, NULL, choices_of (self)->model);
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
    set_idle (self, "");
}

GessoSession *
gesso_panel_get_session (GessoPanel *self)
{
  g_return_val_if_fail (GESSO_IS_PANEL (self), NULL);
  return self->session;
}
