/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * COMBINEs that follow one another are one launch: guidance, the scheduler's update and the next step's input.
 */

#include "operation.h"

/* The operation of step `i`, where it is a COMBINE like `first` (NULL: any). */
static const GessoOp *
combine_at (const GessoProgram *program, guint i, const GessoOp *first)
{
  const GArray *steps = program->plan->steps;
  const GessoOp *op;

  if (i >= steps->len)
    return NULL;
  op = g_ptr_array_index (program->plan->ops, g_array_index (steps, GessoPlanStep, i).op);
  if (op->kind != GESSO_OP_COMBINE
      || (first
          && (op->output->dtype != first->output->dtype
              || gesso_shape_elements (&op->output->shape) != gesso_shape_elements (&first->output->shape))))
    return NULL;
  return op;
}

gboolean
gesso_cuda_queue_combines (const GessoProgram *program, const CUdeviceptr *addresses, guint *next, GError **error)
{
  const GessoOp *first = combine_at (program, *next, NULL);
  const GessoDType type = first->output->dtype;
  const gint64 n = gesso_shape_elements (&first->output->shape);
  GessoCombine stages[GESSO_COMBINE_STAGES];
  int n_stages = 0;

  for (const GessoOp *op;
       n_stages < GESSO_COMBINE_STAGES && (op = combine_at (program, *next + (guint) n_stages, first)); n_stages++)
    {
      const GessoCudaStep step = gesso_cuda_step (program, addresses, op->id);
      GessoCombine *stage = &stages[n_stages];

      stage->n_terms = op->n_inputs - 1;
      for (int i = 0; i < stage->n_terms; i++)
        stage->terms[i] = gesso_cuda_input (&step, i);
      stage->coefficients = gesso_cuda_input (&step, stage->n_terms);
      stage->result = gesso_cuda_address_of (&step, op->output);
    }
  n_stages = gesso_combine_together (stages, n_stages, type, n);
  *next += (guint) n_stages;
  return gesso_launch_combine (program->launcher, type, stages, n_stages, n, error);
}
