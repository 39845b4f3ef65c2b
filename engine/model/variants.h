/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which of the files in a part's folder holds its weights.
 */

#pragma once

#include "weights.h"

/* Opens the weights of a part in `folder`; `is_transformers`: "model.safetensors" rather than
 * "diffusion_pytorch_model.safetensors". MODEL_NOT_FOUND names the files that were looked for. */
GessoWeights *gesso_variants_open (const char *folder, gboolean is_transformers, GCancellable *cancellable,
                                   GError **error);
