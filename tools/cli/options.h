/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The options of the sub-commands: one table says which command takes which, where the value goes and how it is read.
 */

#pragma once

#include <glib.h>

#include "gesso.h"

typedef enum
{
  CLI_COMMAND_GENERATE = 1 << 0,
  CLI_COMMAND_INFO = 1 << 1,
  CLI_COMMAND_PLAN = 1 << 2,
  CLI_COMMAND_DEVICES = 1 << 3,
  CLI_COMMAND_MODELS = 1 << 4,
} CliCommand;

/* File names are in the encoding of file names, texts in UTF-8. */
typedef struct
{
  GessoOptions *engine;
  GessoRequest *request;
  char *model;  /* a name or a folder; NULL: the starter */
  char *output; /* NULL: named after the seed */
  char *dump;
  gboolean has_seed;
  gboolean quiet;
  char *help; /* not NULL: --help was asked for; the text to print, and nothing else is set */
} CliOptions;

/**
 * cli_options_parse:
 * @command: which sub-command
 * @args: its arguments, its name first
 * @error: G_OPTION_ERROR: what was typed wrong
 *
 * Returns: (transfer full): the options, or %NULL
 */
CliOptions *cli_options_parse (CliCommand command, char **args, GError **error);

/** cli_options_free: frees @options and what they hold */
void cli_options_free (CliOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliOptions, cli_options_free)
