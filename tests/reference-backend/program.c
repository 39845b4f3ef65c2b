/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Programs and the weights they share.
 */

#include "cancel.h"
#include "convert.h"
#include "reference-private.h"

/* Values read at a time, unless one row of a weight is longer. */
#define CHUNK_VALUES (1 << 16)

static void
weight_free (ReferenceWeight *weight)
{
  g_free (weight->key);
  g_free (weight->name);
  g_free (weight);
}

static guint64
weight_bytes (const ReferenceWeight *weight)
{
  return (guint64) gesso_shape_elements (&weight->shape) * sizeof (float);
}

/* Values of one output channel. */
static gint64
row_values (const ReferenceWeight *weight)
{
  return gesso_shape_elements (&weight->shape) / weight->shape.dim[0];
}

static gint64
rows_at_a_time (const ReferenceWeight *weight)
{
  return CLAMP (CHUNK_VALUES / row_values (weight), 1, weight->shape.dim[0]);
}

GessoStore *
gesso_reference_store_new (GessoBackend *backend, const GessoWeightSource *source)
{
  GessoStore *store = g_new0 (GessoStore, 1);

  store->source = *source;
  store->weights = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) weight_free);
  return store;
}

void
gesso_reference_store_free (GessoBackend *backend, GessoStore *store)
{
  if (!store)
    return;
  g_hash_table_unref (store->weights);
  g_free (store);
}

static ReferenceWeight *
find_weight (GessoProgram *program, const GessoTensor *tensor, gboolean matrix)
{
  g_autofree char *key
      = g_strdup_printf ("%s %s %s", matrix ? "matrix" : "plain", gesso_dtype_name (tensor->dtype), tensor->name);
  ReferenceWeight *weight = g_hash_table_lookup (program->store->weights, key);

  if (!weight)
    {
      weight = g_new0 (ReferenceWeight, 1);
      weight->key = g_steal_pointer (&key);
      weight->name = g_strdup (tensor->name);
      weight->dtype = tensor->dtype;
      weight->shape = tensor->shape;
      weight->matrix = matrix;
      g_hash_table_insert (program->store->weights, weight->key, weight);
    }
  if (!g_ptr_array_find (program->weights, weight, NULL))
    g_ptr_array_add (program->weights, weight);
  return weight;
}

GessoProgram *
gesso_reference_compile (GessoBackend *backend, GessoStore *store, const GessoPlan *plan, GCancellable *cancellable,
                         GError **error)
{
  GessoProgram *program;

  if (gesso_is_cancelled (cancellable, error))
    return NULL;
  program = g_new0 (GessoProgram, 1);
  program->store = store;
  program->plan = plan;
  program->weights = g_ptr_array_new ();
  program->matrix = g_new0 (ReferenceWeight *, plan->tensors->len);
  program->plain = g_new0 (ReferenceWeight *, plan->tensors->len);
  for (guint i = 0; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);
      const gboolean product = op->kind == GESSO_OP_CONV2D || op->kind == GESSO_OP_LINEAR;
      const GessoTensor *plain[] = { op->inputs[0],
                                     op->n_inputs > 1 ? op->inputs[1] : NULL,
                                     product ? NULL : op->weight,
                                     op->bias,
                                     op->input_norm.gamma,
                                     op->input_norm.beta };

      if (product)
        program->matrix[op->weight->id] = find_weight (program, op->weight, TRUE);
      for (gsize j = 0; j < G_N_ELEMENTS (plain); j++)
        if (plain[j] && plain[j]->kind == GESSO_TENSOR_WEIGHT)
          program->plain[plain[j]->id] = find_weight (program, plain[j], FALSE);
      program->scratch = MAX (program->scratch, gesso_reference_op_scratch (op));
    }
  return program;
}

void
gesso_reference_report (GessoBackend *backend, GessoProgram *program, GessoProgramMemory *memory)
{
  *memory = (GessoProgramMemory) { .workspace = program->plan->arena_bytes + program->scratch };
  for (guint i = 0; i < program->weights->len; i++)
    {
      const ReferenceWeight *weight = g_ptr_array_index (program->weights, i);
      const guint64 chunk = (guint64) (rows_at_a_time (weight) * row_values (weight)) * 2 * sizeof (float);

      memory->weights += weight_bytes (weight);
      if (!weight->values)
        {
          memory->weights_new += weight_bytes (weight);
          memory->load_scratch = MAX (memory->load_scratch, chunk);
        }
    }
}

/* `count` output channels from `first` on, as the file has them, to where they belong. */
static void
pack_rows (const ReferenceWeight *weight, gint64 first, gint64 count, const float *rows)
{
  const gint64 o = weight->shape.dim[0], i = weight->shape.dim[1];
  const gint64 taps = weight->shape.dim[2] * weight->shape.dim[3];

  for (gint64 row = 0; row < count; row++)
    for (gint64 channel = 0; channel < i; channel++)
      for (gint64 tap = 0; tap < taps; tap++)
        weight->values[(tap * i + channel) * o + first + row] = rows[(row * i + channel) * taps + tap];
}

static gboolean
load_weight (ReferenceBackend *backend, GessoStore *store, ReferenceWeight *weight, GCancellable *cancellable,
             GError **error)
{
  const gint64 values = row_values (weight);
  const gint64 step = rows_at_a_time (weight);
  g_autofree void *raw = g_try_malloc ((gsize) (step * values) * sizeof (float));
  g_autofree float *rows = g_try_malloc ((gsize) (step * values) * sizeof (float));

  if (!raw || !rows)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY, "No memory is left to read \"%s\".", weight->name);
      return FALSE;
    }
  weight->values = gesso_reference_take (backend, weight_bytes (weight), weight->name, error);
  if (!weight->values)
    return FALSE;
  for (gint64 first = 0; first < weight->shape.dim[0]; first += step)
    {
      const gint64 count = MIN (step, weight->shape.dim[0] - first);

      if (gesso_is_cancelled (cancellable, error)
          || !store->source.read (store->source.data, weight->name, first * values, count * values, weight->dtype, raw,
                                  error))
        {
          gesso_reference_give (backend, g_steal_pointer (&weight->values), weight_bytes (weight));
          return FALSE;
        }
      gesso_reference_to_f32 (weight->dtype, raw, count * values,
                              weight->matrix ? rows : weight->values + first * values);
      if (weight->matrix)
        pack_rows (weight, first, count, rows);
    }
  return TRUE;
}

static void
release_weight (ReferenceBackend *backend, ReferenceWeight *weight)
{
  if (--weight->n_programs == 0)
    gesso_reference_give (backend, g_steal_pointer (&weight->values), weight_bytes (weight));
}

gboolean
gesso_reference_load (GessoBackend *backend, GessoProgram *program, GessoLoadFunc progress, gpointer progress_data,
                      GCancellable *cancellable, GError **error)
{
  ReferenceBackend *self = (ReferenceBackend *) backend;
  GessoProgramMemory memory;
  guint64 done = 0;

  if (program->loaded)
    return TRUE;
  gesso_reference_report (backend, program, &memory);
  for (guint i = 0; i < program->weights->len; i++)
    {
      ReferenceWeight *weight = g_ptr_array_index (program->weights, i);

      if (!weight->values)
        {
          if (!load_weight (self, program->store, weight, cancellable, error))
            {
              while (i-- > 0)
                release_weight (self, g_ptr_array_index (program->weights, i));
              return FALSE;
            }
          done += weight_bytes (weight);
          if (progress)
            progress (done, memory.weights_new, progress_data);
        }
      weight->n_programs++;
    }
  program->loaded = TRUE;
  return TRUE;
}

void
gesso_reference_unload (GessoBackend *backend, GessoProgram *program)
{
  if (!program->loaded)
    return;
  program->loaded = FALSE;
  for (guint i = 0; i < program->weights->len; i++)
    release_weight ((ReferenceBackend *) backend, g_ptr_array_index (program->weights, i));
}

void
gesso_reference_program_free (GessoBackend *backend, GessoProgram *program)
{
  if (!program)
    return;
  gesso_reference_unload (backend, program);
  g_ptr_array_unref (program->weights);
  g_free (program->matrix);
  g_free (program->plain);
  g_free (program);
}
