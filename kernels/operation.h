/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What operation.c and the other operation-*.c share: a step that is being queued, and where its operands lie.
 */

#pragma once

#include "cuda-backend.h"

typedef struct
{
  const GessoProgram *program;
  const GessoOp *op;
  const GessoCudaOperands *operands;
  const CUdeviceptr *addresses;
  CUdeviceptr scratch;
} GessoCudaStep;

/* The operation `op` of a run at `addresses`. */
GessoCudaStep gesso_cuda_step (const GessoProgram *program, const CUdeviceptr *addresses, int op);
/* Notes that the program wants the weight `tensor` in `form`; NULL where it is no weight. */
GessoCudaWeight *gesso_cuda_want (GessoProgram *program, const GessoTensor *tensor, GessoCudaForm form);
/* Where a value lies in this run; 0 for NULL and for weights. */
CUdeviceptr gesso_cuda_address_of (const GessoCudaStep *step, const GessoTensor *tensor);
/* The same for one that may be a weight. */
CUdeviceptr gesso_cuda_operand (const GessoCudaStep *step, const GessoCudaWeight *weight, const GessoTensor *tensor);
CUdeviceptr gesso_cuda_input (const GessoCudaStep *step, int i);

/* CONV2D and LINEAR. Preparing sees to all of the plan's steps of `op`, whose weights are noted. */
gboolean gesso_cuda_prepare_product (GessoProgram *program, const GessoOp *op, gsize *scratch, GError **error);
gboolean gesso_cuda_queue_product (const GessoCudaStep *step, const GessoPlanStep *what, GError **error);

/* ATTENTION. The same. */
void gesso_cuda_prepare_attention (GessoProgram *program, const GessoOp *op);
gboolean gesso_cuda_queue_attention (const GessoCudaStep *step, const GessoPlanStep *what, GError **error);

/* COMBINE: step `*next` of the plan, and those behind it that the same launch can do. */
gboolean gesso_cuda_queue_combines (const GessoProgram *program, const CUdeviceptr *addresses, guint *next,
                                    GError **error);
