/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linear layers of one input in one launch, where memory and dependence allow it: what is launched is counted, and the
 * results are those of the reference backend and, to the last bit, those of the layers by themselves.
 */

#include "../unit/cpu/backend/fixture.h"
#include "cuda-backend.h"
#include "cuda-under-test.h"
#include "reference-backend.h"

#define TOLERANCE 2e-3
#define ROWS 32
#define WIDTH 72
#define COLUMNS 40
/* Values of k that are worth two parts. */
#define DEEP 1024

/* What was launched. */
typedef struct
{
  guint products, finishes; /* kernels */
  guint blocks;             /* of the products' first tile: members times parts */
} Launched;

static GessoCudaDriver real;
static GHashTable *names; /* CUfunction -> name */
static Launched launched;

static CUresult CUDAAPI
note_function (CUfunction *function, CUmodule module, const char *name)
{
  const CUresult result = real.cuModuleGetFunction (function, module, name);

  if (result == CUDA_SUCCESS)
    g_hash_table_insert (names, *function, (gpointer) g_intern_string (name));
  return result;
}

static CUresult CUDAAPI
note_launch (CUfunction function, guint grid_x, guint grid_y, guint grid_z, guint block_x, guint block_y, guint block_z,
             guint shared, CUstream stream, void **parameters, void **extra)
{
  const char *name = g_hash_table_lookup (names, function);

  if (g_str_has_prefix (name, "linear_") || g_str_has_prefix (name, "geglu_") || g_str_has_prefix (name, "gather_"))
    {
      launched.products++;
      launched.blocks += grid_z;
    }
  launched.finishes += g_str_has_prefix (name, "product_finish");
  return real.cuLaunchKernel (function, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared, stream, parameters,
                              extra);
}

/* The backend, on a card of `processors` multiprocessors (0: its own), whose launches are noted. */
static GessoBackend *
noted_backend (int processors)
{
  GessoBackend *backend = cuda_under_test ();
  GessoCudaDevice *device = ((GessoCudaBackend *) backend)->device;

  real = *device->driver;
  g_hash_table_remove_all (names);
  launched = (Launched) { 0 };
  device->driver->cuModuleGetFunction = note_function;
  device->driver->cuLaunchKernel = note_launch;
  if (processors)
    device->processors = processors;
  return backend;
}

/* The outputs of `graph` computed in steps of `step_seconds`; without cuBLASLt where `own`. */
static GPtrArray *
compute (const GessoGraph *graph, double step_seconds, int processors, gboolean own)
{
  g_autofree char *library = g_strdup (g_getenv ("GESSO_CUBLASLT"));
  GessoPlanOptions options;
  GessoBackend *backend;
  GPtrArray *outputs;

  if (own)
    g_setenv ("GESSO_CUBLASLT", "none", TRUE);
  backend = noted_backend (processors);
  g_setenv ("GESSO_CUBLASLT", library, TRUE);
  backend->plan_options (backend, GESSO_PRECISION_F16, FALSE, &options);
  options.flops_per_second = 1e9;
  options.max_step_seconds = step_seconds;
  outputs = fixture_compute (backend, graph, &options);
  backend->free (backend);
  return outputs;
}

static void
assert_same (const GPtrArray *a, const GPtrArray *b)
{
  g_assert_cmpuint (a->len, ==, b->len);
  for (guint i = 0; i < a->len; i++)
    {
      const GArray *x = g_ptr_array_index (a, i), *y = g_ptr_array_index (b, i);

      g_assert_cmpmem (x->data, x->len * sizeof (float), y->data, y->len * sizeof (float));
    }
}

static void
assert_right (const GessoGraph *graph, const GPtrArray *got)
{
  const GessoPlanOptions plain = { .precision = GESSO_PRECISION_F32, .flops_per_second = 1e9, .max_step_seconds = 1e9 };
  g_autoptr (GError) error = NULL;
  GessoBackend *reference = gesso_reference_backend_entry (GESSO_BACKEND_ABI, 1, &error);
  g_autoptr (GPtrArray) expected = fixture_compute (reference, graph, &plain);

  g_assert_cmpuint (got->len, ==, expected->len);
  for (guint i = 0; i < got->len; i++)
    {
      const GArray *a = g_ptr_array_index (got, i), *b = g_ptr_array_index (expected, i);

      fixture_assert_close ("output", (const float *) (gconstpointer) a->data, (const float *) (gconstpointer) b->data,
                            b->len, TOLERANCE);
    }
  reference->free (reference);
}

/* --- layers of one input --- */

typedef enum
{
  NO_RESIDUALS,
  COMPUTED, /* by operations before the layers */
  BOUND,    /* inputs of the plan, as which its outputs may be bound */
} Residuals;

typedef struct
{
  const char *name;
  int members, width, columns;
  gboolean bias, geglu;
  Residuals residuals;
  guint launches, parts;
} Case;

static const Case cases[] = {
  { "pair", 2, WIDTH, COLUMNS, FALSE, FALSE, NO_RESIDUALS, 1, 1 },
  { "three", 3, WIDTH, COLUMNS, TRUE, FALSE, NO_RESIDUALS, 1, 1 },
  { "six", 6, WIDTH, COLUMNS, FALSE, FALSE, NO_RESIDUALS, 2, 1 },
  { "geglu", 3, WIDTH, COLUMNS, TRUE, TRUE, NO_RESIDUALS, 1, 1 },
  { "odd-columns", 3, WIDTH, 13, TRUE, FALSE, NO_RESIDUALS, 1, 1 },
  { "gathered", 3, 27, 13, TRUE, FALSE, NO_RESIDUALS, 1, 1 },
  { "in-parts", 3, DEEP, COLUMNS, TRUE, FALSE, NO_RESIDUALS, 1, 2 },
  { "geglu-in-parts", 2, DEEP, 13, TRUE, TRUE, NO_RESIDUALS, 1, 2 },
  { "residuals", 3, WIDTH, COLUMNS, TRUE, FALSE, COMPUTED, 1, 1 },
  { "residuals-in-parts", 2, DEEP, COLUMNS, FALSE, FALSE, COMPUTED, 1, 2 },
  { "bound-residuals", 3, WIDTH, COLUMNS, TRUE, FALSE, BOUND, 3, 1 },
};

static GessoTensor *
weight (GessoGraph *graph, const char *name, int i, GessoShape shape)
{
  g_autofree char *full = g_strdup_printf ("%d.%s", i, name);

  return gesso_graph_weight (graph, full, shape);
}

/* Layer `i` of `x`. */
static GessoTensor *
layer (GessoGraph *graph, GessoTensor *x, int i, int columns, gboolean has_bias, gboolean geglu)
{
  const int rows = geglu ? 2 * columns : columns;
  GessoTensor *y = gesso_graph_linear (graph, x, weight (graph, "w", i, GESSO_SHAPE2 (rows, x->shape.dim[2])),
                                       has_bias ? weight (graph, "b", i, GESSO_SHAPE1 (rows)) : NULL);

  return geglu ? gesso_graph_geglu (graph, y) : y;
}

static GessoTensor *
input (GessoGraph *graph, const char *name, int i, int columns)
{
  g_autofree char *full = g_strdup_printf ("%s%d", name, i);

  return gesso_graph_input (graph, full, GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (2, ROWS, columns));
}

static void
output (GessoGraph *graph, GessoTensor *tensor, const char *name, int i)
{
  g_autofree char *full = g_strdup_printf ("%s%d", name, i);

  gesso_graph_output (graph, tensor, full);
}

static void
assert_finished (GessoGraph *graph)
{
  g_autoptr (GError) error = NULL;

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
}

/* The case's layers; `apart`: there is something between each and the next. */
static GessoGraph *
layers (const Case *c, gboolean apart)
{
  GessoGraph *graph = gesso_graph_new ("layers");
  GessoTensor *x = input (graph, "x", 0, c->width), *residuals[6] = { NULL }, *between[6];

  for (int i = 0; i < c->members && c->residuals; i++)
    {
      residuals[i] = input (graph, "r", i, c->columns);
      if (c->residuals == COMPUTED)
        residuals[i] = gesso_graph_activation (graph, residuals[i], GESSO_ACTIVATION_SILU);
    }
  for (int i = 0; i < c->members; i++)
    {
      GessoTensor *y = layer (graph, x, i, c->columns, c->bias, c->geglu);

      output (graph, c->residuals ? gesso_graph_add (graph, y, residuals[i]) : y, "y", i);
      if (apart)
        between[i] = gesso_graph_activation (graph, x, GESSO_ACTIVATION_SILU);
    }
  for (int i = 0; i < c->members && apart; i++)
    output (graph, between[i], "between", i);
  assert_finished (graph);
  return graph;
}

/* In one launch, in one of each band, and one by one: the same. */
static void
test_layers (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GessoGraph) together = layers (c, FALSE), apart = layers (c, TRUE);
  g_autoptr (GPtrArray) whole = compute (together, 1e9, 0, TRUE), bands = NULL, alone = NULL;
  const guint members = (guint) c->members;

  g_assert_cmpuint (launched.products, ==, c->launches);
  g_assert_cmpuint (launched.blocks, ==, members * c->parts);
  g_assert_cmpuint (launched.finishes, ==, c->parts > 1 ? c->launches : 0);
  assert_right (together, whole);
  /* Each layer is cut in the middle. */
  bands = compute (together, 1.2e-9 * ROWS * c->width * c->columns * (c->geglu ? 4 : 2), 0, TRUE);
  g_assert_cmpuint (launched.products, ==, 2 * c->launches);
  assert_same (bands, whole);
  alone = compute (apart, 1e9, 0, TRUE);
  g_assert_cmpuint (launched.products, ==, members);
  g_assert_cmpuint (launched.blocks, ==, members * c->parts);
  g_ptr_array_set_size (alone, (int) whole->len);
  assert_same (alone, whole);
}

/* --- what may not be one launch --- */

/* The layers' residuals die with them, so that the second layer's result may lie where the first's residual did. */
static GessoGraph *
reusing_graph (void)
{
  GessoGraph *graph = gesso_graph_new ("reusing");
  GessoTensor *x = input (graph, "x", 0, WIDTH), *residuals[2], *y[2];

  for (int i = 0; i < 2; i++)
    residuals[i] = gesso_graph_activation (graph, input (graph, "r", i, COLUMNS), GESSO_ACTIVATION_SILU);
  for (int i = 0; i < 2; i++)
    y[i] = gesso_graph_add (graph, layer (graph, x, i, COLUMNS, FALSE, FALSE), residuals[i]);
  for (int i = 0; i < 2; i++)
    output (graph, gesso_graph_activation (graph, y[i], GESSO_ACTIVATION_SILU), "y", i);
  assert_finished (graph);
  return graph;
}

/* Whether a linear layer's result lies where the residual of the one before did. */
static gboolean
plan_reuses (const GessoGraph *graph)
{
  const GessoPlanOptions options = { .precision = GESSO_PRECISION_F16, .fusions = GESSO_FUSE_ALL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoPlan) plan = gesso_plan_new (graph, &options, &error);

  g_assert_no_error (error);
  for (guint i = 1; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i), *before = g_ptr_array_index (plan->ops, i - 1);

      if (op->kind == GESSO_OP_LINEAR && before->kind == GESSO_OP_LINEAR && before->residual)
        return gesso_plan_placement (plan, op->output)->place == GESSO_PLACE_ARENA
               && gesso_plan_placement (plan, op->output)->offset
                      == gesso_plan_placement (plan, before->residual)->offset;
    }
  return FALSE;
}

static void
test_reused_memory (void)
{
  g_autoptr (GessoGraph) graph = reusing_graph ();
  g_autoptr (GPtrArray) outputs = NULL;

  g_assert_true (plan_reuses (graph));
  outputs = compute (graph, 1e9, 0, TRUE);
  g_assert_cmpuint (launched.products, ==, 2);
  assert_right (graph, outputs);
}

/* A layer whose residual is the result of the one before. */
static void
test_dependent (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("dependent");
  g_autoptr (GPtrArray) outputs = NULL;
  GessoTensor *x = input (graph, "x", 0, WIDTH), *y = input (graph, "r", 0, COLUMNS);

  y = gesso_graph_activation (graph, y, GESSO_ACTIVATION_SILU);
  for (int i = 0; i < 3; i++)
    {
      y = gesso_graph_add (graph, layer (graph, x, i, COLUMNS, TRUE, FALSE), y);
      output (graph, y, "y", i);
    }
  assert_finished (graph);
  outputs = compute (graph, 1e9, 0, TRUE);
  g_assert_cmpuint (launched.products, ==, 3);
  assert_right (graph, outputs);
}

/* Neighbours that differ in something: their input, their columns, their bias. */
static void
test_unlike (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("unlike");
  g_autoptr (GPtrArray) outputs = NULL;
  GessoTensor *x = input (graph, "x", 0, WIDTH), *z = input (graph, "z", 0, WIDTH);

  output (graph, layer (graph, x, 0, COLUMNS, FALSE, FALSE), "y", 0);
  output (graph, layer (graph, z, 1, COLUMNS, FALSE, FALSE), "y", 1);
  output (graph, layer (graph, z, 2, COLUMNS, TRUE, FALSE), "y", 2);
  output (graph, layer (graph, z, 3, COLUMNS + 8, TRUE, FALSE), "y", 3);
  output (graph, layer (graph, z, 4, COLUMNS + 8, TRUE, FALSE), "y", 4);
  assert_finished (graph);
  outputs = compute (graph, 1e9, 0, TRUE);
  g_assert_cmpuint (launched.products, ==, 4);
  g_assert_cmpuint (launched.blocks, ==, 5);
  assert_right (graph, outputs);
}

/* --- cuBLASLt --- */

/* By rule of thumb cuBLASLt does the layers one by one where each fills the card. */
static void
test_cublaslt (void)
{
  g_autoptr (GessoGraph) graph = layers (&cases[1], FALSE);
  g_autoptr (GPtrArray) small = NULL, large = NULL;

  small = compute (graph, 1e9, 0, FALSE);
  g_assert_cmpuint (launched.products, ==, 1);
  assert_right (graph, small);
  large = compute (graph, 1e9, 1, FALSE);
  g_assert_cmpuint (launched.products, ==, 0);
  assert_right (graph, large);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  names = g_hash_table_new (NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/cuda/groups/layers/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_layers);
    }
  g_test_add_func ("/cuda/groups/reused-memory", test_reused_memory);
  g_test_add_func ("/cuda/groups/dependent", test_dependent);
  g_test_add_func ("/cuda/groups/unlike", test_unlike);
  g_test_add_func ("/cuda/groups/cublaslt", test_cublaslt);
  status = g_test_run ();
  g_hash_table_unref (names);
  return status;
}
