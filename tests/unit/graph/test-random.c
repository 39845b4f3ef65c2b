/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Random graphs: however a graph is fused, cut and laid out, the same comes out. In f32 the reference backend makes the
 * same roundings whatever is fused, so that equal means every bit.
 */

#include "harness.h"
#include "random-graph.h"

#include <math.h>
#include <string.h>

#define N_GRAPHS 300

/* Norms over a few values enlarge roundings: bounds that say "about right", not "good". */
#define WORST_F16 0.01
#define WORST_BF16 0.1

static GessoGraph *
make_graph (guint32 seed)
{
  g_autoptr (GError) error = NULL;
  GessoGraph *graph = random_graph (seed);

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  return graph;
}

static GPtrArray *
run (const GessoGraph *graph, const GessoPlanOptions *options, gboolean separate)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoPlan) plan = NULL;
  GError *error = NULL;

  gesso_reference_backend_set_separate (harness->backend, separate);
  plan = gesso_plan_new (graph, options, &error);
  g_assert_no_error (error);
  harness_check_plan (plan);
  return harness_run_plan (harness, plan);
}

/* Asserts that both are the same to the last bit, and numbers. */
static void
assert_same (guint32 seed, const GPtrArray *a, const GPtrArray *b)
{
  g_assert_cmpuint (a->len, ==, b->len);
  for (guint i = 0; i < a->len; i++)
    {
      const GArray *x = g_ptr_array_index (a, i), *y = g_ptr_array_index (b, i);

      g_assert_cmpuint (x->len, ==, y->len);
      for (guint j = 0; j < x->len; j++)
        {
          const float u = g_array_index (x, float, j), v = g_array_index (y, float, j);

          if (!isfinite (u) || u != v)
            g_error ("graph %u, output %u, value %u: %.9g and %.9g", seed, i, j, (double) u, (double) v);
        }
    }
}

/* All masks of six flags for a few graphs, one at a time and all together for many. */
static void
test_fusions (void)
{
  int n_fused = 0, n_ops = 0;

  for (guint32 seed = 0; seed < N_GRAPHS; seed++)
    {
      g_autoptr (GessoGraph) graph = make_graph (seed);
      GessoPlanOptions options = { .precision = GESSO_PRECISION_F32 };
      g_autoptr (GPtrArray) plain = run (graph, &options, FALSE);

      for (guint mask = 1; mask <= GESSO_FUSE_ALL; mask++)
        {
          g_autoptr (GPtrArray) fused = NULL;
          g_autoptr (GessoPlan) plan = NULL;

          if (seed >= 10 && mask != GESSO_FUSE_ALL && (mask & (mask - 1)))
            continue;
          options.fusions = mask;
          fused = run (graph, &options, FALSE);
          assert_same (seed, plain, fused);
          if (mask != GESSO_FUSE_ALL)
            continue;
          plan = harness_plan (graph, GESSO_PRECISION_F32, mask);
          n_fused += (int) (graph->ops->len - plan->ops->len);
          n_ops += (int) graph->ops->len;
        }
    }
  /* The generator makes what can be fused. */
  g_assert_cmpint (n_fused * 5, >, n_ops);
}

static void
test_bands (void)
{
  guint n_steps = 0, n_ops = 0;

  for (guint32 seed = 0; seed < N_GRAPHS; seed++)
    {
      g_autoptr (GessoGraph) graph = make_graph (seed);
      GessoPlanOptions options = { .precision = seed % 3 ? GESSO_PRECISION_F32 : GESSO_PRECISION_BF16,
                                   .fusions = seed % 2 ? GESSO_FUSE_ALL : 0 };
      g_autoptr (GPtrArray) whole = run (graph, &options, FALSE);
      g_autoptr (GPtrArray) banded = NULL;
      g_autoptr (GessoPlan) plan = NULL;

      options.flops_per_second = 1.0;
      options.max_step_seconds = 100.0 * (1 << seed % 8);
      options.max_norm_band_bytes = (gsize) 64 << seed % 5;
      banded = run (graph, &options, FALSE);
      assert_same (seed, whole, banded);
      plan = gesso_plan_new (graph, &options, NULL);
      n_steps += plan->steps->len;
      n_ops += plan->ops->len;
    }
  g_assert_cmpuint (n_steps, >, 2 * n_ops);
}

/* In the arena, and every tensor by itself. */
static void
test_arena (void)
{
  for (guint32 seed = 0; seed < N_GRAPHS; seed++)
    {
      g_autoptr (GessoGraph) graph = make_graph (seed);
      const GessoPlanOptions options = { .precision = (GessoPrecision) (GESSO_PRECISION_F32 + seed % 3),
                                         .fusions = seed % 4 ? GESSO_FUSE_ALL : 0,
                                         .flops_per_second = 1.0,
                                         .max_step_seconds = seed % 2 ? 1000.0 : 0.0 };
      g_autoptr (GPtrArray) arena = run (graph, &options, FALSE);
      g_autoptr (GPtrArray) separate = run (graph, &options, TRUE);

      assert_same (seed, arena, separate);
    }
}

/* The 16-bit kinds stay near f32. */
static void
test_precisions (void)
{
  double worst[2] = { 0.0, 0.0 };

  for (guint32 seed = 0; seed < 50; seed++)
    {
      g_autoptr (GessoGraph) graph = make_graph (seed);
      GessoPlanOptions options = { .precision = GESSO_PRECISION_F32, .fusions = GESSO_FUSE_ALL };
      g_autoptr (GPtrArray) exact = run (graph, &options, FALSE);

      for (int i = 0; i < 2; i++)
        {
          g_autoptr (GPtrArray) rounded = NULL;
          const GArray *x, *y;
          double difference = 0.0, size = 0.0;

          options.precision = i ? GESSO_PRECISION_BF16 : GESSO_PRECISION_F16;
          rounded = run (graph, &options, FALSE);
          x = g_ptr_array_index (exact, exact->len - 1);
          y = g_ptr_array_index (rounded, rounded->len - 1);
          for (guint j = 0; j < x->len; j++)
            {
              const double a = (double) g_array_index (x, float, j), b = (double) g_array_index (y, float, j);

              difference += (a - b) * (a - b);
              size += a * a;
            }
          worst[i] = MAX (worst[i], sqrt (difference / size));
        }
    }
  g_test_message ("worst: f16 %g, bf16 %g", worst[0], worst[1]);
  g_assert_cmpfloat (worst[0], <, WORST_F16);
  g_assert_cmpfloat (worst[1], <, WORST_BF16);
  g_assert_cmpfloat (worst[0], >, 0.0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/random/fusions", test_fusions);
  g_test_add_func ("/random/bands", test_bands);
  g_test_add_func ("/random/arena", test_arena);
  g_test_add_func ("/random/precisions", test_precisions);
  return g_test_run ();
}
