/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which linear layers are one launch: neighbours of one shape with one input, such as an attention's query, key and
 * value, each by itself too small to fill the card. The first takes the others along, which are so computed earlier
 * than the plan has them: it may have put one's result where another's operands lie until then.
 */

#include "operation.h"

/* The next step of operation `op` from step `*at` on; NULL: no more. */
static const GessoPlanStep *
next_step (const GessoPlan *plan, int op, guint *at)
{
  while (*at < plan->steps->len)
    {
      const GessoPlanStep *step = &g_array_index (plan->steps, GessoPlanStep, (*at)++);

      if (step->op == op)
        return step;
    }
  return NULL;
}

/* Whether both are cut into the same bands. */
static gboolean
are_cut_alike (const GessoPlan *plan, const GessoOp *a, const GessoOp *b)
{
  const GessoPlanStep *x, *y;
  guint at_a = 0, at_b = 0;

  do
    {
      x = next_step (plan, a->id, &at_a);
      y = next_step (plan, b->id, &at_b);
      if (!x != !y || (x && (x->begin != y->begin || x->end != y->end)))
        return FALSE;
    }
  while (x);
  return TRUE;
}

/* Whether both have none, or of the same kind. */
static gboolean
is_like (const GessoTensor *a, const GessoTensor *b)
{
  return a && b ? a->kind == b->kind : a == b;
}

/* Whether they are the same product of one input with other operands. */
static gboolean
are_alike (const GessoPlan *plan, const GessoOp *a, const GessoOp *b)
{
  return a->kind == GESSO_OP_LINEAR && b->kind == GESSO_OP_LINEAR && a->inputs[0] == b->inputs[0]
         && gesso_shape_equal (&a->weight->shape, &b->weight->shape)
         && gesso_shape_equal (&a->output->shape, &b->output->shape) && a->output->dtype == b->output->dtype
         && a->activation == b->activation && a->linear.geglu == b->linear.geglu && is_like (a->bias, b->bias)
         && !a->residual == !b->residual && are_cut_alike (plan, a, b);
}

/* Whether what is written to `result` may change `other` (or NULL). */
static gboolean
is_over (const GessoPlan *plan, const GessoTensor *result, const GessoTensor *other)
{
  const GessoPlacement *a = gesso_plan_placement (plan, result), *b;

  if (!other)
    return FALSE;
  b = gesso_plan_placement (plan, other);
  if (a->place == GESSO_PLACE_ARENA && b->place == GESSO_PLACE_ARENA)
    return a->offset < b->offset + gesso_cuda_tensor_bytes (other)
           && b->offset < a->offset + gesso_cuda_tensor_bytes (result);
  return a->place == GESSO_PLACE_OUTPUT && b->place == GESSO_PLACE_OUTPUT && a->binding == b->binding;
}

/* The same of an operand that `result`'s own operation does not read: an output may be bound to what an input is. */
static gboolean
may_be_over (const GessoPlan *plan, const GessoTensor *result, const GessoTensor *other)
{
  return is_over (plan, result, other)
         || (other && gesso_plan_placement (plan, result)->place == GESSO_PLACE_OUTPUT
             && gesso_plan_placement (plan, other)->place == GESSO_PLACE_INPUT);
}

/* Whether `op` leaves alone what `other`, a product of the same input, reads and writes. */
static gboolean
leaves_alone (const GessoPlan *plan, const GessoOp *op, const GessoOp *other)
{
  return !is_over (plan, op->output, other->inputs[0]) && !may_be_over (plan, op->output, other->bias)
         && !may_be_over (plan, op->output, other->residual) && !is_over (plan, op->output, other->output);
}

/* Whether operation `last` can be computed along with those from `first` on. */
static gboolean
can_join (const GessoPlan *plan, guint first, guint last)
{
  const GessoOp *op = g_ptr_array_index (plan->ops, last);

  for (guint i = first; i < last; i++)
    {
      const GessoOp *other = g_ptr_array_index (plan->ops, i);

      if (!are_alike (plan, other, op) || !leaves_alone (plan, op, other) || !leaves_alone (plan, other, op))
        return FALSE;
    }
  return TRUE;
}

void
gesso_cuda_find_groups (GessoProgram *program)
{
  const GessoPlan *plan = program->plan;

  for (guint first = 0, end; first < plan->ops->len; first = end)
    {
      for (end = first + 1; end < plan->ops->len && end - first < GESSO_MOST_MEMBERS; end++)
        if (!can_join (plan, first, end))
          break;
      program->operands[first].n_members = (int) (end - first);
    }
}
