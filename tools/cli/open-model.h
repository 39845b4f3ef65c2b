/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The model that the options mean.
 */

#pragma once

#include "gesso.h"
#include "options.h"

/**
 * cli_open_model:
 * @options: where --model is the name of an installed model or a folder, and not given means the starter
 * @cancellable: (nullable): to give up
 * @error: as of gesso_models_find() and gesso_engine_new()
 *
 * Returns: (transfer full): an engine, or %NULL
 */
GessoEngine *cli_open_model (const CliOptions *options, GCancellable *cancellable, GError **error);
