/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The settings, one below the other: prompts, model, size, numbers, and what is rarely changed under Advanced.
 */

#pragma once

#include "history.h"
#include "panel.h"

G_BEGIN_DECLS

#define GESSO_TYPE_FORM (gesso_form_get_type ())
/* Signal: "activated": Ctrl+Enter in a prompt. */
G_DECLARE_FINAL_TYPE (GessoForm, gesso_form, GESSO, FORM, GtkBox)

/* `settings` has the properties of GessoPanel, which are bound both ways. */
GtkWidget *gesso_form_new (GObject *settings, GessoSession *session, const GessoPanelPlace *place,
                           GessoHistory *history, GessoMakeScale make_scale);

/* The size that will be painted; 0 x 0 where it cannot be told before the model is open. */
void gesso_form_get_size (GessoForm *form, int *width, int *height);

/* Takes a new seed, unless it is locked; the one to paint with. */
int gesso_form_next_seed (GessoForm *form);

G_END_DECLS
