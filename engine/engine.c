/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>

#include "cancel.h"
#include "compute-thread.h"
#include "describe.h"
#include "devices.h"
#include "fit-size.h"
#include "measure.h"
#include "model/fingerprint.h"
#include "networks/clip-text.h"
#include "networks/unet.h"
#include "networks/vae.h"
#include "pipeline.h"
#include "request.h"
#include "sampling/betas.h"
#include "trace.h"

struct _GessoEngine
{
  GObject parent_instance;
  GessoComputeThread *thread;
  GessoPipeline pipeline;
  GessoDevice device;
  GPtrArray *notices; /* of char *, NULL-terminated */
};

G_DEFINE_FINAL_TYPE (GessoEngine, gesso_engine, G_TYPE_OBJECT)

static void
close_pipeline (gpointer data)
{
  GessoPipeline *pipeline = data;

  g_clear_pointer (&pipeline->parts, gesso_parts_free);
  g_clear_pointer (&pipeline->colours, g_free);
  if (pipeline->backend)
    pipeline->backend->free (pipeline->backend);
  pipeline->backend = NULL;
}

static void
gesso_engine_finalize (GObject *object)
{
  GessoEngine *self = GESSO_ENGINE (object);

  if (self->thread)
    {
      gesso_compute_thread_run (self->thread, close_pipeline, &self->pipeline);
      gesso_compute_thread_free (self->thread);
    }
  g_clear_pointer (&self->pipeline.model, gesso_model_free);
  g_ptr_array_unref (self->notices);
  G_OBJECT_CLASS (gesso_engine_parent_class)->finalize (object);
}

static void
gesso_engine_class_init (GessoEngineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gesso_engine_finalize;
}

static void
gesso_engine_init (GessoEngine *self)
{
  self->notices = g_ptr_array_new_with_free_func (g_free);
}

/* What one call of the public interface carries to the compute thread and back. */
typedef struct
{
  GessoEngine *engine;
  const char *folder;
  const GessoOptions *options;
  const GessoRequest *request;
  GessoProgressFunc progress;
  gpointer user_data;
  GPtrArray *trace;
  GCancellable *cancellable;
  GError *error;
  const GessoProgress *current; /* while a callback runs */
  gboolean ok;
  GPtrArray *pictures;
  GessoMemoryNeed *need;
  int width, height;
  char *text;
} Call;

static void
call_progress (gpointer data)
{
  Call *call = data;

  call->progress (call->current, call->user_data);
}

static void
forward_progress (const GessoProgress *progress, gpointer data)
{
  Call *call = data;

  call->current = progress;
  gesso_compute_thread_call_back (call->engine->thread, call_progress, call);
}

static GessoPipelineFunc
progress_of (const Call *call)
{
  return call->progress ? forward_progress : NULL;
}

/* Small graphs of every part, of a size that every level can halve: their weights are those of any size. */
static gboolean
check_weights (const GessoModel *model, GError **error)
{
  int length = gesso_tokenizer_length (model->tokenizer);
  const GessoUnetConfig *unet = &model->unet;
  int side = 8 << unet->n_levels;

  return gesso_parts_check_weights (gesso_clip_text_graph (&model->text, 1, length), model->text_weights, error)
         && gesso_parts_check_weights (gesso_unet_context_graph (unet, 1, length), model->unet_weights, error)
         && gesso_parts_check_weights (gesso_unet_time_graph (unet, 1), model->unet_weights, error)
         && gesso_parts_check_weights (gesso_unet_graph (unet, 1, 1, length, side, side), model->unet_weights, error)
         && gesso_parts_check_weights (gesso_vae_decoder_graph (&model->vae, 1, 8, 8), model->vae_weights, error);
}

static gboolean
check_betas (const GessoModel *model, GError **error)
{
  g_autofree double *alphas = gesso_alphas_cumprod (&model->scheduler, error);

  if (!alphas)
    g_prefix_error (error, "%s" G_DIR_SEPARATOR_S "scheduler" G_DIR_SEPARATOR_S, model->folder);
  return alphas != NULL;
}

/* A backend for `device` in the wanted precision, and the model's parts on it. */
static gboolean
open_backend (Call *call, GessoDevice device)
{
  GessoEngine *self = call->engine;
  GessoPipeline *pipeline = &self->pipeline;
  const GessoOptions *options = call->options;
  char *why_not = NULL;

  pipeline->backend = gesso_devices_open (device, options->n_threads, &self->device, &why_not, &call->error);
  if (why_not)
    g_ptr_array_add (self->notices, why_not);
  if (!pipeline->backend
      || !pipeline->backend->resolve_precision (pipeline->backend, options->precision, &pipeline->precision,
                                                &call->error))
    return FALSE;
  pipeline->host_memory = self->device == GESSO_DEVICE_CPU;
  pipeline->parts = gesso_parts_new (pipeline->backend, pipeline->precision, pipeline->model);
  return TRUE;
}

static void
open_engine (gpointer data)
{
  Call *call = data;
  GessoEngine *self = call->engine;
  GessoPipeline *pipeline = &self->pipeline;
  char *why_not = NULL;

  pipeline->model = gesso_model_open (call->folder, call->cancellable, &call->error);
  if (!pipeline->model || !check_betas (pipeline->model, &call->error) || !check_weights (pipeline->model, &call->error)
      || gesso_is_cancelled (call->cancellable, &call->error))
    return;
  pipeline->max_memory = call->options->max_memory;
  call->ok = open_backend (call, call->options->device);
  /* A precision of the card's own leaves no choice: then its refusal is told when a picture is asked for. */
  if (!call->ok || call->options->device != GESSO_DEVICE_AUTO || self->device == GESSO_DEVICE_CPU
      || call->options->precision == GESSO_PRECISION_F16 || gesso_pipeline_has_room (pipeline, &why_not))
    return;
  close_pipeline (pipeline);
  g_ptr_array_add (self->notices, g_strdup_printf (_ ("The card is not used: %s"), why_not));
  g_free (why_not);
  call->ok = open_backend (call, GESSO_DEVICE_CPU);
}

GessoEngine *
gesso_engine_new (const char *folder, const GessoOptions *options, GCancellable *cancellable, GError **error)
{
  const GessoOptions defaults = { 0 };
  g_autoptr (GessoEngine) self = NULL;
  Call call = { .folder = folder, .options = options ? options : &defaults, .cancellable = cancellable };

  g_return_val_if_fail (folder != NULL, NULL);
  if (!gesso_options_check (call.options, error))
    return NULL;
  self = g_object_new (GESSO_TYPE_ENGINE, NULL);
  self->thread = gesso_compute_thread_new ();
  if (!self->thread)
    {
      g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                           _ ("A thread could not be started. Close other programs."));
      return NULL;
    }
  call.engine = self;
  gesso_compute_thread_run (self->thread, open_engine, &call);
  if (!call.ok)
    {
      g_propagate_error (error, call.error);
      return NULL;
    }
  for (guint i = 0; i < self->pipeline.model->notices->len; i++)
    g_ptr_array_add (self->notices, g_strdup (g_ptr_array_index (self->pipeline.model->notices, i)));
  g_ptr_array_add (self->notices, NULL);
  return g_steal_pointer (&self);
}

static void
prepare (gpointer data)
{
  Call *call = data;
  GessoPipeline *pipeline = &call->engine->pipeline;
  g_auto (GessoJob) job = { 0 };

  call->ok = gesso_pipeline_plan (pipeline, call->request, &job, call->cancellable, &call->error)
             && gesso_pipeline_load (pipeline, call->request, &job, progress_of (call), call, call->cancellable,
                                     &call->error);
}

gboolean
gesso_engine_prepare (GessoEngine *self, const GessoRequest *request, GessoProgressFunc progress, gpointer user_data,
                      GCancellable *cancellable, GError **error)
{
  Call call = {
    .engine = self, .request = request, .progress = progress, .user_data = user_data, .cancellable = cancellable
  };

  g_return_val_if_fail (GESSO_IS_ENGINE (self) && request, FALSE);
  gesso_compute_thread_run (self->thread, prepare, &call);
  if (!call.ok)
    g_propagate_error (error, call.error);
  return call.ok;
}

static void
generate (gpointer data)
{
  Call *call = data;

  call->pictures = gesso_pipeline_generate (&call->engine->pipeline, call->request, progress_of (call), call,
                                            call->trace, call->cancellable, &call->error);
}

GPtrArray *
gesso_engine_generate (GessoEngine *self, const GessoRequest *request, GessoProgressFunc progress, gpointer user_data,
                       GCancellable *cancellable, GError **error)
{
  return gesso_engine_generate_traced (self, request, progress, user_data, NULL, cancellable, error);
}

GPtrArray *
gesso_engine_generate_traced (GessoEngine *self, const GessoRequest *request, GessoProgressFunc progress,
                              gpointer user_data, GPtrArray **trace, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_tensor_data_free);
  Call call = { .engine = self,
                .request = request,
                .progress = progress,
                .user_data = user_data,
                .trace = trace ? tensors : NULL,
                .cancellable = cancellable };

  g_return_val_if_fail (GESSO_IS_ENGINE (self) && request, NULL);
  gesso_compute_thread_run (self->thread, generate, &call);
  if (!call.pictures)
    g_propagate_error (error, call.error);
  else if (trace)
    *trace = g_steal_pointer (&tensors);
  return call.pictures;
}

static void
describe_plan (gpointer data)
{
  Call *call = data;
  GessoPipeline *pipeline = &call->engine->pipeline;
  g_autoptr (GessoSketch) sketch = gesso_sketch_new (pipeline);
  g_autoptr (GError) shortage = NULL;
  g_auto (GessoJob) job = { 0 };
  GessoMemoryLimit limit;

  if (!gesso_pipeline_plan_parts (sketch, pipeline, call->request, &job, &limit, NULL, &call->error))
    return;
  gesso_parts_set_limit (sketch->parts, &limit, gesso_pipeline_buffer_bytes (sketch, &job), &shortage);
  call->text = gesso_describe_plan (sketch, &job, gesso_pipeline_own_bytes (pipeline), shortage);
}

char *
gesso_engine_plan (GessoEngine *self, const GessoRequest *request, GError **error)
{
  Call call = { .engine = self, .request = request };

  g_return_val_if_fail (GESSO_IS_ENGINE (self) && request, NULL);
  gesso_compute_thread_run (self->thread, describe_plan, &call);
  if (!call.text)
    g_propagate_error (error, call.error);
  return call.text;
}

static void
measure (gpointer data)
{
  Call *call = data;

  call->ok = gesso_pipeline_measure (&call->engine->pipeline, call->request, call->need, &call->error);
}

gboolean
gesso_engine_measure (GessoEngine *self, const GessoRequest *request, GessoMemoryNeed *need, GError **error)
{
  Call call = { .engine = self, .request = request, .need = need };

  g_return_val_if_fail (GESSO_IS_ENGINE (self) && request && need, FALSE);
  gesso_compute_thread_run (self->thread, measure, &call);
  if (!call.ok)
    g_propagate_error (error, call.error);
  return call.ok;
}

static void
find_largest_size (gpointer data)
{
  Call *call = data;

  call->ok = gesso_pipeline_largest_size (&call->engine->pipeline, call->request, &call->width, &call->height);
}

gboolean
gesso_engine_largest_size (GessoEngine *self, const GessoRequest *request, int *width, int *height)
{
  Call call = { .engine = self, .request = request };

  g_return_val_if_fail (GESSO_IS_ENGINE (self) && request, FALSE);
  gesso_compute_thread_run (self->thread, find_largest_size, &call);
  if (call.ok)
    {
      *width = call.width;
      *height = call.height;
    }
  return call.ok;
}

char *
gesso_engine_get_fingerprint (GessoEngine *self, GError **error)
{
  g_return_val_if_fail (GESSO_IS_ENGINE (self), NULL);
  /* The model does not change while it is open, and its files may be read from any thread. */
  return gesso_model_fingerprint (self->pipeline.model, error);
}

char *
gesso_engine_describe (GessoEngine *self)
{
  g_return_val_if_fail (GESSO_IS_ENGINE (self), NULL);
  return gesso_describe_model (self->pipeline.model);
}

int
gesso_engine_count_tokens (GessoEngine *self, const char *text, gssize *cut_off)
{
  g_return_val_if_fail (GESSO_IS_ENGINE (self) && text, 0);
  return gesso_tokenizer_count (self->pipeline.model->tokenizer, text, cut_off);
}

void
gesso_engine_get_default_size (GessoEngine *self, int *width, int *height)
{
  const GessoModel *model;
  int factor;

  g_return_if_fail (GESSO_IS_ENGINE (self));
  model = self->pipeline.model;
  factor = gesso_model_vae_factor (model);
  *width = model->unet.sample_width * factor;
  *height = model->unet.sample_height * factor;
}

void
gesso_engine_fit_size (GessoEngine *self, int width, int height, int *fitted_width, int *fitted_height)
{
  g_return_if_fail (GESSO_IS_ENGINE (self));
  gesso_fit_size (self->pipeline.model, width, height, fitted_width, fitted_height);
}

GessoDevice
gesso_engine_get_device (GessoEngine *self)
{
  g_return_val_if_fail (GESSO_IS_ENGINE (self), GESSO_DEVICE_AUTO);
  return self->device;
}

GessoPrecision
gesso_engine_get_precision (GessoEngine *self)
{
  g_return_val_if_fail (GESSO_IS_ENGINE (self), GESSO_PRECISION_AUTO);
  return self->pipeline.precision;
}

const char *const *
gesso_engine_get_notices (GessoEngine *self)
{
  g_return_val_if_fail (GESSO_IS_ENGINE (self), NULL);
  return (const char *const *) self->notices->pdata;
}

const char *
gesso_version (void)
{
  return GESSO_VERSION;
}
