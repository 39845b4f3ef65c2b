/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The recipe: encode, denoise, decode. Everything here runs on the compute thread.
 */

#pragma once

#include "colours.h"
#include "parts.h"
#include "sampling/scheduler.h"

typedef struct
{
  GessoModel *model;
  GessoBackend *backend;
  GessoPrecision precision;
  GessoParts *parts;
  guint64 max_memory;    /* of the options; 0: none */
  gboolean host_memory;  /* the backend's memory is the process's own, so that the limit is for both together */
  GessoColours *colours; /* of previews; NULL: not known yet */
} GessoPipeline;

/* What a request comes to: sizes filled in, the schedule, the batch. */
typedef struct
{
  int height, width;               /* pixels */
  int latent_height, latent_width; /* latents */
  int repeat;                      /* 2 with guidance, else 1 */
  int n_images;                    /* pictures in all */
  int batch;                       /* pictures at a time */
  gboolean traced;                 /* intermediate results are kept as well; set by the caller */
  GessoSchedule *schedule;
} GessoJob;

void gesso_job_clear (GessoJob *job);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GessoJob, gesso_job_clear)

/* What may be held for `request` from here on. */
GessoMemoryLimit gesso_pipeline_memory_limit (GessoPipeline *pipeline, const GessoRequest *request);
/* Bytes that the process holds beside the parts, and will, where the backend's memory is its own; 0 otherwise. */
guint64 gesso_pipeline_own_bytes (GessoPipeline *pipeline);

/* Checks `request` and plans every part for it: for the least time, and those parts that would not fit otherwise for
 * the least memory. `limit`: what `holder`, the pipeline itself or the one that it is a sketch of, may hold for it. */
gboolean gesso_pipeline_plan_parts (GessoPipeline *pipeline, GessoPipeline *holder, const GessoRequest *request,
                                    GessoJob *job, GessoMemoryLimit *limit, GCancellable *cancellable, GError **error);

/* Plans the decoder alone, for one picture of that many latents: for its values, or for what people see. */
gboolean gesso_pipeline_plan_decoder (GessoPipeline *pipeline, int latent_height, int latent_width, gboolean values,
                                      GCancellable *cancellable, GError **error);

/* gesso_pipeline_plan_parts(), and OUT_OF_MEMORY, with the figures, where it cannot run in the memory there is or that
 * `request` or the options allow. */
gboolean gesso_pipeline_plan (GessoPipeline *pipeline, const GessoRequest *request, GessoJob *job,
                              GCancellable *cancellable, GError **error);

/* Bytes of what is held between the parts for `job`: text, keys and values, latents, finished pictures and the like. */
guint64 gesso_pipeline_buffer_bytes (GessoPipeline *pipeline, const GessoJob *job);

/* Receives progress on the compute thread. */
typedef void (*GessoPipelineFunc) (const GessoProgress *progress, gpointer data);

/* After gesso_pipeline_plan(): loads the parts that may stay in memory together; the others are left for later. Finds
 * out the colours of previews where `request` wants them. */
gboolean gesso_pipeline_load (GessoPipeline *pipeline, const GessoRequest *request, const GessoJob *job,
                              GessoPipelineFunc progress, gpointer data, GCancellable *cancellable, GError **error);

/* The whole way. `trace`: nullable; receives GessoTensorData. */
GPtrArray *gesso_pipeline_generate (GessoPipeline *pipeline, const GessoRequest *request, GessoPipelineFunc progress,
                                    gpointer data, GPtrArray *trace, GCancellable *cancellable, GError **error);
