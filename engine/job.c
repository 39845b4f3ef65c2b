/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * From a request to plans that are known to fit.
 */

#include <glib/gi18n-lib.h>

#include "denoise.h"
#include "networks/clip-text.h"
#include "networks/unet.h"
#include "networks/vae.h"
#include "pipeline.h"
#include "process-memory.h"
#include "request.h"

/* Share of the free memory that may be taken: the rest is left to the artist's other programs. */
#define SHARE_OF_AVAILABLE 0.9

/* What the process holds beside our own buffers grows a little while it runs: generated code, stacks, file headers. */
#define HOST_RESERVE (G_GUINT64_CONSTANT (48) << 20)

/* A part may be planned roomily, tightly, and roomily again where that gained nothing. */
#define MOST_PASSES 4

void
gesso_job_clear (GessoJob *job)
{
  g_clear_pointer (&job->schedule, gesso_schedule_free);
}

gboolean
gesso_pipeline_plan_batch (GessoPipeline *self, const GessoJob *job, int n, GCancellable *cancellable, GError **error)
{
  const GessoUnetConfig *unet = &self->model->unet;
  int length = gesso_tokenizer_length (self->model->tokenizer);
  g_autofree char *key = g_strdup_printf ("%d x %d x %d x %d", n, job->repeat, job->latent_height, job->latent_width);

  if (!gesso_parts_is_planned (self->parts, GESSO_PART_UNET, key)
      && !gesso_parts_plan (self->parts, GESSO_PART_UNET, key,
                            gesso_unet_graph (unet, n, job->repeat, length, job->latent_height, job->latent_width),
                            cancellable, error))
    return FALSE;
  return gesso_parts_is_planned (self->parts, GESSO_PART_UPDATE, key)
         || gesso_parts_plan (
             self->parts, GESSO_PART_UPDATE, key,
             gesso_update_graph (n, job->repeat, job->latent_height, job->latent_width, unet->in_channels), cancellable,
             error);
}

gboolean
gesso_pipeline_plan_decoder (GessoPipeline *self, int latent_height, int latent_width, gboolean values,
                             GCancellable *cancellable, GError **error)
{
  g_autofree char *key = g_strdup_printf ("%d x %d%s", latent_height, latent_width, values ? " values" : "");

  return gesso_parts_is_planned (self->parts, GESSO_PART_DECODER, key)
         || gesso_parts_plan (self->parts, GESSO_PART_DECODER, key,
                              (values ? gesso_vae_decoder_graph
                                      : gesso_vae_picture_graph) (&self->model->vae, 1, latent_height, latent_width),
                              cancellable, error);
}

static gboolean
plan_parts (GessoPipeline *self, const GessoJob *job, GCancellable *cancellable, GError **error)
{
  const GessoModel *model = self->model;
  int length = gesso_tokenizer_length (model->tokenizer);
  g_autofree char *text_key = g_strdup_printf ("%d", length);
  g_autofree char *context_key = g_strdup_printf ("%d x %d", job->repeat, length);
  g_autofree char *time_key = g_strdup_printf ("%d", job->schedule->n_rows);

  if (!gesso_parts_is_planned (self->parts, GESSO_PART_TEXT, text_key)
      && !gesso_parts_plan (self->parts, GESSO_PART_TEXT, text_key, gesso_clip_text_graph (&model->text, 2, length),
                            cancellable, error))
    return FALSE;
  if (!gesso_parts_is_planned (self->parts, GESSO_PART_CONTEXT, context_key)
      && !gesso_parts_plan (self->parts, GESSO_PART_CONTEXT, context_key,
                            gesso_unet_context_graph (&model->unet, job->repeat, length), cancellable, error))
    return FALSE;
  if (!gesso_parts_is_planned (self->parts, GESSO_PART_TIME, time_key)
      && !gesso_parts_plan (self->parts, GESSO_PART_TIME, time_key,
                            gesso_unet_time_graph (&model->unet, job->schedule->n_rows), cancellable, error))
    return FALSE;
  return gesso_pipeline_plan_decoder (self, job->latent_height, job->latent_width, FALSE, cancellable, error)
         && gesso_pipeline_plan_batch (self, job, job->batch, cancellable, error);
}

static guint64
plan_binding_bytes (GessoParts *parts, GessoPart part)
{
  const GessoPlan *plan = gesso_parts_get_plan (parts, part);
  guint64 sum = 0;

  for (guint i = 0; i < plan->outputs->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->outputs, i);

      sum += (guint64) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);
    }
  return sum;
}

guint64
gesso_pipeline_buffer_bytes (GessoPipeline *self, const GessoJob *job)
{
  const guint64 pictures = (guint64) job->height * (guint64) job->width * 3;
  const guint64 latents = (guint64) self->model->unet.in_channels * (guint64) job->latent_height
                          * (guint64) job->latent_width * sizeof (float);
  guint64 sum = 0;

  for (int i = 0; i < GESSO_N_PARTS; i++)
    sum += plan_binding_bytes (self->parts, i);
  /* Beside the outputs: the other latents, stored ones and history, of the size of the update's outputs; the pictures
   * that are done; and all of it again where it is traced. */
  sum += plan_binding_bytes (self->parts, GESSO_PART_UPDATE) * 3;
  return sum + (pictures + latents) * (guint64) job->n_images * (job->traced ? 3 : 1);
}

guint64
gesso_pipeline_own_bytes (GessoPipeline *self)
{
  const guint64 held = gesso_parts_held (self->parts), process = gesso_process_anonymous_bytes ();

  return self->host_memory ? (process > held ? process - held : 0) + HOST_RESERVE : 0;
}

/* What may be held now: what is free on the machine beside what the parts hold already, and no more than was asked for.
 * Where the backend's memory is the process's own, what the process holds for itself counts as well. */
GessoMemoryLimit
gesso_pipeline_memory_limit (GessoPipeline *self, const GessoRequest *request)
{
  guint64 asked = request->max_memory ? request->max_memory : self->max_memory;
  guint64 available = self->backend->memory_available (self->backend);
  guint64 held = gesso_parts_held (self->parts);
  GessoMemoryLimit limit = { G_MAXUINT64, 0 };

  if (available != G_MAXUINT64)
    limit.bytes = held + (guint64) ((double) available * SHARE_OF_AVAILABLE);
  if (asked && self->host_memory)
    {
      const guint64 own = gesso_pipeline_own_bytes (self);

      if (asked < own || asked - own < limit.bytes)
        limit = (GessoMemoryLimit) { asked, own };
    }
  else if (asked)
    limit.bytes = MIN (limit.bytes, asked);
  return limit;
}

static gboolean
fill_in (GessoPipeline *self, const GessoRequest *request, GessoJob *job, GError **error)
{
  const GessoModel *model = self->model;
  int factor = gesso_model_vae_factor (model);
  const char *scheduler = request->scheduler ? request->scheduler : gesso_scheduler_names ()[0];

  if (!gesso_request_check (request, factor, error))
    return FALSE;
  job->height = request->height ? request->height : model->unet.sample_height * factor;
  job->width = request->width ? request->width : model->unet.sample_width * factor;
  job->latent_height = job->height / factor;
  job->latent_width = job->width / factor;
  job->repeat = request->guidance > 1 ? 2 : 1;
  job->n_images = request->n_images;
  /* A batch gains little on a processor, and one by one each picture is what its seed alone would give. */
  job->batch = request->batch ? MIN (request->batch, request->n_images) : 1;
  job->schedule = gesso_schedule_new (scheduler, &model->scheduler, request->steps, error);
  return job->schedule != NULL;
}

gboolean
gesso_pipeline_plan_parts (GessoPipeline *self, GessoPipeline *holder, const GessoRequest *request, GessoJob *job,
                           GessoMemoryLimit *limit, GCancellable *cancellable, GError **error)
{
  if (!fill_in (self, request, job, error))
    return FALSE;
  /* Only with a plan is known whether it fits; and planning takes memory itself, so that it may be asked for once more.
   */
  for (int pass = 1;; pass++)
    {
      if (!plan_parts (self, job, cancellable, error))
        return FALSE;
      *limit = gesso_pipeline_memory_limit (holder, request);
      if (pass == MOST_PASSES || !gesso_parts_adjust (self->parts, limit, gesso_pipeline_buffer_bytes (self, job)))
        return TRUE;
    }
}

gboolean
gesso_pipeline_plan (GessoPipeline *self, const GessoRequest *request, GessoJob *job, GCancellable *cancellable,
                     GError **error)
{
  GessoMemoryLimit limit;

  return gesso_pipeline_plan_parts (self, self, request, job, &limit, cancellable, error)
         && gesso_parts_set_limit (self->parts, &limit, gesso_pipeline_buffer_bytes (self, job), error);
}
