/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "backend-checks.h"

#include <glib/gi18n-lib.h>

#include "cancel.h"

gboolean
gesso_backend_check_range (gsize size, gsize offset, gsize bytes, GError **error)
{
  if (offset <= size && bytes <= size - offset)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("%zu bytes at %zu lie outside of a buffer of %zu bytes."),
               bytes, offset, size);
  return FALSE;
}

gboolean
gesso_backend_check_binding (const GessoTensor *tensor, gsize size, gsize offset, GError **error)
{
  const gsize bytes = (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);

  if (offset <= size && bytes <= size - offset)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("The buffer bound to \"%s\" is smaller than its %zu bytes."),
               tensor->name, bytes);
  return FALSE;
}

gboolean
gesso_backend_check_run (const GessoPlan *plan, gboolean loaded, gsize workspace, gsize wanted, GError **error)
{
  if (loaded && workspace >= wanted)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
               loaded ? _ ("The workspace is too small to run \"%s\".") : _ ("\"%s\" must be loaded before it runs."),
               plan->name);
  return FALSE;
}

gboolean
gesso_loading_add (gsize bytes, gpointer data, GError **error)
{
  GessoLoading *loading = data;

  loading->done += bytes;
  if (loading->progress)
    loading->progress (loading->done, loading->total, loading->progress_data);
  return !gesso_is_cancelled (loading->cancellable, error);
}
