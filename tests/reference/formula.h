/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Weights that need no file; the twin of tools/reference/formula.py, bit for bit.
 */

#pragma once

#include "graph/graph.h"

/* Elements first .. first + count - 1 (row-major, in the shape of the file) of the tensor `name`. Names are canonical:
 * "text_model." in front of the text encoder's, the VAE's attention as to_q, to_k, to_v, to_out.0 with matrices. */
void gesso_formula_fill (const char *name, const GessoShape *shape, gint64 first, gint64 count, float *values);
