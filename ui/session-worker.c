/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "session-worker.h"

#include <glib/gi18n-lib.h>

#include "bounds.h"
#include "time-left.h"

#define PROGRESS_INTERVAL (G_USEC_PER_SEC / 20)
#define PREVIEW_INTERVAL (400 * (G_USEC_PER_SEC / 1000))

typedef struct _Job Job;
typedef void (*JobFunc) (GessoWorker *self, Job *job);

struct _Job
{
  JobFunc func;
  guint serial;
  char *model;
  GessoOptions *options;
  GessoRequest *request;
  GCancellable *cancellable;
};

struct _GessoWorker
{
  GessoWorkerFunc func;
  gpointer data;
  GSource *source;
  GThread *thread;
  GCancellable *open, *warm_up, *paint; /* of the latest job of each kind */

  /* The thread's own. */
  char *folder;
  char *fingerprint; /* of the model that is open */
  GessoOptions *options;

  /* Shared. */
  GMutex lock;
  GCond wake;
  GQueue jobs, events;
  gboolean quit;
  GessoEngine *engine; /* written by the thread */
  GessoSessionProgress progress;
  gboolean has_progress; /* that is not an event yet */
  gint64 progress_due;
};

typedef struct
{
  GSource parent;
  GessoWorker *worker;
} EventSource;

static void
job_free (Job *job)
{
  g_free (job->model);
  g_clear_pointer (&job->options, gesso_options_free);
  g_clear_pointer (&job->request, gesso_request_free);
  g_object_unref (job->cancellable);
  g_free (job);
}

static void
event_free (GessoWorkerEvent *event)
{
  g_free (event->fingerprint);
  g_clear_error (&event->error);
  g_clear_pointer (&event->rgb, g_bytes_unref);
  g_clear_pointer (&event->picture, gesso_picture_unref);
  g_free (event);
}

static GessoWorkerEvent *
event_new (GessoWorkerEventKind kind)
{
  GessoWorkerEvent *event = g_new0 (GessoWorkerEvent, 1);

  event->kind = kind;
  return event;
}

/* Locked. The source is ready while there are events, and when the progress is due. */
static void
update_source (GessoWorker *self)
{
  g_source_set_ready_time (self->source, self->events.length ? 0 : self->has_progress ? self->progress_due : -1);
}

/* Locked: the progress becomes an event. */
static void
flush_progress (GessoWorker *self)
{
  GessoWorkerEvent *event;

  if (!self->has_progress)
    return;
  event = event_new (GESSO_WORKER_PROGRESS);
  event->progress = self->progress;
  self->has_progress = FALSE;
  self->progress_due = g_get_monotonic_time () + PROGRESS_INTERVAL;
  g_queue_push_tail (&self->events, event);
}

/* Locked: of previews that nobody has looked at the newest one is enough. */
static void
drop_preview (GessoWorker *self)
{
  for (GList *link = self->events.head; link; link = link->next)
    if (((GessoWorkerEvent *) link->data)->kind == GESSO_WORKER_PREVIEW)
      {
        event_free (link->data);
        g_queue_delete_link (&self->events, link);
        return;
      }
}

/* What was reported before the event comes before it; a preview is not worth a report out of turn. */
static void
post (GessoWorker *self, GessoWorkerEvent *event)
{
  g_mutex_lock (&self->lock);
  if (event->kind != GESSO_WORKER_PREVIEW)
    flush_progress (self);
  else
    drop_preview (self);
  g_queue_push_tail (&self->events, event);
  update_source (self);
  g_mutex_unlock (&self->lock);
}

static void
post_progress (GessoWorker *self, const GessoSessionProgress *progress)
{
  g_mutex_lock (&self->lock);
  self->progress = *progress;
  self->has_progress = TRUE;
  update_source (self);
  g_mutex_unlock (&self->lock);
}

void
gesso_worker_post_end (GessoWorker *self, GessoWorkerEventKind kind, GError *error)
{
  GessoWorkerEvent *event = event_new (kind);

  event->error = error;
  post (self, event);
}

static gboolean
dispatch (GSource *source, GSourceFunc func, gpointer data)
{
  GessoWorker *self = ((EventSource *) source)->worker;
  GessoWorkerEvent *event;

  g_mutex_lock (&self->lock);
  if (!self->events.length && g_get_monotonic_time () >= self->progress_due)
    flush_progress (self);
  event = g_queue_pop_head (&self->events);
  update_source (self);
  g_mutex_unlock (&self->lock);
  if (event)
    {
      /* It may free the worker. */
      self->func (event, self->data);
      event_free (event);
    }
  return G_SOURCE_CONTINUE;
}

static void
set_engine (GessoWorker *self, GessoEngine *engine)
{
  GessoEngine *old;

  g_mutex_lock (&self->lock);
  old = self->engine;
  self->engine = engine;
  g_mutex_unlock (&self->lock);
  /* Closing takes a while. */
  g_clear_object (&old);
}

GessoEngine *
gesso_worker_ref_engine (GessoWorker *self)
{
  GessoEngine *engine;

  g_mutex_lock (&self->lock);
  engine = self->engine ? g_object_ref (self->engine) : NULL;
  g_mutex_unlock (&self->lock);
  return engine;
}

gboolean
gesso_worker_options_equal (const GessoOptions *a, const GessoOptions *b)
{
  return a->device == b->device && a->precision == b->precision && a->max_memory == b->max_memory
         && a->n_threads == b->n_threads;
}

/* What makes it certain later which model painted is a part of opening it. */
static GessoEngine *
open_engine (const char *folder, const Job *job, char **fingerprint, GError **error)
{
  g_autoptr (GessoEngine) engine = gesso_engine_new (folder, job->options, job->cancellable, error);

  if (engine)
    *fingerprint = gesso_engine_get_fingerprint (engine, error);
  return engine && *fingerprint ? g_steal_pointer (&engine) : NULL;
}

static void
open_model (GessoWorker *self, Job *job)
{
  g_autofree char *folder = NULL;
  GessoEngine *engine = NULL;
  GessoWorkerEvent *event;

  /* Another one is wanted by now. */
  if (g_cancellable_is_cancelled (job->cancellable))
    return;
  event = event_new (GESSO_WORKER_OPENED);
  event->serial = job->serial;
  folder = gesso_models_find (job->model, &event->error);
  if (!folder || !self->engine || g_strcmp0 (folder, self->folder) != 0
      || !gesso_worker_options_equal (job->options, self->options))
    {
      /* The old one first: memory may not do for two. */
      set_engine (self, NULL);
      g_clear_pointer (&self->fingerprint, g_free);
      if (folder)
        engine = open_engine (folder, job, &self->fingerprint, &event->error);
      set_engine (self, engine);
      g_free (self->folder);
      self->folder = g_steal_pointer (&folder);
      g_clear_pointer (&self->options, gesso_options_free);
      self->options = g_steal_pointer (&job->options);
    }
  event->fingerprint = g_strdup (self->fingerprint);
  post (self, event);
}

static void
warm_up (GessoWorker *self, Job *job)
{
  if (self->engine && !g_cancellable_is_cancelled (job->cancellable))
    gesso_engine_prepare (self->engine, job->request, NULL, NULL, job->cancellable, NULL);
}

/* Pictures that are painted one after the other. */
typedef struct
{
  GessoWorker *worker;
  int picture, n_pictures;
  gboolean previews;
  double fraction;
  GessoTimeLeft time_left;
  gint64 preview_due;
} Painting;

static void
post_preview (GessoWorker *self, GessoPreview *preview)
{
  GessoWorkerEvent *event = event_new (GESSO_WORKER_PREVIEW);

  event->rgb = gesso_preview_get_picture (preview, 0, &event->width, &event->height);
  if (event->rgb)
    post (self, event);
  else
    event_free (event);
}

static void
report (const GessoProgress *progress, gpointer data)
{
  Painting *painting = data;
  gint64 now = g_get_monotonic_time ();
  GessoSessionProgress combined = { .stage = progress->stage,
                                    .step = progress->step,
                                    .n_steps = progress->n_steps,
                                    .picture = painting->picture,
                                    .n_pictures = painting->n_pictures };

  /* Never back: the engine's estimate may, when a part turns out to be in memory already. */
  painting->fraction = MAX (painting->fraction, (painting->picture + progress->fraction) / painting->n_pictures);
  combined.fraction = painting->fraction;
  combined.seconds_left
      = gesso_time_left_update (&painting->time_left, (double) now / G_USEC_PER_SEC, painting->fraction);
  post_progress (painting->worker, &combined);

  if (painting->previews && progress->preview && now >= painting->preview_due)
    {
      post_preview (painting->worker, progress->preview);
      painting->preview_due = g_get_monotonic_time () + PREVIEW_INTERVAL;
    }
}

static void
paint (GessoWorker *self, Job *job)
{
  Painting painting = { .worker = self, .n_pictures = job->request->n_images, .previews = job->request->previews };
  guint64 seed = job->request->seed;
  GError *error = NULL;

  gesso_time_left_begin (&painting.time_left, (double) g_get_monotonic_time () / G_USEC_PER_SEC);
  do
    {
      g_autoptr (GPtrArray) pictures = NULL;
      GessoWorkerEvent *event;

      /* A number that is out of range is left for the engine to refuse. */
      if (painting.n_pictures >= 1 && painting.n_pictures <= GESSO_LARGEST_COUNT)
        job->request->n_images = 1;
      job->request->seed = seed + (guint64) painting.picture;
      pictures = gesso_engine_generate (self->engine, job->request, report, &painting, job->cancellable, &error);
      if (!pictures)
        break;
      event = event_new (GESSO_WORKER_PICTURE);
      event->picture = gesso_picture_ref (g_ptr_array_index (pictures, 0));
      event->index = painting.picture;
      post (self, event);
    }
  while (++painting.picture < painting.n_pictures);
  gesso_worker_post_end (self, GESSO_WORKER_FINISHED, error);
}

static gpointer
work (gpointer data)
{
  GessoWorker *self = data;

  g_mutex_lock (&self->lock);
  while (!self->quit)
    {
      Job *job = g_queue_pop_head (&self->jobs);

      if (!job)
        {
          g_cond_wait (&self->wake, &self->lock);
          continue;
        }
      g_mutex_unlock (&self->lock);
      job->func (self, job);
      job_free (job);
      g_mutex_lock (&self->lock);
    }
  g_mutex_unlock (&self->lock);
  set_engine (self, NULL);
  return NULL;
}

/* A new job for push(); `latest` is cancelled and becomes this one's. */
static Job *
job_new (JobFunc func, const GessoRequest *request, GCancellable **latest)
{
  Job *job = g_new0 (Job, 1);

  job->func = func;
  job->request = request ? gesso_request_copy (request) : NULL;
  job->cancellable = g_cancellable_new ();
  g_cancellable_cancel (*latest);
  g_set_object (latest, job->cancellable);
  return job;
}

/* Takes `job`. */
static gboolean
push (GessoWorker *self, Job *job, GError **error)
{
  if (!self->thread)
    self->thread = g_thread_try_new ("gesso-session", work, self, NULL);
  if (!self->thread)
    {
      g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY, _ ("A thread could not be started."));
      job_free (job);
      return FALSE;
    }
  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->jobs, job);
  g_cond_signal (&self->wake);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

void
gesso_worker_open (GessoWorker *self, guint serial, const char *model, const GessoOptions *options)
{
  Job *job = job_new (open_model, NULL, &self->open);
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (self->warm_up);
  g_cancellable_cancel (self->paint);
  job->serial = serial;
  job->model = g_strdup (model);
  job->options = gesso_options_copy (options);
  if (!push (self, job, &error))
    {
      GessoWorkerEvent *event = event_new (GESSO_WORKER_OPENED);

      event->serial = serial;
      event->error = g_steal_pointer (&error);
      post (self, event);
    }
}

void
gesso_worker_warm_up (GessoWorker *self, const GessoRequest *request)
{
  push (self, job_new (warm_up, request, &self->warm_up), NULL);
}

void
gesso_worker_paint (GessoWorker *self, const GessoRequest *request)
{
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (self->warm_up);
  if (!push (self, job_new (paint, request, &self->paint), &error))
    gesso_worker_post_end (self, GESSO_WORKER_FINISHED, g_steal_pointer (&error));
}

void
gesso_worker_cancel_paint (GessoWorker *self)
{
  g_cancellable_cancel (self->paint);
}

GessoWorker *
gesso_worker_new (GMainContext *context, GessoWorkerFunc func, gpointer data)
{
  static GSourceFuncs source_funcs = { .dispatch = dispatch };
  GessoWorker *self = g_new0 (GessoWorker, 1);

  self->func = func;
  self->data = data;
  g_mutex_init (&self->lock);
  g_cond_init (&self->wake);
  self->source = g_source_new (&source_funcs, sizeof (EventSource));
  ((EventSource *) self->source)->worker = self;
  g_source_set_static_name (self->source, "gesso-session");
  /* A handler may run a loop of its own, such as a dialog's. */
  g_source_set_can_recurse (self->source, TRUE);
  g_source_attach (self->source, context);
  return self;
}

void
gesso_worker_free (GessoWorker *self)
{
  g_cancellable_cancel (self->open);
  g_cancellable_cancel (self->warm_up);
  g_cancellable_cancel (self->paint);
  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  g_cond_signal (&self->wake);
  g_mutex_unlock (&self->lock);
  if (self->thread)
    g_thread_join (self->thread);

  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_queue_clear_full (&self->jobs, (GDestroyNotify) job_free);
  g_queue_clear_full (&self->events, (GDestroyNotify) event_free);
  g_clear_object (&self->open);
  g_clear_object (&self->warm_up);
  g_clear_object (&self->paint);
  g_free (self->folder);
  g_free (self->fingerprint);
  g_clear_pointer (&self->options, gesso_options_free);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->wake);
  g_free (self);
}
