/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the procedures have in common: from arguments to layers, with a dialog or without.
 */

#pragma once

#include "canvas.h"
#include "settings.h"

/* To be called first in a procedure: errors of GIMP become errors of ours. */
void gesso_generate_begin (void);

/* To be called last in the process: GEGL, where it was begun with, says what has leaked. */
void gesso_generate_end (void);

/* Paints as `run_mode` wants and inserts into `canvas`. Returns: (transfer container): the GimpLayers, or NULL with an
 * error; a cancel is GESSO_ERROR_CANCELLED. The settings that were used are in `config` afterwards. */
GPtrArray *gesso_generate (GimpProcedure *procedure, GimpRunMode run_mode, GimpProcedureConfig *config,
                           GessoCanvas *canvas, GError **error);

/* The same without a dialog, from settings. `fingerprint` (nullable): the model has to be this one. */
GPtrArray *gesso_generate_from_settings (const GessoSettings *settings, GessoCanvas *canvas, const char *fingerprint,
                                         GError **error);

/* For a GimpCoreObjectArray: (transfer full), NULL at its end. */
GObject **gesso_generate_to_array (GPtrArray *objects);

/* What a procedure returns that makes layers: them, with the displays brought up to date; or, where `layers` is NULL,
 * the failure of `error` (taken over). */
GimpValueArray *gesso_generate_return_layers (GimpProcedure *procedure, GimpRunMode run_mode, GPtrArray *layers,
                                              GError *error);
