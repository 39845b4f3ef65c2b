/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Painting without a dialog, for scripts and for repeating: a session, and GIMP's progress bar. Blocks, but iterates
 * the main context.
 */

#pragma once

#include <libgimp/gimp.h>

#include "result.h"
#include "session.h"
#include "settings.h"

typedef struct _GessoPainter GessoPainter;

/* Opens the settings' model. `n_jobs`: how many times gesso_painter_paint() will be called. */
GessoPainter *gesso_painter_new (const GessoSettings *settings, int n_jobs, GError **error);
void gesso_painter_free (GessoPainter *painter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoPainter, gesso_painter_free)

/* Transfer none. */
GessoEngine *gesso_painter_get_engine (GessoPainter *painter);

/* Returns: (transfer full) (element-type GessoResult): settings->count pictures for a place of this size (0: none), or
 * NULL. The settings are those of the painter but for prompt, seed, count and size. */
GPtrArray *gesso_painter_paint (GessoPainter *painter, const GessoSettings *settings, int place_width, int place_height,
                                GError **error);

/* A GessoFillFunc for gesso_canvas_insert(): GIMP's progress bar shows how far that is. */
gboolean gesso_painter_show_inserting (double fraction, gpointer unused);
