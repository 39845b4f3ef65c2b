/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where tensors lie: bound ones where they are bound, the others close together.
 */

#include "harness.h"

#include <string.h>

typedef struct
{
  GessoGraph *graph;
  int n_names;
} Builder;

static GessoTensor *
weight (Builder *builder, GessoShape shape)
{
  g_autofree char *name = g_strdup_printf ("w%d", builder->n_names++);

  return gesso_graph_weight (builder->graph, name, shape);
}

static GessoTensor *
vector (Builder *builder, gint64 n)
{
  return weight (builder, GESSO_SHAPE1 (n));
}

static GessoTensor *
conv (Builder *builder, GessoTensor *x, gint64 o, int k, int stride)
{
  const GessoConvGeometry geometry = { stride, k / 2, k / 2, k / 2, k / 2 };

  return gesso_graph_conv2d (builder->graph, x, weight (builder, GESSO_SHAPE4 (o, x->shape.dim[3], k, k)),
                             vector (builder, o), geometry);
}

static GessoTensor *
linear (Builder *builder, GessoTensor *x, gint64 o)
{
  return gesso_graph_linear (builder->graph, x, weight (builder, GESSO_SHAPE2 (o, gesso_shape_channels (&x->shape))),
                             vector (builder, o));
}

static GessoTensor *
norm (Builder *builder, GessoTensor *x, GessoActivation activation)
{
  const gint64 c = gesso_shape_channels (&x->shape);

  x = gesso_graph_group_norm (builder->graph, x, vector (builder, c), vector (builder, c), 32, 1e-5f);
  return gesso_graph_activation (builder->graph, x, activation);
}

static GessoTensor *
residual_block (Builder *builder, GessoTensor *x, gint64 o)
{
  GessoTensor *h = conv (builder, norm (builder, x, GESSO_ACTIVATION_SILU), o, 3, 1);

  h = conv (builder, norm (builder, h, GESSO_ACTIVATION_SILU), o, 3, 1);
  return gesso_graph_add (builder->graph, h, x->shape.dim[3] == o ? x : conv (builder, x, o, 1, 1));
}

static GessoTensor *
attention (Builder *builder, GessoTensor *x, GessoTensor *context)
{
  const gint64 c = gesso_shape_channels (&x->shape);
  GessoTensor *h = gesso_graph_layer_norm (builder->graph, x, vector (builder, c), vector (builder, c), 1e-5f);
  GessoTensor *k = context ? context : h;

  h = gesso_graph_attention (builder->graph, linear (builder, h, c), linear (builder, k, c), linear (builder, k, c), 8,
                             0.125f, FALSE);
  return gesso_graph_add (builder->graph, linear (builder, h, c), x);
}

static GessoTensor *
transformer (Builder *builder, GessoTensor *x, GessoTensor *context)
{
  const GessoShape shape = x->shape;
  GessoTensor *h = conv (builder, norm (builder, x, GESSO_ACTIVATION_NONE), shape.dim[3], 1, 1);
  GessoTensor *f;

  h = gesso_graph_reshape (builder->graph, h, GESSO_SHAPE3 (shape.dim[0], shape.dim[1] * shape.dim[2], shape.dim[3]));
  h = attention (builder, attention (builder, h, NULL), context);
  f = gesso_graph_layer_norm (builder->graph, h, vector (builder, shape.dim[3]), vector (builder, shape.dim[3]), 1e-5f);
  f = linear (builder, gesso_graph_geglu (builder->graph, linear (builder, f, 8 * shape.dim[3])), shape.dim[3]);
  h = gesso_graph_reshape (builder->graph, gesso_graph_add (builder->graph, f, h), shape);
  return gesso_graph_add (builder->graph, conv (builder, h, shape.dim[3], 1, 1), x);
}

/* Down and up with skips, `layers` blocks a level, as Stable Diffusion's. */
static GessoGraph *
make_unet (int n_levels, int layers, gint64 size)
{
  static const gint64 channels[] = { 320, 640, 1280, 1280 };
  Builder builder = { gesso_graph_new ("unet"), 0 };
  GessoTensor *skips[32];
  GessoTensor *context = gesso_graph_input (builder.graph, "context", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (2, 77, 768));
  GessoTensor *x = gesso_graph_input (builder.graph, "latents", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (2, size, size, 4));
  int n_skips = 0;

  x = skips[n_skips++] = conv (&builder, x, channels[0], 3, 1);
  for (int level = 0; level < n_levels; level++)
    {
      for (int i = 0; i < layers; i++)
        {
          x = residual_block (&builder, x, channels[level]);
          x = skips[n_skips++] = level < 3 ? transformer (&builder, x, context) : x;
        }
      if (level + 1 < n_levels)
        x = skips[n_skips++] = conv (&builder, x, channels[level], 3, 2);
    }
  x = residual_block (&builder, x, x->shape.dim[3]);
  for (int level = n_levels; level-- > 0;)
    {
      for (int i = 0; i <= layers; i++)
        {
          x = residual_block (&builder, gesso_graph_concat (builder.graph, x, skips[--n_skips]), channels[level]);
          x = level < 3 ? transformer (&builder, x, context) : x;
        }
      if (level)
        {
          const GessoShape *skip = &skips[n_skips - 1]->shape;

          x = conv (&builder, gesso_graph_upsample (builder.graph, x, skip->dim[1], skip->dim[2]), channels[level], 3,
                    1);
        }
    }
  x = conv (&builder, norm (&builder, x, GESSO_ACTIVATION_SILU), 4, 3, 1);
  gesso_graph_output (builder.graph, gesso_graph_cast (builder.graph, x, GESSO_DTYPE_F32), "noise");
  return builder.graph;
}

static GessoGraph *
make_decoder (gint64 size)
{
  static const gint64 channels[] = { 512, 512, 256, 128 };
  Builder builder = { gesso_graph_new ("decoder"), 0 };
  GessoTensor *x = gesso_graph_input (builder.graph, "latents", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (1, size, size, 4));

  x = conv (&builder, x, 512, 3, 1);
  for (int level = 0; level < 4; level++)
    {
      for (int i = 0; i < 3; i++)
        x = residual_block (&builder, x, channels[level]);
      if (level < 3)
        x = conv (&builder, gesso_graph_upsample (builder.graph, x, x->shape.dim[1] * 2, x->shape.dim[2] * 2),
                  channels[level], 3, 1);
    }
  x = conv (&builder, norm (&builder, x, GESSO_ACTIVATION_SILU), 3, 3, 1);
  gesso_graph_output (builder.graph, gesso_graph_cast (builder.graph, x, GESSO_DTYPE_F32), "image");
  return builder.graph;
}

/* The arena is hardly larger than what lives at the worst moment, which nothing can be below. */
static void
check_tightness (GessoGraph *graph)
{
  g_autoptr (GError) error = NULL;

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 4; i++)
    {
      g_autoptr (GessoPlan) plan
          = harness_plan (graph, i & 1 ? GESSO_PRECISION_BF16 : GESSO_PRECISION_F32, i & 2 ? GESSO_FUSE_ALL : 0);
      const double peak = (double) harness_live_peak (plan);

      g_test_message ("%s: %u operations, %.1f MiB, %.3f of what lives", graph->name, plan->ops->len,
                      (double) plan->arena_bytes / (1 << 20), (double) plan->arena_bytes / peak);
      g_assert_cmpfloat ((double) plan->arena_bytes, >=, peak);
      g_assert_cmpfloat ((double) plan->arena_bytes, <=, 1.15 * peak);
    }
}

static void
test_tightness (void)
{
  const struct
  {
    int n_levels, layers;
    gint64 size;
  } unets[] = { { 4, 2, 64 }, { 4, 1, 64 }, { 3, 1, 64 }, { 4, 2, 37 }, { 3, 1, 96 } };

  for (gsize i = 0; i < G_N_ELEMENTS (unets); i++)
    {
      g_autoptr (GessoGraph) graph = make_unet (unets[i].n_levels, unets[i].layers, unets[i].size);

      check_tightness (graph);
    }
}

static void
test_tightness_of_decoder (void)
{
  g_autoptr (GessoGraph) graph = make_decoder (64);

  check_tightness (graph);
}

static GessoTensor *
input (GessoGraph *graph, const char *name)
{
  return gesso_graph_input (graph, name, GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (1, 8, 8, 4));
}

/* Pointwise operations work in the memory of an input that is not needed any more. */
static void
test_in_place (void)
{
  Builder builder = { gesso_graph_new ("test"), 0 };
  g_autoptr (GessoGraph) graph = builder.graph;
  g_autoptr (GessoPlan) plan = NULL;
  const gsize bytes = 8 * 8 * 4 * sizeof (float);
  GessoTensor *x = gesso_graph_activation (graph, input (graph, "x"), GESSO_ACTIVATION_SILU);
  GessoTensor *y;

  x = gesso_graph_group_norm (graph, x, vector (&builder, 4), vector (&builder, 4), 2, 1e-5f);
  x = gesso_graph_reshape (graph, x, GESSO_SHAPE3 (1, 64, 4));
  x = gesso_graph_layer_norm (graph, x, vector (&builder, 4), vector (&builder, 4), 1e-5f);
  x = gesso_graph_add (graph, x, vector (&builder, 4));
  x = gesso_graph_add (graph, x, x);
  y = gesso_graph_activation (graph, x, GESSO_ACTIVATION_GELU); /* x lives on */
  x = gesso_graph_add (graph, x, y);
  gesso_graph_output (graph, gesso_graph_activation (graph, x, GESSO_ACTIVATION_SILU), "out");
  plan = harness_plan (graph, GESSO_PRECISION_F32, 0);
  g_assert_cmpuint (plan->arena_bytes, ==, 2 * bytes);
}

/* Never in the memory of inputs and outputs, and never a convolution. */
static void
test_not_in_place (void)
{
  Builder builder = { gesso_graph_new ("test"), 0 };
  g_autoptr (GessoGraph) graph = builder.graph;
  g_autoptr (GessoPlan) plan = NULL;
  const gsize bytes = 8 * 8 * 4 * sizeof (float);
  GessoTensor *x = gesso_graph_activation (graph, input (graph, "x"), GESSO_ACTIVATION_SILU);
  GessoTensor *a, *b;

  gesso_graph_output (graph, x, "first");
  a = gesso_graph_activation (graph, x, GESSO_ACTIVATION_GELU);
  b = conv (&builder, a, 4, 1, 1);
  gesso_graph_output (graph, gesso_graph_activation (graph, b, GESSO_ACTIVATION_SILU), "out");
  plan = harness_plan (graph, GESSO_PRECISION_F32, GESSO_FUSE_BIAS);
  g_assert_cmpint (gesso_plan_placement (plan, g_ptr_array_index (plan->inputs, 0))->place, ==, GESSO_PLACE_INPUT);
  g_assert_cmpint (gesso_plan_placement (plan, g_ptr_array_index (plan->outputs, 1))->place, ==, GESSO_PLACE_OUTPUT);
  g_assert_cmpint (gesso_plan_placement (plan, g_ptr_array_index (plan->outputs, 1))->binding, ==, 1);
  g_assert_cmpint (gesso_plan_placement (plan, g_ptr_array_index (plan->tensors, a->id))->place, ==, GESSO_PLACE_ARENA);
  g_assert_cmpint (gesso_plan_placement (plan, g_ptr_array_index (plan->tensors, b->id))->place, ==, GESSO_PLACE_ARENA);
  g_assert_cmpuint (plan->arena_bytes, ==, 2 * bytes);
}

/* A vector that is added everywhere is not as large as what comes out. */
static void
test_vector_not_in_place (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GessoPlan) plan = NULL;
  GessoTensor *v = gesso_graph_input (graph, "v", GESSO_DTYPE_F32, GESSO_SHAPE1 (4));
  GessoTensor *x = input (graph, "x");

  x = gesso_graph_add (graph, x, gesso_graph_activation (graph, v, GESSO_ACTIVATION_SILU));
  gesso_graph_output (graph, gesso_graph_activation (graph, x, GESSO_ACTIVATION_SILU), "out");
  plan = harness_plan (graph, GESSO_PRECISION_F32, 0);
  g_assert_cmpuint (plan->arena_bytes, ==, 8 * 8 * 4 * sizeof (float) + GESSO_ARENA_ALIGNMENT);
}

/* More than can be addressed is an error, not an overflow. */
static void
test_too_much (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("unet");
  g_autoptr (GError) error = NULL;
  const GessoPlanOptions options = { .precision = GESSO_PRECISION_F32 };
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (1, 1, 1, 1));
  GessoTensor *terms[5];

  /* 2^61 bytes each */
  for (gsize i = 0; i < G_N_ELEMENTS (terms); i++)
    terms[i] = gesso_graph_upsample (graph, x, 1 << 29, 1 << 30);
  x = gesso_graph_combine (graph, G_N_ELEMENTS (terms), terms,
                           gesso_graph_input (graph, "k", GESSO_DTYPE_F32, GESSO_SHAPE1 (G_N_ELEMENTS (terms))));
  gesso_graph_output (graph, gesso_graph_upsample (graph, x, 1, 1), "out");
  g_assert_no_error (graph->error);
  g_assert_null (gesso_plan_new (graph, &options, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
  g_assert_nonnull (strstr (error->message, "\"unet\""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/memory/tightness", test_tightness);
  g_test_add_func ("/memory/tightness-of-decoder", test_tightness_of_decoder);
  g_test_add_func ("/memory/in-place", test_in_place);
  g_test_add_func ("/memory/not-in-place", test_not_in_place);
  g_test_add_func ("/memory/vector-not-in-place", test_vector_not_in_place);
  g_test_add_func ("/memory/too-much", test_too_much);
  return g_test_run ();
}
