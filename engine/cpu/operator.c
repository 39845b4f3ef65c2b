/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every operation that is no product, bound to its tensors: glue between the plan and operators.h.
 */

#include "cpu.h"

#include <glib/gi18n-lib.h>

typedef struct
{
  GessoCpuOp base;
  GessoDType dtype; /* of the values */
  GessoCpuWeight *weight, *positions;
  GessoCpuVector gamma, beta, addend;
  GessoCpuAttention attention;
} Operator;

static void
operator_free (GessoCpuOp *op)
{
  g_free (op);
}

static const void *
input (const GessoCpuRun *run, const GessoOp *op, int i)
{
  return gesso_run_data (run, op->inputs[i]);
}

/* Pictures, rows of one picture, channels. */
static void
split_shape (const GessoShape *shape, gint64 *n, gint64 *rows, gint64 *channels)
{
  *n = shape->dim[0];
  *channels = gesso_shape_channels (shape);
  *rows = gesso_shape_rows (shape) / *n;
}

static gboolean
run_group (const Operator *op, GessoCpuRun *run)
{
  const GessoOp *what = op->base.op;
  const gboolean apply = what->kind == GESSO_OP_GROUP_NORM;
  const void *x = input (run, what, 0);
  void *y = gesso_run_data (run, what->output);
  float *statistics = apply ? (float *) run->scratch : y;
  gint64 n, rows, c;

  split_shape (&what->inputs[0]->shape, &n, &rows, &c);
  if (!gesso_cpu_group_statistics (&run->context, op->dtype, x, n, rows, c, what->norm.groups, what->norm.eps,
                                   statistics))
    return FALSE;
  return !apply
         || gesso_cpu_group_apply (&run->context, op->dtype, x, n, rows, c, what->norm.groups, statistics,
                                   gesso_run_vector (run, &op->gamma), gesso_run_vector (run, &op->beta),
                                   what->activation, y);
}

static gboolean
run_attention (const Operator *op, GessoCpuRun *run, const GessoPlanStep *step)
{
  const GessoOp *what = op->base.op;

  return gesso_cpu_attention (&run->context, &op->attention, step->image, step->begin, step->end, input (run, what, 0),
                              input (run, what, 1), input (run, what, 2), gesso_run_data (run, what->output),
                              run->scratch);
}

static gboolean
run_add (const Operator *op, GessoCpuRun *run)
{
  const GessoOp *what = op->base.op;
  const GessoShape *shape = &what->output->shape;
  const void *b = gesso_run_vector (run, &op->addend);
  void *y = gesso_run_data (run, what->output);

  if (gesso_shape_equal (&what->inputs[1]->shape, shape) && (op->weight || what->inputs[1]->dtype == op->dtype))
    return gesso_cpu_add (&run->context, op->dtype, input (run, what, 0), op->weight ? op->weight->data : b,
                          gesso_shape_elements (shape), y);
  return gesso_cpu_add_vector (&run->context, op->dtype, input (run, what, 0),
                               op->addend.weight ? GESSO_DTYPE_F32 : what->inputs[1]->dtype, b,
                               gesso_shape_rows (shape), gesso_shape_channels (shape), y);
}

static gboolean
run_combine (const Operator *op, GessoCpuRun *run)
{
  const GessoOp *what = op->base.op;
  const int n_terms = what->n_inputs - 1;
  const void *terms[GESSO_MAX_INPUTS];

  for (int i = 0; i < n_terms; i++)
    terms[i] = input (run, what, i);
  return gesso_cpu_combine (&run->context, op->dtype, n_terms, terms, input (run, what, n_terms),
                            gesso_shape_elements (&what->output->shape), gesso_run_data (run, what->output));
}

static gboolean
operator_run (GessoCpuOp *base, GessoCpuRun *run, const GessoPlanStep *step, GError **error)
{
  const Operator *op = (const Operator *) base;
  const GessoOp *what = base->op;
  const GessoShape *in = &what->inputs[0]->shape;
  const GessoShape *out = &what->output->shape;
  const GessoCpuContext *context = &run->context;
  const gint64 n = gesso_shape_elements (out);
  const void *x = input (run, what, 0);
  void *y = gesso_run_data (run, what->output);

  switch (what->kind)
    {
    case GESSO_OP_ATTENTION:
      return run_attention (op, run, step);
    case GESSO_OP_GROUP_NORM:
    case GESSO_OP_GROUP_STATISTICS:
      return run_group (op, run);
    case GESSO_OP_LAYER_NORM:
      return gesso_cpu_layer_norm (context, op->dtype, x, gesso_shape_rows (in), gesso_shape_channels (in),
                                   gesso_run_vector (run, &op->gamma), gesso_run_vector (run, &op->beta),
                                   what->norm.eps, y);
    case GESSO_OP_ACTIVATION:
      return gesso_cpu_activation (context, op->dtype, x, n, what->activation, y);
    case GESSO_OP_GEGLU:
      return gesso_cpu_geglu (context, op->dtype, x, gesso_shape_rows (out), gesso_shape_channels (out), y);
    case GESSO_OP_ADD:
      return run_add (op, run);
    case GESSO_OP_CONCAT:
      return gesso_cpu_concat (context, op->dtype, x, gesso_shape_channels (in), input (run, what, 1),
                               gesso_shape_channels (&what->inputs[1]->shape), gesso_shape_rows (out), y);
    case GESSO_OP_UPSAMPLE:
      return gesso_cpu_upsample (context, op->dtype, x, in->dim[0], in->dim[1], in->dim[2], in->dim[3], out->dim[1],
                                 out->dim[2], y);
    case GESSO_OP_EMBEDDING:
      return gesso_cpu_embedding (context, op->dtype, x, in->dim[0], in->dim[1], op->weight->data,
                                  what->weight->shape.dim[0], what->weight->shape.dim[1],
                                  op->positions ? op->positions->data : NULL, y);
    case GESSO_OP_CAST:
      return gesso_cpu_cast (context, what->inputs[0]->dtype, x, n, what->output->dtype, y);
    case GESSO_OP_REPEAT:
      return gesso_cpu_repeat (context, x, (gsize) gesso_shape_elements (in) * gesso_dtype_size (op->dtype),
                               what->repeat.times, y);
    case GESSO_OP_COMBINE:
      return run_combine (op, run);
    case GESSO_OP_PIXELS:
      return gesso_cpu_pixels (context, op->dtype, x, input (run, what, 1), gesso_shape_rows (in),
                               gesso_shape_channels (in), y);
    case GESSO_OP_IS_FINITE:
      return gesso_cpu_is_finite (context, op->dtype, x, gesso_shape_elements (in), y);
    default:
      g_return_val_if_reached (FALSE);
    }
}

/* Whether the kernels take values of this type in this operation. */
static gboolean
check_dtype (const GessoOp *op, GessoDType dtype, GError **error)
{
  const gboolean floats = dtype == GESSO_DTYPE_F32 || dtype == GESSO_DTYPE_BF16;

  if (floats || op->kind == GESSO_OP_CAST || op->kind == GESSO_OP_REPEAT)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("The CPU computes %s in f32 and bf16, not in %s."),
               gesso_op_kind_name (op->kind), gesso_dtype_name (dtype));
  return FALSE;
}

static void
compile_attention (Operator *op, const GessoProgram *program)
{
  const GessoOp *what = op->base.op;
  const GessoShape *q = &what->inputs[0]->shape;
  const GessoShape *k = &what->inputs[1]->shape;
  const GessoCpuContext context = { program->backend->n_threads, program->backend->kernels, NULL };

  op->attention = (GessoCpuAttention) { .dtype = op->dtype,
                                        .n = q->dim[0],
                                        .m = k->dim[0],
                                        .lq = q->dim[1],
                                        .lk = k->dim[1],
                                        .c = q->dim[2],
                                        .heads = what->attention.heads,
                                        .scale = what->attention.scale,
                                        .causal = what->attention.causal };
  op->base.scratch = gesso_cpu_attention_scratch (&context, &op->attention);
}

/* The second operand may be a weight: a vector of F32, or all values in the first one's type. */
static void
compile_add (Operator *op, GessoProgram *program)
{
  const GessoTensor *b = op->base.op->inputs[1];

  if (b->kind == GESSO_TENSOR_WEIGHT && gesso_shape_equal (&b->shape, &op->base.op->output->shape))
    op->weight = gesso_program_want (program, b, op->dtype);
  else
    op->addend = gesso_program_vector (program, b);
}

static const GessoCpuOpClass operator_class = { operator_run, NULL, operator_free };

GessoCpuOp *
gesso_cpu_compile_operator (GessoProgram *program, const GessoOp *what, GError **error)
{
  const gboolean by_output = what->kind == GESSO_OP_EMBEDDING;
  const GessoDType dtype = by_output ? what->output->dtype : what->inputs[0]->dtype;
  Operator *op;

  if (!check_dtype (what, dtype, error))
    return NULL;
  op = g_new0 (Operator, 1);
  op->base.class = &operator_class;
  op->base.op = what;
  op->dtype = dtype;
  switch (what->kind)
    {
    case GESSO_OP_ATTENTION:
      compile_attention (op, program);
      break;
    case GESSO_OP_GROUP_NORM:
      op->base.scratch = (gsize) what->output->shape.dim[0] * (gsize) what->norm.groups * 2 * sizeof (float);
      op->gamma = gesso_program_vector (program, what->weight);
      op->beta = gesso_program_vector (program, what->bias);
      break;
    case GESSO_OP_LAYER_NORM:
      op->gamma = gesso_program_vector (program, what->weight);
      op->beta = gesso_program_vector (program, what->bias);
      break;
    case GESSO_OP_EMBEDDING:
      op->weight = gesso_program_want (program, what->weight, dtype);
      if (what->bias)
        op->positions = gesso_program_want (program, what->bias, dtype);
      break;
    case GESSO_OP_ADD:
      compile_add (op, program);
      break;
    default:
      break;
    }
  return &op->base;
}
