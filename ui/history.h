/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The prompts used lately, kept in a file of the user's; and the button that offers them.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _GessoHistory GessoHistory;

/* `file`: where it is kept (JSON, written atomically; damaged or unwritable is no error). The newest first, each prompt
 * once, at most 50. */
GessoHistory *gesso_history_new (const char *file);
void gesso_history_free (GessoHistory *history);
void gesso_history_add (GessoHistory *history, const char *prompt);
const char *const *gesso_history_get_prompts (GessoHistory *history);

#define GESSO_TYPE_HISTORY_BUTTON (gesso_history_button_get_type ())
/* Signal: "chosen" (const char *prompt). */
G_DECLARE_FINAL_TYPE (GessoHistoryButton, gesso_history_button, GESSO, HISTORY_BUTTON, GtkMenuButton)

/* `history` outlives the button. */
GtkWidget *gesso_history_button_new (GessoHistory *history);

G_END_DECLS
