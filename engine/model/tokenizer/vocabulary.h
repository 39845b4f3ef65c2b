/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A byte pair encoding: which pieces a byte can begin as, and which two pieces join into which, in which order.
 */

#pragma once

#include <glib.h>

#define GESSO_NO_ID G_MAXUINT32

typedef struct _GessoVocabulary GessoVocabulary;

/* What joining two pieces gives. */
typedef struct
{
  guint32 rank; /* the smaller, the earlier */
  guint32 id;   /* GESSO_NO_ID: they do not join */
} GessoMerge;

/* Built in this order: every token, then every merge, then gesso_vocabulary_finish(). `path` is for messages. */
GessoVocabulary *gesso_vocabulary_new (void);
void gesso_vocabulary_free (GessoVocabulary *vocabulary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoVocabulary, gesso_vocabulary_free)

gboolean gesso_vocabulary_add (GessoVocabulary *vocabulary, const char *path, const char *token, gint64 id,
                               GError **error);
/* `number`: the merge's place in the file, from 1 on. */
gboolean gesso_vocabulary_add_merge (GessoVocabulary *vocabulary, const char *path, guint number, const char *first,
                                     const char *second, GError **error);
/* Id of `token`, or GESSO_NO_ID. */
guint32 gesso_vocabulary_lookup (const GessoVocabulary *vocabulary, const char *token);
/* Checks the whole, sets what stands for a byte without a token of its own, and forgets the tokens' names.
 *
 * Merges that are cut short would go unnoticed: words would fall apart into smaller tokens. So every token that a merge
 * could make, being two others joined, must be made by one. Single bytes and the keys of `added` (their texts are found
 * before any merge) need none; nor does a token that no two others give: a vocabulary may have such tokens, and no
 * merge can be missing for them. `merges_path`: the file with the merges. */
gboolean gesso_vocabulary_finish (GessoVocabulary *vocabulary, const char *path, const char *merges_path,
                                  const char *unknown_token, GHashTable *added, GError **error);

/* Number of tokens, and the largest id. */
guint gesso_vocabulary_size (const GessoVocabulary *vocabulary);
guint32 gesso_vocabulary_max_id (const GessoVocabulary *vocabulary);
/* Id of a byte; `last`: that ends a word. */
guint32 gesso_vocabulary_byte (const GessoVocabulary *vocabulary, guint8 byte, gboolean last);
GessoMerge gesso_vocabulary_merge (const GessoVocabulary *vocabulary, guint32 first, guint32 second);
