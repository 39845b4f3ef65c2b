/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How far painting is, in a bar; a line of text while nothing runs.
 */

#pragma once

#include <gtk/gtk.h>

#include "session.h"

G_BEGIN_DECLS

#define GESSO_TYPE_PROGRESS_ROW (gesso_progress_row_get_type ())
G_DECLARE_FINAL_TYPE (GessoProgressRow, gesso_progress_row, GESSO, PROGRESS_ROW, GtkStack)

GtkWidget *gesso_progress_row_new (void);

/* A line of text, without a bar. */
void gesso_progress_row_set_idle (GessoProgressRow *row, const char *text);

/* The bar with a text of its own; it moves to and fro until there is progress. */
void gesso_progress_row_set_busy (GessoProgressRow *row, const char *text);
void gesso_progress_row_set_fraction (GessoProgressRow *row, const char *text, double fraction);
void gesso_progress_row_set_progress (GessoProgressRow *row, const GessoSessionProgress *progress);

/* (transfer full): "Step 7 of 25 · 12 s left · picture 2 of 4". */
char *gesso_progress_describe (const GessoSessionProgress *progress);

/* (transfer full): "2 pictures in 24 s", "Cancelled; 1 picture is finished"; "" after another error, which is shown
 * elsewhere. `began`: by g_get_monotonic_time(). */
char *gesso_progress_describe_end (int n_made, gint64 began, const GError *error);

G_END_DECLS
