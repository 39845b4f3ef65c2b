/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Programs of the CUDA backend: what they hold, from compile() to free.
 */

#include "choose.h"

#include <string.h>

#include "cancel.h"

/* A program of so many steps is recorded as a CUDA graph when it runs again in the same place. */
#define LONG_PROGRAM 16
/* Inputs up to this size are copied into the workspace first, so that a recording serves whatever they are bound to:
 * a step's time embeddings lie elsewhere at each step. */
#define SMALL_INPUT ((gsize) 64 << 10)

guint
gesso_cuda_n_addresses (const GessoProgram *program)
{
  return 1 + program->plan->inputs->len + program->plan->outputs->len;
}

/* The kernels for `type`, loaded when a program first needs them. */
static GessoLauncher *
get_launcher (GessoCudaBackend *backend, GessoPrecision precision, GError **error)
{
  const gboolean is_bf16 = precision == GESSO_PRECISION_BF16;
  GessoLauncher **launcher = &backend->launchers[is_bf16];
  GessoCudaDevice *device = backend->device;

  if (*launcher)
    return *launcher;
  *launcher = gesso_launcher_new (device->driver, is_bf16 ? GESSO_DTYPE_BF16 : GESSO_DTYPE_F16,
                                  device->major * 10 + device->minor, device->processors, device->stream, error);
  if (*launcher && (*launcher)->has_warpgroups && !gesso_cuda_prove_warpgroups (device, *launcher, error))
    g_clear_pointer (launcher, gesso_launcher_free);
  if (*launcher)
    (*launcher)->lt = backend->lt;
  return *launcher;
}

/* Where everything lies in the workspace: the arena, scratch, small inputs. */
static void
lay_out (GessoProgram *self)
{
  const GPtrArray *inputs = self->plan->inputs;
  gsize end = gesso_cuda_align (self->plan->arena_bytes);

  self->scratch_at = end;
  end += gesso_cuda_align (self->scratch);
  self->is_long = self->plan->steps->len >= LONG_PROGRAM;
  for (guint i = 0; i < inputs->len && self->is_long; i++)
    {
      const gsize bytes = gesso_cuda_tensor_bytes (g_ptr_array_index (inputs, i));

      if (bytes > SMALL_INPUT)
        continue;
      /* Never 0, which means that there is none. */
      end = MAX (end, gesso_cuda_align (1));
      self->copy_at[i] = end;
      end += gesso_cuda_align (bytes);
    }
  self->workspace = end;
}

static gboolean
prepare (GessoProgram *self, GCancellable *cancellable, GError **error)
{
  gesso_cuda_find_groups (self);
  for (guint i = 0; i < self->plan->ops->len; i++)
    {
      gsize scratch = 0;

      if (gesso_is_cancelled (cancellable, error)
          || !gesso_cuda_operation_prepare (self, g_ptr_array_index (self->plan->ops, i), &scratch, error))
        return FALSE;
      self->scratch = MAX (self->scratch, scratch);
    }
  lay_out (self);
  return TRUE;
}

GessoProgram *
gesso_cuda_program_compile (GessoBackend *base, GessoStore *store, const GessoPlan *plan, GCancellable *cancellable,
                            GError **error)
{
  GessoCudaBackend *backend = (GessoCudaBackend *) base;
  GessoLauncher *launcher;
  GessoProgram *self;

  if (!gesso_cuda_device_enter (backend->device, error)
      || !(launcher = get_launcher (backend, plan->options.precision, error)))
    return NULL;
  self = g_new0 (GessoProgram, 1);
  self->backend = backend;
  self->launcher = launcher;
  self->store = store;
  self->plan = plan;
  self->weights = g_ptr_array_new ();
  self->operands = g_new0 (GessoCudaOperands, plan->ops->len);
  self->open = g_array_new (FALSE, FALSE, sizeof (GessoProduct));
  self->open_attention = g_array_new (FALSE, FALSE, sizeof (GessoAttention));
  self->copy_at = g_new0 (gsize, plan->inputs->len);
  self->recorded = g_new0 (CUdeviceptr, gesso_cuda_n_addresses (self));
  self->latest = g_new0 (CUdeviceptr, gesso_cuda_n_addresses (self));
  if (prepare (self, cancellable, error))
    return self;
  gesso_cuda_program_free (base, self);
  return NULL;
}

void
gesso_cuda_program_report (GessoBackend *base, GessoProgram *self, GessoProgramMemory *memory)
{
  *memory = (GessoProgramMemory) { .workspace = self->workspace };
  for (guint i = 0; i < self->weights->len; i++)
    {
      const GessoCudaWeight *weight = g_ptr_array_index (self->weights, i);
      const gsize bytes = gesso_cuda_align (weight->bytes);

      memory->weights += bytes;
      if (!weight->n_held)
        memory->weights_new += bytes;
    }
}

gboolean
gesso_cuda_program_load (GessoBackend *base, GessoProgram *self, GessoLoadFunc progress, gpointer progress_data,
                         GCancellable *cancellable, GError **error)
{
  if (!self->loaded)
    self->loaded = gesso_cuda_device_enter (self->backend->device, error)
                   && gesso_cuda_measure_open (self, cancellable, error)
                   && gesso_cuda_store_hold (self->store, self->weights, progress, progress_data, cancellable, error);
  return self->loaded;
}

void
gesso_cuda_program_forget (GessoProgram *self)
{
  if (self->recording && gesso_cuda_device_settle (self->backend->device))
    self->backend->device->driver->cuGraphExecDestroy (self->recording);
  self->recording = NULL;
}

void
gesso_cuda_program_unload (GessoBackend *base, GessoProgram *self)
{
  if (!self->loaded)
    return;
  self->loaded = FALSE;
  /* It names the weights by their places. */
  gesso_cuda_program_forget (self);
  memset (self->latest, 0, gesso_cuda_n_addresses (self) * sizeof *self->latest);
  gesso_cuda_store_release (self->store, self->weights);
}

void
gesso_cuda_program_free (GessoBackend *base, GessoProgram *self)
{
  if (!self)
    return;
  gesso_cuda_program_unload (base, self);
  g_ptr_array_unref (self->weights);
  g_free (self->operands);
  g_array_unref (self->open);
  g_array_unref (self->open_attention);
  g_free (self->copy_at);
  g_free (self->recorded);
  g_free (self->latest);
  g_free (self);
}
