/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The dialog of the interactive procedures.
 */

#pragma once

#include "canvas.h"

/* Runs a dialog for the procedure until Insert or Close. Insert puts the ticked pictures into `canvas`; where that
 * fails the dialog says why and stays, with its pictures. The settings are kept in `config` and, also after a cancel,
 * in a file for gesso_recall().
 *
 * Returns: (transfer container): the GimpLayers that were made; NULL with CANCELLED where the dialog was closed, with
 * REQUEST_INVALID where there is no display. */
GPtrArray *gesso_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, GessoCanvas *canvas,
                             GError **error);
