/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions and linear layers, whole or a band of rows. A group of linear layers (operation-group.c) is one product
 * of several members, which the first of them decides and queues for all. Where a group norm is folded into a
 * convolution, the rows of the input that a step sees are normalised into the scratch first, and the convolution reads
 * them there.
 */

#include "choose.h"
#include "operation.h"
#include "tuning-key.h"

/* The rows of the input that a step sees normalised: those of all pictures, of one picture, or around a band of it. */
typedef struct
{
  gint64 picture, n_pictures;
  gint64 first, n_rows; /* of each picture's input */
  gboolean is_band;     /* not whole pictures */
  gint64 pixels_before; /* pixels of the output in front of the step's first picture or band */
} Prepared;

static Prepared
prepared_of (const GessoOp *op, const GessoPlanStep *step)
{
  const GessoShape *in = &op->inputs[0]->shape, *out = &op->output->shape;
  const gint64 above = step->begin * op->conv.stride - op->conv.pad_top;
  const gint64 end = (step->end - 1) * op->conv.stride - op->conv.pad_top + op->weight->shape.dim[2];
  Prepared prepared = { .n_pictures = in->dim[0], .n_rows = in->dim[1] };

  if (step->image < 0)
    return prepared;
  prepared.picture = step->image;
  prepared.n_pictures = 1;
  prepared.pixels_before = step->image * out->dim[1] * out->dim[2];
  /* Rows that are enlarged on the way are not worth finding out: no network has a norm there. */
  if (op->conv.virtual_height)
    return prepared;
  prepared.is_band = TRUE;
  /* Of a band that sees nothing but padding, some row. */
  prepared.first = CLAMP (above, 0, in->dim[1] - 1);
  prepared.n_rows = MAX (MIN (end, in->dim[1]) - prepared.first, 1);
  prepared.pixels_before += step->begin * out->dim[2];
  return prepared;
}

static gsize
prepared_bytes (const GessoOp *op, const GessoPlanStep *step)
{
  const GessoShape *in = &op->inputs[0]->shape;
  const Prepared prepared = prepared_of (op, step);

  if (!op->input_norm.statistics)
    return 0;
  return gesso_cuda_align ((gsize) (prepared.n_pictures * prepared.n_rows * in->dim[2] * in->dim[3])
                           * gesso_dtype_size (op->inputs[0]->dtype));
}

static gboolean
queue_normalised (const GessoCudaStep *step, const GessoPlanStep *what, GError **error)
{
  const GessoOp *op = step->op;
  const GessoOpNorm *norm = &op->input_norm;
  const GessoShape *in = &op->inputs[0]->shape;
  const Prepared prepared = prepared_of (op, what);
  const gint64 row = in->dim[2] * in->dim[3], first = prepared.picture * in->dim[1] + prepared.first;
  const CUdeviceptr statistics = gesso_cuda_address_of (step, norm->statistics);

  return gesso_launch_group_normalise (
      step->program->launcher, op->inputs[0]->dtype,
      gesso_cuda_input (step, 0) + (gsize) (first * row) * gesso_dtype_size (op->inputs[0]->dtype),
      statistics + (gsize) (prepared.picture * norm->groups * 2) * sizeof (float), step->operands->gamma->address,
      step->operands->beta->address, step->scratch, prepared.n_pictures, prepared.n_rows * in->dim[2], in->dim[3],
      norm->groups, norm->activation, error);
}

static void
set_convolution (GessoProduct *product, const GessoOp *op, const GessoPlanStep *step)
{
  const GessoShape *in = &op->inputs[0]->shape, *out = &op->output->shape, *weight = &op->weight->shape;
  gint64 first = MAX (step->image, 0) * out->dim[1];
  GessoConvShape *conv = &product->conv;

  *conv = (GessoConvShape) {
    .height = (gint32) in->dim[1],
    .width = (gint32) in->dim[2],
    .channels = (gint32) in->dim[3],
    .virtual_height = op->conv.virtual_height ? op->conv.virtual_height : (gint32) in->dim[1],
    .virtual_width = op->conv.virtual_width ? op->conv.virtual_width : (gint32) in->dim[2],
    .out_height = (gint32) out->dim[1],
    .out_width = (gint32) out->dim[2],
    .kernel_height = (gint32) weight->dim[2],
    .kernel_width = (gint32) weight->dim[3],
    .stride = op->conv.stride,
    .pad_top = op->conv.pad_top,
    .pad_left = op->conv.pad_left,
  };
  product->columns = out->dim[3];
  if (op->input_norm.statistics)
    {
      const Prepared prepared = prepared_of (op, step);

      /* What was prepared is a picture of its own, whose upper edge is padded only where it is the picture's. */
      first = 0;
      if (prepared.is_band)
        {
          conv->height = conv->virtual_height = (gint32) prepared.n_rows;
          conv->out_height = (gint32) (step->end - step->begin);
          conv->pad_top = (gint32) (prepared.first - step->begin * op->conv.stride + op->conv.pad_top);
          product->begin = 0;
          product->end = (step->end - step->begin) * out->dim[2];
          return;
        }
    }
  product->begin = step->image < 0 ? 0 : (first + step->begin) * out->dim[2];
  product->end = step->image < 0 ? gesso_shape_rows (out) : (first + step->end) * out->dim[2];
}

/* The product that a step is, with those of the operations that go along, without addresses and not saying which way it
 * goes. */
static GessoProduct
product_of (const GessoProgram *program, const GessoOp *op, const GessoPlanStep *step)
{
  const GessoCudaOperands *operands = &program->operands[op->id];
  const GessoShape *in = &op->inputs[0]->shape, *out = &op->output->shape;
  GessoProduct product = { .activation = op->activation, .shortest = operands->shortest };

  if (op->kind == GESSO_OP_CONV2D)
    set_convolution (&product, op, step);
  else
    {
      gesso_product_linear (&product, gesso_shape_rows (out), gesso_shape_channels (in), gesso_shape_channels (out),
                            op->linear.geglu);
      product.begin = step->begin;
      product.end = step->end;
    }
  product.n_members = operands->n_members;
  for (int i = 0; i < product.n_members; i++)
    {
      product.member[i].bias = op->bias ? GESSO_SOMEWHERE : 0;
      product.member[i].residual = op->residual ? GESSO_SOMEWHERE : 0;
      product.lt_bias[i] = operands->lt_bias ? GESSO_SOMEWHERE : 0;
    }
  return product;
}

/* The product that decides for all steps of `op`: the same row goes the same way in whichever band it lies, and so
 * there are no seams. */
static GessoProduct
deciding_product (const GessoProgram *program, const GessoOp *op)
{
  const GessoCudaOperands *operands = &program->operands[op->id];

  return product_of (program, op, &g_array_index (program->plan->steps, GessoPlanStep, operands->tallest));
}

/* Finds the tallest and the shortest step of `op`, and the bytes that the largest needs for what it normalises. */
static gsize
look_at_steps (GessoProgram *program, const GessoOp *op)
{
  GessoCudaOperands *operands = &program->operands[op->id];
  const GArray *steps = program->plan->steps;
  gint64 most = 0, least = 0;
  gsize bytes = 0;
  guint n = 0;

  for (guint i = 0; i < steps->len; i++)
    {
      const GessoPlanStep *step = &g_array_index (steps, GessoPlanStep, i);
      GessoProduct product;
      gint64 rows;

      if (g_ptr_array_index (program->plan->ops, step->op) != op)
        continue;
      product = product_of (program, op, step);
      rows = product.end - product.begin;
      if (rows > most)
        operands->tallest = i;
      most = MAX (most, rows);
      least = n++ == 0 ? rows : MIN (least, rows);
      bytes = MAX (bytes, prepared_bytes (op, step));
    }
  operands->shortest = n > 1 ? least : 0;
  return bytes;
}

/* Notes the biases of all members as cuBLASLt wants them, where it can do them. */
static void
want_lt_biases (GessoProgram *program, const GessoOp *op)
{
  GessoCudaOperands *operands = &program->operands[op->id];
  GessoProduct product = deciding_product (program, op);

  if (!op->bias || op->bias->kind != GESSO_TENSOR_WEIGHT)
    return;
  for (int i = 0; i < product.n_members; i++)
    product.lt_bias[i] = GESSO_SOMEWHERE;
  if (!gesso_product_lt_can (program->launcher, &product))
    return;
  for (int i = 0; i < product.n_members; i++)
    {
      const GessoOp *member = g_ptr_array_index (program->plan->ops, op->id + i);

      operands[i].lt_bias = gesso_cuda_want (program, member->bias, GESSO_CUDA_PLAIN);
    }
}

gboolean
gesso_cuda_prepare_product (GessoProgram *program, const GessoOp *op, gsize *scratch, GError **error)
{
  GessoCudaOperands *operands = &program->operands[op->id];
  GessoProduct product;
  gsize prepared, bytes = 0;

  if (!operands->n_members)
    return TRUE;
  prepared = look_at_steps (program, op);
  operands->gamma = gesso_cuda_want (program, op->input_norm.gamma, GESSO_CUDA_VECTOR);
  operands->beta = gesso_cuda_want (program, op->input_norm.beta, GESSO_CUDA_VECTOR);
  want_lt_biases (program, op);
  product = deciding_product (program, op);
  if (!gesso_cuda_choose_product (program, &product, &bytes, error))
    return FALSE;
  *scratch = MAX (*scratch, prepared + bytes);
  return TRUE;
}

static void
set_member (GessoProduct *product, const GessoCudaStep *step, int i)
{
  const GessoOp *op = g_ptr_array_index (step->program->plan->ops, step->op->id + i);
  const GessoCudaOperands *operands = &step->operands[i];

  product->member[i] = (GessoProductMember) { .weight = operands->weight->address,
                                              .bias = gesso_cuda_operand (step, operands->bias, op->bias),
                                              .residual = gesso_cuda_address_of (step, op->residual),
                                              .result = gesso_cuda_address_of (step, op->output) };
  product->lt_bias[i] = operands->lt_bias ? operands->lt_bias->address : 0;
}

gboolean
gesso_cuda_queue_product (const GessoCudaStep *step, const GessoPlanStep *what, GError **error)
{
  const GessoProgram *program = step->program;
  GessoLauncher *launcher = program->launcher;
  const GessoOp *op = step->op;
  GessoProduct deciding, product;
  GessoTuningKey key;

  /* It went along with an earlier one. */
  if (!step->operands->n_members)
    return TRUE;
  deciding = deciding_product (program, op);
  product = product_of (program, op, what);
  /* Loading has seen to it that there is one. */
  key = gesso_tuning_product_key (launcher->type, &deciding);
  product.way = gesso_tuning_find (program->backend->tuning, &key)->way.product;
  product.input = gesso_cuda_input (step, 0);
  for (int i = 0; i < product.n_members; i++)
    set_member (&product, step, i);
  product.scratch = step->scratch;
  if (op->kind == GESSO_OP_CONV2D && op->input_norm.statistics)
    {
      const gsize before
          = (gsize) (prepared_of (op, what).pixels_before * product.columns) * gesso_dtype_size (op->output->dtype);

      if (!queue_normalised (step, what, error))
        return FALSE;
      product.input = step->scratch;
      product.scratch = gesso_product_scratch (&product) ? step->scratch + prepared_bytes (op, what) : 0;
      product.member[0].result += before;
      product.member[0].residual += product.member[0].residual ? before : 0;
    }
  return gesso_launch_product (launcher, &product, error);
}
