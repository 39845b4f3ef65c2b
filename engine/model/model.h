/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A diffusers model folder: what it says (configs), its tokenizer and its weights.
 */

#pragma once

#include "../config.h"
#include "tokenizer.h"
#include "weights.h"

typedef struct
{
  char *folder;
  char *name; /* for people: the folder's last component (of a Hugging Face cache snapshot: the repository's name) */
  GessoTextConfig text;
  GessoUnetConfig unet;
  GessoVaeConfig vae;
  GessoSchedulerConfig scheduler;
  GessoTokenizer *tokenizer;
  GessoWeights *text_weights; /* canonical names: "text_model.embeddings..." whatever the file has */
  GessoWeights *unet_weights;
  GessoWeights *vae_weights; /* canonical names: to_q, to_k, to_v, to_out.0, as matrices [c, c] */
  GPtrArray *notices;        /* of char *, translated; things worth saying that are no errors */
} GessoModel;

/* Opens and checks everything but the values of the weights. Errors: MODEL_NOT_FOUND, MODEL_INVALID, CANCELLED. */
GessoModel *gesso_model_open (const char *folder, GCancellable *cancellable, GError **error);
void gesso_model_free (GessoModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoModel, gesso_model_free)

/* The VAE's factor between latents and pixels: 2 ^ (levels - 1), as diffusers computes it. */
int gesso_model_vae_factor (const GessoModel *model);
