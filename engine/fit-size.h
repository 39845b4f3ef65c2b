/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The size in which a model paints well, for a place of any size.
 */

#pragma once

#include "model/model.h"

/* See gesso_engine_fit_size(). */
void gesso_fit_size (const GessoModel *model, int width, int height, int *fitted_width, int *fitted_height);
