/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every operation of the reference backend against values worked out by hand or by a formula of its own.
 */

#include "harness.h"

#include <math.h>

#define SET(harness, name, ...)                                                                                        \
  do                                                                                                                   \
    {                                                                                                                  \
      const float set_[] = { __VA_ARGS__ };                                                                            \
      harness_set (harness, name, G_N_ELEMENTS (set_), set_);                                                          \
    }                                                                                                                  \
  while (0)

#define ASSERT_VALUES(array, tolerance, ...)                                                                           \
  do                                                                                                                   \
    {                                                                                                                  \
      const double set_[] = { __VA_ARGS__ };                                                                           \
      harness_assert_values (array, G_N_ELEMENTS (set_), set_, tolerance);                                             \
    }                                                                                                                  \
  while (0)

static GArray *
finish (Harness *harness, GessoGraph *graph, GessoTensor *tensor)
{
  const gboolean integers = tensor->dtype == GESSO_DTYPE_I32 || tensor->dtype == GESSO_DTYPE_U8;

  gesso_graph_output (graph, integers ? tensor : gesso_graph_cast (graph, tensor, GESSO_DTYPE_F32), "out");
  g_assert_no_error (graph->error);
  return harness_run_one (harness, graph);
}

static GessoTensor *
input (GessoGraph *graph, const char *name, GessoShape shape)
{
  return gesso_graph_input (graph, name, GESSO_DTYPE_COMPUTE, shape);
}

static void
test_conv2d_by_hand (void)
{
  const struct
  {
    GessoConvGeometry geometry;
    double out[4];
  } cases[] = {
    { { 1, 0, 0, 0, 0 }, { 37.5, 47.5, 67.5, 77.5 } },
    { { 2, 1, 1, 1, 1 }, { 4.5, 18.5, 36.5, 77.5 } },
    { { 2, 0, 0, 1, 1 }, { 37.5, 21.5, 23.5, 9.5 } }, /* as diffusers' downsampler pads */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Harness) harness = harness_new ();
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GArray) out = NULL;
      GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (1, 3, 3, 1));

      SET (harness, "x", 1, 2, 3, 4, 5, 6, 7, 8, 9);
      SET (harness, "w", 1, 2, 3, 4);
      SET (harness, "b", 0.5f);
      x = gesso_graph_conv2d (graph, x, gesso_graph_weight (graph, "w", GESSO_SHAPE4 (1, 1, 2, 2)),
                              gesso_graph_weight (graph, "b", GESSO_SHAPE1 (1)), cases[i].geometry);
      out = finish (harness, graph, x);
      harness_assert_values (out, 4, cases[i].out, 1e-6);
    }
}

/* The definition: one sum an output value, weights as in the file. */
static void
test_conv2d_by_definition (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  const GessoConvGeometry geometry = { 2, 1, 2, 0, 3 };
  const int n = 2, h = 5, w = 7, c = 3, o = 5, kh = 3, kw = 2;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (n, h, w, c));
  int oh, ow;

  x = gesso_graph_conv2d (graph, x, gesso_graph_weight (graph, "w", GESSO_SHAPE4 (o, c, kh, kw)), NULL, geometry);
  oh = (int) x->shape.dim[1];
  ow = (int) x->shape.dim[2];
  g_assert_cmpint (oh, ==, 2);
  g_assert_cmpint (ow, ==, 6);
  out = finish (harness, graph, x);
  for (int i = 0; i < n * oh * ow * o; i++)
    {
      const int channel = i % o, column = i / o % ow, row = i / o / ow % oh, image = i / o / ow / oh;
      double sum = 0.0;

      for (int k = 0; k < c * kh * kw; k++)
        {
          const int y = row * 2 - 1 + k / kw % kh, xx = column * 2 - 2 + k % kw, from = k / kw / kh;

          if (y >= 0 && y < h && xx >= 0 && xx < w)
            sum += (double) harness_formula ("x", ((image * h + y) * w + xx) * c + from)
                   * (double) harness_formula ("w", channel * c * kh * kw + k);
        }
      g_assert_cmpfloat_with_epsilon ((double) g_array_index (out, float, i), sum, 1e-5);
    }
}

static void
test_linear (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE2 (2, 3));

  SET (harness, "x", 1, 2, 3, -1, 0, 1);
  SET (harness, "w", 1, 10, 100, 0, 1, 0);
  SET (harness, "b", 0.5f, -1);
  x = gesso_graph_linear (graph, x, gesso_graph_weight (graph, "w", GESSO_SHAPE2 (2, 3)),
                          gesso_graph_weight (graph, "b", GESSO_SHAPE1 (2)));
  out = finish (harness, graph, x);
  ASSERT_VALUES (out, 1e-6, 321.5, 1, 99.5, -1);
}

/* softmax (scale q k') v in double, pictures sharing keys. */
static void
check_attention (int heads, gboolean causal)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  enum
  {
    N = 4,
    M = 2,
    LQ = 5,
    LK = 6,
    C = 12
  };
  const float scale = 1.75f;
  const int width = C / heads;
  GessoTensor *q = input (graph, "q", GESSO_SHAPE3 (N, LQ, C));
  GessoTensor *k = input (graph, "k", GESSO_SHAPE3 (M, LK, C));
  GessoTensor *v = input (graph, "v", GESSO_SHAPE3 (M, LK, C));

  out = finish (harness, graph, gesso_graph_attention (graph, q, k, v, heads, scale, causal));
  g_assert_cmpuint (out->len, ==, N * LQ * C);
  for (int i = 0; i < N * LQ * C; i++)
    {
      const int channel = i % C, row = i / C % LQ, image = i / C / LQ;
      const int first = channel / width * width, keys = causal ? row + 1 : LK, other = image / 2 * LK * C;
      double sum = 0.0, weighted = 0.0;

      for (int key = 0; key < keys; key++)
        {
          double product = 0.0;

          for (int j = first; j < first + width; j++)
            product += (double) harness_formula ("q", (image * LQ + row) * C + j)
                       * (double) harness_formula ("k", other + key * C + j);
          sum += exp (scale * product);
          weighted += exp (scale * product) * (double) harness_formula ("v", other + key * C + channel);
        }
      g_assert_cmpfloat_with_epsilon ((double) g_array_index (out, float, i), weighted / sum, 1e-5);
    }
}

static void
test_attention (void)
{
  check_attention (1, FALSE);
  check_attention (3, FALSE);
  check_attention (4, TRUE);
}

static void
test_group_norm (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE3 (2, 2, 2));

  /* Two groups of one channel: means 2 and 20, then 0 and 5; deviations 1, 10, 4, 0. eps 0 would divide by 0. */
  SET (harness, "x", 1, 10, 3, 30, -4, 5, 4, 5);
  SET (harness, "g", 2, 3);
  SET (harness, "b", 0, 7);
  x = gesso_graph_group_norm (graph, x, gesso_graph_weight (graph, "g", GESSO_SHAPE1 (2)),
                              gesso_graph_weight (graph, "b", GESSO_SHAPE1 (2)), 2, 1e-12f);
  out = finish (harness, graph, x);
  ASSERT_VALUES (out, 1e-5, -2, 4, 2, 10, -2, 7, 2, 7);
}

/* Both channels in one group; epsilon counts. mean 3, variance (4 + 0 + 1 + 1) / 4 = 1.5 */
static void
test_group_norm_epsilon (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE3 (1, 2, 2));

  SET (harness, "x", 1, 3, 4, 4);
  SET (harness, "g", 1, 1);
  SET (harness, "b", 0, 0);
  x = gesso_graph_group_norm (graph, x, gesso_graph_weight (graph, "g", GESSO_SHAPE1 (2)),
                              gesso_graph_weight (graph, "b", GESSO_SHAPE1 (2)), 1, 0.75f);
  out = finish (harness, graph, x);
  ASSERT_VALUES (out, 1e-6, -2 / 1.5, 0, 1 / 1.5, 1 / 1.5);
}

static void
test_layer_norm (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE2 (2, 2));

  SET (harness, "x", 1, 3, 10, 30);
  SET (harness, "g", 2, 4);
  SET (harness, "b", 0.5f, 0);
  x = gesso_graph_layer_norm (graph, x, gesso_graph_weight (graph, "g", GESSO_SHAPE1 (2)),
                              gesso_graph_weight (graph, "b", GESSO_SHAPE1 (2)), 3.0f);
  out = finish (harness, graph, x);
  ASSERT_VALUES (out, 1e-5, 0.5 - 2 / 2.0, 4 / 2.0, 0.5 - 20 / sqrt (103.0), 40 / sqrt (103.0));
}

static void
test_activations (void)
{
  const GessoActivation kinds[] = { GESSO_ACTIVATION_SILU, GESSO_ACTIVATION_GELU, GESSO_ACTIVATION_QUICK_GELU };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (Harness) harness = harness_new ();
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GArray) out = NULL;
      const double x[] = { -3, -0.5, 0, 2 };
      double expected[4];

      for (int j = 0; j < 4; j++)
        expected[j] = x[j]
                      * (i == 0   ? 1.0 / (1.0 + exp (-x[j]))
                         : i == 1 ? 0.5 * (1.0 + erf (x[j] / sqrt (2.0)))
                                  : 1.0 / (1.0 + exp (-1.702 * x[j])));
      SET (harness, "x", -3, -0.5f, 0, 2);
      out = finish (harness, graph, gesso_graph_activation (graph, input (graph, "x", GESSO_SHAPE1 (4)), kinds[i]));
      harness_assert_values (out, 4, expected, 1e-6);
    }
}

static void
test_geglu (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;

  SET (harness, "x", 2, 3, 1, -1, 5, 7, 0, 10);
  out = finish (harness, graph, gesso_graph_geglu (graph, input (graph, "x", GESSO_SHAPE2 (2, 4))));
  ASSERT_VALUES (out, 1e-5, 2 * 0.841344746, -3 * 0.158655254, 0, 70);
}

static void
test_add (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE2 (2, 2));

  SET (harness, "x", 1, 2, 3, 4);
  SET (harness, "y", 10, 20, 30, 40);
  SET (harness, "v", 100, 200);
  SET (harness, "f", 0.25f, 0.5f);
  x = gesso_graph_add (graph, x, input (graph, "y", GESSO_SHAPE2 (2, 2)));
  x = gesso_graph_add (graph, x, gesso_graph_weight (graph, "v", GESSO_SHAPE1 (2)));
  x = gesso_graph_add (graph, x, gesso_graph_input (graph, "f", GESSO_DTYPE_F32, GESSO_SHAPE1 (2)));
  out = finish (harness, graph, x);
  ASSERT_VALUES (out, 0, 111.25, 222.5, 133.25, 244.5);
}

static void
test_concat (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;

  SET (harness, "x", 1, 2, 3, 4);
  SET (harness, "y", 5, 6);
  out = finish (
      harness, graph,
      gesso_graph_concat (graph, input (graph, "x", GESSO_SHAPE2 (2, 2)), input (graph, "y", GESSO_SHAPE2 (2, 1))));
  ASSERT_VALUES (out, 0, 1, 2, 5, 3, 4, 6);
}

static void
test_upsample (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;

  /* Rows 0 0 1 (floor of y * 2 / 3), columns 0 0 1 1 2. */
  SET (harness, "x", 1, 2, 3, 4, 5, 6);
  out = finish (harness, graph, gesso_graph_upsample (graph, input (graph, "x", GESSO_SHAPE4 (1, 2, 3, 1)), 3, 5));
  ASSERT_VALUES (out, 0, 1, 1, 2, 2, 3, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6);
}

static void
test_embedding (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  GessoTensor *ids = gesso_graph_input (graph, "ids", GESSO_DTYPE_I32, GESSO_SHAPE2 (2, 2));

  SET (harness, "ids", 2, 0, 1, 1);
  SET (harness, "table", 1, 2, 3, 4, 5, 6);
  SET (harness, "positions", 10, 20, 30, 40, 99, 99);
  out = finish (harness, graph,
                gesso_graph_embedding (graph, ids, gesso_graph_weight (graph, "table", GESSO_SHAPE2 (3, 2)),
                                       gesso_graph_weight (graph, "positions", GESSO_SHAPE2 (3, 2))));
  ASSERT_VALUES (out, 0, 15, 26, 31, 42, 13, 24, 33, 44);
}

static void
test_repeat (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;

  SET (harness, "x", 1, 2, 3, 4);
  out = finish (harness, graph, gesso_graph_repeat (graph, input (graph, "x", GESSO_SHAPE2 (2, 2)), 3));
  ASSERT_VALUES (out, 0, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4);
}

/* A term that counts 0 times may hold anything. */
static void
test_combine (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  GessoTensor *terms[] = { input (graph, "a", GESSO_SHAPE2 (1, 2)), input (graph, "b", GESSO_SHAPE2 (1, 2)),
                           input (graph, "c", GESSO_SHAPE2 (1, 2)) };

  SET (harness, "a", 1, 2);
  SET (harness, "b", NAN, INFINITY);
  SET (harness, "c", 10, 20);
  SET (harness, "k", 0.5f, 0, -2);
  out = finish (
      harness, graph,
      gesso_graph_combine (graph, 3, terms, gesso_graph_input (graph, "k", GESSO_DTYPE_F32, GESSO_SHAPE1 (3))));
  ASSERT_VALUES (out, 0, -19.5, -39);
}

/* Clamped, to nearest even; what is no number is black, and told. */
static void
test_pixels (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GArray) out = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE2 (3, 2));

  SET (harness, "x", 1, 3, -1, 9, NAN, 0);
  SET (harness, "k", 1, 0, 0, 0, 0.5f, -1.25f, -1, 0, 1.5f);
  out = finish (harness, graph,
                gesso_graph_pixels (graph, x, gesso_graph_input (graph, "k", GESSO_DTYPE_F32, GESSO_SHAPE2 (3, 3))));
  ASSERT_VALUES (out, 0, 255, 64, 128, 0, 255, 255, 0, 0, 0);
}

static void
test_is_finite (void)
{
  const struct
  {
    float value;
    double expected;
  } cases[] = { { 3e38f, 1 }, { -0.0f, 1 }, { INFINITY, 0 }, { -INFINITY, 0 }, { NAN, 0 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Harness) harness = harness_new ();
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GArray) out = NULL;

      SET (harness, "x", 1, 2, cases[i].value);
      out = finish (harness, graph, gesso_graph_is_finite (graph, input (graph, "x", GESSO_SHAPE1 (3))));
      ASSERT_VALUES (out, 0, cases[i].expected);
    }
}

/* Nearest, ties to even: 1 + 2^-8 is half way between two bf16 values, 1 + 3 * 2^-8 too. */
static void
test_cast (void)
{
  const struct
  {
    GessoDType dtype;
    float x[6];
    double out[6];
  } cases[] = {
    { GESSO_DTYPE_BF16,
      { 1.00390625f, 1.01171875f, -1.0f, 3.0e38f, 0.0f, 1.00390637f },
      { 1.0, 1.015625, -1.0, 226 * 0x1p120, 0.0, 1.0078125 } },
    { GESSO_DTYPE_F16,
      { 1.00048828125f, 1.00146484375f, 65519.0f, 5.9604645e-8f, 2.9802322e-8f, -8.9406967e-8f },
      { 1.0, 1.001953125, 65504.0, 5.9604645e-8, 0.0, -1.1920929e-7 } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Harness) harness = harness_new ();
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GArray) out = NULL;
      GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_F32, GESSO_SHAPE1 (6));

      harness_set (harness, "x", 6, cases[i].x);
      out = finish (harness, graph, gesso_graph_cast (graph, x, cases[i].dtype));
      for (int j = 0; j < 6; j++)
        g_assert_cmpfloat_with_epsilon ((double) g_array_index (out, float, j), cases[i].out[j],
                                        1e-5 * fabs (cases[i].out[j]) + 1e-12);
    }
}

/* Outputs that are inputs or views are copies; ids come through unharmed. */
static void
test_outputs_are_copies (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GPtrArray) results = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE2 (1, 2));
  GessoTensor *ids = gesso_graph_input (graph, "ids", GESSO_DTYPE_I32, GESSO_SHAPE1 (2));
  GessoTensor *y = gesso_graph_activation (graph, x, GESSO_ACTIVATION_SILU);

  SET (harness, "x", 0, 100);
  SET (harness, "ids", -7, 49407);
  SET (harness, "w", 3, 4);
  gesso_graph_output (graph, x, "input");
  gesso_graph_output (graph, ids, "ids");
  gesso_graph_output (graph, gesso_graph_reshape (graph, y, GESSO_SHAPE1 (2)), "view");
  gesso_graph_output (graph, y, "value");
  gesso_graph_output (graph, y, "again");
  gesso_graph_output (graph, gesso_graph_weight (graph, "w", GESSO_SHAPE1 (2)), "weight");
  results = harness_run (harness, graph, GESSO_PRECISION_F32);
  g_assert_cmpuint (results->len, ==, 6);
  ASSERT_VALUES (g_ptr_array_index (results, 0), 0, 0, 100);
  ASSERT_VALUES (g_ptr_array_index (results, 1), 0, -7, 49407);
  ASSERT_VALUES (g_ptr_array_index (results, 2), 0, 0, 100);
  ASSERT_VALUES (g_ptr_array_index (results, 3), 0, 0, 100);
  ASSERT_VALUES (g_ptr_array_index (results, 4), 0, 0, 100);
  ASSERT_VALUES (g_ptr_array_index (results, 5), 0, 3, 4);
  g_assert_cmpint (gesso_plan_find_output (harness->last_plan, "again"), ==, 4);
}

/* In bf16 each result is rounded, sums are not: 256 + 1 + 1 is 258, and 257 alone is 256. */
static void
test_storage_precision (void)
{
  const struct
  {
    GessoPrecision precision;
    double one, two;
  } cases[]
      = { { GESSO_PRECISION_F32, 257, 258 }, { GESSO_PRECISION_BF16, 256, 258 }, { GESSO_PRECISION_F16, 257, 258 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Harness) harness = harness_new ();
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GPtrArray) results = NULL;
      GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_F32, GESSO_SHAPE2 (1, 3));

      SET (harness, "x", 256, 1, 1);
      SET (harness, "w", 1, 1, 0, 1, 1, 1);
      x = gesso_graph_linear (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_COMPUTE),
                              gesso_graph_weight (graph, "w", GESSO_SHAPE2 (2, 3)), NULL);
      gesso_graph_output (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_F32), "out");
      results = harness_run (harness, graph, cases[i].precision);
      ASSERT_VALUES (g_ptr_array_index (results, 0), 0, cases[i].one, cases[i].two);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/operations/conv2d-by-hand", test_conv2d_by_hand);
  g_test_add_func ("/operations/conv2d-by-definition", test_conv2d_by_definition);
  g_test_add_func ("/operations/linear", test_linear);
  g_test_add_func ("/operations/attention", test_attention);
  g_test_add_func ("/operations/group-norm", test_group_norm);
  g_test_add_func ("/operations/group-norm-epsilon", test_group_norm_epsilon);
  g_test_add_func ("/operations/layer-norm", test_layer_norm);
  g_test_add_func ("/operations/activations", test_activations);
  g_test_add_func ("/operations/geglu", test_geglu);
  g_test_add_func ("/operations/add", test_add);
  g_test_add_func ("/operations/concat", test_concat);
  g_test_add_func ("/operations/upsample", test_upsample);
  g_test_add_func ("/operations/embedding", test_embedding);
  g_test_add_func ("/operations/repeat", test_repeat);
  g_test_add_func ("/operations/combine", test_combine);
  g_test_add_func ("/operations/pixels", test_pixels);
  g_test_add_func ("/operations/is-finite", test_is_finite);
  g_test_add_func ("/operations/cast", test_cast);
  g_test_add_func ("/operations/outputs-are-copies", test_outputs_are_copies);
  g_test_add_func ("/operations/storage-precision", test_storage_precision);
  return g_test_run ();
}
