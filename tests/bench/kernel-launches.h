/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the CUDA backend launches for a plan, noted down instead of run: its own host code decides, on the look-alike of
 * the driver (GESSO_CUDA_DRIVER).
 */

#pragma once

#include "graph/plan.h"

typedef struct
{
  guint op;      /* in plan->ops */
  guint members; /* operations from that one on that it is for */
  const char *kernel;
  guint grid[3];
  guint threads; /* a block */
  guint shared;  /* bytes asked for */
} KernelLaunch;

/* Everything that one run of `plan` launches on a card of `capability` (ten times the compute capability) with
 * `processors` multiprocessors, in order; of KernelLaunch. */
GArray *kernel_launches_of (const GessoPlan *plan, int capability, int processors);
