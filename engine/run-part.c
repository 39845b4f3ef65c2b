/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "run-part.h"

#include "cancel.h"

double
gesso_part_seconds (GessoPipeline *pipeline, GessoPart part)
{
  GessoPlanOptions options = { 0 };

  pipeline->backend->plan_options (pipeline->backend, pipeline->precision, FALSE, &options);
  return gesso_parts_get_plan (pipeline->parts, part)->flops / options.flops_per_second;
}

gboolean
gesso_enter_part (GessoPipeline *pipeline, GessoPart part, GessoMeter *meter, GCancellable *cancellable, GError **error)
{
  GessoProgramMemory memory;

  gesso_parts_report (pipeline->parts, part, &memory);
  gesso_meter_begin_load (meter, memory.weights_new);
  return gesso_parts_enter (pipeline->parts, part, gesso_meter_loaded, meter, cancellable, error);
}

void
gesso_free_buffers (GessoPipeline *pipeline, GPtrArray *buffers)
{
  for (guint i = 0; i < buffers->len; i++)
    pipeline->backend->buffer_free (pipeline->backend, g_ptr_array_index (buffers, i));
  g_ptr_array_unref (buffers);
}

static gsize
output_bytes (const GessoPlan *plan, guint i)
{
  const GessoTensor *tensor = g_ptr_array_index (plan->outputs, i);

  return (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);
}

GPtrArray *
gesso_run_part (GessoPipeline *pipeline, GessoPart part, gconstpointer data, gsize bytes, GessoMeter *meter,
                GCancellable *cancellable, GError **error)
{
  GessoBackend *backend = pipeline->backend;
  const GessoPlan *plan = gesso_parts_get_plan (pipeline->parts, part);
  g_autofree GessoBinding *outputs = g_new0 (GessoBinding, plan->outputs->len);
  GessoBinding input = { 0 };
  GPtrArray *buffers;
  gboolean ok;

  if (!gesso_enter_part (pipeline, part, meter, cancellable, error))
    return NULL;
  buffers = g_ptr_array_new ();
  input.buffer = backend->buffer_new (backend, bytes, error);
  ok = input.buffer && backend->buffer_write (backend, input.buffer, 0, data, bytes, error);
  for (guint i = 0; ok && i < plan->outputs->len; i++)
    {
      outputs[i].buffer = backend->buffer_new (backend, output_bytes (plan, i), error);
      ok = outputs[i].buffer != NULL;
      if (ok)
        g_ptr_array_add (buffers, outputs[i].buffer);
    }
  ok = ok && gesso_parts_run (pipeline->parts, part, &input, outputs, cancellable, error);
  if (input.buffer)
    backend->buffer_free (backend, input.buffer);
  if (ok)
    return buffers;
  gesso_free_buffers (pipeline, buffers);
  return NULL;
}

float *
gesso_run_part_to_host (GessoPipeline *pipeline, GessoPart part, gconstpointer data, gsize bytes, GessoMeter *meter,
                        GCancellable *cancellable, GError **error)
{
  GessoBackend *backend = pipeline->backend;
  const GessoPlan *plan = gesso_parts_get_plan (pipeline->parts, part);
  GPtrArray *buffers = gesso_run_part (pipeline, part, data, bytes, meter, cancellable, error);
  gsize size = output_bytes (plan, 0);
  float *values;

  if (!buffers)
    return NULL;
  values = gesso_try_alloc (size, error);
  if (values && !backend->buffer_read (backend, g_ptr_array_index (buffers, 0), 0, values, size, error))
    g_clear_pointer (&values, g_free);
  gesso_free_buffers (pipeline, buffers);
  return values;
}
