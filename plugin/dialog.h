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
 * `layers` (out, transfer container): the GimpLayers that were made.
 * Returns: GIMP_PDB_SUCCESS, GIMP_PDB_CANCEL, or GIMP_PDB_CALLING_ERROR with `error` where there is no display. */
GimpPDBStatusType gesso_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, GessoCanvas *canvas,
                                    GPtrArray **layers, GError **error);
