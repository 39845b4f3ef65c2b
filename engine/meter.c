/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "meter.h"

/* Reading and packing, of weights that are in the file cache. */
#define LOAD_BYTES_PER_SECOND 6e8

double
gesso_meter_load_seconds (guint64 bytes)
{
  return (double) bytes / LOAD_BYTES_PER_SECOND;
}

static void
report (GessoMeter *self, GessoStage stage, GessoPreview *preview)
{
  self->progress.stage = stage;
  self->progress.fraction = self->total > 0 ? MIN (self->done / self->total, 1.0) : 1.0;
  self->progress.preview = preview;
  if (self->func)
    self->func (&self->progress, self->data);
}

void
gesso_meter_advance (GessoMeter *self, GessoStage stage, double seconds, GessoPreview *preview)
{
  self->done += seconds;
  report (self, stage, preview);
}

void
gesso_meter_begin_load (GessoMeter *self, guint64 bytes)
{
  self->piece_begin = self->done;
  self->piece = gesso_meter_load_seconds (bytes);
}

void
gesso_meter_loaded (guint64 done, guint64 total, gpointer data)
{
  GessoMeter *self = data;

  self->done = self->piece_begin + (total ? self->piece * (double) done / (double) total : self->piece);
  report (self, GESSO_STAGE_OPEN, NULL);
}
