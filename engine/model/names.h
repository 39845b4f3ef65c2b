/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How the names and shapes of older and newer files meet those that networks/ asks for.
 */

#pragma once

#include "../config.h"
#include "weights.h"

/* "text_model." in front, which newer transformers leaves out. */
void gesso_names_text (GessoWeights *weights);
/* proj_in and proj_out as matrices or as 1x1 convolutions, as the config says. */
void gesso_names_unet (GessoWeights *weights, const GessoUnetConfig *config);
/* query, key, value, proj_attn become to_q, to_k, to_v, to_out.0; their weights are matrices. */
void gesso_names_vae (GessoWeights *weights);
