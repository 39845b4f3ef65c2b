/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products. A plan's step is a range of rows; each number of rows is one product on the same packed weights.
 *
 * GEGLU is two products: the second half of the weights with GELU behind it makes a gate, which the first half's
 * product multiplies in. Rows go through in pieces whose gate stays in the cache, so that it costs no pass over memory.
 */

#include "cpu.h"

#include <string.h>

#include "onednn.h"

/* The gate of one piece: what caches hold. */
#define GATE_BYTES_PER_THREAD (2 * 1024 * 1024)

/* Products for a number of rows. */
typedef struct
{
  gint64 rows;
  GessoProduct gate; /* with GEGLU only */
  GessoProduct product;
} Piece;

typedef struct
{
  GessoCpuOp base;
  GessoLinearShape shape;
  gboolean geglu;
  gint64 piece_rows; /* at most so many at a time */
  gsize value;       /* bytes */
  GPtrArray *pieces;
  GessoCpuWeight *weights, *gate_weights;
  GessoCpuVector bias;
  gsize gate_bytes; /* part of the scratch, before the scratchpad */
} Linear;

static void
piece_free (Piece *piece)
{
  gesso_product_clear (&piece->gate);
  gesso_product_clear (&piece->product);
  g_free (piece);
}

static void
linear_free (GessoCpuOp *op)
{
  Linear *linear = (Linear *) op;

  g_ptr_array_unref (linear->pieces);
  g_free (linear);
}

static Piece *
find_piece (const Linear *linear, gint64 rows)
{
  for (guint i = 0; i < linear->pieces->len; i++)
    {
      Piece *piece = g_ptr_array_index (linear->pieces, i);

      if (piece->rows == rows)
        return piece;
    }
  return NULL;
}

/* Weight rows first..first+out-1 as `product` wants them. */
static GessoCpuWeight *
want_weights (const Linear *linear, GessoProgram *program, gint64 first, const GessoProduct *product, GError **error)
{
  const GessoLinearShape *shape = &linear->shape;
  GessoCpuWeight *weight
      = gesso_cpu_store_want_packed (program->store, linear->base.op->weight->name, first * shape->in,
                                     shape->out * shape->in, shape->dtype, gesso_product_weights (product), error);

  return weight ? gesso_program_take (program, weight) : NULL;
}

/* Chooses an implementation on `weights`, the layout of an earlier piece; on whatever suits where there is none, or
 * where that layout would be slow for this number of rows. */
static gboolean
choose (const Linear *linear, GessoProgram *program, gint64 first, const GessoLinearShape *shape, GessoProduct *product,
        GessoCpuWeight **weights, GError **error)
{
  g_autoptr (GPtrArray) known = gesso_cpu_store_layouts (program->store, linear->base.op->weight->name,
                                                         first * shape->in, shape->out * shape->in, shape->dtype);
  dnnl_engine_t engine = program->backend->engine;

  for (guint i = 0; i < known->len && !*weights; i++)
    {
      if (gesso_product_choose_linear (product, engine, shape, known->pdata[i], NULL)
          && gesso_product_is_fast (product))
        return (*weights = want_weights (linear, program, first, product, error)) != NULL;
      gesso_product_clear (product);
    }
  if (!gesso_product_choose_linear (product, engine, shape, *weights ? (*weights)->packed : NULL, error))
    return FALSE;
  if (!*weights)
    *weights = want_weights (linear, program, first, product, error);
  return *weights != NULL;
}

/* Adds the products for `rows` rows. */
static gboolean
add_piece (Linear *linear, GessoProgram *program, gint64 rows, GError **error)
{
  GessoLinearShape shape = linear->shape;
  GessoLinearShape gate = linear->shape;
  Piece *piece;

  if (rows == 0 || find_piece (linear, rows))
    return TRUE;
  piece = g_new0 (Piece, 1);
  piece->rows = rows;
  g_ptr_array_add (linear->pieces, piece);
  shape.rows = gate.rows = rows;
  if (linear->geglu)
    {
      gate.tail = (GessoProductTail) { .activation = GESSO_ACTIVATION_GELU };
      if (!choose (linear, program, gate.out, &gate, &piece->gate, &linear->gate_weights, error))
        return FALSE;
    }
  return choose (linear, program, 0, &shape, &piece->product, &linear->weights, error);
}

static gboolean
linear_prepare (GessoCpuOp *op, dnnl_engine_t engine, GError **error)
{
  Linear *linear = (Linear *) op;

  for (guint i = 0; i < linear->pieces->len; i++)
    {
      Piece *piece = g_ptr_array_index (linear->pieces, i);

      if ((linear->geglu && !gesso_product_prepare (&piece->gate, engine, error))
          || !gesso_product_prepare (&piece->product, engine, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
linear_run (GessoCpuOp *base, GessoCpuRun *run, const GessoPlanStep *step, GError **error)
{
  Linear *linear = (Linear *) base;
  const GessoOp *op = base->op;
  const gsize in_row = (gsize) linear->shape.in * linear->value;
  const gsize out_row = (gsize) linear->shape.out * linear->value;
  const guint8 *x = gesso_run_data (run, op->inputs[0]);
  const guint8 *residual = op->residual ? gesso_run_data (run, op->residual) : NULL;
  const float *bias = gesso_run_vector (run, &linear->bias);
  guint8 *y = gesso_run_data (run, op->output);
  gint64 rows;

  for (gint64 row = step->begin; row < step->end; row += rows)
    {
      Piece *piece;
      GessoProductData data = { .src = x + (gsize) row * in_row,
                                .weights = linear->weights->data,
                                .bias = bias,
                                .add = residual ? residual + (gsize) row * out_row : NULL,
                                .dst = y + (gsize) row * out_row,
                                .scratchpad = run->scratch + linear->gate_bytes };

      rows = MIN (step->end - row, linear->piece_rows);
      piece = find_piece (linear, rows);
      if (linear->geglu)
        {
          const GessoProductData gate = { .src = data.src,
                                          .weights = linear->gate_weights->data,
                                          .bias = bias ? bias + linear->shape.out : NULL,
                                          .dst = run->scratch,
                                          .scratchpad = data.scratchpad };

          if (!gesso_product_run (&piece->gate, run->stream, &gate, error))
            return FALSE;
          data.multiply = run->scratch;
        }
      if (!gesso_product_run (&piece->product, run->stream, &data, error))
        return FALSE;
    }
  return TRUE;
}

static const GessoCpuOpClass linear_class = { linear_run, linear_prepare, linear_free };

/* Rows that go through at a time. */
static gint64
choose_piece_rows (const Linear *linear, const GArray *steps, int n_threads)
{
  const gint64 row = linear->shape.out * (gint64) linear->value;
  gint64 most = 1, weights, fit, n;

  for (guint i = 0; i < steps->len; i++)
    {
      const GessoPlanStep *step = &g_array_index (steps, GessoPlanStep, i);

      most = MAX (most, step->end - step->begin);
    }
  if (!linear->geglu)
    return most;
  /* Each piece reads all weights, so its gate may be as large as they are before it costs more than it saves. Even
     pieces, of whole blocks of rows. */
  weights = 2 * linear->shape.in * row;
  fit = MAX (MAX ((gint64) GATE_BYTES_PER_THREAD * n_threads, weights) / row, 64);
  n = (most + fit - 1) / fit;
  return MIN (((most + n - 1) / n + 31) / 32 * 32, most);
}

GessoCpuOp *
gesso_cpu_compile_linear (GessoProgram *program, const GessoOp *op, const GArray *steps, GError **error)
{
  Linear *linear = g_new0 (Linear, 1);
  gsize scratchpad = 0;

  linear->base.class = &linear_class;
  linear->base.op = op;
  linear->geglu = op->linear.geglu;
  linear->value = gesso_dtype_size (op->output->dtype);
  linear->pieces = g_ptr_array_new_with_free_func ((GDestroyNotify) piece_free);
  linear->shape = (GessoLinearShape) {
    .dtype = op->output->dtype,
    .in = op->weight->shape.dim[1],
    .out = gesso_shape_channels (&op->output->shape),
    .bias = op->bias != NULL,
    .tail = { .activation = op->activation, .multiply = linear->geglu, .add = op->residual != NULL },
  };
  linear->bias = gesso_program_vector (program, op->bias);
  linear->piece_rows = choose_piece_rows (linear, steps, program->backend->n_threads);
  for (guint i = 0; i < steps->len; i++)
    {
      const GessoPlanStep *step = &g_array_index (steps, GessoPlanStep, i);
      const gint64 rows = step->end - step->begin;

      if (!add_piece (linear, program, rows / linear->piece_rows ? linear->piece_rows : 0, error)
          || !add_piece (linear, program, rows % linear->piece_rows, error))
        {
          linear_free (&linear->base);
          return NULL;
        }
    }
  for (guint i = 0; i < linear->pieces->len; i++)
    {
      const Piece *piece = g_ptr_array_index (linear->pieces, i);

      if (linear->geglu)
        linear->gate_bytes
            = MAX (linear->gate_bytes, gesso_cpu_align ((gsize) (piece->rows * linear->shape.out) * linear->value));
      scratchpad = MAX (scratchpad, MAX (piece->product.scratchpad, piece->gate.scratchpad));
    }
  linear->base.scratch = linear->gate_bytes + scratchpad;
  return &linear->base;
}
