/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "random-graph.h"

typedef struct
{
  GRand *rand;
  GessoGraph *graph;
  GPtrArray *made; /* of GessoTensor [n, h, w, c] of dtype COMPUTE, to choose operands from */
  int n_names;
} Maker;

static int
pick (Maker *maker, int n)
{
  return g_rand_int_range (maker->rand, 0, n);
}

static char *
new_name (Maker *maker, const char *what)
{
  return g_strdup_printf ("%s.%d", what, maker->n_names++);
}

static GessoTensor *
vector (Maker *maker, gint64 n)
{
  g_autofree char *name = new_name (maker, "vector");

  return gesso_graph_weight (maker->graph, name, GESSO_SHAPE1 (n));
}

/* A bias: none, a weight, or computed by somebody else. */
static GessoTensor *
bias (Maker *maker, gint64 n)
{
  g_autofree char *name = NULL;

  switch (pick (maker, 4))
    {
    case 0:
      return vector (maker, n);
    case 1:
      name = new_name (maker, "bias");
      return gesso_graph_input (maker->graph, name, GESSO_DTYPE_F32, GESSO_SHAPE1 (n));
    default:
      return NULL;
    }
}

static GessoTensor *
conv (Maker *maker, GessoTensor *x, gint64 o, int stride)
{
  g_autofree char *name = new_name (maker, "conv");
  const int k = pick (maker, 2) ? 3 : 1;
  const int end = stride == 2 && pick (maker, 2) ? k / 2 + 1 : k / 2;

  return gesso_graph_conv2d (maker->graph, x,
                             gesso_graph_weight (maker->graph, name, GESSO_SHAPE4 (o, x->shape.dim[3], k, k)),
                             bias (maker, o), (GessoConvGeometry) { stride, k / 2, k / 2, end, end });
}

static GessoTensor *
linear (Maker *maker, GessoTensor *x, gint64 o)
{
  g_autofree char *name = new_name (maker, "linear");

  return gesso_graph_linear (
      maker->graph, x, gesso_graph_weight (maker->graph, name, GESSO_SHAPE2 (o, gesso_shape_channels (&x->shape))),
      bias (maker, o));
}

static GessoTensor *
product (Maker *maker, GessoTensor *x, gint64 o)
{
  return pick (maker, 2) ? conv (maker, x, o, 1) : linear (maker, x, o);
}

static GessoTensor *
activation (Maker *maker, GessoTensor *x)
{
  return gesso_graph_activation (maker->graph, x, (GessoActivation) (GESSO_ACTIVATION_SILU + pick (maker, 3)));
}

static GessoTensor *
group_norm (Maker *maker, GessoTensor *x)
{
  const gint64 c = gesso_shape_channels (&x->shape);

  return gesso_graph_group_norm (maker->graph, x, vector (maker, c), vector (maker, c), 2, 1e-3f);
}

static GessoTensor *
layer_norm (Maker *maker, GessoTensor *x)
{
  const gint64 c = gesso_shape_channels (&x->shape);

  return gesso_graph_layer_norm (maker->graph, x, vector (maker, c), vector (maker, c), 1e-3f);
}

/* Something of the same shape as `x`: made before, or made now. */
static GessoTensor *
partner (Maker *maker, GessoTensor *x)
{
  for (int i = 0; i < 6; i++)
    {
      GessoTensor *other = g_ptr_array_index (maker->made, pick (maker, (int) maker->made->len));

      if (gesso_shape_equal (&other->shape, &x->shape))
        return other;
    }
  return pick (maker, 2) ? product (maker, x, x->shape.dim[3]) : activation (maker, x);
}

/* Norm, projections, attention (to itself or to a context), projection, sum, feed-forward: all of it as a sequence. */
static GessoTensor *
transformer (Maker *maker, GessoTensor *x)
{
  const GessoShape shape = x->shape;
  GessoTensor *y = gesso_graph_reshape (maker->graph, pick (maker, 2) ? group_norm (maker, x) : x,
                                        GESSO_SHAPE3 (shape.dim[0], shape.dim[1] * shape.dim[2], shape.dim[3]));
  GessoTensor *context = y, *h = pick (maker, 2) ? layer_norm (maker, y) : y;

  if (pick (maker, 2))
    {
      g_autofree char *name = new_name (maker, "context");

      context = gesso_graph_input (maker->graph, name, GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (1, 3, 5));
    }
  h = gesso_graph_attention (maker->graph, linear (maker, h, shape.dim[3]), linear (maker, context, shape.dim[3]),
                             linear (maker, context, shape.dim[3]), 2, 0.7f, context == y && pick (maker, 2));
  y = gesso_graph_add (maker->graph, linear (maker, h, shape.dim[3]), y);
  if (pick (maker, 2))
    {
      h = gesso_graph_geglu (maker->graph, linear (maker, layer_norm (maker, y), 12));
      y = gesso_graph_add (maker->graph, y, linear (maker, h, shape.dim[3]));
    }
  y = gesso_graph_reshape (maker->graph, linear (maker, y, shape.dim[3]), shape);
  return gesso_graph_add (maker->graph, y, x);
}

static GessoTensor *
combine (Maker *maker, GessoTensor *x)
{
  g_autofree char *name = new_name (maker, "coefficients");
  GessoTensor *terms[] = { x, partner (maker, x), partner (maker, x) };

  return gesso_graph_combine (maker->graph, 3, terms,
                              gesso_graph_input (maker->graph, name, GESSO_DTYPE_F32, GESSO_SHAPE1 (3)));
}

static GessoTensor *
cast_and_back (Maker *maker, GessoTensor *x)
{
  GessoTensor *y = gesso_graph_cast (maker->graph, x, pick (maker, 2) ? GESSO_DTYPE_F32 : GESSO_DTYPE_BF16);

  if (pick (maker, 2))
    y = activation (maker, y);
  return gesso_graph_cast (maker->graph, y, GESSO_DTYPE_COMPUTE);
}

static GessoTensor *
step (Maker *maker, GessoTensor *x)
{
  const gint64 c = x->shape.dim[3];
  GessoTensor *y;

  switch (pick (maker, 17))
    {
    case 0:
    case 1:
      return product (maker, x, 2 + 2 * pick (maker, 4));
    case 2:
    case 3:
      y = group_norm (maker, x);
      return conv (maker, pick (maker, 2) ? activation (maker, y) : y, c, 1);
    case 4:
      return conv (maker, x, c, 2);
    case 5:
      y = gesso_graph_upsample (maker->graph, pick (maker, 2) ? group_norm (maker, x) : x, 1 + pick (maker, 9),
                                1 + pick (maker, 9));
      return conv (maker, y, c, 1 + pick (maker, 2));
    case 6:
      return activation (maker, pick (maker, 2) ? group_norm (maker, x) : x);
    case 7:
      return gesso_graph_add (maker->graph, product (maker, x, c), vector (maker, c));
    case 8:
      return gesso_graph_add (maker->graph, x, partner (maker, x));
    case 9:
    case 10:
      y = product (maker, x, c);
      return gesso_graph_add (maker->graph, pick (maker, 2) ? activation (maker, y) : y, partner (maker, x));
    case 11:
      return gesso_graph_concat (maker->graph, x, partner (maker, x));
    case 12:
    case 13:
      return transformer (maker, x);
    case 14:
      return combine (maker, x);
    case 15:
      return cast_and_back (maker, x);
    default:
      return layer_norm (maker, gesso_graph_add (maker->graph, x, partner (maker, x)));
    }
}

GessoGraph *
random_graph (guint32 seed)
{
  Maker maker
      = { .rand = g_rand_new_with_seed (seed), .graph = gesso_graph_new ("random"), .made = g_ptr_array_new () };
  GessoTensor *x = gesso_graph_input (
      maker.graph, "x", GESSO_DTYPE_F32,
      GESSO_SHAPE4 (1 + pick (&maker, 2), 1 + pick (&maker, 6), 1 + pick (&maker, 6), 2 + 2 * pick (&maker, 4)));
  const int n_steps = 4 + pick (&maker, 14);

  x = gesso_graph_cast (maker.graph, x, GESSO_DTYPE_COMPUTE);
  if (pick (&maker, 2))
    x = gesso_graph_repeat (maker.graph, x, 2);
  g_ptr_array_add (maker.made, x);
  for (int i = 0; i < n_steps; i++)
    {
      /* Mostly on from the newest one, so that chains grow. */
      if (pick (&maker, 4) == 0)
        x = g_ptr_array_index (maker.made, pick (&maker, (int) maker.made->len));
      x = step (&maker, x);
      if (x->shape.dim[3] > 16)
        x = product (&maker, x, 8);
      g_ptr_array_add (maker.made, x);
      if (pick (&maker, 8) == 0)
        {
          g_autofree char *name = g_strdup_printf ("extra.%d", i);

          gesso_graph_output (maker.graph, x, name);
        }
    }
  gesso_graph_output (maker.graph, gesso_graph_cast (maker.graph, x, GESSO_DTYPE_F32), "out");
  g_ptr_array_unref (maker.made);
  g_rand_free (maker.rand);
  return maker.graph;
}
