/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What must be true of every plan. Written without a look at how plans are made: lifetimes are found anew.
 */

#include "harness.h"

/* A tensor of the arena: its bytes and the operations between which it holds values. */
typedef struct
{
  const GessoTensor *tensor;
  gsize offset, bytes;
  int first, last;
} Life;

static const GessoTensor *
memory_of (const GessoTensor *tensor)
{
  return tensor->view_of ? tensor->view_of : tensor;
}

static int
operands_of (const GessoOp *op, const GessoTensor *operands[GESSO_MAX_INPUTS + 6])
{
  const GessoTensor *rest[]
      = { op->weight, op->bias, op->residual, op->input_norm.statistics, op->input_norm.gamma, op->input_norm.beta };
  int n = 0;

  for (int i = 0; i < op->n_inputs; i++)
    operands[n++] = op->inputs[i];
  for (gsize i = 0; i < G_N_ELEMENTS (rest); i++)
    if (rest[i])
      operands[n++] = rest[i];
  return n;
}

/* Lives of everything in the arena; asserts that nothing is read before it is written. */
static GArray *
find_lives (const GessoPlan *plan)
{
  GArray *lives = g_array_new (FALSE, TRUE, sizeof (Life));
  g_autofree int *index = g_new (int, plan->tensors->len);

  for (guint i = 0; i < plan->tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->tensors, i);

      index[i] = -1;
      g_assert_cmpint (tensor->id, ==, i);
      g_assert_cmpint (tensor->dtype, !=, GESSO_DTYPE_COMPUTE);
      g_assert_true (!tensor->view_of || !tensor->view_of->view_of);
      g_assert_cmpint (plan->placements[i].place, ==, gesso_plan_placement (plan, tensor)->place);
      g_assert_cmpuint (plan->placements[i].offset, ==, gesso_plan_placement (plan, tensor)->offset);
      g_assert_true (!tensor->view_of
                     || gesso_shape_elements (&tensor->view_of->shape) == gesso_shape_elements (&tensor->shape));
    }
  for (guint i = 0; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);
      const GessoTensor *operands[GESSO_MAX_INPUTS + 6];
      const GessoPlacement *place = gesso_plan_placement (plan, op->output);
      int n = operands_of (op, operands);

      g_assert_cmpint (op->id, ==, i);
      g_assert_true (op->output->producer == op);
      g_assert_null (op->output->view_of);
      for (int j = 0; j < n; j++)
        {
          const GessoTensor *base = memory_of (operands[j]);
          const GessoPlacement *other = gesso_plan_placement (plan, operands[j]);

          g_assert_cmpint (other->place, !=, GESSO_PLACE_NONE);
          g_assert_cmpint (other->place == GESSO_PLACE_WEIGHT, ==, operands[j]->kind == GESSO_TENSOR_WEIGHT);
          if (base->kind == GESSO_TENSOR_VALUE)
            g_assert_true (base->producer && base->producer->id < (int) i);
          if (other->place == GESSO_PLACE_ARENA)
            {
              g_assert_cmpint (index[base->id], >=, 0);
              g_array_index (lives, Life, index[base->id]).last = (int) i;
            }
        }
      if (place->place == GESSO_PLACE_ARENA)
        {
          const Life life = {
            .tensor = op->output,
            .offset = place->offset,
            .bytes = (gsize) gesso_shape_elements (&op->output->shape) * gesso_dtype_size (op->output->dtype),
            .first = (int) i,
            .last = (int) i,
          };

          g_assert_cmpint (index[op->output->id], ==, -1);
          index[op->output->id] = (int) lives->len;
          g_assert_cmpuint (life.offset % GESSO_ARENA_ALIGNMENT, ==, 0);
          g_assert_cmpuint (life.offset + life.bytes, <=, plan->arena_bytes);
          g_array_append_val (lives, life);
        }
      else
        g_assert_cmpint (place->place, ==, GESSO_PLACE_OUTPUT);
    }
  return lives;
}

/* Whether the operation that reads `before` for the last time may write `after` over it. */
static gboolean
may_replace (const GessoPlan *plan, const Life *before, const Life *after)
{
  const GessoOp *op = g_ptr_array_index (plan->ops, after->first);

  if (before->last != after->first || before->offset != after->offset || before->bytes != after->bytes
      || before->tensor->dtype != after->tensor->dtype)
    return FALSE;
  switch (op->kind)
    {
    case GESSO_OP_GROUP_NORM:
    case GESSO_OP_LAYER_NORM:
    case GESSO_OP_ACTIVATION:
      return TRUE;
    case GESSO_OP_ADD:
      return memory_of (op->inputs[0]) == before->tensor
             || gesso_shape_equal (&op->inputs[0]->shape, &op->inputs[1]->shape);
    default:
      return FALSE;
    }
}

static void
check_steps (const GessoPlan *plan)
{
  guint next = 0;

  for (guint i = 0; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);
      const gboolean pictures = op->kind == GESSO_OP_CONV2D || op->kind == GESSO_OP_ATTENTION;
      const gint64 rows = pictures ? op->output->shape.dim[1] : gesso_shape_rows (&op->output->shape);
      gint64 image = 0, row = 0;

      for (gboolean done = FALSE; !done;)
        {
          const GessoPlanStep *step;

          g_assert_cmpuint (next, <, plan->steps->len);
          step = &g_array_index (plan->steps, GessoPlanStep, next++);
          g_assert_cmpint (step->op, ==, i);
          g_assert_cmpint (step->begin, ==, row);
          g_assert_cmpint (step->end, >, step->begin);
          g_assert_cmpint (step->end, <=, rows);
          if (step->image < 0)
            {
              g_assert_true (step->end == rows || op->kind == GESSO_OP_LINEAR);
              g_assert_cmpint (image, ==, 0);
              row = step->end;
              done = row == rows;
              continue;
            }
          g_assert_true (pictures);
          g_assert_cmpint (step->image, ==, image);
          row = step->end % rows;
          image += row == 0;
          done = image == op->output->shape.dim[0];
        }
    }
  g_assert_cmpuint (next, ==, plan->steps->len);
}

void
harness_check_plan (const GessoPlan *plan)
{
  g_autoptr (GArray) lives = find_lives (plan);

  check_steps (plan);
  for (guint i = 0; i < lives->len; i++)
    for (guint j = i + 1; j < lives->len; j++)
      {
        const Life *a = &g_array_index (lives, Life, i);
        const Life *b = &g_array_index (lives, Life, j);
        const gboolean in_time = a->first <= b->last && b->first <= a->last;
        const gboolean in_space = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;

        g_assert_true (!in_time || !in_space || may_replace (plan, a, b));
      }
}

gsize
harness_live_peak (const GessoPlan *plan)
{
  g_autoptr (GArray) lives = find_lives (plan);
  gsize peak = 0;

  for (guint i = 0; i < plan->ops->len; i++)
    {
      gsize bytes = 0;

      for (guint j = 0; j < lives->len; j++)
        {
          const Life *life = &g_array_index (lives, Life, j);
          gboolean counted = FALSE;

          if (life->first > (int) i || life->last < (int) i)
            continue;
          for (guint k = 0; k < j && !counted; k++)
            counted = may_replace (plan, &g_array_index (lives, Life, k), life)
                      && g_array_index (lives, Life, k).last == (int) i;
          bytes += counted ? 0 : life->bytes;
        }
      peak = MAX (peak, bytes);
    }
  return peak;
}
