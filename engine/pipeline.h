/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The recipe: encode, denoise, decode. Everything here runs on the compute thread.
 */

#pragma once

#include "parts.h"
#include "sampling/scheduler.h"

typedef struct
{
  GessoModel *model;
  GessoBackend *backend;
  GessoPrecision precision;
  GessoParts *parts;
  guint64 max_memory;   /* of the options; 0: none */
  gboolean host_memory; /* the backend's memory is the process's own, so that the limit is for both together */
} GessoPipeline;

/* What a request comes to: sizes filled in, the schedule, the batch. */
typedef struct
{
  int height, width;               /* pixels */
  int latent_height, latent_width; /* latents */
  int repeat;                      /* 2 with guidance, else 1 */
  int batch;                       /* pictures at a time */
  GessoSchedule *schedule;
} GessoJob;

void gesso_job_clear (GessoJob *job);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GessoJob, gesso_job_clear)

/* Checks `request`, plans every part for it and checks the memory it needs, before anything runs. */
gboolean gesso_pipeline_plan (GessoPipeline *pipeline, const GessoRequest *request, GessoJob *job,
                              GCancellable *cancellable, GError **error);

/* Bytes of the buffers that hold text, keys and values, latents and the like for `job`. */
guint64 gesso_pipeline_buffer_bytes (GessoPipeline *pipeline, const GessoJob *job);

/* Receives progress on the compute thread. */
typedef void (*GessoPipelineFunc) (const GessoProgress *progress, gpointer data);

/* After gesso_pipeline_plan(): loads the parts that may stay in memory together; the others are left for later. */
gboolean gesso_pipeline_load (GessoPipeline *pipeline, GessoPipelineFunc progress, gpointer data,
                              GCancellable *cancellable, GError **error);

/* The whole way. `trace`: nullable; receives GessoTensorData. */
GPtrArray *gesso_pipeline_generate (GessoPipeline *pipeline, const GessoRequest *request, GessoPipelineFunc progress,
                                    gpointer data, GPtrArray *trace, GCancellable *cancellable, GError **error);
