/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A scheduler is a table: one row for each evaluation of the U-Net, computed in double before anything runs.
 *
 * Every scheduler here is a linear multistep:
 *     latents' = c_base * base + sum over k of c_history[k] * model_output[k] + c_noise * noise
 * where base is the current latents or the ones a former row stored, and model_output[k] are guided U-Net outputs,
 * [0] that of this very row, [1] the newest one kept and so on. After a row its `forget` newest kept outputs are
 * dropped, then its own is kept if keep_output says so (a Runge-Kutta step leaves only its first output behind).
 */

#pragma once

#include "../config.h"
#include "../gesso.h"

#define GESSO_MAX_HISTORY 4

typedef struct
{
  double timestep;     /* what the U-Net is told */
  double input_scale;  /* latents are multiplied by this before the U-Net */
  gboolean store_base; /* keep the latents as they are before this row as the stored base */
  gboolean use_base;   /* base is the stored one instead of the current latents */
  double c_base;
  double c_history[GESSO_MAX_HISTORY];
  double c_noise;
  double clear_latents; /* for previews: the latents before this row times this, and its model output times the next, */
  double clear_output;  /* are what the model takes the latents for without their noise */
  int forget;           /* newest kept outputs to drop after this row, before its own is kept */
  gboolean keep_output; /* this row's model output enters the history (after the row: as [1] of the next) */
} GessoSchedulerRow;

typedef struct
{
  char *name;              /* "pndm" */
  double init_noise_sigma; /* the noise is multiplied by this to start with */
  int n_outputs;           /* model outputs held at a time at most: what is kept of use, and the running row's own */
  int n_rows;
  GessoSchedulerRow *rows;
} GessoSchedule;

/* The table of scheduler `name` (only "pndm" now) for `steps` steps. REQUEST_INVALID for an unknown name (the message
 * lists the known ones) or steps out of 1..num_train_timesteps; MODEL_INVALID for a config it cannot do. */
GessoSchedule *gesso_schedule_new (const char *name, const GessoSchedulerConfig *config, int steps, GError **error);
void gesso_schedule_free (GessoSchedule *schedule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoSchedule, gesso_schedule_free)

/* Names gesso_schedule_new() knows, NULL-terminated. */
const char *const *gesso_scheduler_names (void);
