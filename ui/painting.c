/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the panel does: it opens the chosen model, and paints from Generate to the last picture or the error.
 */

#include "panel-private.h"

#include <glib/gi18n-lib.h>

#include "bounds.h"
#include "error-bar.h"
#include "form.h"
#include "gallery.h"
#include "progress-row.h"

#define OPEN_DELAY_MS 150

static const GessoChoices *
choices_of (GessoPanel *self)
{
  return gesso_choices_box_get (GESSO_CHOICES_BOX (self));
}

gboolean
gesso_panel_is_painting (GessoPanel *self)
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
  options->n_threads = self->n_threads;
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
void
gesso_panel_schedule_open (GessoPanel *self)
{
  self->stale = TRUE;
  if (self->open_source)
    g_source_remove (self->open_source);
  self->open_source = gesso_panel_is_painting (self) ? 0 : g_timeout_add (OPEN_DELAY_MS, on_open_timeout, self);
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
  g_object_notify (G_OBJECT (self), "painting");
  /* Chosen meanwhile. What went wrong stays to be read: Generate opens it then. */
  if (self->stale && (!error || g_error_matches (error, GESSO_ERROR, GESSO_ERROR_CANCELLED)))
    gesso_panel_schedule_open (self);
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
  /* Before, it was the former model's, or not known at all. */
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
}

/* The seeds that follow shall be ones that can be kept, and typed, as well. */
static void
make_room_for_seeds (GessoPanel *self)
{
  const GessoChoices *choices = choices_of (self);
  int last = G_MAXINT - (choices->count - 1);

  if (choices->seed > last)
    g_object_set (self, "seed", last, NULL);
}

/* A number that is being typed counts, as if the field were left. */
static void
take_typed_number (GessoPanel *self)
{
  GtkWidget *window = gtk_widget_get_toplevel (GTK_WIDGET (self));
  GtkWidget *focus = GTK_IS_WINDOW (window) ? gtk_window_get_focus (GTK_WINDOW (window)) : NULL;

  if (GTK_IS_SPIN_BUTTON (focus))
    gtk_spin_button_update (GTK_SPIN_BUTTON (focus));
}

void
gesso_panel_generate (GessoPanel *self)
{
  g_return_if_fail (GESSO_IS_PANEL (self));
  if (gesso_panel_is_painting (self))
    return;

  take_typed_number (self);
  gesso_error_bar_hide (GESSO_ERROR_BAR (self->error_bar));
  open_model (self);
  gesso_form_next_seed (GESSO_FORM (self->form));
  make_room_for_seeds (self);
  gesso_history_add (self->history, choices_of (self)->prompt);
  self->request = new_request (self);
  take_size (self);
  self->n_made = 0;
  self->began = g_get_monotonic_time ();
  self->waiting = TRUE;
  gesso_gallery_begin (GESSO_GALLERY (self->gallery));
  gesso_progress_row_set_busy (GESSO_PROGRESS_ROW (self->progress), _ ("Opening the model…"));
  g_object_notify (G_OBJECT (self), "painting");
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

void
gesso_panel_listen (GessoPanel *self)
{
  g_signal_connect (self->session, "notify::state", G_CALLBACK (on_state), self);
  g_signal_connect (self->session, "progress", G_CALLBACK (on_progress), self);
  g_signal_connect (self->session, "preview", G_CALLBACK (on_preview), self);
  g_signal_connect (self->session, "picture", G_CALLBACK (on_picture), self);
  g_signal_connect (self->session, "finished", G_CALLBACK (on_finished), self);
  gesso_panel_schedule_open (self);
}
