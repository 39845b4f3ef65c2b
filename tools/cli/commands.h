/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The sub-commands. Each gets its own arguments (the first is its name) and returns the program's exit status.
 */

#pragma once

#include <glib.h>

/* Values out of range, which the library refuses (REQUEST_INVALID), count as usage: the user typed them. */
typedef enum
{
  CLI_OK = 0,
  CLI_FAILED = 1,
  CLI_USAGE = 2,
  CLI_CANCELLED = 130, /* what a shell reports of a program that Ctrl-C ended */
} CliStatus;

/** cli_generate: paints pictures, writes them, and with --dump what went between the parts */
CliStatus cli_generate (char **args);

/** cli_info: says what a model folder holds */
CliStatus cli_info (char **args);

/** cli_plan: says what a request would need, without reading a weight */
CliStatus cli_plan (char **args);

/** cli_models: lists the models that are installed */
CliStatus cli_models (char **args);

/** cli_devices: says what there is to compute with */
CliStatus cli_devices (char **args);
