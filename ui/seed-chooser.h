/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A seed with a lock and dice: unlocked, every generation takes a new one. Typing a seed locks it.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define GESSO_TYPE_SEED_CHOOSER (gesso_seed_chooser_get_type ())
/* Properties: "seed" (int 0..G_MAXINT, to bind), "locked" (boolean, to bind). */
G_DECLARE_FINAL_TYPE (GessoSeedChooser, gesso_seed_chooser, GESSO, SEED_CHOOSER, GtkBox)

GtkWidget *gesso_seed_chooser_new (void);

/* The seed to paint with: a new one first, unless locked. */
int gesso_seed_chooser_next (GessoSeedChooser *chooser);

G_END_DECLS
