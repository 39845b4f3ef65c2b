/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which operations are folded into which, where they must not be, and what becomes of types and unused parts. That the
 * values stay the same is shown in test-random.c.
 */

#include "harness.h"

#include <string.h>

static GessoTensor *
input (GessoGraph *graph, const char *name, GessoShape shape)
{
  return gesso_graph_input (graph, name, GESSO_DTYPE_COMPUTE, shape);
}

static GessoTensor *
weight (GessoGraph *graph, const char *name, gint64 n)
{
  return gesso_graph_weight (graph, name, GESSO_SHAPE1 (n));
}

static GessoTensor *
conv (GessoGraph *graph, GessoTensor *x, const char *name, int o, int k, int stride)
{
  return gesso_graph_conv2d (graph, x,
                             gesso_graph_weight (graph, name, GESSO_SHAPE4 (o, x->shape.dim[x->shape.rank - 1], k, k)),
                             NULL, (GessoConvGeometry) { stride, k / 2, k / 2, k / 2, k / 2 });
}

static GessoTensor *
linear (GessoGraph *graph, GessoTensor *x, const char *name, int o)
{
  return gesso_graph_linear (graph, x,
                             gesso_graph_weight (graph, name, GESSO_SHAPE2 (o, x->shape.dim[x->shape.rank - 1])), NULL);
}

static GessoTensor *
group_norm (GessoGraph *graph, GessoTensor *x, const char *gamma, const char *beta)
{
  const gint64 c = x->shape.dim[x->shape.rank - 1];

  return gesso_graph_group_norm (graph, x, weight (graph, gamma, c), weight (graph, beta, c), 2, 1e-5f);
}

static GessoPlan *
make (GessoGraph *graph, GessoTensor *out, GessoFusions fusions)
{
  g_autoptr (GError) error = NULL;

  gesso_graph_output (graph, out, "out");
  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  return harness_plan (graph, GESSO_PRECISION_F32, fusions);
}

static const GessoOp *
op_at (const GessoPlan *plan, guint index)
{
  g_assert_cmpuint (index, <, plan->ops->len);
  return g_ptr_array_index (plan->ops, index);
}

/* A residual block as U-Nets have it: norm, SiLU, conv + time, norm, SiLU, conv + shortcut. */
static GessoTensor *
residual_block (GessoGraph *graph, GessoTensor *x)
{
  GessoTensor *h = gesso_graph_activation (graph, group_norm (graph, x, "g1", "b1"), GESSO_ACTIVATION_SILU);

  h = conv (graph, h, "c1", 8, 3, 1);
  h = gesso_graph_add (graph, h, gesso_graph_input (graph, "time", GESSO_DTYPE_F32, GESSO_SHAPE1 (8)));
  h = gesso_graph_activation (graph, group_norm (graph, h, "g2", "b2"), GESSO_ACTIVATION_SILU);
  h = conv (graph, h, "c2", 8, 3, 1);
  return gesso_graph_add (graph, conv (graph, x, "short", 8, 1, 1), h);
}

static void
test_residual_block (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan
      = make (graph, residual_block (graph, input (graph, "x", GESSO_SHAPE4 (1, 4, 4, 4))), GESSO_FUSE_ALL);
  const GessoOp *op;

  /* statistics, conv, statistics, conv, shortcut that takes the sum because it is the last */
  g_assert_cmpuint (plan->ops->len, ==, 5);
  g_assert_cmpint (op_at (plan, 0)->kind, ==, GESSO_OP_GROUP_STATISTICS);
  op = op_at (plan, 1);
  g_assert_cmpint (op->kind, ==, GESSO_OP_CONV2D);
  g_assert_cmpstr (op->bias->name, ==, "time");
  g_assert_true (op->input_norm.statistics == op_at (plan, 0)->output);
  g_assert_cmpint (op->input_norm.activation, ==, GESSO_ACTIVATION_SILU);
  g_assert_cmpint (op->input_norm.groups, ==, 2);
  g_assert_cmpstr (op->input_norm.gamma->name, ==, "g1");
  g_assert_cmpstr (op->input_norm.beta->name, ==, "b1");
  g_assert_cmpstr (op->inputs[0]->name, ==, "x");
  g_assert_cmpint (op->activation, ==, GESSO_ACTIVATION_NONE);
  op = op_at (plan, 4);
  g_assert_cmpstr (op->weight->name, ==, "short");
  g_assert_true (op->residual == op_at (plan, 3)->output);
  g_assert_true (op->output->is_output);
  g_assert_cmpstr (op->output->name, ==, "out");
}

static void
test_nothing_without_flags (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = make (graph, residual_block (graph, input (graph, "x", GESSO_SHAPE4 (1, 4, 4, 4))), 0);

  g_assert_cmpuint (plan->ops->len, ==, graph->ops->len);
  for (guint i = 0; i < plan->ops->len; i++)
    g_assert_cmpint (op_at (plan, i)->kind, ==, ((const GessoOp *) g_ptr_array_index (graph->ops, i))->kind);
}

/* Each flag folds what it is for and nothing else. */
static void
test_each_flag (void)
{
  const struct
  {
    GessoFusions flag;
    int adds, activations, geglus, upsamples, norms;
  } cases[] = {
    { 0, 2, 2, 1, 1, 1 },
    { GESSO_FUSE_BIAS, 1, 2, 1, 1, 1 },
    { GESSO_FUSE_ACTIVATION, 2, 1, 1, 1, 1 }, /* the other one follows an ADD */
    { GESSO_FUSE_BIAS | GESSO_FUSE_ACTIVATION, 1, 0, 1, 1, 1 },
    { GESSO_FUSE_RESIDUAL, 1, 2, 1, 1, 1 },
    { GESSO_FUSE_GEGLU, 2, 2, 0, 1, 1 },
    { GESSO_FUSE_UPSAMPLE, 2, 2, 1, 0, 1 },
    { GESSO_FUSE_NORM_INTO_CONV, 2, 2, 1, 1, 1 }, /* an activation stands between */
    { GESSO_FUSE_NORM_INTO_CONV | GESSO_FUSE_ACTIVATION, 2, 1, 1, 1, 0 },
    { GESSO_FUSE_ALL, 0, 0, 0, 0, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GessoPlan) plan = NULL;
      GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (1, 4, 4, 8));
      GessoTensor *y = gesso_graph_activation (graph, group_norm (graph, x, "g", "b"), GESSO_ACTIVATION_SILU);

      y = conv (graph, y, "c1", 8, 3, 1);
      y = gesso_graph_activation (graph, gesso_graph_add (graph, y, weight (graph, "bias", 8)), GESSO_ACTIVATION_SILU);
      y = conv (graph, gesso_graph_upsample (graph, y, 8, 8), "c2", 8, 3, 2);
      y = gesso_graph_add (graph, y, x);
      plan = make (graph, gesso_graph_geglu (graph, linear (graph, y, "l", 16)), cases[i].flag);
      g_assert_cmpint (harness_count (plan, GESSO_OP_ADD), ==, cases[i].adds);
      g_assert_cmpint (harness_count (plan, GESSO_OP_ACTIVATION), ==, cases[i].activations);
      g_assert_cmpint (harness_count (plan, GESSO_OP_GEGLU), ==, cases[i].geglus);
      g_assert_cmpint (harness_count (plan, GESSO_OP_UPSAMPLE), ==, cases[i].upsamples);
      g_assert_cmpint (harness_count (plan, GESSO_OP_GROUP_NORM), ==, cases[i].norms);
      g_assert_cmpint (harness_count (plan, GESSO_OP_GROUP_STATISTICS), ==, 1 - cases[i].norms);
    }
}

/* What somebody else reads, or what is an output, stays. */
static void
test_shared_results_stay (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (1, 4, 4, 4));
  GessoTensor *a = conv (graph, x, "a", 4, 1, 1);
  GessoTensor *b = conv (graph, x, "b", 4, 1, 1);
  GessoTensor *norm = group_norm (graph, x, "g", "h");
  GessoTensor *up = gesso_graph_upsample (graph, x, 8, 8);
  GessoTensor *sum = gesso_graph_add (graph, gesso_graph_activation (graph, a, GESSO_ACTIVATION_SILU), a);

  gesso_graph_output (graph, b, "b");
  gesso_graph_output (graph, gesso_graph_activation (graph, b, GESSO_ACTIVATION_SILU), "silu");
  gesso_graph_output (graph, conv (graph, norm, "c", 4, 3, 1), "c");
  gesso_graph_output (graph, conv (graph, norm, "d", 4, 3, 1), "d");
  gesso_graph_output (graph, conv (graph, up, "e", 4, 3, 1), "e");
  gesso_graph_output (graph, up, "up");
  plan = make (graph, sum, GESSO_FUSE_ALL);
  g_assert_cmpint (harness_count (plan, GESSO_OP_ACTIVATION), ==, 2);
  g_assert_cmpint (harness_count (plan, GESSO_OP_ADD), ==, 1);
  g_assert_cmpint (harness_count (plan, GESSO_OP_GROUP_NORM), ==, 1);
  g_assert_cmpint (harness_count (plan, GESSO_OP_UPSAMPLE), ==, 1);
}

/* activation (conv + bias) + residual is what there is: not activation (conv + residual), and no second bias. */
static void
test_order_counts (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (1, 4, 4, 4));
  GessoTensor *y = conv (graph, x, "a", 4, 1, 1);

  y = gesso_graph_activation (graph, gesso_graph_add (graph, y, x), GESSO_ACTIVATION_SILU);
  y = conv (graph, y, "b", 4, 1, 1);
  y = gesso_graph_add (graph, y, weight (graph, "one", 4));
  y = gesso_graph_add (graph, y, weight (graph, "two", 4));
  y = conv (graph, y, "c", 4, 1, 1);
  y = gesso_graph_activation (graph, y, GESSO_ACTIVATION_SILU);
  y = gesso_graph_activation (graph, y, GESSO_ACTIVATION_GELU);
  y = gesso_graph_add (graph, y, x);
  plan = make (graph, gesso_graph_add (graph, y, x), GESSO_FUSE_ALL);
  g_assert_cmpint (harness_count (plan, GESSO_OP_ACTIVATION), ==, 2);
  g_assert_cmpint (harness_count (plan, GESSO_OP_ADD), ==, 3);
}

/* A norm goes into convolutions of stride 1 only; an upsampled norm goes with the upsampling. */
static void
test_norm_into_conv (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (1, 4, 4, 4));
  GessoTensor *y = conv (graph, group_norm (graph, x, "g", "h"), "a", 4, 3, 2);
  const GessoOp *op;

  y = gesso_graph_upsample (graph, group_norm (graph, y, "g", "h"), 5, 7);
  y = conv (graph, y, "b", 4, 3, 1);
  y = group_norm (graph, gesso_graph_upsample (graph, y, 9, 9), "g", "h");
  plan = make (graph, conv (graph, y, "c", 4, 1, 1), GESSO_FUSE_ALL);
  g_assert_cmpint (harness_count (plan, GESSO_OP_GROUP_NORM), ==, 1);
  g_assert_cmpint (harness_count (plan, GESSO_OP_GROUP_STATISTICS), ==, 2);
  g_assert_cmpint (harness_count (plan, GESSO_OP_UPSAMPLE), ==, 1);
  op = op_at (plan, 3);
  g_assert_cmpstr (op->weight->name, ==, "b");
  g_assert_nonnull (op->input_norm.statistics);
  g_assert_cmpint (op->conv.virtual_height, ==, 5);
  g_assert_cmpint (op->conv.virtual_width, ==, 7);
  op = op_at (plan, plan->ops->len - 1);
  g_assert_nonnull (op->input_norm.statistics);
  g_assert_cmpint (op->conv.virtual_height, ==, 0);
}

/* The way out of a transformer: a projection of a sequence, seen as a picture, plus the picture that came in. */
static void
test_residual_through_views (void)
{
  const GessoShape picture = GESSO_SHAPE4 (2, 3, 4, 8), sequence = GESSO_SHAPE3 (2, 12, 8);

  for (int i = 0; i < 4; i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GessoPlan) plan = NULL;
      const gboolean use_conv = i & 1, is_output = i & 2;
      GessoTensor *x = input (graph, "x", use_conv ? sequence : picture);
      GessoTensor *y = gesso_graph_reshape (graph, x, use_conv ? picture : sequence);
      const GessoOp *op;

      y = use_conv ? conv (graph, y, "w", 8, 1, 1) : linear (graph, y, "w", 8);
      y = gesso_graph_add (graph, gesso_graph_reshape (graph, y, x->shape), x);
      if (!is_output)
        y = gesso_graph_repeat (graph, y, 2);
      plan = make (graph, y, GESSO_FUSE_ALL);
      /* An output must keep its shape: there the sum stays. */
      g_assert_cmpint (harness_count (plan, GESSO_OP_ADD), ==, is_output ? 1 : 0);
      op = op_at (plan, 0);
      g_assert_cmpint (op->residual != NULL, ==, !is_output);
      if (is_output)
        continue;
      g_assert_true (gesso_shape_equal (&op->residual->shape, &op->output->shape));
      g_assert_true (op->residual->view_of == op->inputs[0]->view_of || op->residual->view_of == op->inputs[0]);
      g_assert_true (op_at (plan, 1)->inputs[0]->view_of == op->output);
    }
}

/* Views that part or join channels or pictures are in the way of what counts by them. */
static void
test_views_in_the_way (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GessoPlan) plain = NULL;
  g_autoptr (GessoPlan) fused = NULL;
  g_autoptr (GPtrArray) expected = NULL;
  g_autoptr (GPtrArray) results = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (2, 4, 4, 4));
  GessoTensor *y;

  y = gesso_graph_reshape (graph, linear (graph, x, "a", 8), GESSO_SHAPE3 (2, 32, 4));
  gesso_graph_output (graph, gesso_graph_repeat (graph, gesso_graph_add (graph, y, weight (graph, "v", 4)), 2), "bias");
  y = gesso_graph_reshape (graph, linear (graph, x, "b", 8), GESSO_SHAPE3 (2, 32, 4));
  gesso_graph_output (graph, gesso_graph_repeat (graph, gesso_graph_geglu (graph, y), 2), "geglu");
  y = gesso_graph_reshape (graph, gesso_graph_upsample (graph, x, 8, 8), GESSO_SHAPE4 (2, 4, 16, 4));
  gesso_graph_output (graph, conv (graph, y, "c", 4, 3, 1), "upsample");
  y = gesso_graph_reshape (graph, group_norm (graph, x, "g", "h"), GESSO_SHAPE4 (1, 8, 4, 4));
  gesso_graph_output (graph, conv (graph, y, "d", 4, 3, 1), "pictures");
  y = gesso_graph_reshape (graph, group_norm (graph, x, "g", "h"), GESSO_SHAPE4 (2, 4, 2, 8));
  gesso_graph_output (graph, conv (graph, y, "e", 4, 3, 1), "channels");
  g_assert_no_error (graph->error);

  plain = harness_plan (graph, GESSO_PRECISION_F32, 0);
  fused = harness_plan (graph, GESSO_PRECISION_F32, GESSO_FUSE_ALL);
  g_assert_cmpuint (fused->ops->len, ==, plain->ops->len);
  expected = harness_run_plan (harness, plain);
  results = harness_run_plan (harness, fused);
  for (guint i = 0; i < results->len; i++)
    {
      const GArray *a = g_ptr_array_index (expected, i), *b = g_ptr_array_index (results, i);

      g_assert_cmpmem (a->data, a->len * sizeof (float), b->data, b->len * sizeof (float));
    }
}

/* A picture's sides may be joined for the norm: it still goes into the convolution. */
static void
test_norm_of_a_view (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE3 (2, 12, 4));

  x = gesso_graph_reshape (graph, group_norm (graph, x, "g", "h"), GESSO_SHAPE4 (2, 3, 4, 4));
  plan = make (graph, conv (graph, x, "c", 4, 3, 1), GESSO_FUSE_ALL);
  g_assert_cmpuint (plan->ops->len, ==, 2);
  g_assert_cmpint (op_at (plan, 0)->inputs[0]->shape.rank, ==, 3);
  g_assert_cmpint (op_at (plan, 1)->inputs[0]->shape.rank, ==, 4);
  g_assert_true (op_at (plan, 1)->inputs[0]->view_of == op_at (plan, 0)->inputs[0]);
}

/* The other operand is made between product and sum: the product waits for it. */
static void
test_product_moves (void)
{
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GessoPlan) plan = NULL;
      GessoTensor *x = input (graph, "x", GESSO_SHAPE2 (1, 8));
      GessoTensor *y = linear (graph, x, "w", 8);
      GessoTensor *other = gesso_graph_activation (graph, x, GESSO_ACTIVATION_SILU);

      if (i)
        other = gesso_graph_reshape (graph, other, GESSO_SHAPE1 (8));
      if (i == 1)
        other = gesso_graph_cast (graph, other, GESSO_DTYPE_F32);
      plan = make (graph, gesso_graph_add (graph, y, other), GESSO_FUSE_ALL);
      g_assert_cmpuint (plan->ops->len, ==, 2);
      g_assert_cmpint (op_at (plan, 0)->kind, ==, GESSO_OP_ACTIVATION);
      g_assert_cmpint (op_at (plan, 1)->kind, ==, GESSO_OP_LINEAR);
      g_assert_nonnull (i ? op_at (plan, 1)->bias : op_at (plan, 1)->residual);
    }
}

/* A bias is F32: a computed vector of a smaller type is added by itself. */
static void
test_bias_type (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = NULL;
  GessoTensor *x = linear (graph, input (graph, "x", GESSO_SHAPE2 (3, 8)), "w", 8);

  gesso_graph_output (graph, gesso_graph_add (graph, x, input (graph, "v", GESSO_SHAPE1 (8))), "out");
  plan = harness_plan (graph, GESSO_PRECISION_BF16, GESSO_FUSE_ALL);
  g_assert_cmpuint (plan->ops->len, ==, 2);
}

static void
test_casts_disappear (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) f32 = NULL;
  g_autoptr (GessoPlan) bf16 = NULL;
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_F32, GESSO_SHAPE2 (4, 4));
  const GessoTensor *out;

  x = linear (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_COMPUTE), "w", 4);
  f32 = make (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_F32), GESSO_FUSE_ALL);
  bf16 = harness_plan (graph, GESSO_PRECISION_BF16, GESSO_FUSE_ALL);

  g_assert_cmpuint (f32->ops->len, ==, 1);
  g_assert_cmpuint (f32->arena_bytes, ==, 0);
  out = g_ptr_array_index (f32->outputs, gesso_plan_find_output (f32, "out"));
  g_assert_true (out == op_at (f32, 0)->output);
  g_assert_cmpstr (out->name, ==, "out");

  g_assert_cmpuint (bf16->ops->len, ==, 3);
  g_assert_cmpint (op_at (bf16, 1)->output->dtype, ==, GESSO_DTYPE_BF16);
  g_assert_cmpint (op_at (bf16, 1)->weight->dtype, ==, GESSO_DTYPE_BF16);
  g_assert_cmpint (((const GessoTensor *) g_ptr_array_index (bf16->outputs, 0))->dtype, ==, GESSO_DTYPE_F32);
}

static void
test_weight_types (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = NULL;
  GessoTensor *ids = gesso_graph_input (graph, "ids", GESSO_DTYPE_I32, GESSO_SHAPE2 (1, 4));
  GessoTensor *x = gesso_graph_embedding (graph, ids, gesso_graph_weight (graph, "table", GESSO_SHAPE2 (9, 4)),
                                          gesso_graph_weight (graph, "positions", GESSO_SHAPE2 (4, 4)));
  GessoTensor *both = weight (graph, "both", 4);
  GessoTensor *unused = gesso_graph_linear (graph, x, gesso_graph_weight (graph, "unused", GESSO_SHAPE2 (4, 4)), NULL);
  int n_both = 0;

  g_assert_nonnull (unused);
  x = gesso_graph_layer_norm (graph, x, weight (graph, "gamma", 4), both, 1e-5f);
  x = gesso_graph_linear (graph, x, gesso_graph_weight (graph, "matrix", GESSO_SHAPE2 (4, 4)),
                          weight (graph, "bias", 4));
  x = gesso_graph_add (graph, gesso_graph_repeat (graph, x, 2), weight (graph, "vector", 4));
  gesso_graph_output (graph, both, "both");
  gesso_graph_output (graph, x, "out");
  plan = harness_plan (graph, GESSO_PRECISION_BF16, GESSO_FUSE_ALL);

  for (guint i = 0; i < plan->tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->tensors, i);
      static const char *const vectors[] = { "gamma", "bias", "vector", NULL };

      if (tensor->kind != GESSO_TENSOR_WEIGHT)
        continue;
      if (strcmp (tensor->name, "unused") == 0)
        g_assert_cmpint (plan->placements[i].place, ==, GESSO_PLACE_NONE);
      else
        g_assert_cmpint (plan->placements[i].place, ==, GESSO_PLACE_WEIGHT);
      if (strcmp (tensor->name, "both") == 0)
        n_both++;
      else
        g_assert_cmpint (tensor->dtype, ==,
                         g_strv_contains (vectors, tensor->name) ? GESSO_DTYPE_F32 : GESSO_DTYPE_BF16);
    }
  /* Once as it is, for the copy, and once as F32. */
  g_assert_cmpint (n_both, ==, 2);
  g_assert_cmpint (op_at (plan, 1)->bias->dtype, ==, GESSO_DTYPE_F32);
  g_assert_cmpint (plan->parameters, ==, 9 * 4 + 4 * 4 + 4 * 4 + 4 * 4);
}

/* What no output needs is not computed; an input remains one. */
static void
test_unused_parts (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE2 (4, 4));
  GessoTensor *unused = linear (graph, input (graph, "unused", GESSO_SHAPE2 (4, 4)), "u", 4);

  unused = gesso_graph_activation (graph, unused, GESSO_ACTIVATION_SILU);
  g_assert_nonnull (unused);
  plan = make (graph, linear (graph, x, "w", 3), 0);
  g_assert_cmpuint (plan->ops->len, ==, 1);
  g_assert_cmpint (gesso_plan_find_input (plan, "unused"), ==, 1);
  g_assert_cmpint (gesso_plan_find_input (plan, "w"), ==, -1);
  g_assert_cmpint (gesso_plan_find_output (plan, "x"), ==, -1);
  g_assert_cmpint (plan->parameters, ==, 12);
  g_assert_cmpfloat (plan->flops, ==, 2 * 4 * 4 * 3);
}

static void
test_precision_must_be_chosen (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("unet");
  g_autoptr (GError) error = NULL;
  const GessoPlanOptions options = { .precision = GESSO_PRECISION_AUTO };

  g_assert_null (gesso_plan_new (graph, &options, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
  g_assert_nonnull (strstr (error->message, "precision"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fusion/residual-block", test_residual_block);
  g_test_add_func ("/fusion/nothing-without-flags", test_nothing_without_flags);
  g_test_add_func ("/fusion/each-flag", test_each_flag);
  g_test_add_func ("/fusion/shared-results-stay", test_shared_results_stay);
  g_test_add_func ("/fusion/order-counts", test_order_counts);
  g_test_add_func ("/fusion/norm-into-conv", test_norm_into_conv);
  g_test_add_func ("/fusion/residual-through-views", test_residual_through_views);
  g_test_add_func ("/fusion/views-in-the-way", test_views_in_the_way);
  g_test_add_func ("/fusion/norm-of-a-view", test_norm_of_a_view);
  g_test_add_func ("/fusion/product-moves", test_product_moves);
  g_test_add_func ("/fusion/bias-type", test_bias_type);
  g_test_add_func ("/fusion/casts-disappear", test_casts_disappear);
  g_test_add_func ("/fusion/weight-types", test_weight_types);
  g_test_add_func ("/fusion/unused-parts", test_unused_parts);
  g_test_add_func ("/fusion/precision-must-be-chosen", test_precision_must_be_chosen);
  return g_test_run ();
}
