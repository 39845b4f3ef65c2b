/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * CLIP's byte-level BPE tokenizer, id for id what transformers 5's CLIPTokenizer gives.
 */

#pragma once

#include "../gesso.h"

typedef struct _GessoTokenizer GessoTokenizer;

/* Opens the tokenizer folder of a model: vocab.json + merges.txt (+ special_tokens_map.json, tokenizer_config.json,
 * added_tokens.json), or a tokenizer.json alone. */
GessoTokenizer *gesso_tokenizer_open (const char *folder, GCancellable *cancellable, GError **error);
void gesso_tokenizer_free (GessoTokenizer *tokenizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoTokenizer, gesso_tokenizer_free)

/* Tokens a prompt is padded or truncated to: model_max_length (77). */
int gesso_tokenizer_length (const GessoTokenizer *tokenizer);
/* Largest id it can give, for the check against the text encoder's vocab_size. */
int gesso_tokenizer_max_id (const GessoTokenizer *tokenizer);
/* Id of the end-of-text token. */
int gesso_tokenizer_end_id (const GessoTokenizer *tokenizer);

/* tokenizer (text, padding="max_length", truncation=True): `n` ids, 2 at least (n is gesso_tokenizer_length() in use).
 * Text that is not UTF-8, or of more than 4 MiB, is REQUEST_INVALID. */
gboolean gesso_tokenizer_encode (const GessoTokenizer *tokenizer, const char *text, int n, gint32 *ids, GError **error);

/* Number of tokens of `text` without start and end tokens and without truncation, or -1 for a text that
 * gesso_tokenizer_encode() refuses; `cut_off` (nullable): byte offset in `text` of the first character that a model of
 * gesso_tokenizer_length() tokens does not see, or sees only in part, or -1. Precisely: the smallest offset of a
 * character that has a share in a token beyond the last one kept. White space has a share in none. */
int gesso_tokenizer_count (const GessoTokenizer *tokenizer, const char *text, gssize *cut_off);
