/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Shapes that the builder infers, and what it says about those that do not fit.
 */

#include "harness.h"

#include <math.h>
#include <string.h>

static GessoTensor *
input (GessoGraph *graph, const char *name, GessoShape shape)
{
  return gesso_graph_input (graph, name, GESSO_DTYPE_COMPUTE, shape);
}

static void
assert_shape (const GessoTensor *tensor, const char *expected)
{
  g_autofree char *text = gesso_shape_to_string (&tensor->shape);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_shapes (void)
{
  const GessoShape shape = GESSO_SHAPE4 (2, 3, 4, 5);
  const GessoShape other = GESSO_SHAPE3 (2, 3, 4);

  g_assert_cmpint (gesso_shape_elements (&shape), ==, 120);
  g_assert_cmpint (gesso_shape_rows (&shape), ==, 24);
  g_assert_cmpint (gesso_shape_channels (&shape), ==, 5);
  g_assert_true (gesso_shape_equal (&shape, &shape));
  g_assert_false (gesso_shape_equal (&shape, &other));
  g_assert_cmpuint (gesso_dtype_size (GESSO_DTYPE_F32), ==, 4);
  g_assert_cmpuint (gesso_dtype_size (GESSO_DTYPE_BF16), ==, 2);
  g_assert_cmpuint (gesso_dtype_size (GESSO_DTYPE_F16), ==, 2);
  g_assert_cmpuint (gesso_dtype_size (GESSO_DTYPE_I32), ==, 4);
  g_assert_cmpuint (gesso_dtype_size (GESSO_DTYPE_U8), ==, 1);
  g_assert_cmpuint (gesso_dtype_size (GESSO_DTYPE_COMPUTE), ==, 0);
  g_assert_cmpstr (gesso_dtype_name (GESSO_DTYPE_BF16), ==, "bf16");
  g_assert_cmpstr (gesso_dtype_name (GESSO_DTYPE_COMPUTE), ==, "compute");
  g_assert_cmpstr (gesso_op_kind_name (GESSO_OP_CONV2D), ==, "conv2d");
  g_assert_cmpstr (gesso_op_kind_name (GESSO_OP_COMBINE), ==, "combine");
}

static void
test_inference (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
  g_autoptr (GError) error = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (2, 7, 8, 4));
  GessoTensor *s = input (graph, "s", GESSO_SHAPE3 (2, 56, 4));
  GessoTensor *g = gesso_graph_weight (graph, "g", GESSO_SHAPE1 (4));
  GessoTensor *ids = gesso_graph_input (graph, "ids", GESSO_DTYPE_I32, GESSO_SHAPE2 (3, 5));
  GessoTensor *view;

  assert_shape (gesso_graph_conv2d (graph, x, gesso_graph_weight (graph, "c", GESSO_SHAPE4 (6, 4, 3, 2)), NULL,
                                    (GessoConvGeometry) { 2, 1, 0, 1, 0 }),
                "[2, 4, 4, 6]");
  assert_shape (gesso_graph_linear (graph, s, gesso_graph_weight (graph, "l", GESSO_SHAPE2 (9, 4)), NULL),
                "[2, 56, 9]");
  assert_shape (gesso_graph_attention (graph, s, input (graph, "k", GESSO_SHAPE3 (1, 9, 4)),
                                       input (graph, "v", GESSO_SHAPE3 (1, 9, 4)), 2, 0.5f, FALSE),
                "[2, 56, 4]");
  assert_shape (gesso_graph_group_norm (graph, x, g, g, 2, 1e-5f), "[2, 7, 8, 4]");
  assert_shape (gesso_graph_layer_norm (graph, s, g, g, 1e-5f), "[2, 56, 4]");
  assert_shape (gesso_graph_activation (graph, x, GESSO_ACTIVATION_SILU), "[2, 7, 8, 4]");
  g_assert_true (gesso_graph_activation (graph, x, GESSO_ACTIVATION_NONE) == x);
  assert_shape (gesso_graph_geglu (graph, s), "[2, 56, 2]");
  assert_shape (gesso_graph_add (graph, x, g), "[2, 7, 8, 4]");
  assert_shape (gesso_graph_concat (graph, x, x), "[2, 7, 8, 8]");
  assert_shape (gesso_graph_upsample (graph, x, 13, 5), "[2, 13, 5, 4]");
  assert_shape (gesso_graph_embedding (graph, ids, gesso_graph_weight (graph, "e", GESSO_SHAPE2 (11, 4)),
                                       gesso_graph_weight (graph, "p", GESSO_SHAPE2 (5, 4))),
                "[3, 5, 4]");
  g_assert_true (gesso_graph_cast (graph, x, GESSO_DTYPE_COMPUTE) == x);
  g_assert_cmpint (gesso_graph_cast (graph, x, GESSO_DTYPE_F32)->dtype, ==, GESSO_DTYPE_F32);
  assert_shape (gesso_graph_repeat (graph, x, 3), "[6, 7, 8, 4]");
  view = gesso_graph_reshape (graph, gesso_graph_reshape (graph, x, GESSO_SHAPE2 (14, 32)), GESSO_SHAPE1 (448));
  assert_shape (view, "[448]");
  g_assert_true (view->view_of == x);
  g_assert_true (gesso_graph_weight (graph, "g", GESSO_SHAPE1 (4)) == g);
  g_assert_true (gesso_graph_finish (graph, &error));
  g_assert_no_error (error);
}

/* A mistake in the middle: what follows is harmless, and the first one is told. */
static void
test_error_sticks (void)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("unet");
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) again = NULL;
  g_autoptr (GError) plan_error = NULL;
  GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (2, 64, 64, 320));
  GessoTensor *w = gesso_graph_weight (graph, "conv_in.weight", GESSO_SHAPE4 (320, 4, 3, 3));
  const GessoPlanOptions options = { .precision = GESSO_PRECISION_F32 };

  x = gesso_graph_conv2d (graph, x, w, NULL, (GessoConvGeometry) { 1, 1, 1, 1, 1 });
  g_assert_nonnull (x);
  x = gesso_graph_add (graph, x, input (graph, "y", GESSO_SHAPE1 (7)));
  x = gesso_graph_attention (graph, x, x, x, 0, 1.0f, FALSE);
  x = gesso_graph_embedding (graph, x, NULL, NULL);
  x = gesso_graph_combine (graph, 0, NULL, x);
  x = gesso_graph_reshape (graph, x, GESSO_SHAPE1 (0));
  x = gesso_graph_weight (graph, "z", GESSO_SHAPE1 (0));
  g_assert_nonnull (x);
  gesso_graph_output (graph, x, "out");
  g_assert_false (gesso_graph_finish (graph, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
  g_assert_nonnull (strstr (error->message, "\"unet\""));
  g_assert_nonnull (strstr (error->message, "conv2d"));
  g_assert_nonnull (strstr (error->message, "\"x\" [2, 64, 64, 320]"));
  g_assert_nonnull (strstr (error->message, "\"conv_in.weight\" [320, 4, 3, 3]"));
  g_assert_nonnull (strstr (error->message, "channels differ"));
  g_assert_false (gesso_graph_finish (graph, &again));
  g_assert_cmpstr (error->message, ==, again->message);
  g_assert_null (gesso_plan_new (graph, &options, &plan_error));
  g_assert_cmpstr (error->message, ==, plan_error->message);
}

typedef void (*Mistake) (GessoGraph *graph, GessoTensor *x, GessoTensor *s, GessoTensor *v);

static GessoTensor *
matrix (GessoGraph *graph, gint64 o, gint64 i)
{
  return gesso_graph_weight (graph, "w", GESSO_SHAPE2 (o, i));
}

#define MISTAKE(name, call)                                                                                            \
  static void name (GessoGraph *graph, GessoTensor *x, GessoTensor *s, GessoTensor *v)                                 \
  {                                                                                                                    \
    call;                                                                                                              \
  }

/* x [2, 4, 4, 6], s [2, 16, 6], v weight [6] */
#define KERNEL(o, i, h, w) gesso_graph_weight (graph, "k", GESSO_SHAPE4 (o, i, h, w))
#define GEOMETRY(stride, pad) ((GessoConvGeometry) { stride, pad, 0, 0, 0 })
MISTAKE (conv_rank, gesso_graph_conv2d (graph, s, KERNEL (1, 6, 1, 1), NULL, GEOMETRY (1, 0)))
MISTAKE (conv_kernel_rank, gesso_graph_conv2d (graph, x, matrix (graph, 6, 6), NULL, GEOMETRY (1, 0)))
MISTAKE (conv_stride, gesso_graph_conv2d (graph, x, KERNEL (1, 6, 1, 1), NULL, GEOMETRY (0, 0)))
MISTAKE (conv_padding, gesso_graph_conv2d (graph, x, KERNEL (1, 6, 1, 1), NULL, GEOMETRY (1, -1)))
MISTAKE (conv_too_small, gesso_graph_conv2d (graph, x, KERNEL (1, 6, 5, 1), NULL, GEOMETRY (1, 0)))
MISTAKE (conv_bias, gesso_graph_conv2d (graph, x, KERNEL (5, 6, 1, 1), v, GEOMETRY (1, 0)))
MISTAKE (conv_computed_weight, gesso_graph_conv2d (graph, x, x, NULL, GEOMETRY (1, 0)))
MISTAKE (conv_type, gesso_graph_conv2d (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_F32), KERNEL (5, 6, 1, 1), NULL,
                                        GEOMETRY (1, 0)))
MISTAKE (conv_missing, gesso_graph_conv2d (graph, NULL, KERNEL (5, 6, 1, 1), NULL, GEOMETRY (1, 0)))
MISTAKE (linear_channels, gesso_graph_linear (graph, s, matrix (graph, 6, 7), NULL))
MISTAKE (linear_missing, gesso_graph_linear (graph, s, NULL, NULL))
MISTAKE (linear_bias_type, gesso_graph_linear (graph, s, matrix (graph, 6, 6), input (graph, "b", GESSO_SHAPE1 (6))))
MISTAKE (attention_heads, gesso_graph_attention (graph, s, s, s, 4, 1.0f, FALSE))
MISTAKE (attention_rank, gesso_graph_attention (graph, x, s, s, 1, 1.0f, FALSE))
MISTAKE (attention_scale, gesso_graph_attention (graph, s, s, s, 1, INFINITY, FALSE))
MISTAKE (attention_pictures, gesso_graph_attention (graph, s, input (graph, "k", GESSO_SHAPE3 (3, 1, 6)),
                                                    input (graph, "l", GESSO_SHAPE3 (3, 1, 6)), 1, 1.0f, FALSE))
MISTAKE (attention_values,
         gesso_graph_attention (graph, s, s, input (graph, "k", GESSO_SHAPE3 (2, 1, 6)), 1, 1.0f, FALSE))
MISTAKE (attention_channels, gesso_graph_attention (graph, s, input (graph, "k", GESSO_SHAPE3 (2, 1, 3)),
                                                    input (graph, "l", GESSO_SHAPE3 (2, 1, 3)), 1, 1.0f, FALSE))
MISTAKE (group_groups, gesso_graph_group_norm (graph, x, v, v, 4, 1e-5f))
MISTAKE (group_gamma, gesso_graph_group_norm (graph, x, matrix (graph, 6, 1), v, 2, 1e-5f))
MISTAKE (group_epsilon, gesso_graph_group_norm (graph, x, v, v, 2, -1.0f))
MISTAKE (layer_missing, gesso_graph_layer_norm (graph, x, v, NULL, 1e-5f))
MISTAKE (layer_computed, gesso_graph_layer_norm (graph, x, input (graph, "b", GESSO_SHAPE1 (6)), v, 1e-5f))
MISTAKE (activation_of_weight, gesso_graph_activation (graph, v, GESSO_ACTIVATION_SILU))
MISTAKE (activation_of_ids,
         gesso_graph_activation (graph, gesso_graph_input (graph, "i", GESSO_DTYPE_I32, GESSO_SHAPE1 (1)),
                                 GESSO_ACTIVATION_SILU))
MISTAKE (geglu_odd, gesso_graph_geglu (graph, input (graph, "o", GESSO_SHAPE2 (1, 3))))
MISTAKE (add_shapes, gesso_graph_add (graph, x, s))
MISTAKE (add_types, gesso_graph_add (graph, x, gesso_graph_cast (graph, x, GESSO_DTYPE_F32)))
MISTAKE (concat_dims, gesso_graph_concat (graph, s, input (graph, "k", GESSO_SHAPE3 (2, 15, 6))))
MISTAKE (concat_rank, gesso_graph_concat (graph, s, x))
MISTAKE (upsample_size, gesso_graph_upsample (graph, x, 0, 8))
MISTAKE (embedding_ids, gesso_graph_embedding (graph, s, matrix (graph, 6, 6), matrix (graph, 6, 6)))
MISTAKE (embedding_positions,
         gesso_graph_embedding (graph, gesso_graph_input (graph, "i", GESSO_DTYPE_I32, GESSO_SHAPE2 (1, 7)),
                                matrix (graph, 6, 6), matrix (graph, 6, 6)))
MISTAKE (cast_to_ids, gesso_graph_cast (graph, x, GESSO_DTYPE_I32))
MISTAKE (repeat_times, gesso_graph_repeat (graph, x, 0))
MISTAKE (combine_shapes, gesso_graph_combine (graph, 2, ((GessoTensor *[]) { x, s }),
                                              gesso_graph_input (graph, "c", GESSO_DTYPE_F32, GESSO_SHAPE1 (2))))
MISTAKE (combine_coefficients,
         gesso_graph_combine (graph, 1, &x, gesso_graph_input (graph, "c", GESSO_DTYPE_F32, GESSO_SHAPE1 (2))))
MISTAKE (combine_many, gesso_graph_combine (graph, 8, ((GessoTensor *[]) { x, x, x, x, x, x, x, x }),
                                            gesso_graph_input (graph, "c", GESSO_DTYPE_F32, GESSO_SHAPE1 (8))))
MISTAKE (pixels_channels,
         gesso_graph_pixels (graph, x, gesso_graph_input (graph, "c", GESSO_DTYPE_F32, GESSO_SHAPE2 (3, 6))))
MISTAKE (pixels_type, gesso_graph_pixels (graph, x, input (graph, "c", GESSO_SHAPE2 (3, 7))))
MISTAKE (pixels_missing, gesso_graph_pixels (graph, x, NULL))
MISTAKE (pixels_of_pixels, (s = gesso_graph_input (graph, "c", GESSO_DTYPE_F32, GESSO_SHAPE2 (3, 7)),
                            gesso_graph_pixels (graph, gesso_graph_pixels (graph, x, s), s)))
MISTAKE (is_finite_of_weight, gesso_graph_is_finite (graph, v))
MISTAKE (reshape_count, gesso_graph_reshape (graph, x, GESSO_SHAPE2 (2, 95)))
MISTAKE (reshape_weight, gesso_graph_reshape (graph, v, GESSO_SHAPE2 (2, 3)))
MISTAKE (input_twice, gesso_graph_input (graph, "x", GESSO_DTYPE_F32, GESSO_SHAPE1 (1)))
MISTAKE (input_empty, gesso_graph_input (graph, "e", GESSO_DTYPE_F32, GESSO_SHAPE2 (1, 0)))
MISTAKE (weight_twice, gesso_graph_weight (graph, "v", GESSO_SHAPE1 (7)))
MISTAKE (output_twice, (gesso_graph_output (graph, x, "o"), gesso_graph_output (graph, s, "o")))
MISTAKE (output_missing, gesso_graph_output (graph, NULL, "o"))

/* Sizes whose product passes 64 bits, from the file or on the way. */
#define HUGE_SIZE (G_GINT64_CONSTANT (1) << 40)
MISTAKE (input_overflow, gesso_graph_input (graph, "e", GESSO_DTYPE_F32, GESSO_SHAPE4 (HUGE_SIZE, HUGE_SIZE, 2, 2)))
MISTAKE (weight_overflow, gesso_graph_weight (graph, "e", GESSO_SHAPE2 (HUGE_SIZE, HUGE_SIZE)))
MISTAKE (upsample_overflow, gesso_graph_upsample (graph, x, G_MAXINT, G_MAXINT))
MISTAKE (linear_overflow, gesso_graph_linear (graph, input (graph, "h", GESSO_SHAPE2 (HUGE_SIZE, 1)),
                                              matrix (graph, HUGE_SIZE, 1), NULL))
MISTAKE (repeat_overflow, gesso_graph_repeat (graph, input (graph, "h", GESSO_SHAPE1 (HUGE_SIZE << 18)), G_MAXINT))
MISTAKE (repeat_result, gesso_graph_repeat (graph, input (graph, "h", GESSO_SHAPE1 (HUGE_SIZE << 18)), 16))

static void
test_mistakes (void)
{
  const struct
  {
    Mistake mistake;
    const char *message;
  } cases[] = {
    { conv_rank, "conv2d" },
    { conv_kernel_rank, "weight should have 4 dimensions" },
    { conv_stride, "stride" },
    { conv_padding, "padding" },
    { conv_too_small, "kernel is larger" },
    { conv_bias, "vector should have 5 values" },
    { conv_computed_weight, "where a weight belongs" },
    { conv_type, "cast to the compute type" },
    { conv_missing, "operand is missing" },
    { linear_channels, "numbers of channels differ" },
    { linear_missing, "weight is missing" },
    { linear_bias_type, "computed bias must be of f32" },
    { attention_heads, "4 heads" },
    { attention_rank, "3 dimensions" },
    { attention_scale, "scale" },
    { attention_pictures, "number of pictures" },
    { attention_values, "keys and values" },
    { attention_channels, "numbers of channels" },
    { group_groups, "4 groups" },
    { group_gamma, "vector should have 6 values" },
    { group_epsilon, "epsilon" },
    { layer_missing, "layer_norm" },
    { layer_computed, "where a weight belongs" },
    { activation_of_weight, "where a computed tensor belongs" },
    { activation_of_ids, "floating-point" },
    { geglu_odd, "odd" },
    { add_shapes, "add \"x\" [2, 4, 4, 6] compute, \"s\" [2, 16, 6] compute: the shapes differ" },
    { add_types, "types differ" },
    { concat_dims, "all dimensions but the last" },
    { concat_rank, "3 dimensions" },
    { upsample_size, "0 x 8" },
    { embedding_ids, "i32" },
    { embedding_positions, "fewer positions" },
    { cast_to_ids, "floating-point" },
    { repeat_times, "0 times" },
    { combine_shapes, "shapes or types" },
    { combine_coefficients, "one a term" },
    { combine_many, "1 to 7" },
    { pixels_channels, "shapes or types" },
    { pixels_type, "shapes or types" },
    { pixels_missing, "operand is missing" },
    { pixels_of_pixels, "floating-point" },
    { is_finite_of_weight, "where a computed tensor belongs" },
    { reshape_count, "[2, 95]" },
    { reshape_weight, "asked for in the shape" },
    { input_twice, "two of that name" },
    { input_empty, "empty" },
    { weight_twice, "also asked for as [7]" },
    { output_twice, "two of that name" },
    { output_missing, "no tensor" },
    { input_overflow, "too large" },
    { weight_overflow, "too large" },
    { upsample_overflow, "too large" },
    { linear_overflow, "too large" },
    { repeat_overflow, "cannot be repeated" },
    { repeat_result, "too large" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoGraph) graph = gesso_graph_new ("test");
      g_autoptr (GError) error = NULL;
      GessoTensor *x = input (graph, "x", GESSO_SHAPE4 (2, 4, 4, 6));
      GessoTensor *s = input (graph, "s", GESSO_SHAPE3 (2, 16, 6));

      cases[i].mistake (graph, x, s, gesso_graph_weight (graph, "v", GESSO_SHAPE1 (6)));
      g_assert_false (gesso_graph_finish (graph, &error));
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
      if (!strstr (error->message, cases[i].message))
        g_error ("\"%s\" says nothing of \"%s\"", error->message, cases[i].message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/builder/shapes", test_shapes);
  g_test_add_func ("/builder/inference", test_inference);
  g_test_add_func ("/builder/error-sticks", test_error_sticks);
  g_test_add_func ("/builder/mistakes", test_mistakes);
  return g_test_run ();
}
