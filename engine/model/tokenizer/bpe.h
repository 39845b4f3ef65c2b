/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One word through the byte pair encoding, in O(n log n).
 */

#pragma once

#include "vocabulary.h"

/* A piece of the word: its id and the byte it begins at. It ends where the next one begins. */
typedef struct
{
  guint32 id;
  guint32 start;
} GessoPiece;

typedef struct _GessoBpe GessoBpe;

/* Room to work in, used for one word after the other. */
GessoBpe *gesso_bpe_new (void);
void gesso_bpe_free (GessoBpe *bpe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoBpe, gesso_bpe_free)

/* Encodes the word of `n` > 0 bytes. Returns its pieces, an array of GessoPiece owned by `bpe`, valid until the next
 * call. */
const GArray *gesso_bpe_encode (GessoBpe *bpe, const GessoVocabulary *vocabulary, const guint8 *word, gsize n);
