/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A strip of finished pictures: click or arrow keys to look at one, tick those to keep.
 */

#pragma once

#include <gtk/gtk.h>

#include "result.h"

G_BEGIN_DECLS

#define GESSO_TYPE_RESULTS (gesso_results_get_type ())
/* Signals: "selected" (GessoPicture *), "kept-changed" (). Properties: "n-kept" (int, read only). */
G_DECLARE_FINAL_TYPE (GessoResults, gesso_results, GESSO, RESULTS, GtkBox)

GtkWidget *gesso_results_new (void);

/* Appends (takes) `result`, selects it when the selection was at the end, keeps it ticked when `keep`. */
void gesso_results_add (GessoResults *results, GessoResult *result, gboolean keep);
void gesso_results_clear (GessoResults *results);
GessoPicture *gesso_results_get_selected (GessoResults *results);
int gesso_results_get_n_kept (GessoResults *results);

/* (transfer full) (element-type GessoResult): the ticked ones in their order. */
GPtrArray *gesso_results_get_kept (GessoResults *results);

G_END_DECLS
