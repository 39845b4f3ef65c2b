/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cutting operations into steps short enough to cancel between.
 */

#include "plan-private.h"

#include <math.h>

/* Rows that belong together in a matrix product and in attention's tiles: bands are multiples where they can be. */
#define LINEAR_ROWS 16
#define ATTENTION_ROWS 64
/* A convolution by Winograd computes rows in pairs. */
#define CONV_ROWS 2

double
gesso_op_flops (const GessoOp *op)
{
  switch (op->kind)
    {
    case GESSO_OP_CONV2D:
      return 2.0 * (double) gesso_shape_rows (&op->output->shape) * (double) gesso_shape_elements (&op->weight->shape);
    case GESSO_OP_LINEAR:
      return 2.0 * (double) gesso_shape_rows (&op->inputs[0]->shape)
             * (double) gesso_shape_elements (&op->weight->shape);
    case GESSO_OP_ATTENTION:
      return 4.0 * (double) gesso_shape_elements (&op->inputs[0]->shape) * (double) op->inputs[1]->shape.dim[1];
    default:
      return 0.0;
    }
}

static void
add_step (GessoPlan *plan, const GessoOp *op, gint64 image, gint64 begin, gint64 end)
{
  const GessoPlanStep step = { op->id, image, begin, end };

  g_array_append_val (plan->steps, step);
}

/* Cuts `rows` into bands of about equal size, multiples of `multiple`, of at most `limit` rows. */
static void
add_bands (GessoPlan *plan, const GessoOp *op, gint64 image, gint64 rows, gint64 limit, gint64 multiple)
{
  gint64 n_bands, size;

  limit = CLAMP (limit, 1, rows);
  if (limit < multiple)
    multiple = 1;
  if (limit < rows)
    limit -= limit % multiple;
  n_bands = (rows - 1) / limit + 1;
  size = (rows - 1) / n_bands + 1;
  if (n_bands > 1)
    size = (size + multiple - 1) / multiple * multiple;
  for (gint64 begin = 0; begin < rows; begin += size)
    add_step (plan, op, image, begin, MIN (begin + size, rows));
}

/* Rows of an operation that fit in one step, if all `rows` together take `flops`. */
static gint64
rows_in_time (const GessoPlan *plan, double flops, gint64 rows)
{
  const double budget = plan->options.max_step_seconds * plan->options.flops_per_second;

  /* No estimate, no cutting. */
  if (!(budget > 0.0) || flops <= budget)
    return rows;
  return CLAMP ((gint64) floor ((double) rows * (budget / flops)), 1, rows);
}

/* Bytes of one row of a convolution's prepared input. */
static double
prepared_row_bytes (const GessoOp *op)
{
  const GessoShape *x = &op->inputs[0]->shape;
  const gint64 width = op->conv.virtual_width ? op->conv.virtual_width : x->dim[2];

  return (double) width * (double) x->dim[3] * (double) gesso_dtype_size (op->inputs[0]->dtype);
}

static gint64
prepared_height (const GessoOp *op)
{
  return op->conv.virtual_height ? op->conv.virtual_height : op->inputs[0]->shape.dim[1];
}

/* Whether the prepared input of all pictures together stays below the limit: then the weights are read once for all. */
static gboolean
fits_norm_band (const GessoPlan *plan, const GessoOp *op)
{
  const double bytes = (double) op->inputs[0]->shape.dim[0] * (double) prepared_height (op) * prepared_row_bytes (op);

  return plan->options.max_norm_band_bytes == 0 || bytes <= (double) plan->options.max_norm_band_bytes;
}

/* Output rows whose prepared input, halo included, stays below the limit. */
static gint64
rows_in_norm_band (const GessoPlan *plan, const GessoOp *op)
{
  const gint64 rows = op->output->shape.dim[1];
  const gint64 kernel = op->weight->shape.dim[2];
  const double fitting = floor ((double) plan->options.max_norm_band_bytes / prepared_row_bytes (op));

  if (plan->options.max_norm_band_bytes == 0 || fitting >= (double) prepared_height (op))
    return rows;
  if (fitting <= (double) kernel)
    return 1;
  return MIN (((gint64) fitting - kernel) / op->conv.stride + 1, rows);
}

/* Products that count for the time. */
static double
conv2d_cost (const GessoPlan *plan, const GessoOp *op)
{
  const GessoShape *kernel = &op->weight->shape;
  const gboolean shares
      = plan->options.conv3_share > 0.0 && kernel->dim[2] == 3 && kernel->dim[3] == 3 && op->conv.stride == 1;

  return gesso_op_flops (op) * (shares ? plan->options.conv3_share : 1.0);
}

static void
cut_conv2d (GessoPlan *plan, const GessoOp *op)
{
  const gint64 n = op->output->shape.dim[0];
  const gint64 rows = op->output->shape.dim[1];
  const double flops = conv2d_cost (plan, op);
  const gboolean prepared = op->input_norm.statistics || op->conv.virtual_height;
  gint64 limit;

  if ((!prepared || fits_norm_band (plan, op)) && rows_in_time (plan, flops, rows) == rows)
    {
      add_step (plan, op, -1, 0, rows);
      return;
    }
  limit = rows_in_time (plan, flops / (double) n, rows);
  if (prepared)
    limit = MIN (limit, rows_in_norm_band (plan, op));
  for (gint64 image = 0; image < n; image++)
    add_bands (plan, op, image, rows, limit, op->conv.stride == 1 ? CONV_ROWS : 1);
}

static void
cut_attention (GessoPlan *plan, const GessoOp *op)
{
  const gint64 n = op->output->shape.dim[0];
  const gint64 rows = op->output->shape.dim[1];
  const double flops = gesso_op_flops (op);
  gint64 limit;

  if (rows_in_time (plan, flops, rows) == rows)
    {
      add_step (plan, op, -1, 0, rows);
      return;
    }
  /* Thinner bands would be millions for a large picture, each of which prepares all keys and values again; attention
   * can be cancelled within one. */
  limit = MAX (rows_in_time (plan, flops / (double) n, rows), ATTENTION_ROWS);
  for (gint64 image = 0; image < n; image++)
    add_bands (plan, op, image, rows, limit, ATTENTION_ROWS);
}

void
gesso_plan_cut (GessoPlan *plan)
{
  for (guint i = 0; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);
      const gint64 rows = gesso_shape_rows (&op->output->shape);

      switch (op->kind)
        {
        case GESSO_OP_CONV2D:
          cut_conv2d (plan, op);
          break;
        case GESSO_OP_LINEAR:
          add_bands (plan, op, -1, rows, rows_in_time (plan, gesso_op_flops (op), rows), LINEAR_ROWS);
          break;
        case GESSO_OP_ATTENTION:
          cut_attention (plan, op);
          break;
        default:
          add_step (plan, op, -1, 0, rows);
          break;
        }
    }
}
