/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "dialog.h"

#include <glib/gi18n-lib.h>
#include <libgimp/gimpui.h>

#include "panel.h"
#include "quit.h"
#include "recall.h"
#include "threads.h"

/* Beside GTK's own and GimpProcedureDialog's (1: Reset). */
#define RESPONSE_GENERATE 2

#define DEFAULT_WIDTH 980
#define DEFAULT_HEIGHT 690 /* fits a screen of 768 rows */
#define BACKDROP_SIDE 512
/* A double click on Cancel shall not begin anew, nor a second Escape close the dialog. */
#define PAUSE_MS 600

typedef struct
{
  GimpProcedureConfig *config;
  GessoCanvas *canvas;
  GessoCanvas *new_image;      /* (nullable): in place of a canvas whose image was closed */
  const GessoMetadata *reused; /* (nullable): the settings are a layer's */
  GtkWidget *dialog;
  GessoPanel *panel;
  GtkWidget *generate;
  GtkWidget *insert;
  GtkWidget *close;
  gboolean inserting;
  gboolean model_checked;
  int response;
  guint pause;
  gint64 turned; /* when painting last began or ended: g_get_monotonic_time () */
} Dialog;

/* --- The settings --- */

/* -1 is a random seed: the panel goes on showing one. */
static gboolean
seed_to_panel (GBinding *binding, const GValue *from, GValue *to, gpointer data)
{
  if (g_value_get_int (from) < 0)
    return FALSE;
  g_value_set_int (to, g_value_get_int (from));
  return TRUE;
}

static void
bind_settings (Dialog *self)
{
  static const char *const names[] = { "prompt",   "negative-prompt", "model",     "width",  "height",    "steps",
                                       "guidance", "count",           "scheduler", "device", "precision", "lock-seed" };
  const GBindingFlags flags = G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE;

  /* To be seen while there is none in the settings. */
  g_object_set (self->panel, "seed", g_random_int_range (0, G_MAXINT), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_object_bind_property (self->config, names[i], self->panel, names[i], flags);
  g_object_bind_property_full (self->config, "seed", self->panel, "seed", flags, seed_to_panel, NULL, NULL, NULL);
}

static gboolean
remember (Dialog *self, GError **error)
{
  int seed;
  gboolean locked;

  /* A layer's settings, seed locked, do not take the place of the user's own. */
  if (self->reused)
    return TRUE;

  /* A locked seed counts, also one that was only shown so far. */
  g_object_get (self->panel, "seed", &seed, "lock-seed", &locked, NULL);
  if (locked)
    g_object_set (self->config, "seed", seed, NULL);
  return gesso_remember (self->config, error);
}

/* What cannot be kept is said, once, and does no harm. */
static void
remember_at_end (Dialog *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (remember (self, &error))
    return;
  text = g_strdup_printf (_ ("The settings could not be kept for the next time. %s"), error->message);
  gimp_message (text);
}

/* --- The model --- */

/* As soon as it is open, once for each that is opened. It can be painted with all the same: here it is seen. */
static void
on_session_state (GessoSession *session, GParamSpec *pspec, Dialog *self)
{
  const char *model = gesso_session_get_model (session);
  const char *used = self->reused->settings->model;
  g_autoptr (GError) error = NULL;

  if (!gesso_session_get_engine (session))
    {
      self->model_checked = FALSE;
      return;
    }
  if (self->model_checked)
    return;
  self->model_checked = TRUE;
  if (g_str_equal (gesso_origin_name_model (model), gesso_origin_name_model (used))
      && !gesso_metadata_check_model (model, self->reused->fingerprint, gesso_session_get_fingerprint (session),
                                      &error))
    gesso_panel_show_error (self->panel, error);
}

/* --- Buttons --- */

static gboolean
is_painting (Dialog *self)
{
  gboolean painting;

  g_object_get (self->panel, "painting", &painting, NULL);
  return painting;
}

/* While something runs there is one button for it: Cancel. */
static void
update_buttons (Dialog *self)
{
  gboolean busy = self->inserting || is_painting (self);
  int n;

  g_object_get (self->panel, "n-kept", &n, NULL);
  gtk_button_set_label (GTK_BUTTON (self->generate), busy ? _ ("_Cancel") : _ ("_Generate"));
  gtk_widget_set_sensitive (self->generate, !self->pause);
  gtk_widget_set_sensitive (self->close, !busy && !self->pause);
  gtk_widget_set_sensitive (self->insert, n > 0 && !busy);
}

static gboolean
end_pause (gpointer data)
{
  Dialog *self = data;

  self->pause = 0;
  update_buttons (self);
  return G_SOURCE_REMOVE;
}

static void
on_painting (GObject *panel, GParamSpec *pspec, Dialog *self)
{
  self->turned = g_get_monotonic_time ();
  update_buttons (self);
  if (is_painting (self))
    remember (self, NULL); /* also for the case that GIMP is killed meanwhile */
}

static void
on_n_kept (GObject *panel, GParamSpec *pspec, Dialog *self)
{
  gboolean new_image = gesso_canvas_get_image (self->canvas) == NULL;
  g_autofree char *label = NULL;
  int n;

  g_object_get (panel, "n-kept", &n, NULL);
  if (new_image)
    label = g_strdup (_ ("Create _Image"));
  else if (n == 0)
    label = g_strdup (_ ("_Insert"));
  else
    label = g_strdup_printf (ngettext ("_Insert %d Layer", "_Insert %d Layers", (gulong) n), n);
  gtk_button_set_label (GTK_BUTTON (self->insert), label);
  update_buttons (self);
}

/* It begins anew with each key of a row: a key that is held down repeats itself. */
static void
begin_pause (Dialog *self)
{
  if (self->pause)
    g_source_remove (self->pause);
  self->pause = g_timeout_add (PAUSE_MS, end_pause, self);
  update_buttons (self);
}

static void
cancel (Dialog *self)
{
  gesso_panel_cancel (self->panel);
  begin_pause (self);
}

static void
generate (Dialog *self)
{
  if (!self->pause && !self->inserting)
    gesso_panel_generate (self->panel);
}

/* A double click on Generate shall not cancel, nor a click that was meant for Cancel begin anew. The button stays
 * sensitive: one that is not loses the focus. */
static gboolean
has_just_turned (Dialog *self)
{
  return g_get_monotonic_time () - self->turned < PAUSE_MS * G_TIME_SPAN_MILLISECOND;
}

/* The panel's keys are for the whole dialog, also while a button has the focus. */
static gboolean
on_key_press (GtkWidget *dialog, GdkEvent *event, Dialog *self)
{
  return gtk_widget_event (GTK_WIDGET (self->panel), event);
}

static void
on_response (GtkDialog *dialog, int response, Dialog *self)
{
  self->response = response;
}

/* gimp_procedure_dialog_run() sees to it otherwise. */
static gboolean
on_delete (GtkWidget *dialog, GdkEvent *event, Dialog *self)
{
  if (self->inserting)
    self->response = GTK_RESPONSE_DELETE_EVENT;
  return self->inserting;
}

/* --- Building --- */

static GtkWidget *
make_scale (GtkAdjustment *adjustment, const char *title, int digits, double upper)
{
  GtkWidget *scale = gimp_spin_scale_new (adjustment, title, digits);

  gimp_spin_scale_set_scale_limits (GIMP_SPIN_SCALE (scale), gtk_adjustment_get_lower (adjustment), upper);
  return scale;
}

static GtkWidget *
new_panel (Dialog *self)
{
  GessoPanelPlace place = { 0 };
  GeglRectangle rectangle = { 0 };
  g_autofree char *history_file = gesso_recall_history_file ();
  GtkWidget *panel;

  if (gesso_canvas_get_place (self->canvas, &place.name, &rectangle))
    place.backdrop
        = gesso_canvas_get_backdrop (self->canvas, BACKDROP_SIDE, &place.backdrop_width, &place.backdrop_height);
  place.width = rectangle.width;
  place.height = rectangle.height;
  panel = gesso_panel_new (&place, history_file, make_scale);
  g_clear_pointer (&place.backdrop, g_bytes_unref);
  return panel;
}

static void
add_buttons (Dialog *self)
{
  GtkDialog *dialog = GTK_DIALOG (self->dialog);
  GtkWidget *box;

  self->generate = gimp_dialog_add_button (GIMP_DIALOG (dialog), _ ("_Generate"), RESPONSE_GENERATE);
  self->close = gtk_dialog_get_widget_for_response (dialog, GTK_RESPONSE_CANCEL);
  self->insert = gtk_dialog_get_widget_for_response (dialog, GTK_RESPONSE_OK);
  gtk_button_set_label (GTK_BUTTON (self->close), _ ("_Close"));
  gtk_dialog_set_default_response (dialog, RESPONSE_GENERATE);

  /* In the order of use: GIMP has put its OK, which inserts here, before ours. */
  box = gtk_widget_get_parent (self->insert);
  if (GTK_IS_BUTTON_BOX (box))
    gtk_box_reorder_child (GTK_BOX (box), self->insert, -1);
  gimp_dialog_set_alternative_button_order (dialog, GTK_RESPONSE_OK, RESPONSE_GENERATE, GTK_RESPONSE_CANCEL, -1);
}

static void
build (Dialog *self, GimpProcedure *procedure)
{
  const char *title = gesso_canvas_get_image (self->canvas) ? _ ("Generate Layer") : _ ("Generate Image");
  GessoSession *session;
  GtkWidget *panel;

  self->dialog = gimp_procedure_dialog_new (procedure, self->config, title);
  gtk_window_set_default_size (GTK_WINDOW (self->dialog), DEFAULT_WIDTH, DEFAULT_HEIGHT);
  add_buttons (self);

  panel = new_panel (self);
  self->panel = GESSO_PANEL (panel);
  gesso_panel_set_n_threads (self->panel, gesso_threads_allowed ());
  session = gesso_panel_get_session (self->panel);
  gesso_quit_stops (session);
  if (self->reused)
    g_signal_connect (session, "notify::state", G_CALLBACK (on_session_state), self);
  bind_settings (self);
  gtk_box_pack_start (GTK_BOX (gtk_dialog_get_content_area (GTK_DIALOG (self->dialog))), panel, TRUE, TRUE, 0);
  gtk_widget_show (panel);

  g_signal_connect (panel, "notify::painting", G_CALLBACK (on_painting), self);
  g_signal_connect (panel, "notify::n-kept", G_CALLBACK (on_n_kept), self);
  g_signal_connect_swapped (panel, "activated", G_CALLBACK (generate), self);
  g_signal_connect (self->dialog, "key-press-event", G_CALLBACK (on_key_press), self);
  g_signal_connect (self->dialog, "response", G_CALLBACK (on_response), self);
  g_signal_connect (self->dialog, "delete-event", G_CALLBACK (on_delete), self);
  on_n_kept (G_OBJECT (panel), NULL, self);
  gtk_widget_grab_focus (panel);
}

/* --- Running --- */

/* An image is there until its last view is closed, which need not be the one that the dialog was opened from. */
static gboolean
was_closed (Dialog *self)
{
  return !gesso_canvas_check_image (self->canvas, NULL);
}

/* The pictures are not lost with the image. */
static void
offer_new_image (Dialog *self)
{
  g_autoptr (GError) error = NULL;

  self->new_image = gesso_canvas_new (NULL, NULL, NULL);
  self->canvas = self->new_image;
  on_n_kept (G_OBJECT (self->panel), NULL, self);
  g_set_error_literal (&error, GIMP_PLUG_IN_ERROR, 0,
                       _ ("The image was closed meanwhile. The pictures can go into a new image: press Create Image."));
  gesso_panel_show_error (self->panel, error);
}

/* The dialog stays alive; Cancel, Escape and the window's own button give up. */
static gboolean
on_inserted (double fraction, gpointer data)
{
  Dialog *self = data;

  gesso_panel_show_work (self->panel, _ ("Inserting…"), fraction);
  while (self->response == GTK_RESPONSE_NONE && gtk_events_pending ())
    gtk_main_iteration ();
  return self->response == GTK_RESPONSE_NONE;
}

static void
set_button_sensitive (GtkWidget *button, gpointer data)
{
  Dialog *self = data;

  gtk_widget_set_sensitive (button, button == self->generate || !self->inserting);
}

static void
set_inserting (Dialog *self, gboolean inserting)
{
  self->inserting = inserting;
  self->turned = g_get_monotonic_time ();
  self->response = GTK_RESPONSE_NONE;
  gtk_container_foreach (GTK_CONTAINER (gtk_widget_get_parent (self->generate)), set_button_sensitive, self);
  update_buttons (self);
  if (inserting)
    return;
  gesso_panel_show_work (self->panel, NULL, 0);
  gtk_widget_grab_focus (GTK_WIDGET (self->panel));
}

/* NULL where it failed: the dialog shows why. */
static GPtrArray *
insert (Dialog *self)
{
  g_autoptr (GPtrArray) kept = gesso_panel_get_kept (self->panel);
  g_autoptr (GError) error = NULL;
  GPtrArray *layers = NULL;

  if (!was_closed (self) && kept->len > 0)
    {
      set_inserting (self, TRUE);
      layers = gesso_canvas_insert (self->canvas, kept, on_inserted, self, &error);
      set_inserting (self, FALSE);
    }
  if (!layers && was_closed (self))
    offer_new_image (self);
  else if (error)
    gesso_panel_show_error (self->panel, error);
  if (layers && self->new_image)
    gimp_display_new (gesso_canvas_get_image (self->new_image));
  return layers;
}

/* Whether the pictures that are ticked, minutes of work perhaps, may be lost with the dialog. */
static gboolean
may_discard (Dialog *self)
{
  GtkWidget *question;
  int n, answer;

  g_object_get (self->panel, "n-kept", &n, NULL);
  if (n == 0)
    return TRUE;
  question = gtk_message_dialog_new (GTK_WINDOW (self->dialog), GTK_DIALOG_MODAL | GTK_DIALOG_DESTROY_WITH_PARENT,
                                     GTK_MESSAGE_QUESTION, GTK_BUTTONS_NONE,
                                     ngettext ("Discard %d picture?", "Discard %d pictures?", (gulong) n), n);
  gtk_message_dialog_format_secondary_text (GTK_MESSAGE_DIALOG (question), "%s",
                                            _ ("Pictures that are not inserted are lost when the dialog is closed."));
  /* Translators: a button: the pictures stay, and the dialog with them. */
  gtk_dialog_add_button (GTK_DIALOG (question), _ ("_Keep"), GTK_RESPONSE_CANCEL);
  /* Translators: a button: the pictures are lost, and the dialog is closed. */
  gtk_dialog_add_button (GTK_DIALOG (question), _ ("_Discard"), GTK_RESPONSE_ACCEPT);
  gtk_dialog_set_default_response (GTK_DIALOG (question), GTK_RESPONSE_CANCEL);
  answer = gtk_dialog_run (GTK_DIALOG (question));
  gtk_widget_destroy (question);
  return answer == GTK_RESPONSE_ACCEPT;
}

/* Close, Escape or the window's own button; without a response the window has gone by itself. */
static gboolean
may_close (Dialog *self)
{
  if (self->response == GTK_RESPONSE_NONE)
    return TRUE;
  if (!self->pause)
    return may_discard (self);
  begin_pause (self);
  return FALSE;
}

/* Until something was inserted, or the dialog is closed; GimpProcedureDialog sees to Reset itself. */
static GPtrArray *
run (Dialog *self)
{
  GPtrArray *layers = NULL;

  while (!layers)
    {
      self->response = GTK_RESPONSE_NONE;
      gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (self->dialog));
      if (self->response == RESPONSE_GENERATE && has_just_turned (self))
        continue;
      if (self->response == RESPONSE_GENERATE && !is_painting (self))
        generate (self);
      else if (self->response == GTK_RESPONSE_OK)
        layers = insert (self);
      else if (is_painting (self))
        cancel (self);
      else if (self->response != RESPONSE_GENERATE && may_close (self))
        break;
    }
  return layers;
}

GPtrArray *
gesso_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, GessoCanvas *canvas,
                  const GessoMetadata *reused, GError **error)
{
  Dialog self = { .config = config, .canvas = canvas, .reused = reused };
  GPtrArray *layers;

  /* gimp_ui_init() ends the process without a display. */
  if (!gtk_init_check (NULL, NULL))
    {
      g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                           _ ("The dialog needs a display. Without one, run the procedure non-interactively."));
      return NULL;
    }
  gimp_ui_init ("gesso");
  build (&self, procedure);
  layers = run (&self);
  remember_at_end (&self);
  if (self.pause)
    g_source_remove (self.pause);
  gtk_widget_destroy (self.dialog);
  g_clear_pointer (&self.new_image, gesso_canvas_free);
  if (!layers)
    g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_CANCELLED, _ ("Cancelled."));
  return layers;
}
