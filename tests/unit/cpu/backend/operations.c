/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "operations.h"

static OperationCheck check;

static GessoTensor *
weight (GessoGraph *graph, const char *name, GessoShape shape)
{
  return gesso_graph_weight (graph, name, shape);
}

typedef struct
{
  const char *name;
  int n, h, w, in, out, kernel;
  GessoConvGeometry geometry;
  int groups;     /* of a group norm before it; 0: none */
  int up_h, up_w; /* upsampling before it; 0: none */
  gboolean residual;
  GessoActivation activation;
  char bias; /* 'w'eight, 'v'alue, ' ' none */
} ConvCase;

#define SAME { 1, 1, 1, 1, 1 }
#define WIDE 6400
static const ConvCase conv_cases[] = {
  { "plain", 1, 8, 8, 32, 32, 3, SAME, 0, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "odd sizes", 2, 9, 7, 36, 20, 3, SAME, 0, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "four channels in", 2, 16, 12, 4, 40, 3, SAME, 0, 0, 0, FALSE, GESSO_ACTIVATION_SILU, 'w' },
  { "three channels out", 1, 13, 17, 24, 3, 3, SAME, 4, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "one channel", 1, 5, 5, 1, 1, 3, SAME, 0, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "one pixel", 3, 1, 1, 8, 16, 3, SAME, 2, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "no bias", 1, 6, 6, 16, 16, 3, SAME, 0, 0, 0, TRUE, GESSO_ACTIVATION_NONE, ' ' },
  { "bias of a run", 2, 6, 6, 16, 16, 3, SAME, 0, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'v' },
  { "residual and activation", 2, 10, 6, 32, 48, 3, SAME, 0, 0, 0, TRUE, GESSO_ACTIVATION_SILU, 'w' },
  { "norm", 2, 12, 9, 32, 64, 3, SAME, 8, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "enlarged", 2, 6, 5, 16, 16, 3, SAME, 0, 12, 10, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "enlarged to an odd size", 1, 6, 5, 16, 24, 3, SAME, 0, 11, 9, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "stride", 2, 12, 10, 16, 16, 3, { 2, 1, 1, 1, 1 }, 0, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "stride, odd size", 1, 11, 9, 16, 16, 3, { 2, 1, 1, 1, 1 }, 0, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "stride, uneven padding", 2, 12, 10, 16, 16, 3, { 2, 0, 0, 1, 1 }, 0, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "no padding", 1, 9, 9, 8, 8, 3, { 1, 0, 0, 0, 0 }, 2, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "1x1", 2, 9, 7, 36, 20, 1, { 1, 0, 0, 0, 0 }, 0, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "1x1 after a norm", 2, 9, 7, 36, 20, 1, { 1, 0, 0, 0, 0 }, 4, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "1x1 with stride", 2, 9, 7, 16, 20, 1, { 2, 0, 0, 0, 0 }, 0, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "1x1 enlarged", 1, 3, 4, 16, 20, 1, { 1, 0, 0, 0, 0 }, 0, 6, 8, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "5x5", 1, 9, 8, 8, 12, 5, { 1, 2, 2, 2, 2 }, 2, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  /* oneDNN wants the weights of these in another layout for some band than for the others, in f32: the first one with
     AVX2 and with AVX-512, the second one with AVX2, the third one with AVX-512. No channels for Winograd. */
  { "changing layouts", 1, 23, 24, 40, 64, 3, SAME, 8, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "changing layouts, AVX2", 1, 22, 24, 40, 32, 3, SAME, 0, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "changing layouts, AVX-512", 1, 23, 24, 36, 40, 3, SAME, 0, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  /* By Winograd in f32, like some of those above, unless the number of channels is odd. */
  { "many channels", 2, 9, 7, 160, 320, 3, SAME, 0, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "many channels after a norm", 2, 8, 10, 224, 96, 3, SAME, 32, 0, 0, FALSE, GESSO_ACTIVATION_NONE, 'v' },
  { "large", 2, 65, 64, 32, 32, 3, SAME, 0, 0, 0, FALSE, GESSO_ACTIVATION_NONE, ' ' },
  { "large, odd width", 1, 62, 67, 48, 64, 3, SAME, 8, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "large, activation", 1, 37, 113, 32, 64, 3, SAME, 0, 0, 0, TRUE, GESSO_ACTIVATION_SILU, 'v' },
  { "large, odd channels", 1, 66, 63, 36, 40, 3, SAME, 4, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "large, one row", 1, 1, 4100, 32, 32, 3, SAME, 4, 0, 0, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "doubled", 2, 33, 32, 32, 64, 3, SAME, 0, 66, 64, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "doubled after a norm", 1, 31, 37, 32, 32, 3, SAME, 8, 62, 74, TRUE, GESSO_ACTIVATION_SILU, ' ' },
  { "doubled one way", 1, 32, 66, 32, 32, 3, SAME, 0, 64, 66, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "large, enlarged to an odd size", 1, 32, 34, 32, 32, 3, SAME, 0, 63, 67, FALSE, GESSO_ACTIVATION_NONE, 'w' },
};

static void
test_conv (gconstpointer data)
{
  const ConvCase *c = data;
  GessoGraph *graph = gesso_graph_new ("conv");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (c->n, c->h, c->w, c->in));
  GessoTensor *bias = NULL, *y;

  if (c->groups)
    {
      y = gesso_graph_group_norm (graph, x, weight (graph, "norm.gamma", GESSO_SHAPE1 (c->in)),
                                  weight (graph, "norm.beta", GESSO_SHAPE1 (c->in)), c->groups, 1e-5f);
      y = gesso_graph_activation (graph, y, GESSO_ACTIVATION_SILU);
    }
  else
    y = x;
  if (c->up_h)
    y = gesso_graph_upsample (graph, y, c->up_h, c->up_w);
  if (c->bias == 'w')
    bias = weight (graph, "conv.bias", GESSO_SHAPE1 (c->out));
  else if (c->bias == 'v')
    bias = gesso_graph_input (graph, "bias", GESSO_DTYPE_F32, GESSO_SHAPE1 (c->out));
  y = gesso_graph_conv2d (graph, y, weight (graph, "conv.weight", GESSO_SHAPE4 (c->out, c->in, c->kernel, c->kernel)),
                          bias, c->geometry);
  y = gesso_graph_activation (graph, y, c->activation);
  if (c->residual)
    y = gesso_graph_add (graph, y, gesso_graph_input (graph, "residual", GESSO_DTYPE_COMPUTE, y->shape));
  gesso_graph_output (graph, y, "y");
  check (c->name, graph);
}

typedef struct
{
  const char *name;
  int n, rows, in, out;
  gboolean geglu, residual;
  GessoActivation activation;
  char bias;
} LinearCase;

static const LinearCase linear_cases[] = {
  { "plain", 2, 77, 32, 48, FALSE, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "no bias", 1, 154, 40, 40, FALSE, FALSE, GESSO_ACTIVATION_NONE, ' ' },
  { "one row", 1, 1, 33, 17, FALSE, FALSE, GESSO_ACTIVATION_SILU, 'w' },
  { "one column", 1, 13, 9, 1, FALSE, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "gelu", 1, 77, 32, 128, FALSE, FALSE, GESSO_ACTIVATION_GELU, 'w' },
  { "quick gelu", 1, 77, 32, 128, FALSE, FALSE, GESSO_ACTIVATION_QUICK_GELU, 'w' },
  { "residual", 2, 100, 36, 36, FALSE, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "residual and bias of a run", 2, 100, 36, 36, FALSE, TRUE, GESSO_ACTIVATION_NONE, 'v' },
  { "geglu", 2, 100, 36, 144, TRUE, FALSE, GESSO_ACTIVATION_NONE, 'w' },
  { "geglu without bias", 1, 65, 16, 20, TRUE, FALSE, GESSO_ACTIVATION_NONE, ' ' },
  { "geglu and residual", 1, 65, 36, 36, TRUE, TRUE, GESSO_ACTIVATION_NONE, 'w' },
  { "geglu in pieces", 2, 1100, 24, 320, TRUE, FALSE, GESSO_ACTIVATION_NONE, 'w' },
};

static void
test_linear (gconstpointer data)
{
  const LinearCase *c = data;
  const int out = c->geglu ? 2 * c->out : c->out;
  GessoGraph *graph = gesso_graph_new ("linear");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (c->n, c->rows, c->in));
  GessoTensor *bias = NULL, *y;

  if (c->bias == 'w')
    bias = weight (graph, "linear.bias", GESSO_SHAPE1 (out));
  else if (c->bias == 'v')
    bias = gesso_graph_input (graph, "bias", GESSO_DTYPE_F32, GESSO_SHAPE1 (out));
  y = gesso_graph_linear (graph, x, weight (graph, "linear.weight", GESSO_SHAPE2 (out, c->in)), bias);
  if (c->geglu)
    y = gesso_graph_geglu (graph, y);
  y = gesso_graph_activation (graph, y, c->activation);
  if (c->residual)
    y = gesso_graph_add (graph, y, gesso_graph_input (graph, "residual", GESSO_DTYPE_COMPUTE, y->shape));
  gesso_graph_output (graph, y, "y");
  check (c->name, graph);
}

/* The text encoder's shape of a network: embedding, layer norms, causal attention. */
static void
test_text (void)
{
  const int l = 13, c = 40;
  GessoGraph *graph = gesso_graph_new ("text");
  GessoTensor *ids = gesso_graph_input (graph, "ids", GESSO_DTYPE_I32, GESSO_SHAPE2 (2, l));
  GessoTensor *x = gesso_graph_embedding (graph, ids, weight (graph, "table.gamma", GESSO_SHAPE2 (17, c)),
                                          weight (graph, "positions", GESSO_SHAPE2 (l + 3, c)));
  GessoTensor *y = gesso_graph_layer_norm (graph, x, weight (graph, "norm.gamma", GESSO_SHAPE1 (c)),
                                           weight (graph, "norm.beta", GESSO_SHAPE1 (c)), 1e-5f);
  GessoTensor *q = gesso_graph_linear (graph, y, weight (graph, "q", GESSO_SHAPE2 (c, c)), NULL);
  GessoTensor *k = gesso_graph_linear (graph, y, weight (graph, "k", GESSO_SHAPE2 (c, c)), NULL);
  GessoTensor *v = gesso_graph_linear (graph, y, weight (graph, "v", GESSO_SHAPE2 (c, c)), NULL);

  y = gesso_graph_attention (graph, q, k, v, 5, 0.35f, TRUE);
  y = gesso_graph_linear (graph, y, weight (graph, "o", GESSO_SHAPE2 (c, c)), NULL);
  y = gesso_graph_add (graph, y, x);
  y = gesso_graph_add (graph, y, weight (graph, "shift", GESSO_SHAPE1 (c)));
  gesso_graph_output (graph, y, "y");
  gesso_graph_output (graph, gesso_graph_cast (graph, y, GESSO_DTYPE_F32), "y32");
  check ("text", graph);
}

/* A U-Net's: cross-attention of more pictures than prompts, group norm with activation, skip joined in, enlarging. */
static void
test_picture (void)
{
  const int h = 9, w = 11, c = 24;
  GessoGraph *graph = gesso_graph_new ("picture");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (4, h, w, c));
  GessoTensor *context = gesso_graph_input (graph, "context", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (2, 7, c));
  GessoTensor *y = gesso_graph_group_norm (graph, x, weight (graph, "norm.gamma", GESSO_SHAPE1 (c)),
                                           weight (graph, "norm.beta", GESSO_SHAPE1 (c)), 4, 1e-6f);
  GessoTensor *q = gesso_graph_linear (graph, gesso_graph_reshape (graph, y, GESSO_SHAPE3 (4, h * w, c)),
                                       weight (graph, "q", GESSO_SHAPE2 (c, c)), NULL);
  GessoTensor *k = gesso_graph_linear (graph, context, weight (graph, "k", GESSO_SHAPE2 (c, c)), NULL);
  GessoTensor *v = gesso_graph_linear (graph, context, weight (graph, "v", GESSO_SHAPE2 (c, c)), NULL);

  y = gesso_graph_attention (graph, q, k, v, 3, 0.35f, FALSE);
  y = gesso_graph_add (graph, gesso_graph_reshape (graph, y, x->shape), x);
  y = gesso_graph_concat (graph, y, x);
  y = gesso_graph_upsample (graph, y, 2 * h - 1, 2 * w);
  y = gesso_graph_group_norm (graph, y, weight (graph, "norm2.gamma", GESSO_SHAPE1 (2 * c)),
                              weight (graph, "norm2.beta", GESSO_SHAPE1 (2 * c)), 8, 1e-5f);
  y = gesso_graph_activation (graph, y, GESSO_ACTIVATION_SILU);
  gesso_graph_output (graph, y, "y");
  check ("picture", graph);
}

/* Heads and norms wider than any network's: more than fits into the shared memory of a card's block. */
static void
test_wide (void)
{
  GessoGraph *graph = gesso_graph_new ("wide");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (1, 5, 2 * WIDE));
  GessoTensor *y = gesso_graph_attention (graph, x, x, x, 2, 0.02f, FALSE);

  y = gesso_graph_group_norm (graph, gesso_graph_reshape (graph, y, GESSO_SHAPE4 (1, 1, 5, 2 * WIDE)),
                              weight (graph, "norm.gamma", GESSO_SHAPE1 (2 * WIDE)),
                              weight (graph, "norm.beta", GESSO_SHAPE1 (2 * WIDE)), 4, 1e-5f);
  gesso_graph_output (graph, y, "y");
  check ("wide", graph);
}

/* The sampler's: sums of weighted terms, the batch doubled, a table's row added to every pixel. */
static void
test_sampler (void)
{
  GessoGraph *graph = gesso_graph_new ("sampler");
  GessoTensor *a = gesso_graph_input (graph, "a", GESSO_DTYPE_F32, GESSO_SHAPE4 (1, 5, 7, 4));
  GessoTensor *b = gesso_graph_input (graph, "b", GESSO_DTYPE_F32, GESSO_SHAPE4 (1, 5, 7, 4));
  GessoTensor *coefficients = gesso_graph_input (graph, "coefficients", GESSO_DTYPE_F32, GESSO_SHAPE1 (2));
  GessoTensor *row = gesso_graph_input (graph, "row", GESSO_DTYPE_F32, GESSO_SHAPE1 (4));
  GessoTensor *terms[] = { a, b };
  GessoTensor *sum = gesso_graph_combine (graph, 2, terms, coefficients);
  GessoTensor *x = gesso_graph_cast (graph, gesso_graph_repeat (graph, sum, 2), GESSO_DTYPE_COMPUTE);

  gesso_graph_output (graph, sum, "sum");
  gesso_graph_output (graph, gesso_graph_add (graph, x, row), "x");
  check ("sampler", graph);
}

/* What people see, and whether it was made of numbers. */
static void
check_pixels (const char *input, int side, int c)
{
  g_autofree char *what = g_strdup_printf ("pixels of \"%s\", %d channels, %d x 7", input, c, side);
  GessoGraph *graph = gesso_graph_new ("pixels");
  GessoTensor *x = gesso_graph_input (graph, input, GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (2, side, 7, c));
  GessoTensor *colours = gesso_graph_input (graph, "colours", GESSO_DTYPE_F32, GESSO_SHAPE2 (3, c + 1));

  gesso_graph_output (graph, gesso_graph_pixels (graph, x, colours), "pixels");
  gesso_graph_output (graph, gesso_graph_is_finite (graph, x), "is_finite");
  check (what, graph);
}

static void
test_pixels (void)
{
  for (int c = 1; c <= 5; c++)
    {
      check_pixels ("x", 20, c);
      check_pixels ("wild", 1, c);
      check_pixels ("wild", 39, c);
    }
}

/* One operation, chosen by `random`, on `x` [n, h, w, c]. */
static GessoTensor *
random_operation (GessoGraph *graph, GRand *random, GessoTensor *x, GessoTensor *skip, int i)
{
  const gint64 c = x->shape.dim[3];
  const gint64 out = 4 * g_rand_int_range (random, 1, 13);
  g_autofree char *a = g_strdup_printf ("%d.weight", i);
  g_autofree char *b = g_strdup_printf ("%d.bias", i);
  g_autofree char *gamma = g_strdup_printf ("%d.gamma", i);
  g_autofree char *beta = g_strdup_printf ("%d.beta", i);

  switch (g_rand_int_range (random, 0, 9))
    {
    case 0:
      return gesso_graph_conv2d (graph, x, weight (graph, a, GESSO_SHAPE4 (out, c, 3, 3)),
                                 g_rand_boolean (random) ? weight (graph, b, GESSO_SHAPE1 (out)) : NULL,
                                 (GessoConvGeometry) { 1, 1, 1, 1, 1 });
    case 1:
      return gesso_graph_linear (graph, x, weight (graph, a, GESSO_SHAPE2 (out, c)),
                                 g_rand_boolean (random) ? weight (graph, b, GESSO_SHAPE1 (out)) : NULL);
    case 2:
      return gesso_graph_geglu (graph, gesso_graph_linear (graph, x, weight (graph, a, GESSO_SHAPE2 (2 * out, c)),
                                                           weight (graph, b, GESSO_SHAPE1 (2 * out))));
    case 3:
      return gesso_graph_activation (graph, x, g_rand_int_range (random, 0, 4));
    case 4:
      return gesso_graph_layer_norm (graph, x, weight (graph, gamma, GESSO_SHAPE1 (c)),
                                     weight (graph, beta, GESSO_SHAPE1 (c)), 1e-5f);
    case 5:
      return gesso_graph_activation (graph,
                                     gesso_graph_group_norm (graph, x, weight (graph, gamma, GESSO_SHAPE1 (c)),
                                                             weight (graph, beta, GESSO_SHAPE1 (c)), 4, 1e-5f),
                                     g_rand_boolean (random) ? GESSO_ACTIVATION_SILU : GESSO_ACTIVATION_NONE);
    case 6:
      if (x->shape.dim[1] > 20)
        return x;
      return gesso_graph_upsample (graph, x, 2 * x->shape.dim[1] - g_rand_int_range (random, 0, 2),
                                   2 * x->shape.dim[2]);
    case 7:
      return gesso_shape_equal (&x->shape, &skip->shape) ? gesso_graph_add (graph, x, skip) : x;
    default:
      if (x->shape.dim[1] != skip->shape.dim[1] || x->shape.dim[2] != skip->shape.dim[2] || c > 64)
        return x;
      return gesso_graph_concat (graph, x, skip);
    }
}

static void
test_random (gconstpointer data)
{
  const guint32 seed = GPOINTER_TO_UINT (data);
  GRand *random = g_rand_new_with_seed (seed);
  GessoGraph *graph = gesso_graph_new ("random");
  GessoTensor *x
      = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE,
                           GESSO_SHAPE4 (g_rand_int_range (random, 1, 4), g_rand_int_range (random, 1, 12),
                                         g_rand_int_range (random, 1, 12), 4 * g_rand_int_range (random, 1, 9)));
  GessoTensor *skip = x;
  const int n = g_rand_int_range (random, 3, 9);

  for (int i = 0; i < n; i++)
    {
      GessoTensor *y = random_operation (graph, random, x, skip, i);

      if (g_rand_boolean (random))
        skip = x;
      x = y;
    }
  /* A norm at the end keeps the size of the values known, and an activation keeps it from being the input. */
  x = gesso_graph_layer_norm (graph, x, weight (graph, "end.gamma", GESSO_SHAPE1 (x->shape.dim[3])),
                              weight (graph, "end.beta", GESSO_SHAPE1 (x->shape.dim[3])), 1e-2f);
  gesso_graph_output (graph, x, "y");
  g_rand_free (random);
  check ("random", graph);
}

void
operations_add_tests (const char *prefix, OperationCheck func)
{
  static const struct
  {
    const char *name;
    GTestFunc func;
  } networks[] = { { "/text", test_text },
                   { "/picture", test_picture },
                   { "/wide", test_wide },
                   { "/sampler", test_sampler },
                   { "/pixels", test_pixels } };

  check = func;
  for (gsize i = 0; i < G_N_ELEMENTS (conv_cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/conv/%s", prefix, conv_cases[i].name);

      g_test_add_data_func (path, &conv_cases[i], test_conv);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (linear_cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/linear/%s", prefix, linear_cases[i].name);

      g_test_add_data_func (path, &linear_cases[i], test_linear);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (networks); i++)
    {
      g_autofree char *path = g_strconcat (prefix, networks[i].name, NULL);

      g_test_add_func (path, networks[i].func);
    }
  for (guint seed = 1; seed <= 24; seed++)
    {
      g_autofree char *path = g_strdup_printf ("%s/random/%u", prefix, seed);

      g_test_add_data_func (path, GUINT_TO_POINTER (seed), test_random);
    }
}
