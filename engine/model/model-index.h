/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * model_index.json: which parts a model has, and of which classes they are.
 */

#pragma once

#include <gio/gio.h>

/* Whether `folder` has one; else MODEL_NOT_FOUND with a guess at why not. */
gboolean gesso_model_index_is_there (const char *folder, GError **error);
/* Checks that `folder` holds the parts of a Stable Diffusion pipeline and nothing else that would matter.
 * `scheduler_class`: the class of its scheduler, to be freed. `notices`, of char *, gets what is worth saying. */
gboolean gesso_model_index_read (const char *folder, GCancellable *cancellable, char **scheduler_class,
                                 GPtrArray *notices, GError **error);
/* The same for the file itself, without the notices. */
gboolean gesso_model_index_read_file (const char *path, GCancellable *cancellable, char **scheduler_class,
                                      GError **error);
