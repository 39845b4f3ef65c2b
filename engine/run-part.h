/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One part of the model at work, from the host's memory into buffers or back.
 */

#pragma once

#include "meter.h"

/* Seconds that one run of the part takes, roughly. */
double gesso_part_seconds (GessoPipeline *pipeline, GessoPart part);

/* Loads the part, counting towards the meter. */
gboolean gesso_enter_part (GessoPipeline *pipeline, GessoPart part, GessoMeter *meter, GCancellable *cancellable,
                           GError **error);

/* Enters and runs `part` with what lies at `inputs`, one pointer for each of the plan's, into new buffers, one an
 * output. */
GPtrArray *gesso_run_part (GessoPipeline *pipeline, GessoPart part, const gconstpointer *inputs, GessoMeter *meter,
                           GCancellable *cancellable, GError **error);
void gesso_free_buffers (GessoPipeline *pipeline, GPtrArray *buffers);

/* Output `i` of them, copied to the host. */
gpointer gesso_read_output (GessoPipeline *pipeline, GessoPart part, const GPtrArray *buffers, guint i, GError **error);

/* MODEL_INVALID: what comes of `weights` is no numbers. Always FALSE. */
gboolean gesso_report_no_numbers (const GessoPipeline *pipeline, const GessoWeights *weights, GError **error);

/* gesso_run_part() of one input with the first output, F32, copied to the host. */
float *gesso_run_part_to_host (GessoPipeline *pipeline, GessoPart part, gconstpointer input, GessoMeter *meter,
                               GCancellable *cancellable, GError **error);
