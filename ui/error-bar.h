/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What went wrong, in a bar above the progress, with what to do about it.
 */

#pragma once

#include <gtk/gtk.h>

#include "gesso.h"

G_BEGIN_DECLS

#define GESSO_TYPE_ERROR_BAR (gesso_error_bar_get_type ())
/* Signals: "use-size" (int width, int height), "use-model" (const char *name): a remedy was chosen. */
G_DECLARE_FINAL_TYPE (GessoErrorBar, gesso_error_bar, GESSO, ERROR_BAR, GtkBox)

/* Hidden until there is something to show. */
GtkWidget *gesso_error_bar_new (void);

/* Shows `error`; a cancel hides the bar. `engine`, `request` (nullable): what was painted with, for the largest size
 * that would fit; `model` (nullable): its name or folder, for a smaller model. Remedies that must be computed appear
 * later. */
void gesso_error_bar_show_error (GessoErrorBar *bar, const GError *error, GessoEngine *engine,
                                 const GessoRequest *request, const char *model);
void gesso_error_bar_hide (GessoErrorBar *bar);

G_END_DECLS
