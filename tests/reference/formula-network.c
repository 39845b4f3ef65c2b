/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "formula-network.h"

#include "cpu/operators.h"
#include "formula.h"
#include "sampling/noise.h"

struct _FormulaNetwork
{
  GessoBackend *backend;
  GessoPlan *plan;
  GHashTable *shapes; /* weight name -> GessoShape, in the plan's memory */
  GessoStore *store;
  GessoProgram *program;
  GessoBuffer *workspace;
  GessoBinding *inputs;
  GessoBinding *outputs;
};

static gsize
tensor_bytes (const GessoTensor *tensor)
{
  return (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);
}

static gboolean
read_weight (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values,
             GError **error)
{
  const FormulaNetwork *network = data;
  const GessoShape *shape = g_hash_table_lookup (network->shapes, name);
  g_autofree float *floats = NULL;
  guint16 *halves = values;

  if (dtype == GESSO_DTYPE_F32)
    {
      gesso_formula_fill (name, shape, first, count, values);
      return TRUE;
    }
  floats = g_new (float, (gsize) count);
  gesso_formula_fill (name, shape, first, count, floats);
  if (dtype == GESSO_DTYPE_F16)
    {
      GessoCpuContext context = { .n_threads = 1, .kernels = gesso_cpu_kernels_get (NULL) };

      gesso_cpu_cast (&context, GESSO_DTYPE_F32, floats, count, GESSO_DTYPE_F16, values);
      return TRUE;
    }
  g_assert_cmpint (dtype, ==, GESSO_DTYPE_BF16);
  for (gint64 i = 0; i < count; i++)
    {
      union
      {
        float f;
        guint32 u;
      } bits = { floats[i] };

      halves[i] = (guint16) ((bits.u + 0x7fff + ((bits.u >> 16) & 1)) >> 16);
    }
  return TRUE;
}

static GessoDType
weight_dtype (gpointer data, const char *name)
{
  return GESSO_DTYPE_F32;
}

static GessoBinding *
make_buffers (FormulaNetwork *self, GPtrArray *tensors)
{
  GessoBinding *bindings = g_new0 (GessoBinding, tensors->len);

  for (guint i = 0; i < tensors->len; i++)
    {
      g_autoptr (GError) error = NULL;

      bindings[i].buffer
          = self->backend->buffer_new (self->backend, tensor_bytes (g_ptr_array_index (tensors, i)), &error);
      g_assert_no_error (error);
    }
  return bindings;
}

FormulaNetwork *
formula_network_new (GessoBackend *backend, GessoPrecision precision, const GessoWeightSource *source,
                     GessoGraph *graph)
{
  g_autoptr (GessoGraph) owned = graph;
  g_autoptr (GError) error = NULL;
  FormulaNetwork *self = g_new0 (FormulaNetwork, 1);
  GessoWeightSource formula = { read_weight, weight_dtype, self };
  GessoPlanOptions options = { 0 };
  GessoProgramMemory memory;

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  self->backend = backend;
  backend->plan_options (backend, precision, FALSE, &options);
  self->plan = gesso_plan_new (graph, &options, &error);
  g_assert_no_error (error);
  self->shapes = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < self->plan->tensors->len; i++)
    {
      GessoTensor *tensor = g_ptr_array_index (self->plan->tensors, i);

      if (tensor->kind == GESSO_TENSOR_WEIGHT)
        g_hash_table_insert (self->shapes, tensor->name, &tensor->shape);
    }
  self->store = backend->store_new (backend, source ? source : &formula);
  self->program = backend->compile (backend, self->store, self->plan, NULL, &error);
  g_assert_no_error (error);
  backend->load (backend, self->program, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  backend->report (backend, self->program, &memory);
  self->workspace = backend->buffer_new (backend, MAX (memory.workspace, 1), &error);
  g_assert_no_error (error);
  self->inputs = make_buffers (self, self->plan->inputs);
  self->outputs = make_buffers (self, self->plan->outputs);
  return self;
}

void
formula_network_free (FormulaNetwork *self)
{
  GessoBackend *backend = self->backend;

  for (guint i = 0; i < self->plan->inputs->len; i++)
    backend->buffer_free (backend, self->inputs[i].buffer);
  for (guint i = 0; i < self->plan->outputs->len; i++)
    backend->buffer_free (backend, self->outputs[i].buffer);
  backend->buffer_free (backend, self->workspace);
  backend->program_free (backend, self->program);
  backend->store_free (backend, self->store);
  g_hash_table_unref (self->shapes);
  gesso_plan_free (self->plan);
  g_free (self->inputs);
  g_free (self->outputs);
  g_free (self);
}

const GessoPlan *
formula_network_plan (const FormulaNetwork *self)
{
  return self->plan;
}

void
formula_network_set (FormulaNetwork *self, const char *name, gconstpointer values)
{
  int i = gesso_plan_find_input (self->plan, name);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (i, >=, 0);
  self->backend->buffer_write (self->backend, self->inputs[i].buffer, 0, values,
                               tensor_bytes (g_ptr_array_index (self->plan->inputs, (guint) i)), &error);
  g_assert_no_error (error);
}

static gpointer
read_output (FormulaNetwork *self, const char *name, gsize offset, gsize bytes)
{
  int i = gesso_plan_find_output (self->plan, name);
  gpointer values = g_malloc (bytes);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (i, >=, 0);
  self->backend->buffer_read (self->backend, self->outputs[i].buffer, offset, values, bytes, &error);
  g_assert_no_error (error);
  return values;
}

void
formula_network_connect (FormulaNetwork *from, const char *name, gsize offset, FormulaNetwork *to, const char *to_name)
{
  int i = gesso_plan_find_input (to->plan, to_name);
  g_autofree gpointer values = NULL;

  g_assert_cmpint (i, >=, 0);
  values = read_output (from, name, offset, tensor_bytes (g_ptr_array_index (to->plan->inputs, (guint) i)));
  formula_network_set (to, to_name, values);
}

void
formula_network_condition (FormulaNetwork *time, FormulaNetwork *context, gsize i, FormulaNetwork *step)
{
  for (guint k = 0; k < step->plan->inputs->len; k++)
    {
      const GessoTensor *tensor = g_ptr_array_index (step->plan->inputs, k);

      if (g_str_has_prefix (tensor->name, "time."))
        formula_network_connect (time, tensor->name, 0, step, tensor->name);
      else if (!g_str_equal (tensor->name, "latents"))
        formula_network_connect (context, tensor->name, i * tensor_bytes (tensor), step, tensor->name);
    }
}

void
formula_network_run (FormulaNetwork *self)
{
  g_autoptr (GError) error = NULL;

  self->backend->run (self->backend, self->program, self->workspace, self->inputs, self->outputs, NULL, &error);
  g_assert_no_error (error);
}

gpointer
formula_network_get (FormulaNetwork *self, const char *name)
{
  int i = gesso_plan_find_output (self->plan, name);

  g_assert_cmpint (i, >=, 0);
  return read_output (self, name, 0, tensor_bytes (g_ptr_array_index (self->plan->outputs, (guint) i)));
}

float *
formula_randn_pixels (guint64 seed, int n, int c, int h, int w)
{
  gsize area = (gsize) h * (gsize) w;
  gsize values = (gsize) n * (gsize) c * area;
  g_autofree float *planes = g_new (float, values);
  float *pixels = g_new (float, values);

  gesso_noise_fill (seed, values, planes);
  for (gsize i = 0; i < (gsize) n; i++)
    for (gsize j = 0; j < (gsize) c; j++)
      for (gsize p = 0; p < area; p++)
        pixels[(i * area + p) * (gsize) c + j] = planes[(i * (gsize) c + j) * area + p];
  return pixels;
}
