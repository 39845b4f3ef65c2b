/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "backend.h"
#include "model/weights.h"

/* A file's tensors as a backend's stores want them. `weights` outlives what is made of it. */
GessoWeightSource gesso_weight_source (GessoWeights *weights);
