/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the program needs of the system beyond GLib. Another system than POSIX needs another platform.c.
 */

#pragma once

#include <glib.h>

/**
 * cli_platform_exit_on_interrupt:
 *
 * Until cli_platform_watch_interrupt(), Ctrl-C and a request to terminate end the program with @status, instead of by a
 * signal that some parents take for a crash.
 */
void cli_platform_exit_on_interrupt (int status);

/**
 * cli_platform_watch_interrupt:
 * @interrupted: called from the default main loop, each time somebody asks the program to stop
 * @data: for @interrupted
 *
 * From now on Ctrl-C and a request to terminate call @interrupted instead of ending the program.
 */
void cli_platform_watch_interrupt (void (*interrupted) (gpointer data), gpointer data);

/** cli_platform_unwatch_interrupt: ends cli_platform_watch_interrupt() */
void cli_platform_unwatch_interrupt (void);

/** cli_platform_survive_writing: from now on a reader that went away, or a file that has no room under the limit of the
 * system, is an error of writing, not the end */
void cli_platform_survive_writing (void);

/**
 * cli_platform_terminal_width:
 *
 * Returns: columns of the terminal that stderr is, or 0 where it is none (or one that cannot redraw a line)
 */
int cli_platform_terminal_width (void);

/** cli_platform_exit_now: ends the program with @status, without waiting for its threads */
void cli_platform_exit_now (int status) G_GNUC_NORETURN;
