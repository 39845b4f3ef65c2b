/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Running a program: finds every tensor where the plan has it and hands f32 values to the formulas.
 */

#include "cancel.h"
#include "convert.h"
#include "kernels.h"
#include "reference-private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  const GessoProgram *program;
  guint8 *arena;
  guint8 *scratch; /* behind the arena */
  gsize used;      /* of it, by the running step */
  guint8 **own;    /* by tensor id: memory of its own, where tensors are kept separate */
  const GessoBinding *inputs;
  const GessoBinding *outputs;
  GCancellable *cancellable;
} Run;

static gsize
scratch_bytes (gint64 values)
{
  return ((gsize) values * sizeof (float) + GESSO_ARENA_ALIGNMENT - 1) & ~(gsize) (GESSO_ARENA_ALIGNMENT - 1);
}

static gsize
converted_bytes (const GessoTensor *tensor)
{
  return tensor && tensor->kind != GESSO_TENSOR_WEIGHT
                 && (tensor->dtype == GESSO_DTYPE_BF16 || tensor->dtype == GESSO_DTYPE_F16)
             ? scratch_bytes (gesso_shape_elements (&tensor->shape))
             : 0;
}

static gint64
conv_height (const GessoOp *op)
{
  return op->conv.virtual_height ? op->conv.virtual_height : op->inputs[0]->shape.dim[1];
}

static gint64
conv_width (const GessoOp *op)
{
  return op->conv.virtual_width ? op->conv.virtual_width : op->inputs[0]->shape.dim[2];
}

/* What `op` needs beside its operands: for each 16-bit one its f32 values, and room for the formula. */
gsize
gesso_reference_op_scratch (const GessoOp *op)
{
  gsize bytes = converted_bytes (op->output) + converted_bytes (op->residual) + converted_bytes (op->bias);

  for (int i = 0; i < op->n_inputs; i++)
    bytes += converted_bytes (op->inputs[i]);
  switch (op->kind)
    {
    case GESSO_OP_CONV2D:
      bytes += scratch_bytes (GESSO_REFERENCE_BLOCK * op->weight->shape.dim[0] + op->weight->shape.dim[1]);
      if (op->input_norm.statistics)
        bytes += scratch_bytes (gesso_shape_elements (&op->inputs[0]->shape) / op->inputs[0]->shape.dim[0]);
      if (op->conv.virtual_height)
        bytes += scratch_bytes (conv_height (op) * conv_width (op) * op->inputs[0]->shape.dim[3]);
      break;
    case GESSO_OP_LINEAR:
      bytes += scratch_bytes (GESSO_REFERENCE_BLOCK * op->weight->shape.dim[0]);
      break;
    case GESSO_OP_ATTENTION:
      bytes += scratch_bytes (op->inputs[1]->shape.dim[1]);
      break;
    case GESSO_OP_GROUP_NORM:
      bytes += scratch_bytes (op->output->shape.dim[0] * op->norm.groups * 2);
      break;
    default:
      break;
    }
  return bytes;
}

static float *
take_scratch (Run *run, gint64 values)
{
  float *memory = (float *) (run->scratch + run->used);

  run->used += scratch_bytes (values);
  return memory;
}

/* The bytes of a tensor that is no weight. */
static void *
data_of (const Run *run, const GessoTensor *tensor)
{
  const GessoPlacement *placement = gesso_plan_placement (run->program->plan, tensor);
  const GessoBinding *binding;

  if (placement->place == GESSO_PLACE_ARENA)
    return run->own ? run->own[tensor->view_of ? tensor->view_of->id : tensor->id] : run->arena + placement->offset;
  binding = &(placement->place == GESSO_PLACE_INPUT ? run->inputs : run->outputs)[placement->binding];
  return binding->buffer->data + binding->offset;
}

/* The values of an operand; NULL for none. */
static const float *
values_of (Run *run, const GessoTensor *tensor)
{
  const gint64 n = tensor ? gesso_shape_elements (&tensor->shape) : 0;
  float *values;

  if (!tensor)
    return NULL;
  if (tensor->kind == GESSO_TENSOR_WEIGHT)
    return run->program->plain[tensor->id]->values;
  if (tensor->dtype == GESSO_DTYPE_F32)
    return data_of (run, tensor);
  values = take_scratch (run, n);
  gesso_reference_to_f32 (tensor->dtype, data_of (run, tensor), n, values);
  return values;
}

/* Where a formula may write the values of `op`'s output. */
static float *
result_of (Run *run, const GessoOp *op)
{
  return op->output->dtype == GESSO_DTYPE_F32 ? data_of (run, op->output)
                                              : take_scratch (run, gesso_shape_elements (&op->output->shape));
}

/* Puts `n` values from `first` on where they belong, if they are not there already. */
static void
keep_result (Run *run, const GessoOp *op, const float *result, gint64 first, gint64 n)
{
  if (op->output->dtype != GESSO_DTYPE_F32)
    gesso_reference_from_f32 (op->output->dtype, result + first, n,
                              (guint8 *) data_of (run, op->output)
                                  + first * (gint64) gesso_dtype_size (op->output->dtype));
}

static gboolean
run_conv2d (Run *run, const GessoOp *op, const GessoPlanStep *step)
{
  const GessoShape *in = &op->inputs[0]->shape, *out = &op->output->shape;
  const gint64 h = conv_height (op), w = conv_width (op), c = in->dim[3];
  const gint64 in_picture = in->dim[1] * in->dim[2] * c, row = out->dim[2] * out->dim[3];
  const gint64 first = step->image < 0 ? 0 : step->image;
  const gint64 last = step->image < 0 ? out->dim[0] : step->image + 1;
  const GessoOpNorm *norm = &op->input_norm;
  const GessoReferenceConv conv = { .h = h,
                                    .w = w,
                                    .i = c,
                                    .kh = op->weight->shape.dim[2],
                                    .kw = op->weight->shape.dim[3],
                                    .stride = op->conv.stride,
                                    .pad_top = op->conv.pad_top,
                                    .pad_left = op->conv.pad_left,
                                    .ow = out->dim[2],
                                    .o = out->dim[3] };
  const float *input = values_of (run, op->inputs[0]);
  const float *residual = values_of (run, op->residual);
  const float *statistics = values_of (run, norm->statistics);
  GessoReferenceEpilogue epilogue = { .bias = values_of (run, op->bias), .activation = op->activation };
  float *result = result_of (run, op);
  float *sums = take_scratch (run, GESSO_REFERENCE_BLOCK * conv.o + c);
  float *normalised = statistics ? take_scratch (run, in_picture) : NULL;
  float *enlarged = op->conv.virtual_height ? take_scratch (run, h * w * c) : NULL;

  for (gint64 image = first; image < last; image++)
    {
      const float *x = input + image * in_picture;

      if (normalised)
        {
          gesso_reference_group_apply (x, 1, in->dim[1] * in->dim[2], c, norm->groups,
                                       statistics + image * norm->groups * 2, values_of (run, norm->gamma),
                                       values_of (run, norm->beta), norm->activation, normalised);
          x = normalised;
        }
      if (enlarged)
        {
          gesso_reference_upsample (x, 1, in->dim[1], in->dim[2], (gsize) c * sizeof *x, h, w, enlarged);
          x = enlarged;
        }
      if (residual)
        epilogue.residual = residual + image * out->dim[1] * row;
      if (!gesso_reference_conv2d (&conv, x, run->program->matrix[op->weight->id]->values, &epilogue, step->begin,
                                   step->end, result + image * out->dim[1] * row, sums, run->cancellable))
        return FALSE;
      keep_result (run, op, result, (image * out->dim[1] + step->begin) * row, (step->end - step->begin) * row);
    }
  return TRUE;
}

static gboolean
run_linear (Run *run, const GessoOp *op, const GessoPlanStep *step)
{
  const gint64 o = gesso_shape_channels (&op->output->shape);
  const float *input = values_of (run, op->inputs[0]);
  const GessoReferenceEpilogue epilogue = { .bias = values_of (run, op->bias),
                                            .residual = values_of (run, op->residual),
                                            .activation = op->activation,
                                            .geglu = op->linear.geglu };
  float *result = result_of (run, op);
  float *sums = take_scratch (run, GESSO_REFERENCE_BLOCK * op->weight->shape.dim[0]);

  if (!gesso_reference_linear (input, gesso_shape_channels (&op->inputs[0]->shape),
                               run->program->matrix[op->weight->id]->values, o, &epilogue, step->begin, step->end,
                               result, sums, run->cancellable))
    return FALSE;
  keep_result (run, op, result, step->begin * o, (step->end - step->begin) * o);
  return TRUE;
}

static gboolean
run_attention (Run *run, const GessoOp *op, const GessoPlanStep *step)
{
  const GessoShape *q = &op->inputs[0]->shape, *k = &op->inputs[1]->shape;
  const gint64 lq = q->dim[1], lk = k->dim[1], c = q->dim[2];
  const gint64 first = step->image < 0 ? 0 : step->image;
  const gint64 last = step->image < 0 ? q->dim[0] : step->image + 1;
  const float *query = values_of (run, op->inputs[0]);
  const float *key = values_of (run, op->inputs[1]);
  const float *value = values_of (run, op->inputs[2]);
  float *result = result_of (run, op);
  float *scores = take_scratch (run, lk);

  for (gint64 image = first; image < last; image++)
    {
      const gint64 other = image / (q->dim[0] / k->dim[0]) * lk * c;

      if (!gesso_reference_attention (query + image * lq * c, key + other, value + other, lk, c, op->attention.heads,
                                      op->attention.scale, op->attention.causal, step->begin, step->end,
                                      result + image * lq * c, scores, run->cancellable))
        return FALSE;
      keep_result (run, op, result, (image * lq + step->begin) * c, (step->end - step->begin) * c);
    }
  return TRUE;
}

static void
run_embedding (Run *run, const GessoOp *op)
{
  const gint64 c = gesso_shape_channels (&op->output->shape), length = op->output->shape.dim[1];
  const gint32 *ids = data_of (run, op->inputs[0]);
  const float *table = values_of (run, op->weight);
  const float *positions = values_of (run, op->bias);
  float *result = result_of (run, op);

  for (gint64 row = 0; row < gesso_shape_rows (&op->output->shape); row++)
    {
      const gint64 id = CLAMP (ids[row], 0, op->weight->shape.dim[0] - 1);

      for (gint64 i = 0; i < c; i++)
        result[row * c + i] = table[id * c + i] + positions[row % length * c + i];
    }
  keep_result (run, op, result, 0, gesso_shape_elements (&op->output->shape));
}

/* Operations that compute value by value or row by row, always as a whole. */
static void
run_pointwise (Run *run, const GessoOp *op)
{
  const GessoShape *in = &op->inputs[0]->shape;
  const gint64 n = gesso_shape_elements (&op->output->shape);
  const gint64 c = gesso_shape_channels (in), rows = gesso_shape_rows (in);
  const gint64 picture_rows = rows / in->dim[0];
  const float *x = values_of (run, op->inputs[0]);
  float *y = result_of (run, op);

  switch (op->kind)
    {
    case GESSO_OP_GROUP_STATISTICS:
      gesso_reference_group_statistics (x, in->dim[0], picture_rows, c, op->norm.groups, op->norm.eps, y);
      break;
    case GESSO_OP_GROUP_NORM:
      {
        float *statistics = take_scratch (run, in->dim[0] * op->norm.groups * 2);

        gesso_reference_group_statistics (x, in->dim[0], picture_rows, c, op->norm.groups, op->norm.eps, statistics);
        gesso_reference_group_apply (x, in->dim[0], picture_rows, c, op->norm.groups, statistics,
                                     values_of (run, op->weight), values_of (run, op->bias), op->activation, y);
        break;
      }
    case GESSO_OP_LAYER_NORM:
      gesso_reference_layer_norm (x, rows, c, values_of (run, op->weight), values_of (run, op->bias), op->norm.eps, y);
      break;
    case GESSO_OP_ACTIVATION:
      for (gint64 i = 0; i < n; i++)
        y[i] = gesso_reference_activate (op->activation, x[i]);
      break;
    case GESSO_OP_GEGLU:
      for (gint64 i = 0; i < n; i++)
        {
          const float *row = x + i / (c / 2) * c;

          y[i] = row[i % (c / 2)] * gesso_reference_gelu (row[c / 2 + i % (c / 2)]);
        }
      break;
    case GESSO_OP_ADD:
      {
        const float *other = values_of (run, op->inputs[1]);
        const gint64 n_other = gesso_shape_elements (&op->inputs[1]->shape);

        for (gint64 i = 0; i < n; i++)
          y[i] = x[i] + other[i % n_other];
        break;
      }
    default: /* CAST */
      memmove (y, x, (gsize) n * sizeof *y);
      break;
    }
  keep_result (run, op, y, 0, n);
}

static void
run_combine (Run *run, const GessoOp *op)
{
  const gint64 n = gesso_shape_elements (&op->output->shape);
  const float *coefficients = values_of (run, op->inputs[op->n_inputs - 1]);
  const float *terms[GESSO_MAX_INPUTS];
  float *y = result_of (run, op);

  for (int j = 0; j + 1 < op->n_inputs; j++)
    terms[j] = values_of (run, op->inputs[j]);
  for (gint64 i = 0; i < n; i++)
    {
      float sum = 0.0f;

      for (int j = 0; j + 1 < op->n_inputs; j++)
        if (coefficients[j] != 0.0f)
          sum += coefficients[j] * terms[j][i];
      y[i] = sum;
    }
  keep_result (run, op, y, 0, n);
}

static void
run_pixels (Run *run, const GessoOp *op)
{
  const gint64 rows = gesso_shape_rows (&op->output->shape), c = gesso_shape_channels (&op->inputs[0]->shape);
  const float *x = values_of (run, op->inputs[0]), *colours = values_of (run, op->inputs[1]);
  guint8 *y = data_of (run, op->output);

  for (gint64 i = 0; i < rows; i++, x += c)
    for (int k = 0; k < 3; k++)
      {
        const float *row = colours + k * (c + 1);
        float sum = row[c];

        for (gint64 j = 0; j < c; j++)
          sum += row[j] * x[j];
        *y++ = sum > 0.0f ? (guint8) rintf (MIN (sum, 1.0f) * 255.0f) : 0;
      }
}

static void
run_is_finite (Run *run, const GessoOp *op)
{
  const gint64 n = gesso_shape_elements (&op->inputs[0]->shape);
  const float *x = values_of (run, op->inputs[0]);
  gint32 *y = data_of (run, op->output);

  *y = TRUE;
  for (gint64 i = 0; i < n; i++)
    if (!isfinite (x[i]))
      *y = FALSE;
}

/* Operations that move values as they are. */
static void
run_copy (Run *run, const GessoOp *op)
{
  const GessoShape *in = &op->inputs[0]->shape, *out = &op->output->shape;
  const gsize size = gesso_dtype_size (op->output->dtype);
  const gsize row = (gsize) gesso_shape_channels (in) * size;
  guint8 *to = data_of (run, op->output);

  switch (op->kind)
    {
    case GESSO_OP_CONCAT:
      {
        const gsize other_row = (gsize) gesso_shape_channels (&op->inputs[1]->shape) * size;
        const guint8 *a = data_of (run, op->inputs[0]), *b = data_of (run, op->inputs[1]);

        for (gint64 i = 0; i < gesso_shape_rows (out); i++, a += row, b += other_row, to += row + other_row)
          {
            memcpy (to, a, row);
            memcpy (to + row, b, other_row);
          }
        break;
      }
    case GESSO_OP_UPSAMPLE:
      gesso_reference_upsample (data_of (run, op->inputs[0]), in->dim[0], in->dim[1], in->dim[2], row, out->dim[1],
                                out->dim[2], to);
      break;
    case GESSO_OP_REPEAT:
      for (int i = 0; i < op->repeat.times; i++, to += (gsize) gesso_shape_elements (in) * size)
        memcpy (to, data_of (run, op->inputs[0]), (gsize) gesso_shape_elements (in) * size);
      break;
    default: /* CAST of integers */
      memcpy (to, data_of (run, op->inputs[0]), (gsize) gesso_shape_elements (in) * size);
      break;
    }
}

/* FALSE when cancelled. */
static gboolean
run_step (Run *run, const GessoPlanStep *step)
{
  const GessoOp *op = g_ptr_array_index (run->program->plan->ops, step->op);

  run->used = 0;
  if (g_cancellable_is_cancelled (run->cancellable))
    return FALSE;
  switch (op->kind)
    {
    case GESSO_OP_CONV2D:
      return run_conv2d (run, op, step);
    case GESSO_OP_LINEAR:
      return run_linear (run, op, step);
    case GESSO_OP_ATTENTION:
      return run_attention (run, op, step);
    case GESSO_OP_EMBEDDING:
      run_embedding (run, op);
      return TRUE;
    case GESSO_OP_COMBINE:
      run_combine (run, op);
      return TRUE;
    case GESSO_OP_PIXELS:
      run_pixels (run, op);
      return TRUE;
    case GESSO_OP_IS_FINITE:
      run_is_finite (run, op);
      return TRUE;
    case GESSO_OP_CONCAT:
    case GESSO_OP_UPSAMPLE:
    case GESSO_OP_REPEAT:
      run_copy (run, op);
      return TRUE;
    case GESSO_OP_CAST:
      if (op->output->dtype == GESSO_DTYPE_I32 || op->output->dtype == GESSO_DTYPE_U8)
        {
          run_copy (run, op);
          return TRUE;
        }
      break;
    default:
      break;
    }
  run_pointwise (run, op);
  return TRUE;
}

static gboolean
check_bindings (const GPtrArray *tensors, const GessoBinding *bindings, GError **error)
{
  for (guint i = 0; i < tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (tensors, i);
      const GessoBinding *binding = &bindings[i];
      const gsize size = gesso_dtype_size (tensor->dtype);
      const gsize bytes = (gsize) gesso_shape_elements (&tensor->shape) * size;

      if (binding->buffer && binding->offset % size == 0 && binding->offset <= binding->buffer->bytes
          && bytes <= binding->buffer->bytes - binding->offset)
        continue;
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                   "\"%s\" is bound to a buffer too small for its %" G_GSIZE_FORMAT " bytes, or to none.", tensor->name,
                   bytes);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_ids (const Run *run, GError **error)
{
  const GessoPlan *plan = run->program->plan;

  for (guint i = 0; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);
      const gint32 *ids;

      if (op->kind != GESSO_OP_EMBEDDING)
        continue;
      ids = data_of (run, op->inputs[0]);
      for (gint64 j = 0; j < gesso_shape_elements (&op->inputs[0]->shape); j++)
        if (ids[j] < 0 || ids[j] >= op->weight->shape.dim[0])
          {
            g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID, "Id %d is not in \"%s\", which has %d.", ids[j],
                         op->weight->name, (int) op->weight->shape.dim[0]);
            return FALSE;
          }
    }
  return TRUE;
}

/* Memory of its own for every tensor of the arena, full of NaN. */
static guint8 **
separate_tensors (const GessoPlan *plan)
{
  guint8 **own = g_new0 (guint8 *, plan->tensors->len);

  for (guint i = 0; i < plan->tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->tensors, i);
      const gsize bytes = (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);

      if (tensor->view_of || plan->placements[i].place != GESSO_PLACE_ARENA)
        continue;
      own[i] = g_malloc (bytes);
      memset (own[i], 0xff, bytes);
    }
  return own;
}

gboolean
gesso_reference_run (GessoBackend *backend, GessoProgram *program, GessoBuffer *workspace, const GessoBinding *inputs,
                     const GessoBinding *outputs, GCancellable *cancellable, GError **error)
{
  const ReferenceBackend *self = (ReferenceBackend *) backend;
  const GessoPlan *plan = program->plan;
  const gsize needed = plan->arena_bytes + program->scratch;
  Run run = { .program = program, .inputs = inputs, .outputs = outputs, .cancellable = cancellable };
  gboolean done = TRUE;

  if (!program->loaded)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, "The weights of \"%s\" are not loaded.", plan->name);
      return FALSE;
    }
  if (needed && (!workspace || workspace->bytes < needed))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, "\"%s\" needs a workspace of %" G_GSIZE_FORMAT " bytes.",
                   plan->name, needed);
      return FALSE;
    }
  if (!check_bindings (plan->inputs, inputs, error) || !check_bindings (plan->outputs, outputs, error)
      || !check_ids (&run, error))
    return FALSE;

  /* Whoever reads what nobody has written reads NaN. */
  if (needed)
    {
      memset (workspace->data, 0xff, needed);
      run.arena = workspace->data;
      run.scratch = workspace->data + plan->arena_bytes;
    }
  if (self->separate)
    run.own = separate_tensors (plan);
  for (guint i = 0; i < plan->steps->len && done; i++)
    {
      if (self->step_func)
        self->step_func (i, self->step_data);
      done = run_step (&run, &g_array_index (plan->steps, GessoPlanStep, i));
    }
  for (guint i = 0; run.own && i < plan->tensors->len; i++)
    g_free (run.own[i]);
  g_free (run.own);
  /* Nothing but the cancellable stops a step. */
  return done || !gesso_is_cancelled (cancellable, error);
}
