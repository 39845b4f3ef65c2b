/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole of painting in one widget: what to paint at the left, the picture and the results at the right, progress
 * and errors below. A window around it brings the buttons.
 */

#pragma once

#include <gtk/gtk.h>

#include "choices-box.h"
#include "results.h"
#include "session.h"

G_BEGIN_DECLS

/* Where the pictures will go. */
typedef struct
{
  const char *name;  /* "Selection", "Image", "Layer" (translated), or NULL for a new image */
  int width, height; /* pixels */
  GBytes *backdrop;  /* (nullable): what is there now, RGB, to compare with */
  int backdrop_width, backdrop_height;
} GessoPanelPlace;

#define GESSO_TYPE_PANEL (gesso_panel_get_type ())
/* Properties, all to bind: those of GessoChoicesBox.
 * Read only: "painting" (boolean), "n-kept" (int).
 * Signal: "activated": Ctrl+Enter. */
G_DECLARE_FINAL_TYPE (GessoPanel, gesso_panel, GESSO, PANEL, GessoChoicesBox)

/* Makes a number's widget (a GtkSpinButton of some kind) that shows its title, with a mnemonic, itself. Its scale ends
 * at `upper`; more can be typed. */
typedef GtkWidget *(*GessoMakeScale) (GtkAdjustment *adjustment, const char *title, int digits, double upper);

/* `history_file`: see gesso_history_new(). `make_scale` (nullable): the program's own kind of scale; a plain spin
 * button with a label where there is none. The model opens as soon as the main loop runs. */
GtkWidget *gesso_panel_new (const GessoPanelPlace *place, const char *history_file, GessoMakeScale make_scale);

/* How many threads the models that are opened from now on may use, as GessoOptions has it. To be called at the start.
 */
void gesso_panel_set_n_threads (GessoPanel *panel, int n_threads);

/* Paints with what is set; pictures join the results. Nothing happens while it paints already. */
void gesso_panel_generate (GessoPanel *panel);
/* Stops painting and keeps the finished pictures. Returns whether there was something to cancel. */
gboolean gesso_panel_cancel (GessoPanel *panel);
/* (transfer full) (element-type GessoResult): the pictures to insert. */
GPtrArray *gesso_panel_get_kept (GessoPanel *panel);
/* Shows an error of the program around the panel, such as that of inserting. */
void gesso_panel_show_error (GessoPanel *panel, const GError *error);
/* Shows how far the program is with something of its own, such as inserting; the panel cannot be used meanwhile. NULL:
 * it is over. */
void gesso_panel_show_work (GessoPanel *panel, const char *text, double fraction);
/* Transfer none. */
GessoSession *gesso_panel_get_session (GessoPanel *panel);

G_END_DECLS
