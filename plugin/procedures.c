/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "procedures.h"

#include <glib/gi18n-lib.h>

#define AUTHORS "The Gesso authors"
#define YEAR "2026"

void
gesso_procedure_describe (GimpProcedure *procedure, const char *blurb, const char *help)
{
  gimp_procedure_set_documentation (procedure, blurb, help, NULL);
  gimp_procedure_set_attribution (procedure, AUTHORS, AUTHORS, YEAR);
}

void
gesso_procedure_add_run_mode (GimpProcedure *procedure, const char *blurb)
{
  gimp_procedure_add_enum_argument (procedure, "run-mode", _ ("Run mode"), blurb, GIMP_TYPE_RUN_MODE,
                                    GIMP_RUN_NONINTERACTIVE, G_PARAM_READWRITE);
}
