/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "fixture.h"

#include <math.h>
#include <string.h>

#include "convert.h"

/* A multiple of 1/128 in -1..1, the same for the same seed and index. */
static float
value_at (guint32 seed, guint64 index)
{
  guint64 x = ((guint64) seed << 32) ^ (index * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15));

  x ^= x >> 31;
  x *= G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x ^= x >> 29;
  x *= G_GUINT64_CONSTANT (0x94d049bb133111eb);
  x ^= x >> 32;
  return ((int) (x % 257) - 128) / 128.0f;
}

/* Of an input; one named "wild" is not always a number. */
static float
input_value (const char *name, gint64 i)
{
  static const float others[] = { NAN, INFINITY, -INFINITY };

  if (strcmp (name, "wild") == 0 && i % 5 == 3)
    return others[i / 5 % (gint64) G_N_ELEMENTS (others)];
  return value_at (g_str_hash (name), (guint64) i);
}

static void
store_value (GessoDType dtype, void *values, gint64 i, float value)
{
  switch (dtype)
    {
    case GESSO_DTYPE_F32:
      ((float *) values)[i] = value;
      break;
    case GESSO_DTYPE_I32:
      ((gint32 *) values)[i] = (gint32) ((value + 1.0f) * 8.0f);
      break;
    default:
      gesso_reference_from_f32 (dtype, &value, 1, (guint16 *) values + i);
    }
}

static gboolean
source_read (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values,
             GError **error)
{
  Reads *reads = data;
  /* Of the size that keeps a sum of some hundred terms near one. */
  const float scale = g_str_has_suffix (name, "gamma") || g_str_has_suffix (name, "beta") ? 1.0f : 0.125f;

  g_assert_cmpint (first, >=, 0);
  g_assert_cmpint (count, >, 0);
  g_assert_cmpint (count * (gint64) gesso_dtype_size (dtype), <=, 8 * 1024 * 1024);
  if (reads->fail_at > 0 && --reads->fail_at == 0)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID, "%s is cut short", name);
      return FALSE;
    }
  reads->values += count;
  for (gint64 i = 0; i < count; i++)
    store_value (dtype, values, i, scale * value_at (g_str_hash (name), (guint64) (first + i)));
  return TRUE;
}

static GessoDType
source_dtype (gpointer data, const char *name)
{
  return GESSO_DTYPE_F32;
}

GessoWeightSource
fixture_source (Reads *reads)
{
  return (GessoWeightSource) { source_read, source_dtype, reads };
}

static void
buffers_free (Fixture *fixture, GPtrArray *buffers)
{
  for (guint i = 0; buffers && i < buffers->len; i++)
    fixture->backend->buffer_free (fixture->backend, buffers->pdata[i]);
  g_clear_pointer (&buffers, g_ptr_array_unref);
}

Fixture *
fixture_new (GessoBackend *backend, const GessoGraph *graph, const GessoPlanOptions *options, GessoStore *store)
{
  Fixture *fixture = g_new0 (Fixture, 1);
  g_autoptr (GError) error = NULL;
  GessoWeightSource source = fixture_source (&fixture->reads);

  fixture->backend = backend;
  fixture->owns_store = store == NULL;
  fixture->store = store ? store : backend->store_new (backend, &source);
  fixture->plan = gesso_plan_new (graph, options, &error);
  g_assert_no_error (error);
  fixture->program = backend->compile (backend, fixture->store, fixture->plan, NULL, &error);
  g_assert_no_error (error);
  backend->report (backend, fixture->program, &fixture->memory);
  return fixture;
}

void
fixture_free (Fixture *fixture)
{
  GessoBackend *backend = fixture->backend;

  buffers_free (fixture, fixture->input_buffers);
  buffers_free (fixture, fixture->output_buffers);
  if (fixture->workspace)
    backend->buffer_free (backend, fixture->workspace);
  backend->program_free (backend, fixture->program);
  if (fixture->owns_store)
    backend->store_free (backend, fixture->store);
  gesso_plan_free (fixture->plan);
  g_free (fixture->inputs);
  g_free (fixture->outputs);
  g_free (fixture);
}

static gsize
tensor_bytes (const GessoTensor *tensor)
{
  return (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);
}

/* A buffer for each of `tensors`. */
static gboolean
make_buffers (Fixture *fixture, const GPtrArray *tensors, GPtrArray *buffers, GessoBinding *bindings, GError **error)
{
  for (guint i = 0; i < tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (tensors, i);
      GessoBuffer *buffer = fixture->backend->buffer_new (fixture->backend, tensor_bytes (tensor), error);

      if (!buffer)
        return FALSE;
      g_ptr_array_add (buffers, buffer);
      bindings[i] = (GessoBinding) { buffer, 0 };
    }
  return TRUE;
}

gboolean
fixture_bind (Fixture *fixture, GError **error)
{
  GessoPlan *plan = fixture->plan;

  fixture->workspace = fixture->backend->buffer_new (fixture->backend, fixture->memory.workspace, error);
  if (!fixture->workspace)
    return FALSE;
  fixture->input_buffers = g_ptr_array_new ();
  fixture->output_buffers = g_ptr_array_new ();
  fixture->inputs = g_new0 (GessoBinding, plan->inputs->len + 1);
  fixture->outputs = g_new0 (GessoBinding, plan->outputs->len + 1);
  if (!make_buffers (fixture, plan->inputs, fixture->input_buffers, fixture->inputs, error)
      || !make_buffers (fixture, plan->outputs, fixture->output_buffers, fixture->outputs, error))
    return FALSE;
  for (guint i = 0; i < plan->inputs->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->inputs, i);
      const gint64 n = gesso_shape_elements (&tensor->shape);
      g_autofree void *values = g_malloc (tensor_bytes (tensor));

      for (gint64 j = 0; j < n; j++)
        store_value (tensor->dtype, values, j, input_value (tensor->name, j));
      if (!fixture->backend->buffer_write (fixture->backend, fixture->inputs[i].buffer, 0, values,
                                           tensor_bytes (tensor), error))
        return FALSE;
    }
  return TRUE;
}

gboolean
fixture_load (Fixture *fixture, GError **error)
{
  return fixture->backend->load (fixture->backend, fixture->program, NULL, NULL, NULL, error);
}

gboolean
fixture_run (Fixture *fixture, GCancellable *cancellable, GError **error)
{
  return fixture->backend->run (fixture->backend, fixture->program, fixture->workspace, fixture->inputs,
                                fixture->outputs, cancellable, error);
}

float *
fixture_output (Fixture *fixture, guint index, gsize *n)
{
  const GessoTensor *tensor = g_ptr_array_index (fixture->plan->outputs, index);
  const gsize count = (gsize) gesso_shape_elements (&tensor->shape);
  g_autofree guint8 *raw = g_malloc (tensor_bytes (tensor));
  g_autoptr (GError) error = NULL;
  float *values = g_new (float, count);

  fixture->backend->buffer_read (fixture->backend, fixture->outputs[index].buffer, 0, raw, tensor_bytes (tensor),
                                 &error);
  g_assert_no_error (error);
  gesso_reference_to_f32 (tensor->dtype, raw, (gint64) count, values);
  *n = count;
  return values;
}

GPtrArray *
fixture_compute (GessoBackend *backend, const GessoGraph *graph, const GessoPlanOptions *options)
{
  Fixture *fixture = fixture_new (backend, graph, options, NULL);
  GPtrArray *outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  g_autoptr (GError) error = NULL;

  fixture_bind (fixture, &error);
  g_assert_no_error (error);
  fixture_load (fixture, &error);
  g_assert_no_error (error);
  fixture_run (fixture, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < fixture->plan->outputs->len; i++)
    {
      gsize n;
      g_autofree float *values = fixture_output (fixture, i, &n);
      GArray *output = g_array_new (FALSE, FALSE, sizeof (float));

      g_array_append_vals (output, values, (guint) n);
      g_ptr_array_add (outputs, output);
    }
  fixture_free (fixture);
  return outputs;
}

void
fixture_assert_close (const char *what, const float *a, const float *b, gsize n, double tolerance)
{
  double difference = 0.0, norm = 0.0, largest = 0.0, worst = 0.0;
  gsize where = 0;

  for (gsize i = 0; i < n; i++)
    {
      const double off = fabs ((double) a[i] - (double) b[i]);

      difference += off * off;
      norm += (double) b[i] * (double) b[i];
      largest = MAX (largest, fabs ((double) b[i]));
      if (!(off <= worst))
        {
          worst = off;
          where = i;
        }
    }
  g_test_message ("%s: relative %g, worst %g of %g at %" G_GSIZE_FORMAT, what, sqrt (difference / norm), worst, largest,
                  where);
  if (!(sqrt (difference) <= tolerance * sqrt (norm)) || !(worst <= 20.0 * tolerance * largest))
    g_error ("%s: relative difference %g (allowed %g); worst %g against %g at %" G_GSIZE_FORMAT, what,
             sqrt (difference / norm), tolerance, a[where], b[where], where);
}

GessoBackend *
fixture_backend (void)
{
  g_autoptr (GError) error = NULL;
  GessoBackend *backend = gesso_cpu_backend_entry (GESSO_BACKEND_ABI, 2, &error);

  g_assert_no_error (error);
  return backend;
}

GessoPlanOptions
fixture_plan_options (GessoBackend *backend, double max_step_seconds)
{
  GessoPlanOptions options;

  backend->plan_options (backend, GESSO_PRECISION_F32, FALSE, &options);
  options.max_step_seconds = max_step_seconds;
  return options;
}

/* A bit of everything that holds weights, `layers` times, on a picture of `size` x `size`. */
GessoGraph *
fixture_graph (int size, int channels, int layers)
{
  GessoGraph *graph = gesso_graph_new ("test");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (1, size, size, channels));
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < layers; i++)
    {
      g_autofree char *gamma = g_strdup_printf ("%d.gamma", i);
      g_autofree char *beta = g_strdup_printf ("%d.beta", i);
      g_autofree char *conv = g_strdup_printf ("%d.conv.weight", i);
      g_autofree char *bias = g_strdup_printf ("%d.conv.bias", i);
      g_autofree char *up = g_strdup_printf ("%d.up.weight", i);
      g_autofree char *down = g_strdup_printf ("%d.down.weight", i);
      GessoTensor *y = gesso_graph_group_norm (graph, x, gesso_graph_weight (graph, gamma, GESSO_SHAPE1 (channels)),
                                               gesso_graph_weight (graph, beta, GESSO_SHAPE1 (channels)), 4, 1e-5f);

      y = gesso_graph_activation (graph, y, GESSO_ACTIVATION_SILU);
      y = gesso_graph_conv2d (graph, y, gesso_graph_weight (graph, conv, GESSO_SHAPE4 (channels, channels, 3, 3)),
                              gesso_graph_weight (graph, bias, GESSO_SHAPE1 (channels)),
                              (GessoConvGeometry) { 1, 1, 1, 1, 1 });
      y = gesso_graph_geglu (
          graph,
          gesso_graph_linear (graph, y, gesso_graph_weight (graph, up, GESSO_SHAPE2 (8 * channels, channels)), NULL));
      y = gesso_graph_linear (graph, y, gesso_graph_weight (graph, down, GESSO_SHAPE2 (channels, 4 * channels)), NULL);
      x = gesso_graph_add (graph, x, y);
    }
  gesso_graph_output (graph, x, "y");
  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  return graph;
}

void
fixture_assert_same_output (Fixture *a, Fixture *b)
{
  gsize n, m;
  g_autofree float *x = fixture_output (a, 0, &n);
  g_autofree float *y = fixture_output (b, 0, &m);

  g_assert_cmpmem (x, n * sizeof *x, y, m * sizeof *y);
}

void
fixture_must_run (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture_run (fixture, NULL, &error);
  g_assert_no_error (error);
}

void
fixture_must_load (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture_load (fixture, &error);
  g_assert_no_error (error);
}

void
fixture_must_bind (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture_bind (fixture, &error);
  g_assert_no_error (error);
}
