/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "harness.h"
#include "convert.h"

#include <math.h>
#include <string.h>

Harness *
harness_new (void)
{
  Harness *harness = g_new0 (Harness, 1);

  harness->backend = gesso_reference_backend_entry (GESSO_BACKEND_ABI, 1, NULL);
  g_assert_nonnull (harness->backend);
  harness->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);
  return harness;
}

void
harness_free (Harness *harness)
{
  g_clear_pointer (&harness->last_plan, gesso_plan_free);
  g_assert_cmpuint (gesso_reference_backend_get_held (harness->backend), ==, 0);
  harness->backend->free (harness->backend);
  g_hash_table_unref (harness->values);
  g_free (harness);
}

void
harness_set (Harness *harness, const char *name, gsize n, const float *values)
{
  GArray *array = g_array_new (FALSE, FALSE, sizeof (float));

  g_array_append_vals (array, values, (guint) n);
  g_hash_table_insert (harness->values, g_strdup (name), array);
}

float
harness_formula (const char *name, gint64 index)
{
  guint32 bits = g_str_hash (name) * 2654435761u + (guint32) index * 40503u + 12345u;

  bits ^= bits >> 15;
  bits *= 2246822519u;
  bits ^= bits >> 13;
  bits *= 3266489917u;
  bits ^= bits >> 16;
  return (float) (bits >> 8) / 16777216.0f - 0.5f;
}

static void
read_values (Harness *harness, const char *name, gint64 first, gint64 count, float *values)
{
  const GArray *array = g_hash_table_lookup (harness->values, name);

  for (gint64 i = 0; i < count; i++)
    {
      g_assert_true (!array || first + i < array->len);
      values[i] = array ? g_array_index (array, float, first + i) : harness_formula (name, first + i);
    }
}

static gboolean
read_weight (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values,
             GError **error)
{
  g_autofree float *exact = g_new (float, count);

  read_values (data, name, first, count, exact);
  gesso_reference_from_f32 (dtype, exact, count, values);
  return TRUE;
}

static GessoDType
weight_dtype (gpointer data, const char *name)
{
  return GESSO_DTYPE_F32;
}

GessoWeightSource
harness_source (Harness *harness)
{
  return (GessoWeightSource) { read_weight, weight_dtype, harness };
}

void
harness_fill (Harness *harness, const GessoTensor *tensor, void *values)
{
  const gint64 n = gesso_shape_elements (&tensor->shape);
  g_autofree float *exact = g_new (float, n);

  read_values (harness, tensor->name, 0, n, exact);
  if (tensor->dtype == GESSO_DTYPE_I32)
    for (gint64 i = 0; i < n; i++)
      ((gint32 *) values)[i] = (gint32) exact[i];
  else
    gesso_reference_from_f32 (tensor->dtype, exact, n, values);
}

static gsize
tensor_bytes (const GessoTensor *tensor)
{
  return (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);
}

static GArray *
read_output (GessoBackend *backend, GessoBuffer *buffer, const GessoTensor *tensor)
{
  const gint64 n = gesso_shape_elements (&tensor->shape);
  GArray *array = g_array_sized_new (FALSE, FALSE, sizeof (float), (guint) n);
  g_autofree void *raw = g_malloc (tensor_bytes (tensor));

  g_array_set_size (array, (guint) n);
  g_assert_true (backend->buffer_read (backend, buffer, 0, raw, tensor_bytes (tensor), NULL));
  if (tensor->dtype == GESSO_DTYPE_I32)
    for (gint64 i = 0; i < n; i++)
      g_array_index (array, float, i) = (float) ((gint32 *) raw)[i];
  else
    gesso_reference_to_f32 (tensor->dtype, raw, n, (float *) (void *) array->data);
  return array;
}

GPtrArray *
harness_run_plan (Harness *harness, const GessoPlan *plan)
{
  GessoBackend *backend = harness->backend;
  const GessoWeightSource source = harness_source (harness);
  GPtrArray *results = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  g_autofree GessoBinding *inputs = g_new0 (GessoBinding, plan->inputs->len + 1);
  g_autofree GessoBinding *outputs = g_new0 (GessoBinding, plan->outputs->len + 1);
  GessoStore *store = backend->store_new (backend, &source);
  GessoProgramMemory memory;
  GessoProgram *program;
  GessoBuffer *workspace;
  GError *error = NULL;

  program = backend->compile (backend, store, plan, NULL, &error);
  g_assert_no_error (error);
  backend->report (backend, program, &memory);
  backend->load (backend, program, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  workspace = backend->buffer_new (backend, memory.workspace, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < plan->inputs->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->inputs, i);
      g_autofree void *values = g_malloc (tensor_bytes (tensor));

      harness_fill (harness, tensor, values);
      inputs[i].buffer = backend->buffer_new (backend, tensor_bytes (tensor), &error);
      g_assert_no_error (error);
      g_assert_true (backend->buffer_write (backend, inputs[i].buffer, 0, values, tensor_bytes (tensor), &error));
    }
  for (guint i = 0; i < plan->outputs->len; i++)
    {
      outputs[i].buffer = backend->buffer_new (backend, tensor_bytes (g_ptr_array_index (plan->outputs, i)), &error);
      g_assert_no_error (error);
    }

  backend->run (backend, program, workspace, inputs, outputs, NULL, &error);
  g_assert_no_error (error);

  for (guint i = 0; i < plan->outputs->len; i++)
    {
      g_ptr_array_add (results, read_output (backend, outputs[i].buffer, g_ptr_array_index (plan->outputs, i)));
      backend->buffer_free (backend, outputs[i].buffer);
    }
  for (guint i = 0; i < plan->inputs->len; i++)
    backend->buffer_free (backend, inputs[i].buffer);
  backend->buffer_free (backend, workspace);
  backend->program_free (backend, program);
  backend->store_free (backend, store);
  return results;
}

GPtrArray *
harness_run (Harness *harness, const GessoGraph *graph, GessoPrecision precision)
{
  GessoPlanOptions options;
  GError *error = NULL;

  harness->backend->plan_options (harness->backend, precision, FALSE, &options);
  g_clear_pointer (&harness->last_plan, gesso_plan_free);
  harness->last_plan = gesso_plan_new (graph, &options, &error);
  g_assert_no_error (error);
  harness_check_plan (harness->last_plan);
  return harness_run_plan (harness, harness->last_plan);
}

GArray *
harness_run_one (Harness *harness, const GessoGraph *graph)
{
  g_autoptr (GPtrArray) results = harness_run (harness, graph, GESSO_PRECISION_F32);

  g_assert_cmpuint (results->len, ==, 1);
  return g_array_ref (g_ptr_array_index (results, 0));
}

GessoPlan *
harness_plan (const GessoGraph *graph, GessoPrecision precision, GessoFusions fusions)
{
  const GessoPlanOptions options = { .precision = precision, .fusions = fusions };
  GError *error = NULL;
  GessoPlan *plan = gesso_plan_new (graph, &options, &error);

  g_assert_no_error (error);
  harness_check_plan (plan);
  return plan;
}

int
harness_count (const GessoPlan *plan, GessoOpKind kind)
{
  int n = 0;

  for (guint i = 0; i < plan->ops->len; i++)
    n += ((const GessoOp *) g_ptr_array_index (plan->ops, i))->kind == kind;
  return n;
}

void
harness_assert_values (const GArray *array, gsize n, const double *values, double tolerance)
{
  g_assert_cmpuint (array->len, ==, n);
  for (gsize i = 0; i < n; i++)
    if (!(fabs ((double) g_array_index (array, float, i) - values[i]) <= tolerance))
      g_error ("value %d is %.9g instead of %.9g", (int) i, (double) g_array_index (array, float, i), values[i]);
}
