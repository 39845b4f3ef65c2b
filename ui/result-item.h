/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One picture of the strip: a thumbnail and the tick that keeps it.
 */

#pragma once

#include "results.h"

G_BEGIN_DECLS

#define GESSO_TYPE_RESULT_ITEM (gesso_result_item_get_type ())
/* Properties: "kept" (boolean). */
G_DECLARE_FINAL_TYPE (GessoResultItem, gesso_result_item, GESSO, RESULT_ITEM, GtkFlowBoxChild)

/* Takes `result`; `number` counts from 1. */
GtkWidget *gesso_result_item_new (GessoResult *result, int number, gboolean kept);
const GessoResult *gesso_result_item_get_result (GessoResultItem *item);
gboolean gesso_result_item_get_kept (GessoResultItem *item);
void gesso_result_item_set_kept (GessoResultItem *item, gboolean kept);

G_END_DECLS
