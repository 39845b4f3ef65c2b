/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The stages that gesso_plan_new() goes through, one file each.
 */

#pragma once

#include "plan.h"

/* Folds operations into each other as far as plan->options.fusions allows; types are resolved already. */
void gesso_plan_fuse (GessoPlan *plan);

/* Cuts the operations into plan->steps. */
void gesso_plan_cut (GessoPlan *plan);

/* Fills in plan->placements and plan->arena_bytes. */
gboolean gesso_plan_place (GessoPlan *plan, GError **error);
