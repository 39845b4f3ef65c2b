/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * All that a procedure is asked for and that a layer remembers: its arguments, as a plain struct, and as JSON.
 */

#pragma once

#include <libgimp/gimp.h>

#include "gesso.h"

typedef struct
{
  char *prompt;
  char *negative_prompt;
  char *model;                       /* name or folder as gesso_models_find() takes it; "": the starter */
  int width, height;                 /* of the layer; 0: as the place to fill, painted in a size fitted to the model */
  int painted_width, painted_height; /* 0: as follows from these; else to paint a layer again as it was */
  int steps;
  double guidance;
  int seed; /* -1: a random one */
  int count;
  char *scheduler; /* "": the model's own */
  GessoDevice device;
  GessoPrecision precision;
} GessoSettings;

GessoSettings *gesso_settings_copy (const GessoSettings *settings);
void gesso_settings_free (GessoSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoSettings, gesso_settings_free)

/* Adds the arguments to a procedure; `with_prompt`: also prompt, seed and count (a batch has arrays of its own). Ends
 * with auxiliary arguments of the dialog ("lock-seed"). */
void gesso_settings_add_arguments (GimpProcedure *procedure, gboolean with_prompt);

/* Values that GIMP does not check itself are checked here, in words that name the argument. */
GessoSettings *gesso_settings_from_config (GimpProcedureConfig *config, GError **error);
void gesso_settings_to_config (const GessoSettings *settings, GimpProcedureConfig *config);

/* Takes a random seed where there is none. */
void gesso_settings_draw_seed (GessoSettings *settings);

/* For a dialog, which knows no painted size of its own: where that does not follow from the layer's, it is left to the
 * place. */
void gesso_settings_simplify_size (GessoSettings *settings);

/* What is asked of the engine for a place of `place_width` x `place_height` pixels (0: none, then the model's own
 * size): sizes of 0 are fitted to the model, others become the nearest that it can do. The seed is settings->seed as it
 * is: never -1 here. */
GessoRequest *gesso_settings_to_request (const GessoSettings *settings, GessoEngine *engine, int place_width,
                                         int place_height);
