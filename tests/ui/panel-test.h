/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the whole panel share: one with a miniature model, in a window of its own.
 */

#pragma once

#include "panel.h"
#include "widget-test.h"

#define PANEL_TEST_MODEL "v2-tiny"

typedef struct
{
  char *folder; /* of our own: the history, models to find */
  char *model;
  GtkWidget *window;
  GessoPanel *panel;
  int n_progress, n_activated;
} PanelTest;

#define PANEL_TEST_ADD(path, function) g_test_add (path, PanelTest, NULL, panel_set_up, function, panel_tear_down)

void panel_set_up (PanelTest *f, gconstpointer model);
void panel_tear_down (PanelTest *f, gconstpointer model);
GessoSession *panel_session (PanelTest *f);

gboolean panel_is_painting (PanelTest *f);
int panel_get_number (PanelTest *f, const char *name);
/* Generates to the end. */
void panel_paint (PanelTest *f);
/* The visible button with such a title, or NULL. */
GtkWidget *panel_find_button (GtkWidget *root, const char *title);

/* For test_wait(). */
gboolean panel_is_done (gpointer f);
gboolean panel_is_ready (gpointer f);
gboolean panel_has_progress (gpointer f);
gboolean panel_shows_error (gpointer f);
