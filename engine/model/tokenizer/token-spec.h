/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tokens as the files of a tokenizer give them, and tokens under keys.
 */

#pragma once

#include "json-scan.h"

/* A plain text, or an object with properties, each of which may be absent. */
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

GessoTokenSpec *gesso_token_spec_new (const char *content, gboolean plain);
void gesso_token_spec_free (GessoTokenSpec *spec);
gboolean gesso_token_spec_is_normalized (const GessoTokenSpec *spec);
/* Equal for tokens that transformers takes for equal: same kind, same text, same properties. (transfer full) */
char *gesso_token_spec_key (const GessoTokenSpec *spec);

/* Reads the object that comes next; `id` (nullable) is set if it has one. Never NULL; look at scan->error. */
GessoTokenSpec *gesso_token_spec_read_object (GessoJsonScan *scan, gint64 *id);
/* Reads the token that comes next: a text, null (NULL) or an object. In tokenizer_config.json (`in_config`) an object
 * is a token only if it says so; in special_tokens_map.json every one is, and special. */
GessoTokenSpec *gesso_token_spec_read (GessoJsonScan *scan, gboolean in_config);

/* A token under a key such as "bos_token". */
typedef struct
{
  char *key;
  GessoTokenSpec *spec; /* NULL: null; borrowed */
} GessoNamedToken;

/* Tokens under keys, in the order in which the keys came first. */
typedef struct
{
  GArray *tokens; /* GessoNamedToken */
  GHashTable *places;
} GessoNamedTokens;

void gesso_named_tokens_init (GessoNamedTokens *named);
void gesso_named_tokens_clear (GessoNamedTokens *named);
guint gesso_named_tokens_size (const GessoNamedTokens *named);
GessoNamedToken *gesso_named_tokens_get (const GessoNamedTokens *named, guint i);
void gesso_named_tokens_set (GessoNamedTokens *named, const char *key, GessoTokenSpec *spec);
void gesso_named_tokens_set_all (GessoNamedTokens *named, const GessoNamedTokens *more);
