/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>

#include "cancel.h"

G_DEFINE_QUARK (gesso - error - quark, gesso_error)

gboolean
gesso_is_cancelled (GCancellable *cancellable, GError **error)
{
  if (!cancellable || !g_cancellable_is_cancelled (cancellable))
    return FALSE;
  g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_CANCELLED, _ ("Cancelled."));
  return TRUE;
}

gpointer
gesso_try_alloc (gsize bytes, GError **error)
{
  gpointer memory = g_try_malloc (MAX (bytes, 1));

  if (!memory)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                 _ ("There is no memory for %zu bytes. Choose a smaller picture or fewer of them, or close other "
                    "programs."),
                 bytes);
  return memory;
}
