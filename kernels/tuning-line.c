/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tuning-line.h"

#include <string.h>

#define MAX_PARTS 64
#define MAX_QUERIES 1024
#define WAY_WORDS G_N_ELEMENTS (((GessoProductWay *) 0)->lt_algorithm)
#define KEY_NUMBERS G_N_ELEMENTS (((GessoTuningKey *) 0)->numbers)

/* The first number of a key. */
typedef enum
{
  KIND_PRODUCT,
  KIND_ATTENTION,
} Kind;

static const struct
{
  const char *name;
  gsize n_numbers; /* behind the kind */
} kinds[] = {
  [KIND_PRODUCT] = { "product", 22 },
  [KIND_ATTENTION] = { "attention", 10 },
};

/* Those behind the kind; the rest are 0. */
static GessoTuningKey
make_key (Kind kind, const gint64 *numbers, gsize n)
{
  GessoTuningKey key = { { (gint32) kind } };

  g_assert (n == kinds[kind].n_numbers && n < KEY_NUMBERS);
  for (gsize i = 0; i < n; i++)
    key.numbers[1 + i] = (gint32) numbers[i];
  return key;
}

/* Of a plain product it does not matter how the pixels lie. */
static GessoConvShape
shape_of (const GessoProduct *product)
{
  GessoProduct plain = *product;

  if (gesso_product_is_linear (product))
    gesso_product_linear (&plain, 0, product->conv.channels, product->columns, product->geglu);
  return plain.conv;
}

GessoTuningKey
gesso_tuning_product_key (GessoDType type, const GessoProduct *product)
{
  const GessoConvShape conv = shape_of (product);
  const gint64 numbers[] = { (gint64) type,
                             product->n_members,
                             product->end - product->begin,
                             gesso_product_least_rows (product),
                             product->columns,
                             product->geglu,
                             (gint64) product->activation,
                             product->member[0].bias != 0,
                             product->lt_bias[0] != 0,
                             product->member[0].residual != 0,
                             conv.height,
                             conv.width,
                             conv.channels,
                             conv.virtual_height,
                             conv.virtual_width,
                             conv.out_height,
                             conv.out_width,
                             conv.kernel_height,
                             conv.kernel_width,
                             conv.stride,
                             conv.pad_top,
                             conv.pad_left };

  return make_key (KIND_PRODUCT, numbers, G_N_ELEMENTS (numbers));
}

GessoTuningKey
gesso_tuning_attention_key (GessoDType type, const GessoAttention *attention)
{
  const GessoAttentionShape *shape = &attention->shape;
  const gint64 numbers[]
      = { (gint64) type, attention->pictures, shape->end - shape->begin, shape->keys,    shape->heads,
          shape->width,  shape->q_pitch,      shape->kv_pitch,           shape->sharing, shape->causal };

  return make_key (KIND_ATTENTION, numbers, G_N_ELEMENTS (numbers));
}

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
parse_attention_way (char **words, int *queries)
{
  gint64 number;

  if (g_strcmp0 (*words, "queries") != 0)
    return FALSE;
  words++;
  if (!take_number (&words, 1, MAX_QUERIES, &number))
    return FALSE;
  *queries = (int) number;
  return *words == NULL;
}

gboolean
gesso_tuning_line_parse (const char *line, GessoTuningKey *key, GessoTuningWay *way)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 0);
  char **word = words + 1;
  gsize kind = 0;

  while (kind < G_N_ELEMENTS (kinds) && g_strcmp0 (words[0], kinds[kind].name) != 0)
    kind++;
  if (kind == G_N_ELEMENTS (kinds))
    return FALSE;
  *key = (GessoTuningKey) { { (gint32) kind } };
  *way = (GessoTuningWay) { 0 };
  for (gsize i = 0; i < kinds[kind].n_numbers; i++)
    {
      gint64 number;

      if (!take_number (&word, G_MININT32, G_MAXINT32, &number))
        return FALSE;
      key->numbers[1 + i] = (gint32) number;
    }
  return kind == KIND_PRODUCT ? parse_product_way (word, &way->product)
                              : parse_attention_way (word, &way->attention_queries);
}

char *
gesso_tuning_line_new (const GessoTuningKey *key, const GessoTuningWay *way)
{
  const GessoProductWay *product = &way->product;
  GString *line = g_string_new (kinds[key->numbers[0]].name);

  for (gsize i = 0; i < kinds[key->numbers[0]].n_numbers; i++)
    g_string_append_printf (line, " %d", key->numbers[1 + i]);
  if (key->numbers[0] == KIND_ATTENTION)
    g_string_append_printf (line, " queries %d", way->attention_queries);
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

  return a->attention_queries == b->attention_queries && x->tile == y->tile && x->parts == y->parts
         && x->by_lt == y->by_lt && x->lt_workspace == y->lt_workspace
         && memcmp (x->lt_algorithm, y->lt_algorithm, sizeof x->lt_algorithm) == 0;
}
