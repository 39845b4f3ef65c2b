/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a model as programs on a backend, and which of them stay in memory.
 *
 * A part is planned for a request, loaded when it is entered, and stays loaded until its room is needed or its plan
 * changes. All calls happen on the compute thread.
 */

#pragma once

#include "backend.h"
#include "model/model.h"

typedef enum
{
  GESSO_PART_TEXT,    /* prompt -> text */
  GESSO_PART_CONTEXT, /* text -> keys and values of the cross-attentions */
  GESSO_PART_TIME,    /* timesteps -> time embeddings */
  GESSO_PART_UNET,    /* one evaluation */
  GESSO_PART_UPDATE,  /* guidance and the scheduler's update */
  GESSO_PART_DECODER, /* latents -> picture */
  GESSO_N_PARTS
} GessoPart;

typedef struct _GessoParts GessoParts;

/* Takes over neither: backend and model outlive the parts. */
GessoParts *gesso_parts_new (GessoBackend *backend, GessoPrecision precision, GessoModel *model);
void gesso_parts_free (GessoParts *parts);

/* "text encoder", ... translated. */
const char *gesso_part_name (GessoPart id);

/* Memory that may be held: `bytes`, of which `own` are what the process holds beside parts and buffers. */
typedef struct
{
  guint64 bytes;
  guint64 own;
} GessoMemoryLimit;

/* Plans and compiles part `id` from `graph` (taken over, also on error), unless the plan that stands was made for the
 * same `key`. */
gboolean gesso_parts_plan (GessoParts *parts, GessoPart id, const char *key, GessoGraph *graph,
                           GCancellable *cancellable, GError **error);
/* Decides anew which parts are planned for the least memory instead of the least time: those that could not run within
 * `limit` otherwise. Needs all parts planned; TRUE where a plan is to be made again, for which this may be asked anew.
 */
gboolean gesso_parts_adjust (GessoParts *parts, const GessoMemoryLimit *limit, guint64 buffers);
/* Whether a plan for `key` stands, so that no graph need be made. */
gboolean gesso_parts_is_planned (GessoParts *parts, GessoPart id, const char *key);
/* The plan that stands, or NULL. */
const GessoPlan *gesso_parts_get_plan (GessoParts *parts, GessoPart id);
/* What the part's program reports. */
void gesso_parts_report (GessoParts *parts, GessoPart id, GessoProgramMemory *memory);

/* What holds from here on; the caller's own buffers are `buffers` bytes. OUT_OF_MEMORY, naming the part that needs most
 * and how much it is, when one cannot run even with all the others evicted. */
gboolean gesso_parts_set_limit (GessoParts *parts, const GessoMemoryLimit *limit, guint64 buffers, GError **error);

/* The most that is held at any time: with everything resident, and with every part evicted that is not running. */
void gesso_parts_peak (GessoParts *parts, guint64 *resident, guint64 *least);

/* Bytes of packed weights and workspace held now. */
guint64 gesso_parts_held (GessoParts *parts);

/* Loads part `id`, evicting others where the limit asks for it. `progress` as in GessoBackend.load. */
gboolean gesso_parts_enter (GessoParts *parts, GessoPart id, GessoLoadFunc progress, gpointer progress_data,
                            GCancellable *cancellable, GError **error);

/* Whether part `id` can be entered without evicting another. */
gboolean gesso_parts_would_fit (GessoParts *parts, GessoPart id);

/* Whether part `id` can be entered and run where all others are evicted. */
gboolean gesso_parts_can_run (GessoParts *parts, GessoPart id);

/* Gives back the memory of part `id` unless everything that is planned may stay in memory together. */
void gesso_parts_leave (GessoParts *parts, GessoPart id);

/* Runs an entered part. Bindings in the plan's order. */
gboolean gesso_parts_run (GessoParts *parts, GessoPart id, const GessoBinding *inputs, const GessoBinding *outputs,
                          GCancellable *cancellable, GError **error);

/* Checks that each weight `graph` asks for is in `weights`, in the right shape and a dtype that can be read;
 * MODEL_INVALID naming file, tensor and shapes. Frees the graph. */
gboolean gesso_parts_check_weights (GessoGraph *graph, const GessoWeights *weights, GError **error);
