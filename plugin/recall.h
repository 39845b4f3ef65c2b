/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the dialogs keep in the user's GIMP folder: the settings of each procedure, and the prompts used lately. GIMP
 * itself keeps settings only when a procedure succeeds.
 */

#pragma once

#include <libgimp/gimp.h>

/* The settings of the procedure's last dialog; without effect where there are none or the file is damaged. */
void gesso_recall (GimpProcedureConfig *config);

/* Keeps the settings for the next dialog. */
gboolean gesso_remember (GimpProcedureConfig *config, GError **error);

/* (transfer full): the file of the prompts used lately. */
char *gesso_recall_history_file (void);
