/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scheduler.h"

/* The table of diffusers' PNDMScheduler; `steps` is within 1..num_train_timesteps. REQUEST_INVALID for numbers of steps
 * that it cannot do with this config, MODEL_INVALID for a config that makes no table. */
GessoSchedule *gesso_pndm_new (const GessoSchedulerConfig *config, int steps, GError **error);
