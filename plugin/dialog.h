/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The dialog of the interactive procedures.
 */

#pragma once

#include "canvas.h"
#include "metadata.h"

/* Runs a dialog for the procedure until Insert or Close, which asks before it discards pictures. Insert puts the ticked
 * ones into `canvas`; where that fails the dialog says why and stays, with its pictures. The settings are kept in
 * `config` and, also after a cancel, in a file for gesso_recall(). `reused` (nullable): the settings came from a layer
 * that remembers this; then that file is left alone, and the dialog says so where another model has taken the place of
 * the one used.
 *
 * Returns: (transfer container): the GimpLayers that were made; NULL with CANCELLED where the dialog was closed, with
 * REQUEST_INVALID where there is no display. */
GPtrArray *gesso_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, GessoCanvas *canvas,
                             const GessoMetadata *reused, GError **error);
