/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "parts.h"

#include <glib/gi18n-lib.h>

#include "weight-source.h"

/* Parts that read the same file share one store, so that a weight is packed once. */
typedef enum
{
  STORE_TEXT,
  STORE_UNET,
  STORE_VAE,
  N_STORES,
} StoreId;

static const StoreId store_of[GESSO_N_PARTS] = {
  [GESSO_PART_TEXT] = STORE_TEXT, [GESSO_PART_CONTEXT] = STORE_UNET, [GESSO_PART_TIME] = STORE_UNET,
  [GESSO_PART_UNET] = STORE_UNET, [GESSO_PART_UPDATE] = STORE_UNET,  [GESSO_PART_DECODER] = STORE_VAE,
};

/* What to give up first: what a picture needs once and early, before what it needs at every step. */
static const GessoPart eviction_order[]
    = { GESSO_PART_TIME, GESSO_PART_CONTEXT, GESSO_PART_TEXT, GESSO_PART_DECODER, GESSO_PART_UPDATE, GESSO_PART_UNET };

typedef struct
{
  char *key;
  GessoPlan *plan;
  GessoProgram *program;
  gboolean loaded;
  gboolean is_tight; /* planned for the least memory */
  guint64 needs[2];  /* bytes to run it, roomy and tight; 0: not known for this key */
} Part;

struct _GessoParts
{
  GessoBackend *backend;
  GessoPrecision precision;
  gboolean can_tighten;               /* the backend has tight plans */
  gboolean to_tighten[GESSO_N_PARTS]; /* how plans are made from here on */
  GessoStore *stores[N_STORES];
  Part parts[GESSO_N_PARTS];
  GessoBuffer *workspace;
  guint64 workspace_bytes;
  guint64 limit;
  guint64 buffers;
};

GessoParts *
gesso_parts_new (GessoBackend *backend, GessoPrecision precision, GessoModel *model)
{
  GessoParts *self = g_new0 (GessoParts, 1);
  GessoWeights *weights[N_STORES] = { model->text_weights, model->unet_weights, model->vae_weights };
  GessoPlanOptions roomy = { 0 }, tight = { 0 };

  backend->plan_options (backend, precision, FALSE, &roomy);
  backend->plan_options (backend, precision, TRUE, &tight);
  self->can_tighten = tight.fusions != roomy.fusions;
  self->backend = backend;
  self->precision = precision;
  self->limit = G_MAXUINT64;
  for (int i = 0; i < N_STORES; i++)
    {
      GessoWeightSource source = gesso_weight_source (weights[i]);

      self->stores[i] = backend->store_new (backend, &source);
    }
  return self;
}

static void
clear_part (GessoParts *self, Part *part)
{
  if (part->program)
    self->backend->program_free (self->backend, part->program);
  g_clear_pointer (&part->plan, gesso_plan_free);
  g_free (part->key);
  *part = (Part) { 0 };
}

static void
free_workspace (GessoParts *self)
{
  if (self->workspace)
    self->backend->buffer_free (self->backend, self->workspace);
  self->workspace = NULL;
  self->workspace_bytes = 0;
}

void
gesso_parts_free (GessoParts *self)
{
  for (int i = 0; i < GESSO_N_PARTS; i++)
    clear_part (self, &self->parts[i]);
  free_workspace (self);
  for (int i = 0; i < N_STORES; i++)
    self->backend->store_free (self->backend, self->stores[i]);
  g_free (self);
}

const char *
gesso_part_name (GessoPart id)
{
  switch (id)
    {
    case GESSO_PART_TEXT:
      return _ ("text encoder");
    case GESSO_PART_CONTEXT:
      return _ ("U-Net: prompt");
    case GESSO_PART_TIME:
      return _ ("U-Net: schedule");
    case GESSO_PART_UNET:
      return _ ("U-Net: step");
    case GESSO_PART_UPDATE:
      return _ ("scheduler");
    case GESSO_PART_DECODER:
      return _ ("decoder");
    default:
      g_return_val_if_reached (NULL);
    }
}

gboolean
gesso_parts_is_planned (GessoParts *self, GessoPart id, const char *key)
{
  return self->parts[id].is_tight == self->to_tighten[id] && g_strcmp0 (self->parts[id].key, key) == 0;
}

/* Loads `program` while the one before it still holds the same packed weights, so that another picture size does not
 * read the model again. FALSE, with nothing changed, where that would need memory or fails. */
static gboolean
adopt_weights (GessoParts *self, GessoProgram *program, GCancellable *cancellable)
{
  GessoProgramMemory memory;

  self->backend->report (self->backend, program, &memory);
  return memory.weights_new == 0 && self->backend->load (self->backend, program, NULL, NULL, cancellable, NULL);
}

void
gesso_parts_report (GessoParts *self, GessoPart id, GessoProgramMemory *memory)
{
  *memory = (GessoProgramMemory) { 0 };
  if (self->parts[id].program)
    self->backend->report (self->backend, self->parts[id].program, memory);
}

/* Bytes to run a part with no other in memory. */
static guint64
need_of (GessoParts *self, GessoPart id)
{
  GessoProgramMemory memory;

  gesso_parts_report (self, id, &memory);
  return memory.weights + MAX (memory.workspace, memory.load_scratch);
}

gboolean
gesso_parts_plan (GessoParts *self, GessoPart id, const char *key, GessoGraph *graph, GCancellable *cancellable,
                  GError **error)
{
  g_autoptr (GessoGraph) owned = graph;
  g_autoptr (GessoPlan) plan = NULL;
  GessoPlanOptions options = { 0 };
  GessoBackend *backend = self->backend;
  Part *part = &self->parts[id];
  GessoProgram *program;
  guint64 other_need;
  gboolean loaded;

  if (gesso_parts_is_planned (self, id, key))
    return TRUE;
  if (!gesso_graph_finish (graph, error))
    return FALSE;
  backend->plan_options (backend, self->precision, self->to_tighten[id], &options);
  plan = gesso_plan_new (graph, &options, error);
  if (!plan)
    return FALSE;
  program = backend->compile (backend, self->stores[store_of[id]], plan, cancellable, error);
  if (!program)
    return FALSE;
  loaded = part->loaded && adopt_weights (self, program, cancellable);
  other_need = g_strcmp0 (part->key, key) == 0 ? part->needs[!self->to_tighten[id]] : 0;
  clear_part (self, part);
  part->key = g_strdup (key);
  part->plan = g_steal_pointer (&plan);
  part->program = program;
  part->loaded = loaded;
  part->is_tight = self->to_tighten[id];
  part->needs[part->is_tight] = need_of (self, id);
  part->needs[!part->is_tight] = other_need;
  return TRUE;
}

gboolean
gesso_parts_adjust (GessoParts *self, const GessoMemoryLimit *limit, guint64 buffers)
{
  gboolean changed = FALSE;

  for (int i = 0; i < GESSO_N_PARTS && self->can_tighten; i++)
    {
      const Part *part = &self->parts[i];
      const gboolean fits = part->needs[FALSE] + buffers + limit->own <= limit->bytes;

      /* Bands have a cost in memory too. */
      self->to_tighten[i] = !fits && (!part->needs[TRUE] || part->needs[TRUE] < part->needs[FALSE]);
      changed |= self->to_tighten[i] != part->is_tight;
    }
  return changed;
}

const GessoPlan *
gesso_parts_get_plan (GessoParts *self, GessoPart id)
{
  return self->parts[id].plan;
}

/* Bytes of weights that all loaded parts hold together. Weights that several parts share count for each; in these
 * models none are. */
static guint64
loaded_weights (GessoParts *self)
{
  guint64 sum = 0;

  for (int i = 0; i < GESSO_N_PARTS; i++)
    if (self->parts[i].loaded)
      {
        GessoProgramMemory memory;

        gesso_parts_report (self, i, &memory);
        sum += memory.weights;
      }
  return sum;
}

guint64
gesso_parts_held (GessoParts *self)
{
  return loaded_weights (self) + self->workspace_bytes;
}

void
gesso_parts_peak (GessoParts *self, guint64 *resident, guint64 *least)
{
  guint64 weights = 0, transient = 0;

  *least = 0;
  for (int i = 0; i < GESSO_N_PARTS; i++)
    {
      GessoProgramMemory memory;
      guint64 extra;

      gesso_parts_report (self, i, &memory);
      extra = MAX (memory.workspace, memory.load_scratch);
      weights += memory.weights;
      transient = MAX (transient, extra);
      *least = MAX (*least, memory.weights + extra);
    }
  *resident = weights + transient;
}

gboolean
gesso_parts_set_limit (GessoParts *self, const GessoMemoryLimit *limit, guint64 buffers, GError **error)
{
  guint64 most = 0;
  GessoPart largest = 0;

  for (int i = 0; i < GESSO_N_PARTS; i++)
    {
      const guint64 need = need_of (self, i);

      if (need > most)
        {
          most = need;
          largest = i;
        }
    }
  most += buffers + limit->own;
  if (most > limit->bytes)
    {
      g_autofree char *needed = g_format_size_full (most, G_FORMAT_SIZE_IEC_UNITS);
      g_autofree char *own = g_format_size_full (limit->own + buffers, G_FORMAT_SIZE_IEC_UNITS);
      g_autofree char *allowed = g_format_size_full (limit->bytes, G_FORMAT_SIZE_IEC_UNITS);

      g_set_error (
          error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
          _ ("This needs %s of memory while the part \"%s\" runs (%s of it for the program itself and for what "
             "goes between the parts), and only %s may be used. Choose a smaller picture, fewer of them, a "
             "smaller model or a lower precision, or allow more memory."),
          needed, gesso_part_name (largest), own, allowed);
      return FALSE;
    }
  self->limit = limit->bytes - limit->own;
  self->buffers = buffers;
  return TRUE;
}

static void
evict (GessoParts *self, GessoPart id)
{
  Part *part = &self->parts[id];

  if (part->loaded)
    self->backend->unload (self->backend, part->program);
  part->loaded = FALSE;
}

/* Evicts until `more` bytes on top of what is held stay below the limit, or nothing is left to evict. */
static void
make_room (GessoParts *self, GessoPart for_part, guint64 more)
{
  for (gsize i = 0; i < G_N_ELEMENTS (eviction_order); i++)
    {
      if (loaded_weights (self) + self->workspace_bytes + self->buffers + more <= self->limit)
        return;
      if (eviction_order[i] != for_part)
        evict (self, eviction_order[i]);
    }
}

static gboolean
provide_workspace (GessoParts *self, GessoPart id, guint64 bytes, GError **error)
{
  gboolean fits = self->workspace_bytes >= bytes;

  /* One that is too large is given back where it keeps others out. */
  if (fits && loaded_weights (self) + self->workspace_bytes + self->buffers <= self->limit)
    return TRUE;
  free_workspace (self);
  make_room (self, id, bytes);
  self->workspace = self->backend->buffer_new (self->backend, MAX (bytes, 1), error);
  if (self->workspace)
    self->workspace_bytes = bytes;
  return self->workspace != NULL;
}

gboolean
gesso_parts_enter (GessoParts *self, GessoPart id, GessoLoadFunc progress, gpointer progress_data,
                   GCancellable *cancellable, GError **error)
{
  GessoBackend *backend = self->backend;
  Part *part = &self->parts[id];
  GessoProgramMemory memory;

  gesso_parts_report (self, id, &memory);
  if (!part->loaded)
    {
      guint64 more = memory.weights_new + memory.load_scratch;

      if (loaded_weights (self) + self->workspace_bytes + self->buffers + more > self->limit)
        free_workspace (self);
      make_room (self, id, more);
      if (!backend->load (backend, part->program, progress, progress_data, cancellable, error))
        return FALSE;
      part->loaded = TRUE;
    }
  return provide_workspace (self, id, memory.workspace, error);
}

gboolean
gesso_parts_would_fit (GessoParts *self, GessoPart id)
{
  GessoProgramMemory memory;

  gesso_parts_report (self, id, &memory);
  return loaded_weights (self) + (self->parts[id].loaded ? 0 : memory.weights_new)
             + MAX (memory.workspace, memory.load_scratch) + self->buffers
         <= self->limit;
}

gboolean
gesso_parts_can_run (GessoParts *self, GessoPart id)
{
  return need_of (self, id) + self->buffers <= self->limit;
}

void
gesso_parts_leave (GessoParts *self, GessoPart id)
{
  guint64 resident, least;

  gesso_parts_peak (self, &resident, &least);
  if (resident + self->buffers > self->limit)
    evict (self, id);
}

gboolean
gesso_parts_run (GessoParts *self, GessoPart id, const GessoBinding *inputs, const GessoBinding *outputs,
                 GCancellable *cancellable, GError **error)
{
  return self->backend->run (self->backend, self->parts[id].program, self->workspace, inputs, outputs, cancellable,
                             error);
}

gboolean
gesso_parts_check_weights (GessoGraph *graph, const GessoWeights *weights, GError **error)
{
  g_autoptr (GessoGraph) owned = graph;

  if (!gesso_graph_finish (graph, error))
    return FALSE;
  for (guint i = 0; i < graph->tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (graph->tensors, i);

      if (tensor->kind == GESSO_TENSOR_WEIGHT && !gesso_weights_check (weights, tensor->name, &tensor->shape, error))
        return FALSE;
    }
  return TRUE;
}
