/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The reference backend as a module: nothing but the symbol that is looked for.
 */

#include "reference-backend.h"

#include <gmodule.h>

/* What GESSO_BACKEND_SYMBOL names. */
G_MODULE_EXPORT GessoBackend *gesso_backend_entry (guint abi, int n_threads, GError **error);

GessoBackend *
gesso_backend_entry (guint abi, int n_threads, GError **error)
{
  return gesso_reference_backend_entry (abi, n_threads, error);
}
