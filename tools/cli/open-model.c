/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "open-model.h"

GessoEngine *
cli_open_model (const CliOptions *options, GCancellable *cancellable, GError **error)
{
  g_autofree char *folder = gesso_models_find (options->model, error);

  return folder != NULL ? gesso_engine_new (folder, options->engine, cancellable, error) : NULL;
}
