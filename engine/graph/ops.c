/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The builder: one function an operation, which checks its operands and infers the shape of what it makes.
 */

#include "graph-private.h"

#include <math.h>

#include <glib/gi18n-lib.h>
#include <inttypes.h>

/* conv geometry and the like are ints; anything near their end is a damaged config */
#define MAX_GEOMETRY (1 << 20)

const char *
gesso_op_kind_name (GessoOpKind kind)
{
  static const char *const names[] = {
    "conv2d", "linear",   "attention", "group_norm", "group_statistics", "layer_norm", "activation", "geglu",     "add",
    "concat", "upsample", "embedding", "cast",       "repeat",           "combine",    "pixels",     "is_finite",
  };
  G_STATIC_ASSERT (G_N_ELEMENTS (names) == GESSO_N_OPS);

  return (guint) kind < G_N_ELEMENTS (names) ? names[kind] : "?";
}

GessoOp *
gesso_graph_op (GessoGraph *graph, GessoOpKind kind, int n_inputs, GessoTensor *const *inputs, GessoDType dtype,
                GessoShape shape)
{
  GessoOp *op = g_new0 (GessoOp, 1);

  op->kind = kind;
  op->id = (int) graph->ops->len;
  op->n_inputs = n_inputs;
  for (int i = 0; i < n_inputs; i++)
    op->inputs[i] = inputs[i];
  op->output = gesso_tensor_new (graph->tensors, GESSO_TENSOR_VALUE, dtype, shape);
  op->output->producer = op;
  g_ptr_array_add (graph->ops, op);
  if (!gesso_shape_valid (&shape))
    gesso_graph_fail (graph, gesso_op_kind_name (kind), _ ("the result is too large"), inputs[0], op->output, NULL);
  return op;
}

static gboolean
is_float (const GessoTensor *tensor)
{
  return tensor->dtype != GESSO_DTYPE_I32 && tensor->dtype != GESSO_DTYPE_U8;
}

static GessoTensor *
fail (GessoGraph *graph, GessoOpKind kind, const char *reason, GessoTensor *a, GessoTensor *b)
{
  return gesso_graph_fail (graph, gesso_op_kind_name (kind), reason, a, b, NULL);
}

/* Whether `x` can be computed with: there, computed or bound, of floats, and of this rank (0: any). */
static gboolean
check_input (GessoGraph *graph, GessoOpKind kind, GessoTensor *x, int rank)
{
  if (graph->error)
    return FALSE;
  if (!x)
    fail (graph, kind, _ ("an operand is missing"), NULL, NULL);
  else if (x->kind == GESSO_TENSOR_WEIGHT)
    fail (graph, kind, _ ("a weight stands where a computed tensor belongs"), x, NULL);
  else if (!is_float (x))
    fail (graph, kind, _ ("it computes with floating-point values only"), x, NULL);
  else if (rank && x->shape.rank != rank)
    {
      g_autofree char *reason = g_strdup_printf (_ ("the operand should have %d dimensions"), rank);

      fail (graph, kind, reason, x, NULL);
    }
  return !graph->error;
}

/* Whether `weight` is a weight of this rank. */
static gboolean
check_weight (GessoGraph *graph, GessoOpKind kind, GessoTensor *x, GessoTensor *weight, int rank)
{
  if (graph->error)
    return FALSE;
  if (!weight)
    fail (graph, kind, _ ("a weight is missing"), x, NULL);
  else if (weight->kind != GESSO_TENSOR_WEIGHT)
    fail (graph, kind, _ ("a computed tensor stands where a weight belongs"), x, weight);
  else if (weight->shape.rank != rank)
    {
      g_autofree char *reason = g_strdup_printf (_ ("the weight should have %d dimensions"), rank);

      fail (graph, kind, reason, x, weight);
    }
  return !graph->error;
}

/* Whether `vector` is a weight, or where `computed` an F32 tensor, of the shape [length]. */
static gboolean
check_vector (GessoGraph *graph, GessoOpKind kind, GessoTensor *x, GessoTensor *vector, gint64 length,
              gboolean computed)
{
  if (graph->error)
    return FALSE;
  if (!vector)
    fail (graph, kind, _ ("a weight is missing"), x, NULL);
  else if (vector->kind != GESSO_TENSOR_WEIGHT && !computed)
    fail (graph, kind, _ ("a computed tensor stands where a weight belongs"), x, vector);
  else if (vector->kind != GESSO_TENSOR_WEIGHT && vector->dtype != GESSO_DTYPE_F32)
    fail (graph, kind, _ ("a computed bias must be of f32"), x, vector);
  else if (vector->shape.rank != 1 || vector->shape.dim[0] != length)
    {
      g_autofree char *reason = g_strdup_printf (_ ("the vector should have %" PRId64 " values"), length);

      fail (graph, kind, reason, x, vector);
    }
  return !graph->error;
}

/* Products run in the plan's precision: their operands are of dtype COMPUTE. */
static gboolean
check_compute (GessoGraph *graph, GessoOpKind kind, GessoTensor *x)
{
  if (x->dtype == GESSO_DTYPE_COMPUTE)
    return TRUE;
  fail (graph, kind, _ ("the operand must be cast to the compute type first"), x, NULL);
  return FALSE;
}

static GessoTensor *
harmless (GessoGraph *graph)
{
  return gesso_graph_fail (graph, "", "", NULL);
}

GessoTensor *
gesso_graph_conv2d (GessoGraph *graph, GessoTensor *x, GessoTensor *weight, GessoTensor *bias,
                    GessoConvGeometry geometry)
{
  const GessoOpKind kind = GESSO_OP_CONV2D;
  const int pads[] = { geometry.pad_top, geometry.pad_left, geometry.pad_bottom, geometry.pad_right };
  gint64 room_h, room_w;
  GessoOp *op;

  if (!check_input (graph, kind, x, 4) || !check_compute (graph, kind, x) || !check_weight (graph, kind, x, weight, 4))
    return harmless (graph);
  if (x->shape.dim[3] != weight->shape.dim[1])
    return fail (graph, kind, _ ("the numbers of channels differ"), x, weight);
  if (bias && !check_vector (graph, kind, x, bias, weight->shape.dim[0], TRUE))
    return harmless (graph);
  if (geometry.stride < 1 || geometry.stride > MAX_GEOMETRY)
    return fail (graph, kind, _ ("the stride is out of range"), x, weight);
  for (gsize i = 0; i < G_N_ELEMENTS (pads); i++)
    if (pads[i] < 0 || pads[i] > MAX_GEOMETRY)
      return fail (graph, kind, _ ("the padding is out of range"), x, weight);
  room_h = x->shape.dim[1] + geometry.pad_top + geometry.pad_bottom - weight->shape.dim[2];
  room_w = x->shape.dim[2] + geometry.pad_left + geometry.pad_right - weight->shape.dim[3];
  if (room_h < 0 || room_w < 0)
    return fail (graph, kind, _ ("the kernel is larger than the picture"), x, weight);

  op = gesso_graph_op (
      graph, kind, 1, &x, x->dtype,
      GESSO_SHAPE4 (x->shape.dim[0], room_h / geometry.stride + 1, room_w / geometry.stride + 1, weight->shape.dim[0]));
  op->weight = weight;
  op->bias = bias;
  op->conv.stride = geometry.stride;
  op->conv.pad_top = geometry.pad_top;
  op->conv.pad_left = geometry.pad_left;
  op->conv.pad_bottom = geometry.pad_bottom;
  op->conv.pad_right = geometry.pad_right;
  return op->output;
}

GessoTensor *
gesso_graph_linear (GessoGraph *graph, GessoTensor *x, GessoTensor *weight, GessoTensor *bias)
{
  const GessoOpKind kind = GESSO_OP_LINEAR;
  GessoShape shape;
  GessoOp *op;

  if (!check_input (graph, kind, x, 0) || !check_compute (graph, kind, x) || !check_weight (graph, kind, x, weight, 2))
    return harmless (graph);
  if (gesso_shape_channels (&x->shape) != weight->shape.dim[1])
    return fail (graph, kind, _ ("the numbers of channels differ"), x, weight);
  if (bias && !check_vector (graph, kind, x, bias, weight->shape.dim[0], TRUE))
    return harmless (graph);

  shape = x->shape;
  shape.dim[shape.rank - 1] = weight->shape.dim[0];
  op = gesso_graph_op (graph, kind, 1, &x, x->dtype, shape);
  op->weight = weight;
  op->bias = bias;
  return op->output;
}

GessoTensor *
gesso_graph_attention (GessoGraph *graph, GessoTensor *q, GessoTensor *k, GessoTensor *v, int heads, float scale,
                       gboolean causal)
{
  const GessoOpKind kind = GESSO_OP_ATTENTION;
  GessoTensor *inputs[] = { q, k, v };
  GessoOp *op;

  for (gsize i = 0; i < G_N_ELEMENTS (inputs); i++)
    if (!check_input (graph, kind, inputs[i], 3) || !check_compute (graph, kind, inputs[i]))
      return harmless (graph);
  if (!gesso_shape_equal (&k->shape, &v->shape))
    return fail (graph, kind, _ ("keys and values differ in shape"), k, v);
  if (q->shape.dim[2] != k->shape.dim[2])
    return fail (graph, kind, _ ("the numbers of channels differ"), q, k);
  if (q->shape.dim[0] % k->shape.dim[0])
    return fail (graph, kind, _ ("the number of keys does not divide the number of pictures"), q, k);
  if (heads < 1 || q->shape.dim[2] % heads)
    {
      g_autofree char *reason = g_strdup_printf (_ ("%d heads do not divide the channels"), heads);

      return fail (graph, kind, reason, q, NULL);
    }
  if (!isfinite (scale))
    return fail (graph, kind, _ ("the scale is not a number"), q, NULL);

  op = gesso_graph_op (graph, kind, 3, inputs, q->dtype, q->shape);
  op->attention.heads = heads;
  op->attention.scale = scale;
  op->attention.causal = causal;
  return op->output;
}

/* What both norms have in common. */
static GessoTensor *
add_norm (GessoGraph *graph, GessoOpKind kind, GessoTensor *x, GessoTensor *gamma, GessoTensor *beta, int groups,
          float eps)
{
  gint64 channels;
  GessoOp *op;

  if (!check_input (graph, kind, x, 0))
    return harmless (graph);
  channels = gesso_shape_channels (&x->shape);
  if (!check_vector (graph, kind, x, gamma, channels, FALSE) || !check_vector (graph, kind, x, beta, channels, FALSE))
    return harmless (graph);
  if (kind == GESSO_OP_GROUP_NORM && (x->shape.rank < 2 || groups < 1 || channels % groups))
    {
      g_autofree char *reason = g_strdup_printf (_ ("%d groups do not divide the channels"), groups);

      return fail (graph, kind, reason, x, NULL);
    }
  if (!(eps >= 0.0f) || !isfinite (eps))
    return fail (graph, kind, _ ("epsilon is negative or not a number"), x, NULL);

  op = gesso_graph_op (graph, kind, 1, &x, x->dtype, x->shape);
  op->weight = gamma;
  op->bias = beta;
  op->norm.groups = groups;
  op->norm.eps = eps;
  return op->output;
}

GessoTensor *
gesso_graph_group_norm (GessoGraph *graph, GessoTensor *x, GessoTensor *gamma, GessoTensor *beta, int groups, float eps)
{
  return add_norm (graph, GESSO_OP_GROUP_NORM, x, gamma, beta, groups, eps);
}

GessoTensor *
gesso_graph_layer_norm (GessoGraph *graph, GessoTensor *x, GessoTensor *gamma, GessoTensor *beta, float eps)
{
  return add_norm (graph, GESSO_OP_LAYER_NORM, x, gamma, beta, 1, eps);
}

GessoTensor *
gesso_graph_activation (GessoGraph *graph, GessoTensor *x, GessoActivation activation)
{
  GessoOp *op;

  if (!check_input (graph, GESSO_OP_ACTIVATION, x, 0))
    return harmless (graph);
  if (activation == GESSO_ACTIVATION_NONE)
    return x;
  op = gesso_graph_op (graph, GESSO_OP_ACTIVATION, 1, &x, x->dtype, x->shape);
  op->activation = activation;
  return op->output;
}

GessoTensor *
gesso_graph_geglu (GessoGraph *graph, GessoTensor *x)
{
  GessoShape shape;

  if (!check_input (graph, GESSO_OP_GEGLU, x, 0))
    return harmless (graph);
  shape = x->shape;
  if (shape.dim[shape.rank - 1] % 2)
    return fail (graph, GESSO_OP_GEGLU, _ ("the number of channels is odd"), x, NULL);
  shape.dim[shape.rank - 1] /= 2;
  return gesso_graph_op (graph, GESSO_OP_GEGLU, 1, &x, x->dtype, shape)->output;
}

GessoTensor *
gesso_graph_add (GessoGraph *graph, GessoTensor *a, GessoTensor *b)
{
  const GessoOpKind kind = GESSO_OP_ADD;
  GessoTensor *inputs[] = { a, b };
  gboolean vector;

  /* The second one alone may be a weight. */
  if (!check_input (graph, kind, a, 0) || (!(b && b->kind == GESSO_TENSOR_WEIGHT) && !check_input (graph, kind, b, 0)))
    return harmless (graph);
  vector = b->shape.rank == 1 && b->shape.dim[0] == gesso_shape_channels (&a->shape);
  if (!vector && !gesso_shape_equal (&a->shape, &b->shape))
    return fail (graph, kind, _ ("the shapes differ"), a, b);
  if (a->dtype != b->dtype && !(vector && (b->dtype == GESSO_DTYPE_F32 || b->kind == GESSO_TENSOR_WEIGHT)))
    return fail (graph, kind, _ ("the types differ"), a, b);
  return gesso_graph_op (graph, kind, 2, inputs, a->dtype, a->shape)->output;
}

GessoTensor *
gesso_graph_concat (GessoGraph *graph, GessoTensor *a, GessoTensor *b)
{
  const GessoOpKind kind = GESSO_OP_CONCAT;
  GessoTensor *inputs[] = { a, b };
  GessoShape shape, other;
  int last;

  if (!check_input (graph, kind, a, 0) || !check_input (graph, kind, b, a->shape.rank))
    return harmless (graph);
  if (a->dtype != b->dtype)
    return fail (graph, kind, _ ("the types differ"), a, b);
  shape = a->shape;
  other = b->shape;
  last = shape.rank - 1;
  other.dim[last] = shape.dim[last];
  if (!gesso_shape_equal (&shape, &other))
    return fail (graph, kind, _ ("all dimensions but the last must be equal"), a, b);
  shape.dim[last] += b->shape.dim[last];
  return gesso_graph_op (graph, kind, 2, inputs, a->dtype, shape)->output;
}

GessoTensor *
gesso_graph_upsample (GessoGraph *graph, GessoTensor *x, gint64 height, gint64 width)
{
  if (!check_input (graph, GESSO_OP_UPSAMPLE, x, 4))
    return harmless (graph);
  if (height < 1 || width < 1 || height > G_MAXINT || width > G_MAXINT)
    {
      g_autofree char *reason = g_strdup_printf (_ ("%" PRId64 " x %" PRId64 " is no size"), height, width);

      return fail (graph, GESSO_OP_UPSAMPLE, reason, x, NULL);
    }
  return gesso_graph_op (graph, GESSO_OP_UPSAMPLE, 1, &x, x->dtype,
                         GESSO_SHAPE4 (x->shape.dim[0], height, width, x->shape.dim[3]))
      ->output;
}

GessoTensor *
gesso_graph_embedding (GessoGraph *graph, GessoTensor *ids, GessoTensor *table, GessoTensor *positions)
{
  const GessoOpKind kind = GESSO_OP_EMBEDDING;
  GessoOp *op;

  if (graph->error)
    return harmless (graph);
  if (!ids || ids->dtype != GESSO_DTYPE_I32 || ids->shape.rank != 2)
    return fail (graph, kind, _ ("the ids should be of i32 and have 2 dimensions"), ids, NULL);
  if (!check_weight (graph, kind, ids, table, 2) || !check_weight (graph, kind, ids, positions, 2))
    return harmless (graph);
  if (table->shape.dim[1] != positions->shape.dim[1])
    return fail (graph, kind, _ ("the numbers of channels differ"), table, positions);
  if (positions->shape.dim[0] < ids->shape.dim[1])
    return fail (graph, kind, _ ("there are fewer positions than ids"), ids, positions);

  op = gesso_graph_op (graph, kind, 1, &ids, GESSO_DTYPE_COMPUTE,
                       GESSO_SHAPE3 (ids->shape.dim[0], ids->shape.dim[1], table->shape.dim[1]));
  op->weight = table;
  op->bias = positions;
  return op->output;
}

GessoTensor *
gesso_graph_cast (GessoGraph *graph, GessoTensor *x, GessoDType dtype)
{
  if (!check_input (graph, GESSO_OP_CAST, x, 0))
    return harmless (graph);
  if (dtype == GESSO_DTYPE_I32 || dtype == GESSO_DTYPE_U8)
    return fail (graph, GESSO_OP_CAST, _ ("it makes floating-point values only"), x, NULL);
  if (dtype == x->dtype)
    return x;
  return gesso_graph_op (graph, GESSO_OP_CAST, 1, &x, dtype, x->shape)->output;
}

GessoTensor *
gesso_graph_repeat (GessoGraph *graph, GessoTensor *x, int times)
{
  GessoShape shape;
  GessoOp *op;

  if (!check_input (graph, GESSO_OP_REPEAT, x, 0))
    return harmless (graph);
  if (times < 1 || x->shape.dim[0] > G_MAXINT64 / times)
    {
      g_autofree char *reason = g_strdup_printf (_ ("it cannot be repeated %d times"), times);

      return fail (graph, GESSO_OP_REPEAT, reason, x, NULL);
    }
  if (times == 1)
    return x;
  shape = x->shape;
  shape.dim[0] *= times;
  op = gesso_graph_op (graph, GESSO_OP_REPEAT, 1, &x, x->dtype, shape);
  op->repeat.times = times;
  return op->output;
}

GessoTensor *
gesso_graph_combine (GessoGraph *graph, int n, GessoTensor *const *terms, GessoTensor *coefficients)
{
  const GessoOpKind kind = GESSO_OP_COMBINE;
  GessoTensor *inputs[GESSO_MAX_INPUTS];

  if (graph->error)
    return harmless (graph);
  if (n < 1 || n >= GESSO_MAX_INPUTS)
    return fail (graph, kind, _ ("there should be 1 to 7 terms"), coefficients, NULL);
  for (int i = 0; i < n; i++)
    {
      if (!check_input (graph, kind, terms[i], 0))
        return harmless (graph);
      if (!gesso_shape_equal (&terms[i]->shape, &terms[0]->shape) || terms[i]->dtype != terms[0]->dtype)
        return fail (graph, kind, _ ("the shapes or types differ"), terms[0], terms[i]);
      inputs[i] = terms[i];
    }
  if (!check_input (graph, kind, coefficients, 1))
    return harmless (graph);
  if (coefficients->dtype != GESSO_DTYPE_F32 || coefficients->shape.dim[0] != n)
    return fail (graph, kind, _ ("the coefficients should be of f32, one a term"), terms[0], coefficients);
  inputs[n] = coefficients;
  return gesso_graph_op (graph, kind, n + 1, inputs, terms[0]->dtype, terms[0]->shape)->output;
}

GessoTensor *
gesso_graph_pixels (GessoGraph *graph, GessoTensor *x, GessoTensor *colours)
{
  const GessoOpKind kind = GESSO_OP_PIXELS;
  GessoTensor *inputs[] = { x, colours };
  GessoShape shape;

  if (!check_input (graph, kind, x, 0) || !check_input (graph, kind, colours, 2))
    return harmless (graph);
  if (colours->dtype != GESSO_DTYPE_F32 || colours->shape.dim[0] != 3
      || colours->shape.dim[1] != gesso_shape_channels (&x->shape) + 1)
    return fail (graph, kind, _ ("the shapes or types differ"), x, colours);
  shape = x->shape;
  shape.dim[shape.rank - 1] = 3;
  return gesso_graph_op (graph, kind, 2, inputs, GESSO_DTYPE_U8, shape)->output;
}

GessoTensor *
gesso_graph_is_finite (GessoGraph *graph, GessoTensor *x)
{
  if (!check_input (graph, GESSO_OP_IS_FINITE, x, 0))
    return harmless (graph);
  return gesso_graph_op (graph, GESSO_OP_IS_FINITE, 1, &x, GESSO_DTYPE_I32, GESSO_SHAPE1 (1))->output;
}

GessoTensor *
gesso_graph_reshape (GessoGraph *graph, GessoTensor *x, GessoShape shape)
{
  GessoTensor *view;

  if (graph->error)
    return harmless (graph);
  if (!x)
    return gesso_graph_fail (graph, "reshape", _ ("an operand is missing"), NULL);
  if (x->kind == GESSO_TENSOR_WEIGHT)
    return gesso_graph_fail (graph, "reshape", _ ("a weight must be asked for in the shape that is wanted"), x, NULL);
  if (!gesso_shape_valid (&shape) || gesso_shape_elements (&shape) != gesso_shape_elements (&x->shape))
    {
      g_autofree char *text = gesso_shape_to_string (&shape);
      g_autofree char *reason = g_strdup_printf (_ ("%s has another number of values"), text);

      return gesso_graph_fail (graph, "reshape", reason, x, NULL);
    }
  if (gesso_shape_equal (&shape, &x->shape))
    return x;
  view = gesso_tensor_new (graph->tensors, GESSO_TENSOR_VALUE, x->dtype, shape);
  view->view_of = gesso_tensor_base (x);
  return view;
}
