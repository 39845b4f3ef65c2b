/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the program says: errors to stderr, results to stdout, and the exit status that goes with them.
 */

#pragma once

#include "commands.h"
#include "gesso.h"

/**
 * cli_printable:
 * @text: what was put together from names of files and folders
 *
 * Returns: (transfer full): @text in UTF-8 without the characters that a terminal obeys
 */
char *cli_printable (const char *text);

/**
 * cli_display_width:
 * @text: UTF-8
 *
 * Returns: the columns that @text takes on a terminal
 */
int cli_display_width (const char *text);

/**
 * cli_report_error:
 * @command: the sub-command, for the hint at its help
 * @error: what went wrong
 *
 * Prints @error to stderr. Returns: the exit status that belongs to it
 */
CliStatus cli_report_error (const char *command, const GError *error);

/**
 * cli_print_text:
 * @text: UTF-8; a missing newline at the end is added
 *
 * Prints to stdout in the encoding of the locale.
 */
void cli_print_text (const char *text);

/**
 * cli_print_path:
 * @path: in the encoding of file names; printed as it is, for scripts to use
 */
void cli_print_path (const char *path);

/**
 * cli_close_stdout:
 * @status: what the program would exit with
 *
 * Writes out what is still buffered: a full disk or a closed pipe is a failure like any other.
 *
 * Returns: @status, or CLI_FAILED (with a message) when stdout could not be written and @status was CLI_OK
 */
CliStatus cli_close_stdout (CliStatus status);

/** cli_print_notices: prints to stderr what a user should know of @engine that is no error */
void cli_print_notices (GessoEngine *engine);
