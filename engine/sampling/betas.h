/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "../config.h"
#include "../gesso.h"

/* The products of 1 - beta up to each training time step (diffusers' alphas_cumprod), num_train_timesteps values,
 * transfer full; free with g_free(). They carry the rounding to float that diffusers gives them. MODEL_INVALID, naming
 * the key of scheduler_config.json, for values that make no schedule. */
double *gesso_alphas_cumprod (const GessoSchedulerConfig *config, GError **error);
