/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * From a plan's operations to launches.
 */

#include "operation.h"

#include <glib/gi18n-lib.h>

/* ADD's second operand is a vector for each row. */
static gboolean
adds_vector (const GessoOp *op)
{
  return op->kind == GESSO_OP_ADD && !gesso_shape_equal (&op->inputs[0]->shape, &op->inputs[1]->shape);
}

GessoCudaWeight *
gesso_cuda_want (GessoProgram *program, const GessoTensor *tensor, GessoCudaForm form)
{
  GessoCudaWeight *weight;

  if (!tensor || tensor->kind != GESSO_TENSOR_WEIGHT)
    return NULL;
  weight = gesso_cuda_store_want (program->store, tensor, form, program->launcher->type);
  if (!g_ptr_array_find (program->weights, weight, NULL))
    g_ptr_array_add (program->weights, weight);
  return weight;
}

CUdeviceptr
gesso_cuda_address_of (const GessoCudaStep *step, const GessoTensor *tensor)
{
  const GessoProgram *program = step->program;
  const GessoPlacement *place;

  if (!tensor)
    return 0;
  place = gesso_plan_placement (program->plan, tensor);
  switch (place->place)
    {
    case GESSO_PLACE_ARENA:
      return step->addresses[0] + place->offset;
    case GESSO_PLACE_INPUT:
      if (program->copy_at[place->binding])
        return step->addresses[0] + program->copy_at[place->binding];
      return step->addresses[1 + place->binding];
    case GESSO_PLACE_OUTPUT:
      return step->addresses[1 + program->plan->inputs->len + (guint) place->binding];
    default:
      return 0;
    }
}

CUdeviceptr
gesso_cuda_operand (const GessoCudaStep *step, const GessoCudaWeight *weight, const GessoTensor *tensor)
{
  return weight ? weight->address : gesso_cuda_address_of (step, tensor);
}

CUdeviceptr
gesso_cuda_input (const GessoCudaStep *step, int i)
{
  return gesso_cuda_operand (step, i < 2 ? step->operands->inputs[i] : NULL, step->op->inputs[i]);
}

static gboolean
queue_norm (const GessoCudaStep *step, GError **error)
{
  GessoLauncher *launcher = step->program->launcher;
  const GessoOp *op = step->op;
  const GessoShape *shape = &op->inputs[0]->shape;
  const gint64 channels = gesso_shape_channels (shape), rows = gesso_shape_rows (shape);
  const CUdeviceptr gamma = step->operands->weight ? step->operands->weight->address : 0;
  const CUdeviceptr beta = step->operands->bias ? step->operands->bias->address : 0;

  if (op->kind == GESSO_OP_LAYER_NORM)
    return gesso_launch_layer_norm (launcher, op->inputs[0]->dtype, gesso_cuda_input (step, 0), gamma, beta,
                                    gesso_cuda_address_of (step, op->output), rows, channels, op->norm.eps, error);
  return gesso_launch_group_norm (launcher, op->inputs[0]->dtype, gesso_cuda_input (step, 0), gamma, beta,
                                  gesso_cuda_address_of (step, op->output), step->scratch, shape->dim[0],
                                  rows / shape->dim[0], channels, op->norm.groups, op->norm.eps, op->activation, error);
}

static gboolean
queue_add (const GessoCudaStep *step, GError **error)
{
  GessoLauncher *launcher = step->program->launcher;
  const GessoOp *op = step->op;
  const gint64 length = adds_vector (op) ? gesso_shape_channels (&op->inputs[1]->shape) : 0;
  CUdeviceptr other = gesso_cuda_input (step, 1);

  /* The kernel wants vectors in F32, as weights are packed. */
  if (length && !step->operands->inputs[1] && op->inputs[1]->dtype != GESSO_DTYPE_F32)
    {
      if (!gesso_launch_cast (launcher, other, op->inputs[1]->dtype, step->scratch, GESSO_DTYPE_F32, length, error))
        return FALSE;
      other = step->scratch;
    }
  return gesso_launch_add (launcher, op->inputs[0]->dtype, gesso_cuda_input (step, 0), other,
                           gesso_cuda_address_of (step, op->output), gesso_shape_elements (&op->output->shape), length,
                           error);
}

/* What only moves values, or computes each by itself. */
static gboolean
queue_plain (const GessoCudaStep *step, GError **error)
{
  GessoLauncher *launcher = step->program->launcher;
  const GessoOp *op = step->op;
  const GessoTensor *x = op->inputs[0], *y = op->output;
  const gsize size = gesso_dtype_size (x->dtype);
  const gint64 n = gesso_shape_elements (&y->shape), channels = gesso_shape_channels (&y->shape);
  const CUdeviceptr from = gesso_cuda_input (step, 0), to = gesso_cuda_address_of (step, y);

  switch (op->kind)
    {
    case GESSO_OP_ACTIVATION:
      return gesso_launch_activation (launcher, x->dtype, from, to, n, op->activation, error);
    case GESSO_OP_GEGLU:
      return gesso_launch_geglu (launcher, x->dtype, from, to, gesso_shape_rows (&y->shape), channels, error);
    case GESSO_OP_CONCAT:
      return gesso_launch_concat (
          launcher, from, (gsize) gesso_shape_channels (&x->shape) * size, gesso_cuda_input (step, 1),
          (gsize) gesso_shape_channels (&op->inputs[1]->shape) * size, to, gesso_shape_rows (&y->shape), error);
    case GESSO_OP_UPSAMPLE:
      return gesso_launch_upsample (launcher, from, to, x->shape.dim[0], x->shape.dim[1], x->shape.dim[2],
                                    y->shape.dim[1], y->shape.dim[2], (gsize) channels * size, error);
    case GESSO_OP_EMBEDDING:
      return gesso_launch_embedding (launcher, from, step->operands->weight->address, step->operands->bias->address, to,
                                     gesso_shape_rows (&y->shape), y->shape.dim[1], channels, op->weight->shape.dim[0],
                                     error);
    case GESSO_OP_CAST:
      return gesso_launch_cast (launcher, from, x->dtype, to, y->dtype, n, error);
    case GESSO_OP_PIXELS:
      return gesso_launch_pixels (launcher, x->dtype, from, gesso_cuda_input (step, 1), to,
                                  gesso_shape_rows (&x->shape), gesso_shape_channels (&x->shape), error);
    case GESSO_OP_IS_FINITE:
      return gesso_launch_is_finite (launcher, x->dtype, from, to, gesso_shape_elements (&x->shape), error);
    default:
      return gesso_launch_repeat (launcher, from, to, gesso_cuda_tensor_bytes (x), op->repeat.times, error);
    }
}

GessoCudaStep
gesso_cuda_step (const GessoProgram *program, const CUdeviceptr *addresses, int op)
{
  return (GessoCudaStep) { .program = program,
                           .op = g_ptr_array_index (program->plan->ops, op),
                           .operands = &program->operands[op],
                           .addresses = addresses,
                           .scratch = program->scratch ? addresses[0] + program->scratch_at : 0 };
}

static gboolean
queue_one (const GessoProgram *program, const CUdeviceptr *addresses, const GessoPlanStep *what, GError **error)
{
  const GessoCudaStep step = gesso_cuda_step (program, addresses, what->op);

  switch (step.op->kind)
    {
    case GESSO_OP_CONV2D:
    case GESSO_OP_LINEAR:
      return gesso_cuda_queue_product (&step, what, error);
    case GESSO_OP_ATTENTION:
      return gesso_cuda_queue_attention (&step, what, error);
    case GESSO_OP_GROUP_NORM:
    case GESSO_OP_GROUP_STATISTICS:
    case GESSO_OP_LAYER_NORM:
      return queue_norm (&step, error);
    case GESSO_OP_ADD:
      return queue_add (&step, error);
    default:
      return queue_plain (&step, error);
    }
}

gboolean
gesso_cuda_operation_queue (const GessoProgram *program, const CUdeviceptr *addresses, guint *next, GError **error)
{
  const GessoPlanStep *what = &g_array_index (program->plan->steps, GessoPlanStep, *next);
  const GessoOp *op = g_ptr_array_index (program->plan->ops, what->op);

  if (op->kind == GESSO_OP_COMBINE)
    return gesso_cuda_queue_combines (program, addresses, next, error);
  *next += 1;
  return queue_one (program, addresses, what, error);
}

/* Products and attention are there in the type of values alone, norms and the rest in F32 too. */
static gboolean
check_type (const GessoProgram *program, const GessoOp *op, GError **error)
{
  const GessoDType type = program->launcher->type, dtype = op->output->dtype;
  const gboolean is_product
      = op->kind == GESSO_OP_CONV2D || op->kind == GESSO_OP_LINEAR || op->kind == GESSO_OP_ATTENTION;

  if (!is_product || dtype == type)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
               _ ("\"%s\": the card does not compute %s in %s. Plan it with the options of this backend."),
               program->plan->name, gesso_op_kind_name (op->kind), gesso_dtype_name (dtype));
  return FALSE;
}

gboolean
gesso_cuda_operation_prepare (GessoProgram *program, const GessoOp *op, gsize *scratch, GError **error)
{
  const GessoShape *in = &op->inputs[0]->shape;
  GessoCudaOperands *operands = &program->operands[op->id];
  GessoCudaForm weight = GESSO_CUDA_VECTOR, bias = GESSO_CUDA_VECTOR;

  *scratch = 0;
  switch (op->kind)
    {
    case GESSO_OP_CONV2D:
      weight = GESSO_CUDA_MATRIX;
      break;
    case GESSO_OP_LINEAR:
      weight = op->linear.geglu ? GESSO_CUDA_GEGLU : GESSO_CUDA_MATRIX;
      bias = op->linear.geglu ? GESSO_CUDA_GEGLU_VECTOR : GESSO_CUDA_VECTOR;
      break;
    case GESSO_OP_EMBEDDING:
      weight = bias = GESSO_CUDA_PLAIN;
      break;
    case GESSO_OP_GROUP_NORM:
    case GESSO_OP_GROUP_STATISTICS:
      *scratch = gesso_group_norm_scratch (program->launcher, in->dim[0], gesso_shape_rows (in) / in->dim[0],
                                           gesso_shape_channels (in), op->norm.groups);
      break;
    case GESSO_OP_ADD:
      *scratch = adds_vector (op) ? (gsize) gesso_shape_channels (in) * sizeof (float) : 0;
      break;
    default:
      break;
    }
  operands->weight = gesso_cuda_want (program, op->weight, weight);
  operands->bias = gesso_cuda_want (program, op->bias, bias);
  for (int i = 0; i < MIN (op->n_inputs, 2); i++)
    operands->inputs[i]
        = gesso_cuda_want (program, op->inputs[i], i == 1 && adds_vector (op) ? GESSO_CUDA_VECTOR : GESSO_CUDA_PLAIN);
  if (!check_type (program, op, error))
    return FALSE;
  if (op->kind == GESSO_OP_ATTENTION)
    gesso_cuda_prepare_attention (program, op);
  return (op->kind != GESSO_OP_CONV2D && op->kind != GESSO_OP_LINEAR)
         || gesso_cuda_prepare_product (program, op, scratch, error);
}
