/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Folding operations into each other. Operations are gone through in running order; each looks back at the one that
 * makes its operand and, where nobody else wants that operand, joins it.
 */

#include "graph-private.h"
#include "plan-private.h"

typedef struct
{
  GessoPlan *plan;
  GArray *uses; /* of int, by tensor id: how often operations read a tensor, its views counted with it */
} Fuser;

static int *
uses_of (Fuser *fuser, const GessoTensor *tensor)
{
  const int id = gesso_tensor_base (tensor)->id;

  if (fuser->uses->len <= (guint) id)
    g_array_set_size (fuser->uses, (guint) id + 1);
  return &g_array_index (fuser->uses, int, id);
}

static gboolean
allowed (const Fuser *fuser, GessoFusions fusion)
{
  return (fuser->plan->options.fusions & fusion) != 0;
}

/* The operation that makes `tensor`, if its one reader is the one that asks. */
static GessoOp *
sole_producer (Fuser *fuser, const GessoTensor *tensor)
{
  const GessoTensor *base = gesso_tensor_base (tensor);

  return base->producer && !base->is_output && *uses_of (fuser, base) == 1 ? base->producer : NULL;
}

/* `tensor` under another shape. */
static GessoTensor *
view_as (Fuser *fuser, GessoTensor *tensor, const GessoShape *shape)
{
  GessoTensor *view;

  if (gesso_shape_equal (&tensor->shape, shape))
    return tensor;
  view = gesso_tensor_new (fuser->plan->tensors, GESSO_TENSOR_VALUE, tensor->dtype, *shape);
  view->view_of = gesso_tensor_base (tensor);
  return view;
}

/* Whether `producer`, making a result of `natural` shape, could make `op`'s output in its place. */
static gboolean
can_take_over (const GessoOp *op, const GessoShape *natural)
{
  return gesso_shape_equal (&op->output->shape, natural) || !op->output->is_output;
}

static void
remove_op (Fuser *fuser, GessoOp *op)
{
  g_ptr_array_index (fuser->plan->ops, op->id) = NULL;
  g_free (op);
}

/* `producer` makes from now on what `op` made. Where the shapes differ (there was a view between them) `op`'s output
 * becomes a view. `op`, whose operands have found another place, is removed; the producer moves to where it stood if
 * `operand`, which it has taken over, is made only between the two. */
static void
take_over (Fuser *fuser, GessoOp *producer, GessoOp *op, const GessoShape *natural, const GessoTensor *operand)
{
  GessoTensor *output = op->output;
  const GessoOp *before = operand ? gesso_tensor_base (operand)->producer : NULL;
  const gboolean move = before && before->id > producer->id;
  const int place = op->id;

  *uses_of (fuser, producer->output) -= 1;
  producer->output->producer = NULL;
  if (gesso_shape_equal (&output->shape, natural))
    {
      producer->output = output;
      output->producer = producer;
    }
  else
    {
      const int uses = *uses_of (fuser, output);

      if (!gesso_shape_equal (&producer->output->shape, natural))
        producer->output
            = gesso_tensor_new (fuser->plan->tensors, GESSO_TENSOR_VALUE, producer->output->dtype, *natural);
      producer->output->producer = producer;
      *uses_of (fuser, producer->output) = uses;
      output->producer = NULL;
      output->view_of = producer->output;
    }
  remove_op (fuser, op);
  if (move)
    {
      g_ptr_array_index (fuser->plan->ops, producer->id) = NULL;
      g_ptr_array_index (fuser->plan->ops, place) = producer;
      producer->id = place;
    }
}

static gboolean
is_product (const GessoOp *op)
{
  return op->kind == GESSO_OP_CONV2D || op->kind == GESSO_OP_LINEAR;
}

static gboolean
is_geglu (const GessoOp *op)
{
  return op->kind == GESSO_OP_LINEAR && op->linear.geglu;
}

/* Whether nothing follows the product (and its bias) in `op` yet. */
static gboolean
is_plain (const GessoOp *op)
{
  return op->activation == GESSO_ACTIVATION_NONE && !op->residual && !is_geglu (op);
}

static gboolean
same_channels (const GessoTensor *a, const GessoTensor *b)
{
  return gesso_shape_channels (&a->shape) == gesso_shape_channels (&b->shape);
}

static void
fuse_bias (Fuser *fuser, GessoOp *add)
{
  GessoTensor *vector = add->inputs[1];
  GessoOp *producer = sole_producer (fuser, add->inputs[0]);
  GessoShape natural;

  if (!producer || !is_product (producer) || !is_plain (producer) || producer->bias || vector->dtype != GESSO_DTYPE_F32
      || !same_channels (producer->output, vector))
    return;
  natural = producer->output->shape;
  if (!can_take_over (add, &natural))
    return;
  producer->bias = vector;
  take_over (fuser, producer, add, &natural, vector);
}

static void
fuse_residual (Fuser *fuser, GessoOp *add)
{
  GessoOp *producer = NULL;
  GessoTensor *other = NULL;
  GessoShape natural;

  /* Of two that could take the sum the later one does, so that none has to move. */
  for (int i = 0; i < 2; i++)
    {
      GessoOp *candidate = sole_producer (fuser, add->inputs[i]);

      if (candidate && is_product (candidate) && !candidate->residual && (!producer || candidate->id > producer->id)
          && can_take_over (add, &candidate->output->shape) && add->inputs[1 - i]->kind != GESSO_TENSOR_WEIGHT)
        {
          producer = candidate;
          other = add->inputs[1 - i];
        }
    }
  if (!producer)
    return;
  natural = producer->output->shape;
  producer->residual = view_as (fuser, other, &natural);
  take_over (fuser, producer, add, &natural, other);
}

static void
fuse_activation (Fuser *fuser, GessoOp *op)
{
  GessoOp *producer = sole_producer (fuser, op->inputs[0]);
  GessoShape natural;

  if (!producer || !(is_product (producer) || producer->kind == GESSO_OP_GROUP_NORM) || !is_plain (producer))
    return;
  natural = producer->output->shape;
  if (!can_take_over (op, &natural))
    return;
  producer->activation = op->activation;
  take_over (fuser, producer, op, &natural, NULL);
}

static void
fuse_geglu (Fuser *fuser, GessoOp *op)
{
  GessoOp *producer = sole_producer (fuser, op->inputs[0]);
  GessoShape natural;

  if (!producer || producer->kind != GESSO_OP_LINEAR || !is_plain (producer)
      || !same_channels (producer->output, op->inputs[0]))
    return;
  natural = producer->output->shape;
  natural.dim[natural.rank - 1] /= 2;
  if (!can_take_over (op, &natural))
    return;
  producer->linear.geglu = TRUE;
  take_over (fuser, producer, op, &natural, NULL);
}

static void
fuse_upsample (Fuser *fuser, GessoOp *conv)
{
  GessoOp *producer = sole_producer (fuser, conv->inputs[0]);

  if (!producer || producer->kind != GESSO_OP_UPSAMPLE || conv->conv.virtual_height
      || !gesso_shape_equal (&conv->inputs[0]->shape, &producer->output->shape))
    return;
  conv->conv.virtual_height = (int) producer->output->shape.dim[1];
  conv->conv.virtual_width = (int) producer->output->shape.dim[2];
  conv->inputs[0] = producer->inputs[0];
  producer->output->producer = NULL;
  remove_op (fuser, producer);
}

static void
fuse_norm (Fuser *fuser, GessoOp *conv)
{
  const GessoShape shape = conv->inputs[0]->shape;
  GessoOp *norm = sole_producer (fuser, conv->inputs[0]);
  GessoTensor *x;

  if (!norm || norm->kind != GESSO_OP_GROUP_NORM || conv->input_norm.statistics || conv->conv.stride != 1)
    return;
  x = norm->inputs[0];
  /* A view between the two may join or split the picture's sides, not pictures or channels. */
  if (x->shape.dim[0] != shape.dim[0] || gesso_shape_channels (&x->shape) != shape.dim[3])
    return;

  conv->input_norm.gamma = norm->weight;
  conv->input_norm.beta = norm->bias;
  conv->input_norm.groups = norm->norm.groups;
  conv->input_norm.activation = norm->activation;
  conv->input_norm.statistics = gesso_tensor_new (fuser->plan->tensors, GESSO_TENSOR_VALUE, GESSO_DTYPE_F32,
                                                  GESSO_SHAPE3 (shape.dim[0], norm->norm.groups, 2));
  conv->inputs[0] = view_as (fuser, x, &shape);
  *uses_of (fuser, x) += 1;
  *uses_of (fuser, conv->input_norm.statistics) += 1;

  norm->output->producer = NULL;
  norm->kind = GESSO_OP_GROUP_STATISTICS;
  norm->weight = NULL;
  norm->bias = NULL;
  norm->activation = GESSO_ACTIVATION_NONE;
  norm->output = conv->input_norm.statistics;
  norm->output->producer = norm;
}

static void
fuse_op (Fuser *fuser, GessoOp *op)
{
  switch (op->kind)
    {
    case GESSO_OP_ADD:
      if (gesso_shape_equal (&op->inputs[0]->shape, &op->inputs[1]->shape))
        {
          if (allowed (fuser, GESSO_FUSE_RESIDUAL))
            fuse_residual (fuser, op);
        }
      else if (allowed (fuser, GESSO_FUSE_BIAS))
        fuse_bias (fuser, op);
      break;
    case GESSO_OP_ACTIVATION:
      if (allowed (fuser, GESSO_FUSE_ACTIVATION))
        fuse_activation (fuser, op);
      break;
    case GESSO_OP_GEGLU:
      if (allowed (fuser, GESSO_FUSE_GEGLU))
        fuse_geglu (fuser, op);
      break;
    case GESSO_OP_CONV2D:
      /* The norm comes before the enlargement in what a convolution does first: so it is looked for behind it. */
      if (allowed (fuser, GESSO_FUSE_UPSAMPLE))
        fuse_upsample (fuser, op);
      if (allowed (fuser, GESSO_FUSE_NORM_INTO_CONV))
        fuse_norm (fuser, op);
      break;
    default:
      break;
    }
}

void
gesso_plan_fuse (GessoPlan *plan)
{
  Fuser fuser = { plan, g_array_new (FALSE, TRUE, sizeof (int)) };
  guint n_left = 0;

  for (guint i = 0; i < plan->ops->len; i++)
    {
      GessoTensor **operands[GESSO_MAX_OPERANDS];
      int n = gesso_op_operands (g_ptr_array_index (plan->ops, i), operands);

      for (int j = 0; j < n; j++)
        *uses_of (&fuser, *operands[j]) += 1;
    }
  for (guint i = 0; i < plan->ops->len; i++)
    if (g_ptr_array_index (plan->ops, i))
      fuse_op (&fuser, g_ptr_array_index (plan->ops, i));

  for (guint i = 0; i < plan->ops->len; i++)
    {
      GessoOp *op = g_ptr_array_index (plan->ops, i);

      if (op)
        {
          op->id = (int) n_left;
          g_ptr_array_index (plan->ops, n_left++) = op;
        }
    }
  /* The rest is NULL or stands in front already. */
  for (guint i = n_left; i < plan->ops->len; i++)
    g_ptr_array_index (plan->ops, i) = NULL;
  g_ptr_array_set_size (plan->ops, (int) n_left);
  g_array_unref (fuser.uses);
}
