/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The contract of backend.h, as the engine leans on it, proved on the reference backend.
 */

#include "harness.h"

#include <math.h>
#include <string.h>

#include <gmodule.h>

/* A two-layer perceptron [4, 8] -> [4, 8] with a weight of its own, one by its name, and an extra output. */
static GessoPlan *
make_plan (GessoBackend *backend, const char *second, gboolean extra)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new (second);
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_F32, GESSO_SHAPE2 (4, 8));
  GessoPlanOptions options;
  GessoPlan *plan;
  GError *error = NULL;

  x = gesso_graph_linear (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_COMPUTE),
                          gesso_graph_weight (graph, "shared", GESSO_SHAPE2 (8, 8)), NULL);
  x = gesso_graph_activation (graph, x, GESSO_ACTIVATION_SILU);
  if (extra)
    gesso_graph_output (graph, x, "extra");
  x = gesso_graph_linear (graph, x, gesso_graph_weight (graph, second, GESSO_SHAPE2 (8, 8)), NULL);
  gesso_graph_output (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_F32), "out");
  backend->plan_options (backend, GESSO_PRECISION_F32, FALSE, &options);
  options.max_step_seconds = 0.0;
  plan = gesso_plan_new (graph, &options, &error);
  g_assert_no_error (error);
  return plan;
}

typedef struct
{
  Harness *harness;
  GessoBackend *backend;
  GessoStore *store;
  GessoPlan *plan;
  GessoProgram *program;
  GessoBuffer *input;
  GessoBuffer *outputs[2];
  GessoBuffer *workspace;
  GessoBinding in;
  GessoBinding out[2];
} Case;

static GessoBuffer *
new_buffer (GessoBackend *backend, gsize bytes)
{
  GError *error = NULL;
  GessoBuffer *buffer = backend->buffer_new (backend, bytes, &error);

  g_assert_no_error (error);
  return buffer;
}

static void
case_init (Case *c, gboolean extra)
{
  const gsize bytes = 4 * 8 * sizeof (float);
  GessoProgramMemory memory;
  float values[32];

  c->harness = harness_new ();
  c->backend = c->harness->backend;
  c->plan = make_plan (c->backend, "own", extra);
  {
    const GessoWeightSource source = harness_source (c->harness);

    c->store = c->backend->store_new (c->backend, &source);
  }
  c->program = c->backend->compile (c->backend, c->store, c->plan, NULL, NULL);
  g_assert_nonnull (c->program);
  c->backend->report (c->backend, c->program, &memory);
  c->workspace = new_buffer (c->backend, memory.workspace);
  c->input = new_buffer (c->backend, bytes);
  harness_fill (c->harness, g_ptr_array_index (c->plan->inputs, 0), values);
  g_assert_true (c->backend->buffer_write (c->backend, c->input, 0, values, bytes, NULL));
  c->in = (GessoBinding) { c->input, 0 };
  for (int i = 0; i < 2; i++)
    {
      c->outputs[i] = new_buffer (c->backend, bytes);
      c->out[i] = (GessoBinding) { c->outputs[i], 0 };
    }
}

static void
case_clear (Case *c)
{
  for (int i = 0; i < 2; i++)
    c->backend->buffer_free (c->backend, c->outputs[i]);
  c->backend->buffer_free (c->backend, c->input);
  c->backend->buffer_free (c->backend, c->workspace);
  c->backend->program_free (c->backend, c->program);
  c->backend->store_free (c->backend, c->store);
  gesso_plan_free (c->plan);
  harness_free (c->harness);
}

static void
load (Case *c, GessoProgram *program)
{
  GError *error = NULL;

  c->backend->load (c->backend, program, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
run (Case *c, GessoProgram *program, float *values)
{
  GError *error = NULL;

  c->backend->run (c->backend, program, c->workspace, &c->in, c->out, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (c->backend->buffer_read (c->backend, c->outputs[0], 0, values, 32 * sizeof *values, NULL));
}

/* What the perceptron makes of the formula's values. */
static void
assert_right (const float *values, const char *second)
{
  for (int row = 0; row < 4; row++)
    {
      double hidden[8];

      for (int i = 0; i < 8; i++)
        {
          double sum = 0.0;

          for (int j = 0; j < 8; j++)
            sum += (double) harness_formula ("x", row * 8 + j) * (double) harness_formula ("shared", i * 8 + j);
          hidden[i] = sum / (1.0 + exp (-sum));
        }
      for (int i = 0; i < 8; i++)
        {
          double sum = 0.0;

          for (int j = 0; j < 8; j++)
            sum += hidden[j] * (double) harness_formula (second, i * 8 + j);
          g_assert_cmpfloat_with_epsilon ((double) values[row * 8 + i], sum, 1e-6);
        }
    }
}

static void
test_abi (void)
{
  g_autofree char *version = g_strdup_printf ("version %d", GESSO_BACKEND_ABI);
  g_autoptr (GError) error = NULL;

  g_assert_null (gesso_reference_backend_entry (GESSO_BACKEND_ABI + 1, 1, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, version));
}

static void
test_module (void)
{
  GModule *module = g_module_open (g_getenv ("GESSO_TEST_MODULE"), G_MODULE_BIND_LOCAL);
  GessoBackend *backend;
  gpointer symbol;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (module);
  g_assert_true (g_module_symbol (module, GESSO_BACKEND_SYMBOL, &symbol));
  g_assert_null (((GessoBackendEntry) symbol) (GESSO_BACKEND_ABI - 1, 1, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  backend = ((GessoBackendEntry) symbol) (GESSO_BACKEND_ABI, 1, NULL);
  g_assert_nonnull (backend);
  g_assert_cmpuint (backend->abi, ==, GESSO_BACKEND_ABI);
  g_assert_cmpuint (backend->size, ==, sizeof (GessoBackend));
  g_assert_cmpstr (backend->name, ==, "reference");
  text = backend->describe (backend);
  g_assert_nonnull (strstr (text, "1 thread"));
  backend->free (backend);
  g_assert_true (g_module_close (module));
}

static void
test_precision (void)
{
  g_autoptr (Harness) harness = harness_new ();
  const GessoPrecision wanted[]
      = { GESSO_PRECISION_AUTO, GESSO_PRECISION_F32, GESSO_PRECISION_BF16, GESSO_PRECISION_F16 };

  for (gsize i = 0; i < G_N_ELEMENTS (wanted); i++)
    {
      GessoPrecision precision;
      GessoPlanOptions options;

      g_assert_true (harness->backend->resolve_precision (harness->backend, wanted[i], &precision, NULL));
      g_assert_cmpint (precision, ==, i ? wanted[i] : GESSO_PRECISION_F32);
      memset (&options, 0xff, sizeof options);
      gesso_reference_backend_set_fusions (harness->backend, GESSO_FUSE_BIAS);
      gesso_reference_backend_set_cutting (harness->backend, 2.0, 3.0, 4);
      harness->backend->plan_options (harness->backend, precision, FALSE, &options);
      g_assert_cmpint (options.precision, ==, precision);
      g_assert_cmpint (options.fusions, ==, GESSO_FUSE_BIAS);
      g_assert_cmpfloat (options.flops_per_second, ==, 2.0);
      g_assert_cmpfloat (options.max_step_seconds, ==, 3.0);
      g_assert_cmpuint (options.max_norm_band_bytes, ==, 4);
    }
}

static void
test_buffers (void)
{
  g_autoptr (Harness) harness = harness_new ();
  GessoBackend *backend = harness->backend;
  GessoBuffer *buffer = new_buffer (backend, 8);
  g_autoptr (GError) error = NULL;
  char text[8];

  g_assert_true (backend->buffer_read (backend, buffer, 0, text, 8, NULL));
  g_assert_cmpmem (text, 8, "\0\0\0\0\0\0\0\0", 8);
  g_assert_true (backend->buffer_write (backend, buffer, 2, "abc", 3, NULL));
  g_assert_true (backend->buffer_read (backend, buffer, 1, text, 7, NULL));
  g_assert_cmpmem (text, 7, "\0abc\0\0\0", 7);
  g_assert_false (backend->buffer_write (backend, buffer, 6, "abc", 3, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_clear_error (&error);
  g_assert_false (backend->buffer_read (backend, buffer, 9, text, 0, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  backend->buffer_free (backend, buffer);
}

/* report() knows everything before a weight is read; load() takes what it said; unload() gives it back. */
static void
test_load_and_unload (void)
{
  Case c;
  GessoProgramMemory memory;
  guint64 held;
  float first[32], second[32];
  g_autoptr (GError) error = NULL;

  case_init (&c, FALSE);
  held = gesso_reference_backend_get_held (c.backend);
  c.backend->report (c.backend, c.program, &memory);
  g_assert_cmpuint (memory.weights, ==, 2 * 64 * sizeof (float));
  g_assert_cmpuint (memory.weights_new, ==, memory.weights);
  g_assert_cmpuint (memory.load_scratch, >, 0);
  g_assert_cmpuint (memory.workspace, >=, c.plan->arena_bytes);

  g_assert_false (c.backend->run (c.backend, c.program, c.workspace, &c.in, c.out, NULL, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  load (&c, c.program);
  g_assert_cmpuint (gesso_reference_backend_get_held (c.backend), ==, held + memory.weights);
  c.backend->report (c.backend, c.program, &memory);
  g_assert_cmpuint (memory.weights_new, ==, 0);
  run (&c, c.program, first);
  assert_right (first, "own");

  c.backend->unload (c.backend, c.program);
  g_assert_cmpuint (gesso_reference_backend_get_held (c.backend), ==, held);
  c.backend->report (c.backend, c.program, &memory);
  g_assert_cmpuint (memory.weights_new, ==, memory.weights);
  load (&c, c.program);
  run (&c, c.program, second);
  g_assert_cmpmem (first, sizeof first, second, sizeof second);
  case_clear (&c);
}

/* Programs of a store share what they have in common, and a workspace that they use in turn. */
static void
test_shared_store (void)
{
  Case c;
  GessoPlan *other_plan;
  GessoProgram *other;
  GessoProgramMemory memory;
  guint64 held;
  float values[32];

  case_init (&c, FALSE);
  other_plan = make_plan (c.backend, "other", FALSE);
  other = c.backend->compile (c.backend, c.store, other_plan, NULL, NULL);
  held = gesso_reference_backend_get_held (c.backend);

  load (&c, c.program);
  c.backend->report (c.backend, other, &memory);
  g_assert_cmpuint (memory.weights, ==, 2 * 64 * sizeof (float));
  g_assert_cmpuint (memory.weights_new, ==, 64 * sizeof (float));
  load (&c, other);
  g_assert_cmpuint (gesso_reference_backend_get_held (c.backend), ==, held + 3 * 64 * sizeof (float));

  run (&c, c.program, values);
  assert_right (values, "own");
  run (&c, other, values);
  assert_right (values, "other");
  run (&c, c.program, values);
  assert_right (values, "own");

  /* The shared weight stays as long as one of them is loaded. */
  c.backend->unload (c.backend, c.program);
  g_assert_cmpuint (gesso_reference_backend_get_held (c.backend), ==, held + 2 * 64 * sizeof (float));
  run (&c, other, values);
  assert_right (values, "other");
  c.backend->program_free (c.backend, other);
  g_assert_cmpuint (gesso_reference_backend_get_held (c.backend), ==, held);
  gesso_plan_free (other_plan);
  case_clear (&c);
}

/* An output marked on the way changes nothing but that it is there. */
static void
test_extra_output (void)
{
  Case c;
  float values[32], extra[32];

  case_init (&c, TRUE);
  g_assert_cmpint (gesso_plan_find_output (c.plan, "extra"), ==, 0);
  g_assert_cmpint (gesso_plan_find_output (c.plan, "out"), ==, 1);
  load (&c, c.program);
  run (&c, c.program, extra);
  g_assert_true (c.backend->buffer_read (c.backend, c.outputs[1], 0, values, sizeof values, NULL));
  assert_right (values, "own");
  for (int i = 0; i < 32; i++)
    {
      double sum = 0.0;

      for (int j = 0; j < 8; j++)
        sum += (double) harness_formula ("x", i / 8 * 8 + j) * (double) harness_formula ("shared", i % 8 * 8 + j);
      g_assert_cmpfloat_with_epsilon ((double) extra[i], sum / (1.0 + exp (-sum)), 1e-6);
    }
  case_clear (&c);
}

typedef struct
{
  GCancellable *cancellable;
  gint64 at;
  gint64 steps;
} Stop;

static void
stop_at (gint64 step, gpointer data)
{
  Stop *stop = data;

  stop->steps++;
  if (step == stop->at)
    g_cancellable_cancel (stop->cancellable);
}

static void
test_cancel_run (void)
{
  Case c;
  float values[32];

  case_init (&c, FALSE);
  load (&c, c.program);
  for (gint64 at = 0; at < (gint64) c.plan->steps->len; at++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;
      Stop stop = { cancellable, at, 0 };

      gesso_reference_backend_set_step_func (c.backend, stop_at, &stop);
      g_assert_false (c.backend->run (c.backend, c.program, c.workspace, &c.in, c.out, cancellable, &error));
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
      g_assert_cmpint (stop.steps, ==, at + 1);
    }
  gesso_reference_backend_set_step_func (c.backend, NULL, NULL);
  run (&c, c.program, values);
  assert_right (values, "own");
  case_clear (&c);
}

static void
stop_loading (guint64 done, guint64 total, gpointer data)
{
  g_assert_cmpuint (done, <=, total);
  g_assert_cmpuint (total, ==, 2 * 64 * sizeof (float));
  g_cancellable_cancel (data);
}

static void
test_cancel_load (void)
{
  Case c;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  guint64 held;
  float values[32];

  case_init (&c, FALSE);
  held = gesso_reference_backend_get_held (c.backend);
  g_assert_false (c.backend->load (c.backend, c.program, stop_loading, cancellable, cancellable, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  g_assert_cmpuint (gesso_reference_backend_get_held (c.backend), ==, held);
  g_clear_error (&error);
  g_assert_null (c.backend->compile (c.backend, c.store, c.plan, cancellable, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  load (&c, c.program);
  run (&c, c.program, values);
  assert_right (values, "own");
  case_clear (&c);
}

/* Too little memory at any allocation: said so, and everything goes on when there is more. */
static void
test_out_of_memory (void)
{
  Case c;
  guint64 held;
  float values[32];

  case_init (&c, FALSE);
  held = gesso_reference_backend_get_held (c.backend);
  for (guint64 room = 0; room < 2 * 64 * sizeof (float); room += 64 * sizeof (float))
    {
      g_autoptr (GError) error = NULL;

      gesso_reference_backend_set_memory (c.backend, held + room);
      g_assert_cmpuint (c.backend->memory_available (c.backend), ==, room);
      g_assert_false (c.backend->load (c.backend, c.program, NULL, NULL, NULL, &error));
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
      g_assert_cmpuint (gesso_reference_backend_get_held (c.backend), ==, held);
      g_clear_error (&error);
      g_assert_null (c.backend->buffer_new (c.backend, room + 1, &error));
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
    }
  gesso_reference_backend_set_memory (c.backend, held + 2 * 64 * sizeof (float));
  load (&c, c.program);
  run (&c, c.program, values);
  assert_right (values, "own");
  case_clear (&c);
}

static gboolean
failing_read (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values,
              GError **error)
{
  const GessoWeightSource *good = data;

  if (strcmp (name, "shared") == 0)
    return good->read (good->data, name, first, count, dtype, values, error);
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID, "\"%s\" cannot be read.", name);
  return FALSE;
}

static void
test_failing_source (void)
{
  Case c;
  GessoWeightSource good;
  GessoWeightSource bad = { failing_read, NULL, &good };
  GessoStore *store;
  GessoProgram *program;
  g_autoptr (GError) error = NULL;
  guint64 held;

  case_init (&c, FALSE);
  good = harness_source (c.harness);
  held = gesso_reference_backend_get_held (c.backend);
  store = c.backend->store_new (c.backend, &bad);
  program = c.backend->compile (c.backend, store, c.plan, NULL, NULL);
  g_assert_false (c.backend->load (c.backend, program, NULL, NULL, NULL, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
  g_assert_nonnull (strstr (error->message, "\"own\""));
  g_assert_cmpuint (gesso_reference_backend_get_held (c.backend), ==, held);
  c.backend->program_free (c.backend, program);
  c.backend->store_free (c.backend, store);
  case_clear (&c);
}

/* What is bound wrongly is told by name before anything is written. */
static void
test_bad_bindings (void)
{
  Case c;
  float values[32];

  case_init (&c, FALSE);
  load (&c, c.program);
  for (int i = 0; i < 4; i++)
    {
      g_autoptr (GError) error = NULL;
      GessoBinding in = c.in, out = c.out[0];
      GessoBuffer *workspace = c.workspace;
      const char *const about[] = { "\"x\"", "\"out\"", "\"out\"", "workspace" };

      if (i == 0)
        in.offset = sizeof (float);
      else if (i == 1)
        out.buffer = NULL;
      else if (i == 2)
        out.offset = 1;
      else
        workspace = NULL;
      g_assert_false (c.backend->run (c.backend, c.program, workspace, &in, &out, NULL, &error));
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
      g_assert_nonnull (strstr (error->message, about[i]));
    }
  run (&c, c.program, values);
  assert_right (values, "own");
  case_clear (&c);
}

/* Inputs and outputs may lie anywhere in a buffer. */
static void
test_offsets (void)
{
  Case c;
  GessoBuffer *wide;
  float values[32];
  GError *error = NULL;

  case_init (&c, FALSE);
  load (&c, c.program);
  wide = new_buffer (c.backend, 1000);
  harness_fill (c.harness, g_ptr_array_index (c.plan->inputs, 0), values);
  g_assert_true (c.backend->buffer_write (c.backend, wide, 12, values, sizeof values, NULL));
  c.in = (GessoBinding) { wide, 12 };
  c.out[0] = (GessoBinding) { wide, 500 };
  c.backend->run (c.backend, c.program, c.workspace, &c.in, c.out, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (c.backend->buffer_read (c.backend, wide, 500, values, sizeof values, NULL));
  assert_right (values, "own");
  c.backend->buffer_free (c.backend, wide);
  case_clear (&c);
}

static void
test_ids_out_of_range (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("text");
  g_autoptr (GessoPlan) plan = NULL;
  GessoBackend *backend = harness->backend;
  const GessoWeightSource source = harness_source (harness);
  GessoTensor *ids = gesso_graph_input (graph, "ids", GESSO_DTYPE_I32, GESSO_SHAPE2 (1, 1));
  GessoStore *store = backend->store_new (backend, &source);
  GessoBuffer *in, *out;
  GessoProgram *program;

  gesso_graph_output (graph,
                      gesso_graph_embedding (graph, ids, gesso_graph_weight (graph, "table", GESSO_SHAPE2 (9, 4)),
                                             gesso_graph_weight (graph, "positions", GESSO_SHAPE2 (1, 4))),
                      "out");
  plan = harness_plan (graph, GESSO_PRECISION_F32, 0);
  program = backend->compile (backend, store, plan, NULL, NULL);
  g_assert_true (backend->load (backend, program, NULL, NULL, NULL, NULL));
  in = new_buffer (backend, sizeof (gint32));
  out = new_buffer (backend, 4 * sizeof (float));
  for (int i = 0; i < 3; i++)
    {
      const gint32 id = i - 1 + (i == 2 ? 8 : 0);
      const GessoBinding bound_in = { in, 0 }, bound_out = { out, 0 };
      g_autoptr (GError) error = NULL;

      g_assert_true (backend->buffer_write (backend, in, 0, &id, sizeof id, NULL));
      g_assert_cmpint (backend->run (backend, program, NULL, &bound_in, &bound_out, NULL, &error), ==, i == 1);
      if (i != 1)
        g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
    }
  backend->buffer_free (backend, in);
  backend->buffer_free (backend, out);
  backend->program_free (backend, program);
  backend->store_free (backend, store);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/contract/abi", test_abi);
  g_test_add_func ("/contract/module", test_module);
  g_test_add_func ("/contract/precision", test_precision);
  g_test_add_func ("/contract/buffers", test_buffers);
  g_test_add_func ("/contract/load-and-unload", test_load_and_unload);
  g_test_add_func ("/contract/shared-store", test_shared_store);
  g_test_add_func ("/contract/extra-output", test_extra_output);
  g_test_add_func ("/contract/cancel-run", test_cancel_run);
  g_test_add_func ("/contract/cancel-load", test_cancel_load);
  g_test_add_func ("/contract/out-of-memory", test_out_of_memory);
  g_test_add_func ("/contract/failing-source", test_failing_source);
  g_test_add_func ("/contract/bad-bindings", test_bad_bindings);
  g_test_add_func ("/contract/offsets", test_offsets);
  g_test_add_func ("/contract/ids-out-of-range", test_ids_out_of_range);
  return g_test_run ();
}
