/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "session.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "session-worker.h"

struct _GessoSession
{
  GObject parent_instance;
  GMainContext *context;
  GessoWorker *worker; /* NULL once disposed */

  char *model;
  GessoOptions *options;
  guint serial; /* of the last gesso_session_open(): what belongs to another is late */

  gboolean opening, painting;
  GessoEngine *engine;
  char *fingerprint; /* of the engine's model */
  GError *error;
  GessoRequest *waiting; /* to be painted when the model is open */
  int n_given_up;        /* cancelled ones that waited, whose "finished" is still to come */
};

G_DEFINE_FINAL_TYPE (GessoSession, gesso_session, G_TYPE_OBJECT)

enum
{
  PROP_STATE = 1,
  N_PROPERTIES
};

enum
{
  PROGRESS,
  PREVIEW,
  PICTURE,
  FINISHED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

static void
notify_state (GessoSession *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

static void
finish (GessoSession *self, const GError *error)
{
  /* A handler may paint again: the state allows it. */
  self->painting = FALSE;
  g_signal_emit (self, signals[FINISHED], 0, error);
  notify_state (self);
}

static void
opened (GessoSession *self, const GessoWorkerEvent *event)
{
  g_autoptr (GessoRequest) request = g_steal_pointer (&self->waiting);
  g_autoptr (GError) error = NULL;

  self->opening = FALSE;
  if (!event->error)
    {
      self->engine = gesso_worker_ref_engine (self->worker);
      self->fingerprint = g_strdup (event->fingerprint);
      if (request)
        gesso_worker_paint (self->worker, request);
      notify_state (self);
      return;
    }
  self->error = g_error_copy (event->error);
  if (request)
    finish (self, event->error);
  else
    notify_state (self);
}

static void
on_event (const GessoWorkerEvent *event, gpointer data)
{
  /* A handler may give up the last reference. */
  g_autoptr (GessoSession) self = g_object_ref (data);

  switch (event->kind)
    {
    case GESSO_WORKER_OPENED:
      if (event->serial == self->serial)
        opened (self, event);
      break;
    case GESSO_WORKER_PROGRESS:
      g_signal_emit (self, signals[PROGRESS], 0, &event->progress);
      break;
    case GESSO_WORKER_PREVIEW:
      g_signal_emit (self, signals[PREVIEW], 0, event->rgb, event->width, event->height);
      break;
    case GESSO_WORKER_PICTURE:
      g_signal_emit (self, signals[PICTURE], 0, event->picture, event->index);
      break;
    case GESSO_WORKER_FINISHED:
      finish (self, event->error);
      break;
    case GESSO_WORKER_GIVEN_UP:
      self->n_given_up--;
      g_signal_emit (self, signals[FINISHED], 0, event->error);
      break;
    }
}

static void
gesso_session_dispose (GObject *object)
{
  GessoSession *self = GESSO_SESSION (object);

  /* First, so that it is the worker's thread that closes the engine. */
  g_clear_object (&self->engine);
  g_clear_pointer (&self->worker, gesso_worker_free);
  G_OBJECT_CLASS (gesso_session_parent_class)->dispose (object);
}

static void
gesso_session_finalize (GObject *object)
{
  GessoSession *self = GESSO_SESSION (object);

  g_free (self->model);
  g_free (self->fingerprint);
  g_clear_pointer (&self->options, gesso_options_free);
  g_clear_pointer (&self->waiting, gesso_request_free);
  g_clear_error (&self->error);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (gesso_session_parent_class)->finalize (object);
}

static void
gesso_session_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_STATE)
    g_value_set_int (value, gesso_session_get_state (GESSO_SESSION (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gesso_session_class_init (GessoSessionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = gesso_session_dispose;
  object_class->finalize = gesso_session_finalize;
  object_class->get_property = gesso_session_get_property;

  properties[PROP_STATE]
      = g_param_spec_int ("state", NULL, NULL, GESSO_SESSION_CLOSED, GESSO_SESSION_PAINTING, GESSO_SESSION_CLOSED,
                          G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  signals[PROGRESS]
      = g_signal_new ("progress", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[PREVIEW] = g_signal_new ("preview", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3,
                                   G_TYPE_BYTES, G_TYPE_INT, G_TYPE_INT);
  signals[PICTURE] = g_signal_new ("picture", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                                   GESSO_TYPE_PICTURE, G_TYPE_INT);
  signals[FINISHED] = g_signal_new ("finished", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                    G_TYPE_ERROR | G_SIGNAL_TYPE_STATIC_SCOPE);
}

static void
gesso_session_init (GessoSession *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->worker = gesso_worker_new (self->context, on_event, self);
}

GessoSession *
gesso_session_new (void)
{
  return g_object_new (GESSO_TYPE_SESSION, NULL);
}

static gboolean
is_open_as (GessoSession *self, const char *model, const GessoOptions *options)
{
  return (self->opening || self->engine) && strcmp (self->model, model) == 0
         && gesso_worker_options_equal (self->options, options);
}

void
gesso_session_open (GessoSession *self, const char *model, const GessoOptions *options)
{
  g_autoptr (GessoOptions) defaults = gesso_options_new ();

  g_return_if_fail (GESSO_IS_SESSION (self) && self->worker);
  if (!model)
    model = "";
  if (!options)
    options = defaults;
  if (is_open_as (self, model, options))
    return;

  gesso_session_cancel (self);
  g_free (self->model);
  self->model = g_strdup (model);
  g_clear_pointer (&self->options, gesso_options_free);
  self->options = gesso_options_copy (options);
  g_clear_error (&self->error);
  g_clear_object (&self->engine);
  g_clear_pointer (&self->fingerprint, g_free);
  self->opening = TRUE;
  gesso_worker_open (self->worker, ++self->serial, model, options);
  notify_state (self);
}

GessoSessionState
gesso_session_get_state (GessoSession *self)
{
  g_return_val_if_fail (GESSO_IS_SESSION (self), GESSO_SESSION_CLOSED);
  if (self->painting)
    return GESSO_SESSION_PAINTING;
  if (self->opening)
    return GESSO_SESSION_OPENING;
  return self->engine ? GESSO_SESSION_READY : GESSO_SESSION_CLOSED;
}

/* What may be called on it meanwhile was looked at in engine.c: counting tokens and the getters go straight to the
 * model and to what gesso_engine_new() has set, which nothing writes to afterwards; they neither lock nor wait for the
 * compute thread. */
GessoEngine *
gesso_session_get_engine (GessoSession *self)
{
  g_return_val_if_fail (GESSO_IS_SESSION (self), NULL);
  return self->engine;
}

const char *
gesso_session_get_model (GessoSession *self)
{
  g_return_val_if_fail (GESSO_IS_SESSION (self), NULL);
  return self->model ? self->model : "";
}

const char *
gesso_session_get_fingerprint (GessoSession *self)
{
  g_return_val_if_fail (GESSO_IS_SESSION (self), NULL);
  return self->fingerprint;
}

const GError *
gesso_session_get_error (GessoSession *self)
{
  g_return_val_if_fail (GESSO_IS_SESSION (self), NULL);
  return self->error;
}

/* A copy that asks for previews where somebody looks at them: they cost something. */
static GessoRequest *
request_for_worker (GessoSession *self, const GessoRequest *request)
{
  GessoRequest *copy = gesso_request_copy (request);

  copy->previews = g_signal_has_handler_pending (self, signals[PREVIEW], 0, FALSE);
  return copy;
}

void
gesso_session_warm_up (GessoSession *self, const GessoRequest *request)
{
  g_autoptr (GessoRequest) wanted = NULL;

  g_return_if_fail (GESSO_IS_SESSION (self) && self->worker && request);
  wanted = request_for_worker (self, request);
  if (!self->painting && (self->opening || self->engine))
    gesso_worker_warm_up (self->worker, wanted);
}

void
gesso_session_paint (GessoSession *self, const GessoRequest *request)
{
  g_autoptr (GessoRequest) wanted = NULL;

  g_return_if_fail (GESSO_IS_SESSION (self) && self->worker && request);
  g_return_if_fail (!self->painting);
  wanted = request_for_worker (self, request);
  self->painting = TRUE;
  if (self->opening)
    self->waiting = g_steal_pointer (&wanted);
  else if (self->engine)
    gesso_worker_paint (self->worker, wanted);
  else
    gesso_worker_post_end (self->worker, GESSO_WORKER_FINISHED,
                           self->error ? g_error_copy (self->error)
                                       : g_error_new_literal (GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                                                              _ ("No model is open. Choose one first.")));
  notify_state (self);
}

void
gesso_session_cancel (GessoSession *self)
{
  g_return_if_fail (GESSO_IS_SESSION (self) && self->worker);
  if (!self->painting)
    return;
  if (!self->waiting)
    {
      gesso_worker_cancel_paint (self->worker);
      return;
    }
  g_clear_pointer (&self->waiting, gesso_request_free);
  self->painting = FALSE;
  self->n_given_up++;
  gesso_worker_post_end (self->worker, GESSO_WORKER_GIVEN_UP,
                         g_error_new_literal (GESSO_ERROR, GESSO_ERROR_CANCELLED, _ ("Cancelled.")));
  notify_state (self);
}

void
gesso_session_wait (GessoSession *self)
{
  g_autoptr (GessoSession) kept = NULL;

  g_return_if_fail (GESSO_IS_SESSION (self) && self->worker);
  kept = g_object_ref (self);
  while (self->worker && (self->painting || self->opening || self->n_given_up))
    g_main_context_iteration (self->context, TRUE);
}
