/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a request would need, found out beside whatever is loaded and planned, which stays as it is.
 */

#pragma once

#include "pipeline.h"

/* A pipeline of the same model and backend whose parts are planned on their own, and never loaded. Its limit is not to
 * be asked for: what is held already is known to the real one only. */
typedef GessoPipeline GessoSketch;
GessoSketch *gesso_sketch_new (const GessoPipeline *pipeline);
void gesso_sketch_free (GessoSketch *sketch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoSketch, gesso_sketch_free)

/* Whether one picture of the model's own size can be painted in the memory there is; else, in `why_not`, the figures.
 */
gboolean gesso_pipeline_has_room (GessoPipeline *pipeline, char **why_not);

/* See gesso_engine_measure() and gesso_engine_largest_size(). */
gboolean gesso_pipeline_measure (GessoPipeline *pipeline, const GessoRequest *request, GessoMemoryNeed *need,
                                 GError **error);
gboolean gesso_pipeline_largest_size (GessoPipeline *pipeline, const GessoRequest *request, int *width, int *height);
