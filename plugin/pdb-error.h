/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Errors on their way between GIMP and the engine.
 */

#pragma once

#include <libgimp/gimp.h>

/* Sets what GIMP said to the last call, which failed. Returns FALSE. */
gboolean gesso_set_pdb_error (GError **error);

/* The return values of a procedure that failed; takes the error. */
GimpValueArray *gesso_pdb_failure (GimpProcedure *procedure, GError *error);
