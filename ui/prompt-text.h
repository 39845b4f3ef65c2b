/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plain text view with what GTK 3 leaves out: undo and redo, Ctrl+Enter, and Tab for moving on.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define GESSO_TYPE_PROMPT_TEXT (gesso_prompt_text_get_type ())
/* Signals, by keys: "activated" (Ctrl+Enter), "undo" (Ctrl+Z), "redo" (Ctrl+Shift+Z, Ctrl+Y). */
G_DECLARE_FINAL_TYPE (GessoPromptText, gesso_prompt_text, GESSO, PROMPT_TEXT, GtkTextView)

GtkWidget *gesso_prompt_text_new (void);

G_END_DECLS
