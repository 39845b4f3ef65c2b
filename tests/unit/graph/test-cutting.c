/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How operations are cut into steps, and what they are estimated at. harness_plan() and harness_check_plan() see to it
 * that steps cover everything once; here it is about how large they are.
 */

#include "harness.h"

/* One operation a graph; a rate of one operation a second makes seconds of FLOPs. */
static GessoPlan *
cut (GessoGraph *graph, GessoTensor *out, double max_flops, gsize max_band, GessoPrecision precision)
{
  const GessoPlanOptions options = { .precision = precision,
                                     .fusions = GESSO_FUSE_ALL,
                                     .flops_per_second = 1.0,
                                     .max_step_seconds = max_flops,
                                     .max_norm_band_bytes = max_band };
  GError *error = NULL;
  GessoPlan *plan;

  gesso_graph_output (graph, out, "out");
  plan = gesso_plan_new (graph, &options, &error);
  g_assert_no_error (error);
  harness_check_plan (plan);
  return plan;
}

static gint64
largest_step (const GessoPlan *plan)
{
  gint64 rows = 0;

  for (guint i = 0; i < plan->steps->len; i++)
    {
      const GessoPlanStep *step = &g_array_index (plan->steps, GessoPlanStep, i);

      rows = MAX (rows, step->end - step->begin);
    }
  return rows;
}

/* x [2, 24, 10, 4], weight [8, 4, 3, 3]: a row of one picture takes 10 * 8 * 4 * 9 * 2 = 5760, all of it 276480. */
static void
test_conv2d (void)
{
  const struct
  {
    double max;
    guint steps;
    gint64 image, rows;
  } cases[] = {
    { 0, 1, -1, 24 },                                              /* no limit */
    { 276480, 1, -1, 24 },                                         /* just fits */
    { 276479, 2, 0, 24 },                                          /* one picture each */
    { 138240, 2, 0, 24 },   { 138239, 4, 0, 12 },                  /* 23 rows would do: 2 x 12 */
    { 5760 * 10, 6, 0, 8 }, { 5760, 48, 0, 1 },   { 1, 48, 0, 1 }, /* never less than a row */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (2, 24, 10, 4));
      GessoTensor *w = gesso_graph_weight (graph, "w", GESSO_SHAPE4 (8, 4, 3, 3));
      g_autoptr (GessoPlan) plan
          = cut (graph, gesso_graph_conv2d (graph, x, w, NULL, (GessoConvGeometry) { 1, 1, 1, 1, 1 }), cases[i].max, 1,
                 GESSO_PRECISION_F32);

      g_assert_cmpfloat (plan->flops, ==, 276480);
      g_assert_cmpuint (plan->steps->len, ==, cases[i].steps);
      g_assert_cmpint (g_array_index (plan->steps, GessoPlanStep, 0).image, ==, cases[i].image);
      g_assert_cmpint (largest_step (plan), ==, cases[i].rows);
    }
}

/* Prepared rows of a normalised input are 10 * 4 values; with a kernel of 3 a band of r rows needs r + 2. */
static void
test_norm_bands (void)
{
  const struct
  {
    gsize max_band;
    gboolean upsample;
    GessoPrecision precision;
    guint steps;
    gint64 rows;
  } cases[] = {
    { 0, FALSE, GESSO_PRECISION_F32, 0, 24 },
    { 2 * 24 * 160, FALSE, GESSO_PRECISION_F32, 0, 24 }, /* both pictures together: one step for all */
    { 2 * 24 * 160 - 1, FALSE, GESSO_PRECISION_F32, 2, 24 },
    { 24 * 160, FALSE, GESSO_PRECISION_F32, 2, 24 }, /* the picture as a whole has no halo */
    { 24 * 160 - 1, FALSE, GESSO_PRECISION_F32, 4, 12 },
    { 10 * 160, FALSE, GESSO_PRECISION_F32, 6, 8 },
    { 10 * 160, FALSE, GESSO_PRECISION_BF16, 4, 12 },
    { 1, FALSE, GESSO_PRECISION_F32, 48, 1 },
    { 10 * 320, TRUE, GESSO_PRECISION_F32, 12, 8 }, /* 48 rows twice as wide */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (2, 24, 10, 4));
      GessoTensor *v = gesso_graph_weight (graph, "v", GESSO_SHAPE1 (4));
      GessoTensor *w = gesso_graph_weight (graph, "w", GESSO_SHAPE4 (8, 4, 3, 3));
      g_autoptr (GessoPlan) plan = NULL;
      guint steps = 0;

      if (cases[i].upsample)
        x = gesso_graph_upsample (graph, x, 48, 20);
      else
        x = gesso_graph_group_norm (graph, x, v, v, 2, 1e-5f);
      plan = cut (graph, gesso_graph_conv2d (graph, x, w, NULL, (GessoConvGeometry) { 1, 1, 1, 1, 1 }), 0,
                  cases[i].max_band, cases[i].precision);
      for (guint j = 0; j < plan->steps->len; j++)
        if (g_array_index (plan->steps, GessoPlanStep, j).image >= 0)
          {
            const GessoPlanStep *step = &g_array_index (plan->steps, GessoPlanStep, j);

            steps++;
            g_assert_cmpint (step->end - step->begin, <=, cases[i].rows);
          }
      g_assert_cmpuint (steps, ==, cases[i].steps);
    }
}

/* Both limits hold: the band that is smaller by time or by bytes. */
static void
test_norm_bands_in_time (void)
{
  const struct
  {
    double max;
    guint steps;
  } cases[] = { { 1e9, 3 }, { 5760 * 4, 6 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (1, 12, 10, 4));
      GessoTensor *w = gesso_graph_weight (graph, "w", GESSO_SHAPE4 (8, 4, 3, 3));
      g_autoptr (GessoPlan) plan = cut (graph,
                                        gesso_graph_conv2d (graph, gesso_graph_upsample (graph, x, 24, 10), w, NULL,
                                                            (GessoConvGeometry) { 1, 1, 1, 1, 1 }),
                                        cases[i].max, 10 * 160, GESSO_PRECISION_F32);

      g_assert_cmpuint (plan->steps->len, ==, cases[i].steps);
    }
}

/* x [2, 100, 4], weight [6, 4]: 48 a row, 9600 in all. Bands are multiples of 16 where they can be. */
static void
test_linear (void)
{
  const struct
  {
    double max;
    guint steps;
    gint64 rows;
  } cases[] = { { 9600, 1, 200 },    { 9599, 2, 112 },  { 48 * 50, 5, 48 },
                { 48 * 16, 13, 16 }, { 48 * 5, 40, 5 }, { 1, 200, 1 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (2, 100, 4));
      GessoTensor *w = gesso_graph_weight (graph, "w", GESSO_SHAPE2 (6, 4));
      g_autoptr (GessoPlan) plan
          = cut (graph, gesso_graph_linear (graph, x, w, NULL), cases[i].max, 0, GESSO_PRECISION_F32);

      g_assert_cmpfloat (plan->flops, ==, 9600);
      g_assert_cmpuint (plan->steps->len, ==, cases[i].steps);
      g_assert_cmpint (g_array_index (plan->steps, GessoPlanStep, 0).image, ==, -1);
      g_assert_cmpint (largest_step (plan), ==, cases[i].rows);
    }
}

/* q [2, 300, 8], 10 keys: 320 a row, 96000 a picture. */
static void
test_attention (void)
{
  const struct
  {
    double max;
    guint steps;
    gint64 image, rows;
  } cases[] = { { 192000, 1, -1, 300 },   { 191999, 2, 0, 300 },   { 95999, 4, 0, 192 },
                { 320 * 130, 6, 0, 128 }, { 320 * 63, 10, 0, 64 }, { 1, 10, 0, 64 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      GessoTensor *q = gesso_graph_input (graph, "q", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (2, 300, 8));
      GessoTensor *k = gesso_graph_input (graph, "k", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (1, 10, 8));
      g_autoptr (GessoPlan) plan
          = cut (graph, gesso_graph_attention (graph, q, k, k, 2, 1.0f, FALSE), cases[i].max, 0, GESSO_PRECISION_F32);

      g_assert_cmpfloat (plan->flops, ==, 192000);
      g_assert_cmpuint (plan->steps->len, ==, cases[i].steps);
      g_assert_cmpint (g_array_index (plan->steps, GessoPlanStep, 0).image, ==, cases[i].image);
      g_assert_cmpint (largest_step (plan), ==, cases[i].rows);
    }
}

/* GEGLU's product has twice the columns of its output. */
static void
test_flops_of_geglu (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE2 (10, 4));
  GessoTensor *w = gesso_graph_weight (graph, "w", GESSO_SHAPE2 (6, 4));
  g_autoptr (GessoPlan) plan
      = cut (graph, gesso_graph_geglu (graph, gesso_graph_linear (graph, x, w, NULL)), 0, 0, GESSO_PRECISION_F32);

  g_assert_cmpuint (plan->ops->len, ==, 1);
  g_assert_cmpfloat (plan->flops, ==, 2 * 10 * 4 * 6);
}

/* A quarter of the products of 3x3 convolutions with stride 1 counts, and all of any others; FLOPs stay what they are.
 */
static void
test_conv3_share (void)
{
  const struct
  {
    int kernel, stride;
    double max;
    guint steps;
  } cases[] = {
    { 3, 1, 69120, 1 },  { 3, 1, 69119, 2 },  /* 2 * 24 * 10 * 8 * 4 * 9 * 2 / 4 */
    { 3, 2, 69120, 1 },  { 3, 2, 69119, 2 },  /* 2 * 12 * 5 * 8 * 4 * 9 * 2 */
    { 5, 1, 768000, 1 }, { 5, 1, 767999, 2 }, /* 2 * 24 * 10 * 8 * 4 * 25 * 2 */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const int kernel = cases[i].kernel, pad = kernel / 2;
      const GessoPlanOptions options = {
        .precision = GESSO_PRECISION_F32, .flops_per_second = 1.0, .max_step_seconds = cases[i].max, .conv3_share = 0.25
      };
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (2, 24, 10, 4));
      GessoTensor *w = gesso_graph_weight (graph, "w", GESSO_SHAPE4 (8, 4, kernel, kernel));
      const GessoConvGeometry geometry = { cases[i].stride, pad, pad, pad, pad };
      g_autoptr (GError) error = NULL;
      g_autoptr (GessoPlan) plan = NULL;

      gesso_graph_output (graph, gesso_graph_conv2d (graph, x, w, NULL, geometry), "out");
      plan = gesso_plan_new (graph, &options, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (plan->steps->len, ==, cases[i].steps);
      if (kernel == 3 && cases[i].stride == 1)
        g_assert_cmpfloat (plan->flops, ==, 276480);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cutting/conv2d", test_conv2d);
  g_test_add_func ("/cutting/conv3-share", test_conv3_share);
  g_test_add_func ("/cutting/norm-bands", test_norm_bands);
  g_test_add_func ("/cutting/norm-bands-in-time", test_norm_bands_in_time);
  g_test_add_func ("/cutting/linear", test_linear);
  g_test_add_func ("/cutting/attention", test_attention);
  g_test_add_func ("/cutting/flops-of-geglu", test_flops_of_geglu);
  return g_test_run ();
}
