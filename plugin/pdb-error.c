/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "pdb-error.h"

#include <glib/gi18n-lib.h>

#include "gesso.h"

gboolean
gesso_set_pdb_error (GError **error)
{
  const char *message = gimp_pdb_get_last_error (gimp_get_pdb ());

  g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0,
                       message && message[0] ? message : _ ("GIMP refused a call of the plug-in."));
  return FALSE;
}

static GimpPDBStatusType
status_of (const GError *error)
{
  if (g_error_matches (error, GESSO_ERROR, GESSO_ERROR_CANCELLED))
    return GIMP_PDB_CANCEL;
  if (g_error_matches (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID))
    return GIMP_PDB_CALLING_ERROR;
  return GIMP_PDB_EXECUTION_ERROR;
}

GimpValueArray *
gesso_pdb_failure (GimpProcedure *procedure, GError *error)
{
  return gimp_procedure_new_return_values (procedure, status_of (error), error);
}
