/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>

#include "cancel.h"

/* G_DEFINE_QUARK's cache is written by whatever threads come first, without order. */
GQuark
gesso_error_quark (void)
{
  static gsize quark = 0;

  if (g_once_init_enter (&quark))
    g_once_init_leave (&quark, g_quark_from_static_string ("gesso-error-quark"));
  return (GQuark) quark;
}

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
