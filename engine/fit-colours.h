/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finding out which colours the model's own decoder makes of latents.
 */

#pragma once

#include "meter.h"

/* For a job that was just planned, before it begins: sets pipeline->colours, from the cache or by decoding a few small
 * latents, and leaves all parts planned as they were. Where that cannot be done the colours stay unknown, which is no
 * error: FALSE only with CANCELLED, or where the job's own plan could not be made again. */
gboolean gesso_pipeline_fit_colours (GessoPipeline *pipeline, const GessoJob *job, GessoMeter *meter,
                                     GCancellable *cancellable, GError **error);
