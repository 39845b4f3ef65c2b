/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Attention, whole or a band of queries.
 */

#include "choose.h"
#include "operation.h"

/* What a step computes, without addresses. */
static GessoAttention
attention_of (const GessoOp *op, const GessoPlanStep *step)
{
  const GessoShape *q = &op->inputs[0]->shape, *k = &op->inputs[1]->shape;
  const gboolean is_whole = step->image < 0;

  return (GessoAttention) {
    .pictures = is_whole ? q->dim[0] : 1,
    .shape = { .queries = (gint32) q->dim[1],
               .keys = (gint32) k->dim[1],
               .heads = op->attention.heads,
               .width = (gint32) (q->dim[2] / op->attention.heads),
               .q_pitch = (gint32) q->dim[2],
               .kv_pitch = (gint32) k->dim[2],
               .sharing = is_whole ? (gint32) (q->dim[0] / k->dim[0]) : 1,
               .begin = is_whole ? 0 : (gint32) step->begin,
               .end = is_whole ? (gint32) q->dim[1] : (gint32) step->end,
               .causal = op->attention.causal,
               .scale = op->attention.scale },
  };
}

/* What decides for all steps of `op`. */
static GessoAttention
deciding_attention (const GessoProgram *program, const GessoOp *op)
{
  const guint tallest = program->operands[op->id].tallest;

  return attention_of (op, &g_array_index (program->plan->steps, GessoPlanStep, tallest));
}

void
gesso_cuda_prepare_attention (GessoProgram *program, const GessoOp *op)
{
  GessoAttention deciding;
  gint32 most = 0;

  for (guint i = 0; i < program->plan->steps->len; i++)
    {
      const GessoPlanStep *step = &g_array_index (program->plan->steps, GessoPlanStep, i);
      GessoAttention attention;

      if (g_ptr_array_index (program->plan->ops, step->op) != op)
        continue;
      attention = attention_of (op, step);
      if (attention.shape.end - attention.shape.begin > most)
        program->operands[op->id].tallest = i;
      most = MAX (most, attention.shape.end - attention.shape.begin);
    }
  deciding = deciding_attention (program, op);
  gesso_cuda_choose_attention (program, &deciding);
}

gboolean
gesso_cuda_queue_attention (const GessoCudaStep *step, const GessoPlanStep *what, GError **error)
{
  const GessoOp *op = step->op;
  const GessoShape *q = &op->inputs[0]->shape, *k = &op->inputs[1]->shape;
  const GessoAttention deciding = deciding_attention (step->program, op);
  const gint64 first = MAX (what->image, 0), first_keys = first / (q->dim[0] / k->dim[0]);
  const gsize size = gesso_dtype_size (step->program->launcher->type);
  const gsize queries = (gsize) (first * q->dim[1] * q->dim[2]) * size;
  const gsize keys = (gsize) (first_keys * k->dim[1] * k->dim[2]) * size;
  GessoAttention attention = attention_of (op, what);

  attention.q = gesso_cuda_input (step, 0) + queries;
  attention.k = gesso_cuda_input (step, 1) + keys;
  attention.v = gesso_cuda_address_of (step, op->inputs[2]) + keys;
  attention.result = gesso_cuda_address_of (step, op->output) + queries;
  attention.way = gesso_cuda_chosen_attention (step->program, &deciding);
  return gesso_launch_attention (step->program->launcher, &attention, error);
}
