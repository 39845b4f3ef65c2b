/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tuning-line.h"
#include "tuning-key.h"

#include <string.h>

#define MAX_PARTS 64
#define MAX_QUERIES 1024
#define WAY_WORDS G_N_ELEMENTS (((GessoProductWay *) 0)->lt_algorithm)

static const char *const names[GESSO_N_TUNING_KINDS] = {
  [GESSO_TUNING_PRODUCT] = "product",
  [GESSO_TUNING_ATTENTION] = "attention",
};

/* The next of `words` as a number; they end with NULL. */
static gboolean
take_number (char ***words, gint64 least, gint64 most, gint64 *number)
{
  return **words && g_ascii_string_to_signed (*(*words)++, 10, least, most, number, NULL);
}

static gboolean
parse_product_way (char **words, GessoProductWay *way)
{
  gint64 tile = 0, parts = 1, workspace = 0;

  *way = (GessoProductWay) { .by_lt = g_strcmp0 (*words, "cublaslt") == 0 };
  if (!*words || (!way->by_lt && !g_str_equal (*words, "own")))
    return FALSE;
  words++;
  if (way->by_lt)
    {
      if (!take_number (&words, 0, G_MAXINT32, &workspace))
        return FALSE;
      for (gsize i = 0; i < WAY_WORDS; i++)
        if (!*words || !g_ascii_string_to_unsigned (*words++, 16, 0, G_MAXUINT64, &way->lt_algorithm[i], NULL))
          return FALSE;
    }
  else if (!take_number (&words, 0, GESSO_N_TILES - 1, &tile) || !take_number (&words, 1, MAX_PARTS, &parts))
    return FALSE;
  way->tile = (GessoTile) tile;
  way->parts = (int) parts;
  way->lt_workspace = (gsize) workspace;
  return *words == NULL;
}

static gboolean
parse_attention_way (char **words, GessoAttentionWay *way)
{
  gint64 queries, warp_queries;

  if (g_strcmp0 (*words, "queries") != 0)
    return FALSE;
  words++;
  if (!take_number (&words, 1, MAX_QUERIES, &queries) || !take_number (&words, 1, MAX_QUERIES, &warp_queries))
    return FALSE;
  *way = (GessoAttentionWay) { (int) queries, (int) warp_queries };
  return *words == NULL;
}

gboolean
gesso_tuning_line_parse (const char *line, GessoTuningKey *key, GessoTuningWay *way)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 0);
  char **word = words + 1;
  gsize kind = 0;

  while (kind < G_N_ELEMENTS (names) && g_strcmp0 (words[0], names[kind]) != 0)
    kind++;
  if (kind == G_N_ELEMENTS (names))
    return FALSE;
  *key = (GessoTuningKey) { { (gint32) kind } };
  *way = (GessoTuningWay) { 0 };
  for (gsize i = 0; i < gesso_tuning_key_numbers ((GessoTuningKind) kind); i++)
    {
      gint64 number;

      if (!take_number (&word, G_MININT32, G_MAXINT32, &number))
        return FALSE;
      key->numbers[1 + i] = (gint32) number;
    }
  return kind == GESSO_TUNING_PRODUCT ? parse_product_way (word, &way->product)
                                      : parse_attention_way (word, &way->attention);
}

char *
gesso_tuning_line_new (const GessoTuningKey *key, const GessoTuningWay *way)
{
  const GessoTuningKind kind = (GessoTuningKind) key->numbers[0];
  const GessoProductWay *product = &way->product;
  GString *line = g_string_new (names[kind]);

  for (gsize i = 0; i < gesso_tuning_key_numbers (kind); i++)
    g_string_append_printf (line, " %d", key->numbers[1 + i]);
  if (kind == GESSO_TUNING_ATTENTION)
    g_string_append_printf (line, " queries %d %d", way->attention.queries, way->attention.warp_queries);
  else if (!product->by_lt)
    g_string_append_printf (line, " own %d %d", (int) product->tile, product->parts);
  else
    g_string_append_printf (line, " cublaslt %zu", product->lt_workspace);
  for (gsize i = 0; i < WAY_WORDS && product->by_lt; i++)
    g_string_append_printf (line, " %" G_GINT64_MODIFIER "x", product->lt_algorithm[i]);
  g_string_append_c (line, '\n');
  return g_string_free (line, FALSE);
}

gboolean
gesso_tuning_way_equal (const GessoTuningWay *a, const GessoTuningWay *b)
{
  const GessoProductWay *x = &a->product, *y = &b->product;

  return gesso_attention_way_equal (&a->attention, &b->attention) && x->tile == y->tile && x->parts == y->parts
         && x->by_lt == y->by_lt && x->lt_workspace == y->lt_workspace
         && memcmp (x->lt_algorithm, y->lt_algorithm, sizeof x->lt_algorithm) == 0;
}
