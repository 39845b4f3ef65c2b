/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One network of any size on a backend, with weights from the formula and inputs and outputs on the host: for tests and
 * benchmarks that need no model folder. Whatever fails ends the program with the error.
 */

#pragma once

#include "backend.h"

typedef struct _FormulaNetwork FormulaNetwork;

/* Takes over `graph`. `source`: where the weights come from; NULL: the formula. */
FormulaNetwork *formula_network_new (GessoBackend *backend, GessoPrecision precision, const GessoWeightSource *source,
                                     GessoGraph *graph);
void formula_network_free (FormulaNetwork *network);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FormulaNetwork, formula_network_free)

const GessoPlan *formula_network_plan (const FormulaNetwork *network);

/* Copies the whole input `name` from the host. Inputs that are never set are zero. */
void formula_network_set (FormulaNetwork *network, const char *name, gconstpointer values);
/* Copies the output `from`.`name` into the input `to`.`to_name` as it is, `offset` bytes in. */
void formula_network_connect (FormulaNetwork *from, const char *name, gsize offset, FormulaNetwork *to,
                              const char *to_name);
/* Connects a U-Net's time and context to its step; of the context, what the `i`-th step of that size takes. */
void formula_network_condition (FormulaNetwork *time, FormulaNetwork *context, gsize i, FormulaNetwork *step);
void formula_network_run (FormulaNetwork *network);
/* The output `name`, transfer full. */
gpointer formula_network_get (FormulaNetwork *network, const char *name);

/* F32 [n, h, w, c] of torch.randn ([n, c, h, w]), as every picture-shaped input is given. */
float *formula_randn_pixels (guint64 seed, int n, int c, int h, int w);
