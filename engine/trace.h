/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "gesso.h"

/* A tensor of the trace: copies `bytes` of `data`. */
GessoTensorData *gesso_tensor_data_new (const char *name, const char *dtype, int n_dims, const gint64 *dims,
                                        gconstpointer data, gsize bytes);
