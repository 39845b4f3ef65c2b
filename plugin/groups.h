/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Inserts the pictures of a dialog, in which the model may have changed between them.
 */

#pragma once

#include "canvas.h"
#include "panel.h"

/* gesso_canvas_insert() for pictures of `panel`: those that were made with the same model and size together, all in one
 * undo step. Returns: (transfer container): the GimpLayers in the order of `results`. */
GPtrArray *gesso_groups_insert (GessoCanvas *canvas, GPtrArray *results, GessoPanel *panel, GError **error);
