/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "gesso.h"

/* A tensor of the trace: takes over `data`, `bytes` long, from g_malloc(). */
GessoTensorData *gesso_tensor_data_new (const char *name, const char *dtype, int n_dims, const gint64 *dims,
                                        gpointer data, gsize bytes);
