/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * gesso info: what a model folder holds.
 */

#include "commands.h"

#include "gesso.h"
#include "open-model.h"
#include "options.h"
#include "report.h"

CliStatus
cli_info (char **args)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliOptions) options = cli_options_parse (CLI_COMMAND_INFO, args, &error);
  g_autoptr (GessoEngine) engine = NULL;
  g_autofree char *text = NULL;

  if (options != NULL && options->help != NULL)
    {
      cli_print_text (options->help);
      return CLI_OK;
    }
  if (options != NULL)
    engine = cli_open_model (options, NULL, &error);
  if (engine == NULL)
    return cli_report_error ("info", error);

  text = gesso_engine_describe (engine);
  cli_print_text (text);
  return CLI_OK;
}
