/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What `gesso info` and `gesso plan` print.
 */

#pragma once

#include "pipeline.h"

/* Lines of text, transfer full. */
char *gesso_describe_model (const GessoModel *model);
/* For a job that gesso_pipeline_plan_parts() has just planned; `own`: gesso_pipeline_own_bytes(); `shortage`
 * (nullable): why it cannot run. */
char *gesso_describe_plan (GessoPipeline *pipeline, const GessoJob *job, guint64 own, const GError *shortage);
