/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the files of graph/ share among themselves.
 */

#pragma once

#include "graph.h"

/* Everything an operation may read: inputs, weight, bias, residual, and the three of its input norm. */
#define GESSO_MAX_OPERANDS (GESSO_MAX_INPUTS + 6)

/* Collects the addresses of the operands that are set, so that they can be read or exchanged; returns their number. */
int gesso_op_operands (GessoOp *op, GessoTensor **operands[GESSO_MAX_OPERANDS]);

/* The tensor whose memory `tensor` is: itself, or what it is a view of. */
GessoTensor *gesso_tensor_base (const GessoTensor *tensor);

/* Appends a tensor without name or producer to `tensors`. */
GessoTensor *gesso_tensor_new (GPtrArray *tensors, GessoTensorKind kind, GessoDType dtype, GessoShape shape);
void gesso_tensor_free (GessoTensor *tensor);

/* FALSE for a rank outside 1..4, a dimension below 1, or more values than a byte count can express. */
gboolean gesso_shape_valid (const GessoShape *shape);

/* Remembers the first thing that did not fit: `reason` about `operation` on the tensors that follow, NULL at the end.
 * Returns a harmless tensor. */
GessoTensor *gesso_graph_fail (GessoGraph *graph, const char *operation, const char *reason,
                               ...) G_GNUC_NULL_TERMINATED;

/* Appends an operation of `kind` with its output; inputs are taken from the array. */
GessoOp *gesso_graph_op (GessoGraph *graph, GessoOpKind kind, int n_inputs, GessoTensor *const *inputs,
                         GessoDType dtype, GessoShape shape);
