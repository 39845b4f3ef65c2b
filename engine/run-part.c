/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "run-part.h"

#include <glib/gi18n-lib.h>

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
tensor_bytes (const GPtrArray *tensors, guint i)
{
  const GessoTensor *tensor = g_ptr_array_index (tensors, i);

  return (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);
}

/* A buffer for each of `tensors`, with what lies at `data`, where there is any. */
static gboolean
make_buffers (GessoPipeline *pipeline, const GPtrArray *tensors, const gconstpointer *data, GPtrArray *buffers,
              GessoBinding *bindings, GError **error)
{
  GessoBackend *backend = pipeline->backend;

  for (guint i = 0; i < tensors->len; i++)
    {
      const gsize bytes = tensor_bytes (tensors, i);
      GessoBuffer *buffer = backend->buffer_new (backend, bytes, error);

      if (!buffer)
        return FALSE;
      g_ptr_array_add (buffers, buffer);
      bindings[i].buffer = buffer;
      if (data && !backend->buffer_write (backend, buffer, 0, data[i], bytes, error))
        return FALSE;
    }
  return TRUE;
}

GPtrArray *
gesso_run_part (GessoPipeline *pipeline, GessoPart part, const gconstpointer *inputs, GessoMeter *meter,
                GCancellable *cancellable, GError **error)
{
  const GessoPlan *plan = gesso_parts_get_plan (pipeline->parts, part);
  g_autofree GessoBinding *in = g_new0 (GessoBinding, plan->inputs->len);
  g_autofree GessoBinding *out = g_new0 (GessoBinding, plan->outputs->len);
  GPtrArray *in_buffers, *out_buffers;
  gboolean done;

  if (!gesso_enter_part (pipeline, part, meter, cancellable, error))
    return NULL;
  in_buffers = g_ptr_array_new ();
  out_buffers = g_ptr_array_new ();
  done = make_buffers (pipeline, plan->inputs, inputs, in_buffers, in, error)
         && make_buffers (pipeline, plan->outputs, NULL, out_buffers, out, error)
         && gesso_parts_run (pipeline->parts, part, in, out, cancellable, error);
  gesso_free_buffers (pipeline, in_buffers);
  if (done)
    return out_buffers;
  gesso_free_buffers (pipeline, out_buffers);
  return NULL;
}

gpointer
gesso_read_output (GessoPipeline *pipeline, GessoPart part, const GPtrArray *buffers, guint i, GError **error)
{
  GessoBackend *backend = pipeline->backend;
  const gsize bytes = tensor_bytes (gesso_parts_get_plan (pipeline->parts, part)->outputs, i);
  g_autofree gpointer values = gesso_try_alloc (bytes, error);

  if (!values || !backend->buffer_read (backend, g_ptr_array_index (buffers, i), 0, values, bytes, error))
    return NULL;
  return g_steal_pointer (&values);
}

float *
gesso_run_part_to_host (GessoPipeline *pipeline, GessoPart part, gconstpointer input, GessoMeter *meter,
                        GCancellable *cancellable, GError **error)
{
  GPtrArray *buffers = gesso_run_part (pipeline, part, &input, meter, cancellable, error);
  float *values;

  if (!buffers)
    return NULL;
  values = gesso_read_output (pipeline, part, buffers, 0, error);
  gesso_free_buffers (pipeline, buffers);
  return values;
}

gboolean
gesso_report_no_numbers (const GessoPipeline *pipeline, const GessoWeights *weights, GError **error)
{
  if (pipeline->precision == GESSO_PRECISION_F32)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                 _ ("%s: these weights give values that are no numbers, so the picture would be black. They are "
                    "damaged; get the model again."),
                 gesso_weights_path (weights));
  else
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                 _ ("%s: these weights give values that are no numbers, so the picture would be black. They are "
                    "damaged, or the precision (%s) is too low for them: try f32, or get the model again."),
                 gesso_weights_path (weights), gesso_precision_to_string (pipeline->precision));
  return FALSE;
}
