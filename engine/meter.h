/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How far a request is: the work of each piece in estimated seconds, and reports to the caller.
 */

#pragma once

#include "pipeline.h"

typedef struct
{
  GessoPipelineFunc func; /* nullable */
  gpointer data;
  double total; /* seconds of work, estimated */
  double done;
  double piece_begin; /* `done` when the running load began */
  double piece;       /* seconds of the running load */
  GessoProgress progress;
} GessoMeter;

/* Seconds that reading and packing `bytes` of weights takes, roughly. */
double gesso_meter_load_seconds (guint64 bytes);

/* `seconds` of work are done; tells the caller that `stage` is at. `preview`: nullable. */
void gesso_meter_advance (GessoMeter *meter, GessoStage stage, double seconds, GessoPreview *preview);

/* To be called before a load; gesso_meter_loaded() is then its GessoLoadFunc, with the meter as its data. */
void gesso_meter_begin_load (GessoMeter *meter, guint64 bytes);
void gesso_meter_loaded (guint64 done, guint64 total, gpointer meter);
