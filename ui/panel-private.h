/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What panel.c (the widget) and painting.c (what it does) share.
 */

#pragma once

#include "panel.h"

#include "history.h"

struct _GessoPanel
{
  GessoChoicesBox parent_instance;

  GessoSession *session;
  GessoHistory *history;
  GtkWidget *form;
  GtkWidget *gallery;
  GtkWidget *error_bar;
  GtkWidget *progress;

  int n_threads;           /* of GessoOptions */
  guint open_source;       /* the model is opened when the settings have come to rest */
  gboolean stale;          /* another model, device or precision was chosen than is open */
  GessoSessionState state; /* of the session when last heard of */
  gboolean waiting;        /* `request` waits for the model */
  gboolean running;        /* the session paints `request` */
  gboolean cancelling;
  gboolean working; /* gesso_panel_show_work() */
  GessoRequest *request;
  int layer_width, layer_height; /* what was chosen when `request` was made; 0: the place to fill */
  GessoOrigin *origin;           /* of the pictures being painted */
  int n_made;                    /* pictures of the running request */
  gint64 began;
};

gboolean gesso_panel_is_painting (GessoPanel *panel);

/* The model, device and precision that are chosen are opened when they have come to rest, and when nothing paints. */
void gesso_panel_schedule_open (GessoPanel *panel);

/* From now on the panel shows what its session does; the model is opened for the first time. */
void gesso_panel_listen (GessoPanel *panel);
