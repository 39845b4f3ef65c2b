/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What tokenizer_config.json, special_tokens_map.json, added_tokens.json and the added tokens of tokenizer.json say,
 * and which of them wins: the rules of transformers 5, written out.
 */

#pragma once

#include "token-spec.h"

enum
{
  GESSO_TOKEN_BOS,
  GESSO_TOKEN_EOS,
  GESSO_TOKEN_UNK,
  GESSO_TOKEN_SEP,
  GESSO_TOKEN_PAD,
  GESSO_TOKEN_CLS,
  GESSO_TOKEN_MASK,
  GESSO_N_NAMED_TOKENS,
};

typedef struct
{
  GPtrArray *specs;                     /* owns every GessoTokenSpec; all others below borrow */
  GessoNamedTokens named;               /* the seven above, then a model's own ("image_token") */
  gboolean given[GESSO_N_NAMED_TOKENS]; /* by a file, rather than CLIP's default */
  GessoNamedTokens plain;               /* a model's own that are texts in tokenizer_config.json: behind the others */
  GessoNamedTokens mapped;              /* a model's own out of an object of extra_special_tokens: these come last */
  GPtrArray *extra;                     /* extra_special_tokens, or NULL */
  GPtrArray *additional;                /* additional_special_tokens, its older name, or NULL */
  GArray *numbered;                     /* tokens with an id, in the order of the files */
  gboolean has_decoder;    /* tokenizer_config.json has an added_tokens_decoder: other files' tokens do not count */
  gint64 model_max_length; /* -1: absent */
  gint64 max_len;          /* its older name; -1: absent */
  char *padding_side;      /* NULL: absent */
  char *truncation_side;   /* NULL: absent */
  gboolean splits_special; /* special tokens in the text are text */
} GessoTokenizerSettings;

GessoTokenizerSettings *gesso_tokenizer_settings_new (void);
void gesso_tokenizer_settings_free (GessoTokenizerSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoTokenizerSettings, gesso_tokenizer_settings_free)

/* Each reads the value that comes next in `scan`. To be called in this order, each only where its file exists; all but
 * the first only while has_decoder is FALSE. */
void gesso_tokenizer_settings_read_config (GessoTokenizerSettings *settings, GessoJsonScan *scan);
void gesso_tokenizer_settings_read_special_tokens_map (GessoTokenizerSettings *settings, GessoJsonScan *scan);
void gesso_tokenizer_settings_read_added_tokens (GessoTokenizerSettings *settings, GessoJsonScan *scan);
/* The list "added_tokens" of tokenizer.json. */
void gesso_tokenizer_settings_read_token_list (GessoTokenizerSettings *settings, GessoJsonScan *scan);

/* After all files: the tokens to add, in order (GessoTokenSpec, borrowed), or NULL with an error. One may come up again
 * later with other properties; then the later ones hold. `folder` is for messages. */
GPtrArray *gesso_tokenizer_settings_resolve (GessoTokenizerSettings *settings, const char *folder, GError **error);
/* Content of one of the seven named tokens, or NULL. */
const char *gesso_tokenizer_settings_token (const GessoTokenizerSettings *settings, int which);
