/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "program.h"

#include <omp.h>

#include "../backend-checks.h"
#include "../cancel.h"
#include "cpu.h"
#include "memory.h"

GessoCpuWeight *
gesso_program_take (GessoProgram *program, GessoCpuWeight *weight)
{
  if (g_hash_table_add (program->wanted, weight))
    g_ptr_array_add (program->weights, weight);
  else
    gesso_cpu_store_drop (program->store, weight);
  return weight;
}

GessoCpuWeight *
gesso_program_want (GessoProgram *program, const GessoTensor *tensor, GessoDType dtype)
{
  return gesso_program_take (
      program, gesso_cpu_store_want (program->store, tensor->name, 0, gesso_shape_elements (&tensor->shape), dtype));
}

GessoCpuVector
gesso_program_vector (GessoProgram *program, const GessoTensor *tensor)
{
  GessoCpuVector vector = { NULL, NULL };

  if (tensor && tensor->kind == GESSO_TENSOR_WEIGHT)
    vector.weight = gesso_program_want (program, tensor, GESSO_DTYPE_F32);
  else
    vector.tensor = tensor;
  return vector;
}

guint8 *
gesso_run_data (const GessoCpuRun *run, const GessoTensor *tensor)
{
  const GessoPlacement *place = gesso_plan_placement (run->program->plan, tensor);
  const GessoBinding *binding;

  if (place->place == GESSO_PLACE_ARENA)
    return run->arena + place->offset;
  binding = (place->place == GESSO_PLACE_INPUT ? run->inputs : run->outputs) + place->binding;
  return binding->buffer->data + binding->offset;
}

const void *
gesso_run_vector (const GessoCpuRun *run, const GessoCpuVector *vector)
{
  if (vector->weight)
    return vector->weight->data;
  return vector->tensor ? gesso_run_data (run, vector->tensor) : NULL;
}

/* oneDNN asks OpenMP how many threads there are; the answer belongs to the calling thread and is put back. */
static int
enter_threads (const GessoCpuBackend *backend)
{
  const int before = omp_get_max_threads ();

  omp_set_num_threads (backend->n_threads);
  return before;
}

static void
leave_threads (int before)
{
  omp_set_num_threads (before);
}

static void
op_free (GessoCpuOp *op)
{
  if (op)
    op->class->free (op);
}

void
gesso_cpu_program_free (GessoBackend *backend, GessoProgram *program)
{
  if (!program)
    return;
  gesso_cpu_program_unload (backend, program);
  g_ptr_array_unref (program->ops);
  for (guint i = 0; i < program->weights->len; i++)
    gesso_cpu_store_drop (program->store, program->weights->pdata[i]);
  g_ptr_array_unref (program->weights);
  g_hash_table_unref (program->wanted);
  g_free (program);
}

static GessoCpuOp *
compile_op (GessoProgram *program, const GessoOp *op, const GArray *steps, GError **error)
{
  switch (op->kind)
    {
    case GESSO_OP_CONV2D:
      if (gesso_cpu_winograd_suits (program, op))
        return gesso_cpu_compile_winograd (program, op, steps);
      return gesso_cpu_compile_conv (program, op, steps, error);
    case GESSO_OP_LINEAR:
      return gesso_cpu_compile_linear (program, op, steps, error);
    default:
      return gesso_cpu_compile_operator (program, op, error);
    }
}

static gboolean
compile_ops (GessoProgram *program, GCancellable *cancellable, GError **error)
{
  const GessoPlan *plan = program->plan;
  g_autoptr (GPtrArray) steps = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

  for (guint i = 0; i < plan->ops->len; i++)
    g_ptr_array_add (steps, g_array_new (FALSE, FALSE, sizeof (GessoPlanStep)));
  for (guint i = 0; i < plan->steps->len; i++)
    {
      GessoPlanStep *step = &g_array_index (plan->steps, GessoPlanStep, i);

      g_array_append_vals (g_ptr_array_index (steps, step->op), step, 1);
    }
  for (guint i = 0; i < plan->ops->len; i++)
    {
      GessoCpuOp *op;

      if (gesso_is_cancelled (cancellable, error))
        return FALSE;
      op = compile_op (program, g_ptr_array_index (plan->ops, i), g_ptr_array_index (steps, i), error);
      if (!op)
        return FALSE;
      program->scratch = MAX (program->scratch, op->scratch);
      g_ptr_array_add (program->ops, op);
    }
  return TRUE;
}

GessoProgram *
gesso_cpu_program_compile (GessoBackend *backend, GessoStore *store, const GessoPlan *plan, GCancellable *cancellable,
                           GError **error)
{
  GessoProgram *program = g_new0 (GessoProgram, 1);
  const int threads = enter_threads ((GessoCpuBackend *) backend);
  gboolean ok;

  program->backend = (GessoCpuBackend *) backend;
  program->store = store;
  program->plan = plan;
  program->ops = g_ptr_array_new_with_free_func ((GDestroyNotify) op_free);
  program->weights = g_ptr_array_new ();
  program->wanted = g_hash_table_new (NULL, NULL);
  ok = compile_ops (program, cancellable, error);
  leave_threads (threads);
  if (ok)
    return program;
  gesso_cpu_program_free (backend, program);
  return NULL;
}

static gsize
buffer_bytes (const GessoBuffer *buffer)
{
  return buffer ? buffer->bytes : 0;
}

static gsize
workspace_bytes (const GessoProgram *program)
{
  return gesso_cpu_align (program->plan->arena_bytes) + program->scratch;
}

/* Staging memory to load everything that is not there. */
static gsize
staging_bytes (const GessoProgram *program)
{
  gsize staging = 0;

  for (guint i = 0; i < program->weights->len; i++)
    {
      const GessoCpuWeight *weight = g_ptr_array_index (program->weights, i);

      if (!weight->data)
        staging = MAX (staging, gesso_cpu_weight_staging (weight));
    }
  return staging;
}

void
gesso_cpu_program_report (GessoBackend *backend, GessoProgram *program, GessoProgramMemory *memory)
{
  const gsize staging = staging_bytes (program);

  *memory = (GessoProgramMemory) { .workspace = workspace_bytes (program) };
  for (guint i = 0; i < program->weights->len; i++)
    {
      const GessoCpuWeight *weight = g_ptr_array_index (program->weights, i);
      const gsize bytes = gesso_cpu_memory_round (weight->bytes);

      memory->weights += bytes;
      if (!weight->data)
        memory->weights_new += bytes;
    }
  if (staging)
    memory->load_scratch = gesso_cpu_memory_round (staging);
}

static gboolean
prepare_ops (GessoProgram *program, GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < program->ops->len; i++)
    {
      GessoCpuOp *op = g_ptr_array_index (program->ops, i);

      if (gesso_is_cancelled (cancellable, error)
          || (op->class->prepare && !op->class->prepare (op, program->backend->engine, error)))
        return FALSE;
    }
  return TRUE;
}

/* Holds all weights, or none. */
static gboolean
hold_weights (GessoProgram *program, GessoLoading *loading, GError **error)
{
  const gsize staging_size = staging_bytes (program);
  void *staging = NULL;
  gboolean ok = TRUE;
  guint n;

  if (staging_size && !(staging = gesso_cpu_memory_alloc (staging_size, error)))
    return FALSE;
  for (n = 0; n < program->weights->len; n++)
    {
      ok = gesso_cpu_store_hold (program->store, g_ptr_array_index (program->weights, n), program->backend->engine,
                                 program->backend->stream, program->backend->n_threads, staging, gesso_loading_add,
                                 loading, error);
      if (!ok)
        break;
    }
  if (!ok)
    while (n > 0)
      gesso_cpu_store_release (program->store, g_ptr_array_index (program->weights, --n));
  gesso_cpu_memory_free (staging, staging_size);
  return ok;
}

gboolean
gesso_cpu_program_load (GessoBackend *backend, GessoProgram *program, GessoLoadFunc progress, gpointer progress_data,
                        GCancellable *cancellable, GError **error)
{
  GessoLoading loading = { .progress = progress, .progress_data = progress_data, .cancellable = cancellable };
  int threads;

  if (program->loaded)
    return TRUE;
  for (guint i = 0; i < program->weights->len; i++)
    {
      const GessoCpuWeight *weight = g_ptr_array_index (program->weights, i);

      if (!weight->data)
        loading.total += weight->bytes;
    }
  threads = enter_threads (program->backend);
  program->loaded = prepare_ops (program, cancellable, error) && hold_weights (program, &loading, error);
  leave_threads (threads);
  return program->loaded;
}

void
gesso_cpu_program_unload (GessoBackend *backend, GessoProgram *program)
{
  if (!program->loaded)
    return;
  for (guint i = 0; i < program->weights->len; i++)
    gesso_cpu_store_release (program->store, program->weights->pdata[i]);
  program->loaded = FALSE;
}

static gboolean
check_bindings (const GPtrArray *tensors, const GessoBinding *bindings, GError **error)
{
  for (guint i = 0; i < tensors->len; i++)
    if (!gesso_backend_check_binding (g_ptr_array_index (tensors, i), buffer_bytes (bindings[i].buffer),
                                      bindings[i].offset, error))
      return FALSE;
  return TRUE;
}

static gboolean
run_steps (GessoCpuRun *run, GError **error)
{
  const GArray *steps = run->program->plan->steps;
  GCancellable *cancellable = run->context.cancellable;

  for (guint i = 0; i < steps->len; i++)
    {
      const GessoPlanStep *step = &g_array_index (steps, GessoPlanStep, i);
      GessoCpuOp *op = g_ptr_array_index (run->program->ops, step->op);
      g_autoptr (GError) failure = NULL;

      if (gesso_is_cancelled (cancellable, error))
        return FALSE;
      if (op->class->run (op, run, step, &failure))
        continue;
      /* An operator fails in one way only: its cancellable was triggered. */
      if (failure)
        g_propagate_error (error, g_steal_pointer (&failure));
      else
        gesso_is_cancelled (cancellable, error);
      return FALSE;
    }
  return TRUE;
}

gboolean
gesso_cpu_program_run (GessoBackend *backend, GessoProgram *program, GessoBuffer *workspace, const GessoBinding *inputs,
                       const GessoBinding *outputs, GCancellable *cancellable, GError **error)
{
  GessoCpuRun run = { .program = program,
                      .context = { program->backend->n_threads, program->backend->kernels, cancellable },
                      .stream = program->backend->stream,
                      .inputs = inputs,
                      .outputs = outputs };
  gboolean ok;
  int threads;

  if (!gesso_backend_check_run (program->plan, program->loaded, buffer_bytes (workspace), workspace_bytes (program),
                                error)
      || !check_bindings (program->plan->inputs, inputs, error)
      || !check_bindings (program->plan->outputs, outputs, error))
    return FALSE;
  if (workspace)
    {
      run.arena = workspace->data;
      run.scratch = workspace->data + gesso_cpu_align (program->plan->arena_bytes);
    }
  threads = enter_threads (program->backend);
  ok = run_steps (&run, error);
  leave_threads (threads);
  return ok;
}
