/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How far a generation is, on the terminal: stage, step, a bar and the time left. On no terminal: nothing but the
 * lines said. Drawn by the main thread from what the working thread last reported, so that a long step does not
 * freeze it.
 */

#pragma once

#include "gesso.h"

typedef struct _CliProgress CliProgress;

/**
 * cli_progress_new:
 * @n_images: pictures in the whole request
 * @quiet: draw and say nothing
 */
CliProgress *cli_progress_new (int n_images, gboolean quiet);

/** cli_progress_free: frees @progress; the line must have been taken away */
void cli_progress_free (CliProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliProgress, cli_progress_free)

/**
 * cli_progress_begin:
 * @first: index of the first picture of what is done next
 * @n_images: pictures in it
 * @n_steps: steps that were asked for, of all its batches: a scheduler may evaluate the network more often, and what
 * was asked for is what is counted
 *
 * A part of the request. What is reported from now on is of it.
 */
void cli_progress_begin (CliProgress *progress, int first, int n_images, int n_steps);

/** cli_progress_print_path: prints a line to stdout, past the bar. From any thread */
void cli_progress_print_path (CliProgress *progress, const char *path);

/** cli_progress_update: the GessoProgressFunc; @user_data is a CliProgress. From any thread */
void cli_progress_update (const GessoProgress *state, gpointer user_data);

/** cli_progress_draw: brings the line up to date, touching the terminal only when it changed. From any thread */
void cli_progress_draw (CliProgress *progress);

/** cli_progress_say: prints a line to stderr above the bar (nothing when quiet). From any thread */
void cli_progress_say (CliProgress *progress, const char *text);

/** cli_progress_cancelling: shows that cancelling was understood. From any thread */
void cli_progress_cancelling (CliProgress *progress);

/** cli_progress_end: takes the line away for good. From any thread */
void cli_progress_end (CliProgress *progress);

/** cli_progress_elapsed: Returns: seconds since @progress was made */
double cli_progress_elapsed (CliProgress *progress);

/** cli_progress_format_time: Returns: (transfer full): "0:07", "12:34" or "1:02:03" */
char *cli_progress_format_time (double seconds);

/**
 * cli_progress_line:
 * @state: how far it is
 * @n_images: pictures in the whole request
 * @seconds_left: or a negative number when unknown
 * @columns: width of the terminal
 *
 * Returns: (transfer full): the line, narrower than @columns
 */
char *cli_progress_line (const GessoProgress *state, int n_images, double seconds_left, int columns);
