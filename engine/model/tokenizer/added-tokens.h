/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tokens that are looked for in the text itself, before it is split into words: start and end of text, the padding
 * token, and whatever a model's maker added.
 */

#pragma once

#include "unicode.h"

typedef struct
{
  char *content;
  gboolean single_word; /* not next to a word character */
  gboolean lstrip;      /* with all white space before it */
  gboolean rstrip;      /* and behind it */
  gboolean normalized;  /* looked for in the normalized text, hence in capitals too */
  gboolean special;
  guint32 id;
  GArray *vectors; /* guint32, the ids that follow it: of "T" those of "T_1", "T_2" ..., or NULL */
} GessoAddedToken;

void gesso_added_token_free (GessoAddedToken *token);

/* Whether it is looked for as its content is spelt: normalization changes nothing in it. */
gboolean gesso_added_token_is_found_as_spelt (const GessoAddedToken *token);

/* Finds tokens of one kind, normalized or not. */
typedef struct _GessoTokenFinder GessoTokenFinder;

/* Of `tokens` (GessoAddedToken; they must outlive the finder), those whose `normalized` is as given. Where several are
 * the same text once normalized, the one with the smallest id is found (the tokenizers library takes any of them, now
 * this one and now that). */
GessoTokenFinder *gesso_token_finder_new (GPtrArray *tokens, gboolean normalized);
void gesso_token_finder_free (GessoTokenFinder *finder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoTokenFinder, gesso_token_finder_free)

/* The next token in text[*from .. n - 1], the leftmost and of those the longest, or NULL. `start` and `end`: what it
 * takes of the text, white space included; `first`: its own first character; *from: where to look next. Text before
 * `floor` belongs to an earlier token. With `split_special`, special tokens are passed over. */
const GessoAddedToken *gesso_token_finder_next (const GessoTokenFinder *finder, const GessoChar *text, gsize n,
                                                gsize floor, gboolean split_special, gsize *from, gsize *start,
                                                gsize *first, gsize *end);
