/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What tokenizer_config.json, special_tokens_map.json, added_tokens.json and the added tokens of tokenizer.json say,
 * and which of them wins: the rules of transformers 5, written out.
 */

#pragma once

#include "json-scan.h"

/* A token as a file gives it: a plain text, or an object with properties, each of which may be absent. */
typedef struct
{
  char *content;  /* NULL: the file has something there that is no token */
  gboolean plain; /* a text, not an object */
  gboolean typed; /* an object of tokenizer_config.json, marked "__type" */
  gboolean special;
  gboolean single_word;
  gboolean lstrip;
  gboolean rstrip;
  int normalized; /* -1: absent, which means "not special" */
} GessoTokenSpec;

gboolean gesso_token_spec_is_normalized (const GessoTokenSpec *spec);

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

/* A token under a key such as "bos_token", or a model's own ("image_token"). */
typedef struct
{
  char *key;
  gboolean given;       /* by a file; if not, `spec` is CLIP's default */
  GessoTokenSpec *spec; /* NULL: null, or absent without a default */
} GessoNamedToken;

typedef struct
{
  GPtrArray *specs;     /* owns every GessoTokenSpec; all others below borrow */
  GArray *named;        /* GessoNamedToken: the seven above, then a model's own */
  GArray *explicit;     /* of these, those that transformers puts last */
  GPtrArray *extra;     /* extra_special_tokens, or NULL */
  GPtrArray *additional; /* additional_special_tokens, its older name, or NULL */
  GArray *numbered;     /* tokens with an id, in the order of the files */
  gboolean has_decoder; /* tokenizer_config.json has an added_tokens_decoder: the other files' tokens do not count */
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
