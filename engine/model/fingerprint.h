/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Checksums by which models are told apart: of what is in their files, wherever those are and whatever they are called.
 */

#pragma once

#include "model.h"

/* SHA-256 as 64 hexadecimal digits, transfer full, over configurations, tokenizer and the weights files that were
 * opened: whole small ones; of large ones the size and samples. NULL with an error when a file cannot be read. */
char *gesso_model_fingerprint (const GessoModel *model, GError **error);

/* The same for the VAE alone. */
char *gesso_vae_fingerprint (const GessoModel *model, GError **error);
