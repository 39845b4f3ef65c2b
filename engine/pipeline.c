/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "pipeline.h"

#include <string.h>

#include "cancel.h"
#include "denoise.h"
#include "fit-colours.h"
#include "networks/unet.h"
#include "picture.h"
#include "run-part.h"
#include "trace.h"

#define N_PROMPTS 2 /* row 0 the negative prompt, row 1 the prompt */

/* One request on its way. */
typedef struct
{
  GessoPipeline *pipeline;
  const GessoRequest *request;
  GessoJob job;
  GessoMeter meter;
  GPtrArray *trace; /* nullable */
  GCancellable *cancellable;
  GPtrArray *context, *time; /* of GessoBuffer, see GessoConditioning */
} Run;

static void
run_clear (Run *run)
{
  gesso_job_clear (&run->job);
  if (run->context)
    gesso_free_buffers (run->pipeline, run->context);
  if (run->time)
    gesso_free_buffers (run->pipeline, run->time);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

/* Keeps a copy of `data` for the trace, where there is one. */
static gboolean
record (Run *run, const char *name, const char *dtype, int n_dims, const gint64 *dims, gconstpointer data, gsize bytes,
        GError **error)
{
  gpointer copy;

  if (!run->trace)
    return TRUE;
  copy = gesso_try_alloc (bytes, error);
  if (!copy)
    return FALSE;
  memcpy (copy, data, bytes);
  g_ptr_array_add (run->trace, gesso_tensor_data_new (name, dtype, n_dims, dims, copy, bytes));
  return TRUE;
}

static float *
encode_text (Run *run, GError **error)
{
  const GessoModel *model = run->pipeline->model;
  const char *prompts[N_PROMPTS] = { run->request->negative_prompt, run->request->prompt };
  int length = gesso_tokenizer_length (model->tokenizer);
  gsize n = (gsize) (N_PROMPTS * length);
  g_autofree gint32 *tokens = g_new (gint32, n);
  gint64 dims[] = { N_PROMPTS, length, model->text.hidden_size };
  g_autofree float *text = NULL;

  for (int i = 0; i < N_PROMPTS; i++)
    if (!gesso_tokenizer_encode (model->tokenizer, prompts[i] ? prompts[i] : "", length, tokens + i * length, error))
      return NULL;
  if (!record (run, "tokens", "I32", 2, dims, tokens, n * sizeof (gint32), error))
    return NULL;
  text = gesso_run_part_to_host (run->pipeline, GESSO_PART_TEXT, tokens, &run->meter, run->cancellable, error);
  if (!text)
    return NULL;
  if (!gesso_values_are_finite (text, n * (gsize) model->text.hidden_size))
    return gesso_report_no_numbers (run->pipeline, model->text_weights, error), NULL;
  if (!record (run, "text", "F32", 3, dims, text, n * (gsize) model->text.hidden_size * sizeof (float), error))
    return NULL;
  gesso_meter_advance (&run->meter, GESSO_STAGE_ENCODE, gesso_part_seconds (run->pipeline, GESSO_PART_TEXT), NULL);
  return g_steal_pointer (&text);
}

static gboolean
encode_schedule (Run *run, GError **error)
{
  const GessoUnetConfig *config = &run->pipeline->model->unet;
  const GessoSchedule *schedule = run->job.schedule;
  int width = config->block_out_channels[0];
  gsize n = (gsize) schedule->n_rows * (gsize) width;
  g_autofree float *sinusoids = g_new (float, n);

  for (int i = 0; i < schedule->n_rows; i++)
    gesso_unet_timestep_sinusoid (config, schedule->rows[i].timestep, sinusoids + (gsize) i * (gsize) width);
  run->time = gesso_run_part (run->pipeline, GESSO_PART_TIME, (gconstpointer[]) { sinusoids }, &run->meter,
                              run->cancellable, error);
  return run->time != NULL;
}

/* Prompt and schedule become what the U-Net is conditioned on. */
static gboolean
encode (Run *run, GError **error)
{
  const GessoModel *model = run->pipeline->model;
  gsize row = (gsize) gesso_tokenizer_length (model->tokenizer) * (gsize) model->text.hidden_size;
  gsize n_rows = (gsize) run->job.repeat;
  g_autofree float *text = encode_text (run, error);

  if (!text)
    return FALSE;
  run->context
      = gesso_run_part (run->pipeline, GESSO_PART_CONTEXT, (gconstpointer[]) { text + (N_PROMPTS - n_rows) * row },
                        &run->meter, run->cancellable, error);
  if (!run->context || !encode_schedule (run, error))
    return FALSE;
  gesso_meter_advance (&run->meter, GESSO_STAGE_ENCODE, gesso_part_seconds (run->pipeline, GESSO_PART_CONTEXT), NULL);
  return TRUE;
}

static gsize
latent_values (Run *run)
{
  return (gsize) run->pipeline->model->unet.in_channels * (gsize) run->job.latent_height
         * (gsize) run->job.latent_width;
}

/* All pictures' latents [N, c, h, w], batch after batch. */
static float *
denoise (Run *run, GError **error)
{
  const GessoConditioning conditioning = { run->context, run->time };
  int n_images = run->request->n_images;
  gsize picture = latent_values (run);
  gsize bytes = (gsize) n_images * picture * sizeof (float);
  gint64 dims[] = { n_images, run->pipeline->model->unet.in_channels, run->job.latent_height, run->job.latent_width };
  g_autofree float *latents = gesso_try_alloc (bytes, error);
  g_autoptr (GPtrArray) generators = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_noise_free);

  if (!latents)
    return NULL;
  for (int i = 0; i < n_images; i++)
    {
      g_ptr_array_add (generators, gesso_noise_new (run->request->seed + (guint64) i));
      gesso_noise_draw (g_ptr_array_index (generators, i), picture, latents + (gsize) i * picture);
    }
  if (!record (run, "noise", "F32", 4, dims, latents, bytes, error))
    return NULL;

  for (int first = 0; first < n_images; first += run->job.batch)
    {
      int n = MIN (run->job.batch, n_images - first);

      run->meter.progress.first_image = first;
      run->meter.progress.n_images = n;
      if (!gesso_pipeline_plan_batch (run->pipeline, &run->job, n, run->cancellable, error)
          || !gesso_enter_part (run->pipeline, GESSO_PART_UNET, &run->meter, run->cancellable, error)
          || !gesso_denoise (run->pipeline, &run->job, &conditioning, run->request->guidance, n,
                             (GessoNoise *const *) generators->pdata + first, latents + (gsize) first * picture,
                             &run->meter, run->cancellable, error))
        return NULL;
    }
  if (!record (run, "latents", "F32", 4, dims, latents, bytes, error))
    return NULL;
  return g_steal_pointer (&latents);
}

/* What the decoder left in `buffers`; NULL where it is nothing to look at. */
static guint8 *
read_pixels (Run *run, const GPtrArray *buffers, GError **error)
{
  g_autofree gint32 *is_finite = gesso_read_output (run->pipeline, GESSO_PART_DECODER, buffers, 1, error);

  if (!is_finite)
    return NULL;
  if (*is_finite)
    return gesso_read_output (run->pipeline, GESSO_PART_DECODER, buffers, 0, error);
  gesso_report_no_numbers (run->pipeline, run->pipeline->model->vae_weights, error);
  return NULL;
}

static GessoPicture *
decode (Run *run, int image, const float *latents, GError **error)
{
  const GessoModel *model = run->pipeline->model;
  const GessoVaeConfig *vae = &model->vae;
  guint64 seed = run->request->seed + (guint64) image;
  gsize n = latent_values (run);
  g_autofree float *scaled = gesso_try_alloc (n * sizeof (float), error);
  g_autofree float *colours = gesso_picture_colours (vae->out_channels);
  GPtrArray *buffers;
  guint8 *pixels;

  if (!scaled)
    return NULL;

  gesso_planes_to_pixels (latents + (gsize) image * n, 1, vae->latent_channels,
                          (gsize) run->job.latent_height * (gsize) run->job.latent_width, scaled);
  for (gsize i = 0; i < n; i++)
    scaled[i] = (float) (scaled[i] / vae->scaling_factor);
  run->meter.progress.first_image = image;
  run->meter.progress.n_images = 1;
  buffers = gesso_run_part (run->pipeline, GESSO_PART_DECODER, (gconstpointer[]) { scaled, colours }, &run->meter,
                            run->cancellable, error);
  if (!buffers)
    return NULL;
  pixels = read_pixels (run, buffers, error);
  gesso_free_buffers (run->pipeline, buffers);
  if (!pixels)
    return NULL;
  gesso_meter_advance (&run->meter, GESSO_STAGE_DECODE, gesso_part_seconds (run->pipeline, GESSO_PART_DECODER), NULL);
  return gesso_picture_new (pixels, run->job.width, run->job.height, seed,
                            gesso_parameters_text (run->request, run->job.schedule->name, run->job.width,
                                                   run->job.height, seed, model->name));
}

static GPtrArray *
decode_all (Run *run, const float *latents, GError **error)
{
  g_autoptr (GPtrArray) pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_picture_unref);

  for (int i = 0; i < run->request->n_images; i++)
    {
      GessoPicture *picture = decode (run, i, latents, error);

      if (!picture)
        return NULL;
      g_ptr_array_add (pictures, picture);
    }
  return g_steal_pointer (&pictures);
}

static gboolean
record_pictures (Run *run, GPtrArray *pictures, GError **error)
{
  gsize size = (gsize) run->job.width * (gsize) run->job.height * 3;
  gint64 dims[] = { pictures->len, run->job.height, run->job.width, 3 };
  guint8 *pixels;

  if (!run->trace)
    return TRUE;
  pixels = gesso_try_alloc (size * pictures->len, error);
  if (!pixels)
    return FALSE;
  for (guint i = 0; i < pictures->len; i++)
    memcpy (pixels + i * size, g_bytes_get_data (gesso_picture_get_pixels (g_ptr_array_index (pictures, i)), NULL),
            size);
  g_ptr_array_add (run->trace, gesso_tensor_data_new ("image", "U8", 4, dims, pixels, size * pictures->len));
  return TRUE;
}

/* Fills in the meter's total: what is to be loaded, and what is to be computed. */
static void
prepare_meter (Run *run, GessoPipelineFunc func, gpointer data)
{
  GessoPipeline *pipeline = run->pipeline;
  int n_images = run->request->n_images;
  int n_batches = (n_images + run->job.batch - 1) / run->job.batch;
  int n_rows = run->job.schedule->n_rows;
  double unet = gesso_part_seconds (pipeline, GESSO_PART_UNET) / run->job.batch;

  run->meter.func = func;
  run->meter.data = data;
  run->meter.progress.n_steps = n_batches * n_rows;
  run->meter.progress.n_images = MIN (run->job.batch, n_images);
  for (int i = 0; i < GESSO_N_PARTS; i++)
    {
      GessoProgramMemory memory;

      gesso_parts_report (pipeline->parts, i, &memory);
      run->meter.total += gesso_meter_load_seconds (memory.weights_new);
    }
  run->meter.total += gesso_part_seconds (pipeline, GESSO_PART_TEXT) + gesso_part_seconds (pipeline, GESSO_PART_CONTEXT)
                      + n_images * (n_rows * unet + gesso_part_seconds (pipeline, GESSO_PART_DECODER));
}

GPtrArray *
gesso_pipeline_generate (GessoPipeline *pipeline, const GessoRequest *request, GessoPipelineFunc progress,
                         gpointer data, GPtrArray *trace, GCancellable *cancellable, GError **error)
{
  g_auto (Run) run = { .pipeline = pipeline, .request = request, .trace = trace, .cancellable = cancellable };
  g_autofree float *latents = NULL;
  g_autoptr (GPtrArray) pictures = NULL;

  run.job.traced = trace != NULL;
  if (!gesso_pipeline_plan (pipeline, request, &run.job, cancellable, error))
    return NULL;
  prepare_meter (&run, progress, data);
  if (request->previews && progress && !gesso_pipeline_fit_colours (pipeline, &run.job, &run.meter, cancellable, error))
    return NULL;

  if (!encode (&run, error))
    return NULL;
  latents = denoise (&run, error);
  if (!latents)
    return NULL;
  pictures = decode_all (&run, latents, error);
  if (!pictures || !record_pictures (&run, pictures, error))
    return NULL;
  return g_steal_pointer (&pictures);
}

gboolean
gesso_pipeline_load (GessoPipeline *pipeline, const GessoRequest *request, const GessoJob *job,
                     GessoPipelineFunc progress, gpointer data, GCancellable *cancellable, GError **error)
{
  static const GessoPart order[] = { GESSO_PART_TEXT, GESSO_PART_CONTEXT, GESSO_PART_TIME,
                                     GESSO_PART_UNET, GESSO_PART_UPDATE,  GESSO_PART_DECODER };
  GessoMeter meter = { .func = progress, .data = data };

  for (gsize i = 0; i < G_N_ELEMENTS (order); i++)
    {
      GessoProgramMemory memory;

      gesso_parts_report (pipeline->parts, order[i], &memory);
      meter.total += gesso_meter_load_seconds (memory.weights_new);
    }
  if (request->previews && !gesso_pipeline_fit_colours (pipeline, job, &meter, cancellable, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (order); i++)
    {
      /* The first parts are needed first: stop where the next one would put one of them out. */
      if (!gesso_parts_would_fit (pipeline->parts, order[i]))
        break;
      if (!gesso_enter_part (pipeline, order[i], &meter, cancellable, error))
        return FALSE;
    }
  return TRUE;
}
