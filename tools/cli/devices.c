/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * gesso devices: what there is to compute with.
 */

#include "commands.h"

#include "gesso.h"
#include "options.h"
#include "report.h"

CliStatus
cli_devices (char **args)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliOptions) options = cli_options_parse (CLI_COMMAND_DEVICES, args, &error);
  g_autofree char *text = NULL;

  if (options == NULL)
    return cli_report_error ("devices", error);

  text = options->help != NULL ? g_strdup (options->help) : gesso_devices_describe ();
  cli_print_text (text);
  return CLI_OK;
}
