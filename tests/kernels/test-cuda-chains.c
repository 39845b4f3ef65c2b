/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * COMBINEs that follow one another are as few launches as can be, and give what the reference backend gives.
 */

#include "../unit/cpu/backend/fixture.h"
#include "cuda-backend.h"
#include "cuda-under-test.h"
#include "denoise.h"
#include "reference-backend.h"

/* The coefficients stay in F32, and so does all else here. */
#define TOLERANCE 1e-6
#define SHAPE GESSO_SHAPE4 (1, 9, 7, 4)

static GessoBackend *cuda;
static guint n_launches;
static CUresult (CUDAAPI *launch) (CUfunction, guint, guint, guint, guint, guint, guint, guint, CUstream, void **,
                                   void **);

static CUresult CUDAAPI
count_launch (CUfunction function, guint grid_x, guint grid_y, guint grid_z, guint block_x, guint block_y,
              guint block_z, guint shared, CUstream stream, void **parameters, void **extra)
{
  n_launches++;
  return launch (function, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared, stream, parameters, extra);
}

static Fixture *
run (GessoBackend *backend, const GessoGraph *graph, gboolean in_place)
{
  GessoPlanOptions options = { .precision = GESSO_PRECISION_F32, .flops_per_second = 1e9, .max_step_seconds = 1e9 };
  Fixture *fixture;

  if (backend == cuda)
    cuda->plan_options (cuda, GESSO_PRECISION_F16, FALSE, &options);
  fixture = fixture_new (backend, graph, &options, NULL);
  fixture_must_bind (fixture);
  /* The last output takes the place of the first input. */
  if (in_place)
    fixture->outputs[fixture->plan->outputs->len - 1] = fixture->inputs[0];
  fixture_must_load (fixture);
  n_launches = 0;
  fixture_must_run (fixture);
  return fixture;
}

static void
check (const char *what, GessoGraph *graph, guint expected_launches, gboolean in_place)
{
  g_autoptr (GError) error = NULL;
  GessoBackend *reference = gesso_reference_backend_entry (GESSO_BACKEND_ABI, 1, &error);
  Fixture *got, *expected;

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  expected = run (reference, graph, FALSE);
  got = run (cuda, graph, in_place);
  g_assert_cmpuint (n_launches, ==, expected_launches);
  for (guint i = 0; i < got->plan->outputs->len; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s, output %u", what, i);
      gsize n;
      g_autofree float *a = fixture_output (got, i, &n), *b = fixture_output (expected, i, &n);

      fixture_assert_close (name, a, b, n, TOLERANCE);
    }
  fixture_free (got);
  fixture_free (expected);
  reference->free (reference);
  gesso_graph_free (graph);
}

static GessoTensor *
input (GessoGraph *graph, const char *name)
{
  return gesso_graph_input (graph, name, GESSO_DTYPE_F32, SHAPE);
}

/* A COMBINE of two, an output of its own. */
static GessoTensor *
combine (GessoGraph *graph, const char *name, GessoTensor *a, GessoTensor *b)
{
  g_autofree char *coefficients = g_strconcat (name, ".coefficients", NULL);
  GessoTensor *terms[] = { a, b };
  GessoTensor *sum = gesso_graph_combine (graph, 2, terms,
                                          gesso_graph_input (graph, coefficients, GESSO_DTYPE_F32, GESSO_SHAPE1 (2)));

  gesso_graph_output (graph, sum, name);
  return sum;
}

/* Each uses the results of those before it. */
static void
test_length (gconstpointer data)
{
  const int length = GPOINTER_TO_INT (data);

  for (int in_place = 0; in_place < 2; in_place++)
    {
      GessoGraph *graph = gesso_graph_new ("chain");
      GessoTensor *x = input (graph, "x"), *before = x, *sum = input (graph, "y");

      for (int i = 0; i < length; i++)
        {
          g_autofree char *name = g_strdup_printf ("sum.%d", i);
          GessoTensor *next = combine (graph, name, sum, before);

          before = sum;
          sum = next;
        }
      check (in_place ? "in place" : "chain", graph, (guint) (length + GESSO_COMBINE_STAGES - 1) / GESSO_COMBINE_STAGES,
             in_place);
    }
}

static void
test_nothing_in_common (void)
{
  GessoGraph *graph = gesso_graph_new ("strangers");

  combine (graph, "first", input (graph, "a"), input (graph, "b"));
  combine (graph, "second", input (graph, "c"), input (graph, "d"));
  check ("strangers", graph, 1, FALSE);
}

static void
test_other_operation (void)
{
  GessoGraph *graph = gesso_graph_new ("broken");
  GessoTensor *x = input (graph, "x"), *y = combine (graph, "first", x, x);
  GessoTensor *z = gesso_graph_activation (graph, input (graph, "z"), GESSO_ACTIVATION_SILU);

  gesso_graph_output (graph, combine (graph, "second", y, z), "again");
  check ("broken", graph, 3, FALSE);
}

static void
test_other_size (void)
{
  GessoGraph *graph = gesso_graph_new ("sizes");
  GessoTensor *small = gesso_graph_input (graph, "small", GESSO_DTYPE_F32, GESSO_SHAPE1 (3));
  GessoTensor *x = input (graph, "x");

  combine (graph, "first", x, x);
  combine (graph, "second", small, small);
  check ("sizes", graph, 2, FALSE);
}

/* Under another shape it is the same result. */
static void
test_view (void)
{
  GessoGraph *graph = gesso_graph_new ("view");
  GessoTensor *x = input (graph, "x");
  GessoTensor *sum = gesso_graph_reshape (graph, combine (graph, "first", x, x), GESSO_SHAPE2 (63, 4));

  combine (graph, "second", sum, sum);
  check ("view", graph, 1, FALSE);
}

/* Each thread would need what all have made. */
static void
test_computed_coefficients (void)
{
  GessoGraph *graph = gesso_graph_new ("coefficients");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_F32, GESSO_SHAPE1 (2));
  GessoTensor *terms[] = { x, x };
  GessoTensor *first = combine (graph, "first", x, x);

  gesso_graph_output (graph, gesso_graph_combine (graph, 2, terms, first), "second");
  check ("coefficients", graph, 2, FALSE);
}

/* What the engine does after each evaluation: four COMBINEs in a row, and the pixels of the last. */
static void
test_update (void)
{
  check ("update", gesso_update_graph (2, 2, 9, 7, 4), 2, FALSE);
  check ("update without guidance", gesso_update_graph (1, 1, 5, 3, 4), 2, FALSE);
}

int
main (int argc, char **argv)
{
  GessoCudaDriver *driver;
  int status;

  g_test_init (&argc, &argv, NULL);
  cuda = cuda_under_test ();
  driver = ((GessoCudaBackend *) cuda)->device->driver;
  launch = driver->cuLaunchKernel;
  driver->cuLaunchKernel = count_launch;
  for (int length = 1; length <= 6; length++)
    {
      g_autofree char *path = g_strdup_printf ("/cuda/chains/%d", length);

      g_test_add_data_func (path, GINT_TO_POINTER (length), test_length);
    }
  g_test_add_func ("/cuda/chains/nothing-in-common", test_nothing_in_common);
  g_test_add_func ("/cuda/chains/other-operation", test_other_operation);
  g_test_add_func ("/cuda/chains/other-size", test_other_size);
  g_test_add_func ("/cuda/chains/view", test_view);
  g_test_add_func ("/cuda/chains/computed-coefficients", test_computed_coefficients);
  g_test_add_func ("/cuda/chains/update", test_update);
  status = g_test_run ();
  cuda->free (cuda);
  return status;
}
