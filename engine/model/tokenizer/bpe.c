/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "bpe.h"

/* Symbols are a doubly linked list in an array; joining two keeps the left one's place. */
typedef struct
{
  guint32 id;
  gint32 previous; /* -1: none */
  gint32 next;     /* -1: none */
  gboolean gone;   /* joined to the one on its left */
} Symbol;

/* A pair that could join when it was queued: ordered by rank, then from left to right. */
typedef struct
{
  guint64 order; /* rank << 32 | place of the left symbol */
  guint32 id;
} Candidate;

struct _GessoBpe
{
  GArray *symbols;
  GArray *heap; /* binary min-heap of Candidate */
  GArray *pieces;
};

GessoBpe *
gesso_bpe_new (void)
{
  GessoBpe *bpe = g_new (GessoBpe, 1);

  bpe->symbols = g_array_new (FALSE, FALSE, sizeof (Symbol));
  bpe->heap = g_array_new (FALSE, FALSE, sizeof (Candidate));
  bpe->pieces = g_array_new (FALSE, FALSE, sizeof (GessoPiece));
  return bpe;
}

void
gesso_bpe_free (GessoBpe *bpe)
{
  if (!bpe)
    return;
  g_array_unref (bpe->symbols);
  g_array_unref (bpe->heap);
  g_array_unref (bpe->pieces);
  g_free (bpe);
}

static void
heap_push (GArray *heap, Candidate candidate)
{
  Candidate *items;
  guint i = heap->len;

  g_array_append_val (heap, candidate);
  items = (Candidate *) heap->data;
  for (; i > 0 && items[(i - 1) / 2].order > candidate.order; i = (i - 1) / 2)
    items[i] = items[(i - 1) / 2];
  items[i] = candidate;
}

static Candidate
heap_pop (GArray *heap)
{
  Candidate *items = (Candidate *) heap->data;
  Candidate top = items[0], last = items[heap->len - 1];
  guint n = heap->len - 1, i = 0;

  for (guint child = 1; child < n; child = 2 * i + 1)
    {
      child += child + 1 < n && items[child + 1].order < items[child].order;
      if (items[child].order >= last.order)
        break;
      items[i] = items[child];
      i = child;
    }
  items[i] = last;
  g_array_set_size (heap, n);
  return top;
}

/* Queues the symbol at `place` with the one behind it, if they join. */
static void
queue_pair (GessoBpe *bpe, const GessoVocabulary *vocabulary, gint32 place)
{
  const Symbol *symbols = (const Symbol *) bpe->symbols->data;
  gint32 next = symbols[place].next;
  GessoMerge merge;

  if (next < 0)
    return;
  merge = gesso_vocabulary_merge (vocabulary, symbols[place].id, symbols[next].id);
  if (merge.id != GESSO_NO_ID)
    heap_push (bpe->heap, (Candidate) { (guint64) merge.rank << 32 | (guint32) place, merge.id });
}

static void
join_all (GessoBpe *bpe, const GessoVocabulary *vocabulary)
{
  Symbol *symbols = (Symbol *) bpe->symbols->data;

  while (bpe->heap->len)
    {
      Candidate top = heap_pop (bpe->heap);
      gint32 place = (gint32) (top.order & G_MAXUINT32);
      Symbol *left = &symbols[place], *right;

      if (left->gone || left->next < 0)
        continue;
      right = &symbols[left->next];
      /* The pair may have changed since it was queued. Like the tokenizers library, take it if it still gives the
       * same piece. */
      if (gesso_vocabulary_merge (vocabulary, left->id, right->id).id != top.id)
        continue;
      left->id = top.id;
      left->next = right->next;
      right->gone = TRUE;
      if (right->next >= 0)
        symbols[right->next].previous = place;
      if (left->previous >= 0)
        queue_pair (bpe, vocabulary, left->previous);
      queue_pair (bpe, vocabulary, place);
    }
}

const GArray *
gesso_bpe_encode (GessoBpe *bpe, const GessoVocabulary *vocabulary, const guint8 *word, gsize n)
{
  const Symbol *symbols;

  g_array_set_size (bpe->symbols, (guint) n);
  g_array_set_size (bpe->heap, 0);
  g_array_set_size (bpe->pieces, 0);
  for (gsize i = 0; i < n; i++)
    g_array_index (bpe->symbols, Symbol, i) = (Symbol) { gesso_vocabulary_byte (vocabulary, word[i], i + 1 == n),
                                                         (gint32) i - 1, i + 1 == n ? -1 : (gint32) i + 1, FALSE };
  for (gsize i = 0; i + 1 < n; i++)
    queue_pair (bpe, vocabulary, (gint32) i);
  join_all (bpe, vocabulary);

  symbols = (const Symbol *) bpe->symbols->data;
  for (gint32 i = 0; i >= 0; i = symbols[i].next)
    {
      GessoPiece piece = { symbols[i].id, (guint32) i };

      g_array_append_val (bpe->pieces, piece);
    }
  return bpe->pieces;
}
