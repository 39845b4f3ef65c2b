/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The installed models, each with its size on disk, what it needs and whether this machine can run it; and a folder of
 * one's own.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define GESSO_TYPE_MODEL_CHOOSER (gesso_model_chooser_get_type ())
/* Properties: "model" (string, to bind: a name or a folder; "" is the starter). */
G_DECLARE_FINAL_TYPE (GessoModelChooser, gesso_model_chooser, GESSO, MODEL_CHOOSER, GtkBox)

/* Looks for models at once and measures them in a thread of its own. */
GtkWidget *gesso_model_chooser_new (void);
const char *gesso_model_chooser_get_model (GessoModelChooser *chooser);
void gesso_model_chooser_set_model (GessoModelChooser *chooser, const char *model);

G_END_DECLS
