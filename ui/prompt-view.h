/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A prompt as multi-line text: how many of the model's tokens it takes, and a mark where the model stops reading.
 */

#pragma once

#include <gtk/gtk.h>

#include "session.h"

G_BEGIN_DECLS

#define GESSO_TYPE_PROMPT_VIEW (gesso_prompt_view_get_type ())
/* Properties: "text" (string, to bind). Signal: "activated": Ctrl+Enter. Tab moves the focus on, and
 * gtk_widget_grab_focus() gives it to the text. */
G_DECLARE_FINAL_TYPE (GessoPromptView, gesso_prompt_view, GESSO, PROMPT_VIEW, GtkBox)

/* `title` has a mnemonic; `min_lines` is the height; `session` counts the tokens once its model is open. */
GtkWidget *gesso_prompt_view_new (const char *title, int min_lines, GessoSession *session);
const char *gesso_prompt_view_get_text (GessoPromptView *view);
void gesso_prompt_view_set_text (GessoPromptView *view, const char *text);

/* A button at the title's end, such as the history's. */
void gesso_prompt_view_add_button (GessoPromptView *view, GtkWidget *button);

G_END_DECLS
