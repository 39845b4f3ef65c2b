/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "added-tokens.h"

#include "normalize.h"

typedef struct
{
  gunichar *text;
  gsize n;
  const GessoAddedToken *token;
} Pattern;

/* Patterns in the order of their code points, so that the candidates shrink to a range as characters are read. */
struct _GessoTokenFinder
{
  GArray *patterns;
};

void
gesso_added_token_free (GessoAddedToken *token)
{
  g_free (token->content);
  g_clear_pointer (&token->vectors, g_array_unref);
  g_free (token);
}

static void
clear_pattern (gpointer pattern)
{
  g_free (((Pattern *) pattern)->text);
}

static int
compare_patterns (gconstpointer a, gconstpointer b)
{
  const Pattern *left = a, *right = b;
  gsize n = MIN (left->n, right->n);

  for (gsize i = 0; i < n; i++)
    if (left->text[i] != right->text[i])
      return left->text[i] < right->text[i] ? -1 : 1;
  return left->n < right->n ? -1 : left->n > right->n;
}

static int
compare_with_ids (gconstpointer a, gconstpointer b)
{
  guint32 left = ((const Pattern *) a)->token->id, right = ((const Pattern *) b)->token->id;
  int order = compare_patterns (a, b);

  return order ? order : left < right ? -1 : left > right;
}

/* What a token is looked for as: GessoChar. */
static GArray *
looked_for (const GessoAddedToken *token)
{
  g_autoptr (GArray) plain = g_array_new (FALSE, FALSE, sizeof (GessoChar));
  GArray *folded;

  for (const char *at = token->content; *at; at = g_utf8_next_char (at))
    {
      GessoChar c = { g_utf8_get_char (at), 0 };

      g_array_append_val (plain, c);
    }
  if (!token->normalized)
    return g_steal_pointer (&plain);
  folded = g_array_new (FALSE, FALSE, sizeof (GessoChar));
  gesso_normalize ((const GessoChar *) plain->data, plain->len, folded);
  return folded;
}

gboolean
gesso_added_token_is_found_as_spelt (const GessoAddedToken *token)
{
  g_autoptr (GArray) text = looked_for (token);
  const char *at = token->content;

  for (guint i = 0; i < text->len; i++)
    {
      if (!*at || g_utf8_get_char (at) != g_array_index (text, GessoChar, i).c)
        return FALSE;
      at = g_utf8_next_char (at);
    }
  return !*at;
}

static Pattern
make_pattern (const GessoAddedToken *token)
{
  g_autoptr (GArray) text = looked_for (token);
  Pattern pattern = { NULL, 0, token };

  pattern.n = text->len;
  pattern.text = g_new (gunichar, text->len);
  for (gsize i = 0; i < text->len; i++)
    pattern.text[i] = g_array_index (text, GessoChar, i).c;
  return pattern;
}

/* Of sorted patterns of the same text the first one stays. */
static void
remove_repeated (GArray *patterns)
{
  Pattern *items = (Pattern *) patterns->data;
  guint n = 0;

  for (guint i = 0; i < patterns->len; i++)
    if (n == 0 || compare_patterns (&items[n - 1], &items[i]) != 0)
      {
        Pattern swap = items[n];

        items[n++] = items[i];
        items[i] = swap;
      }
  g_array_set_size (patterns, n);
}

GessoTokenFinder *
gesso_token_finder_new (GPtrArray *tokens, gboolean normalized)
{
  GessoTokenFinder *finder = g_new (GessoTokenFinder, 1);

  finder->patterns = g_array_new (FALSE, FALSE, sizeof (Pattern));
  g_array_set_clear_func (finder->patterns, clear_pattern);
  for (guint i = 0; i < tokens->len; i++)
    {
      const GessoAddedToken *token = g_ptr_array_index (tokens, i);

      if (!token->normalized == !normalized)
        {
          Pattern pattern = make_pattern (token);

          g_array_append_val (finder->patterns, pattern);
        }
    }
  g_array_sort (finder->patterns, compare_with_ids);
  remove_repeated (finder->patterns);
  return finder;
}

void
gesso_token_finder_free (GessoTokenFinder *finder)
{
  if (!finder)
    return;
  g_array_unref (finder->patterns);
  g_free (finder);
}

/* Narrows the patterns low .. high - 1, which agree in their first `depth` characters, to those with `c` next. */
static void
narrow (const Pattern *patterns, gsize depth, gunichar c, gsize *low, gsize *high)
{
  gsize end = *high;

  for (gsize size = end - *low; size > 0;)
    {
      gsize half = size / 2;
      const Pattern *middle = &patterns[*low + half];

      if (middle->n <= depth || middle->text[depth] < c)
        {
          *low += half + 1;
          size -= half + 1;
        }
      else
        {
          size = half;
        }
    }
  *high = *low;
  for (gsize size = end - *low; size > 0;)
    {
      gsize half = size / 2;

      if (patterns[*high + half].text[depth] == c)
        {
          *high += half + 1;
          size -= half + 1;
        }
      else
        {
          size = half;
        }
    }
}

/* The longest pattern that `text` begins with, or NULL. */
static const Pattern *
longest_at (const GessoTokenFinder *finder, const GessoChar *text, gsize n)
{
  const Pattern *patterns = (const Pattern *) finder->patterns->data, *best = NULL;
  gsize low = 0, high = finder->patterns->len;

  for (gsize depth = 0; depth < n; depth++)
    {
      narrow (patterns, depth, text[depth].c, &low, &high);
      if (low == high)
        break;
      if (patterns[low].n == depth + 1)
        best = &patterns[low];
    }
  return best;
}

const GessoAddedToken *
gesso_token_finder_next (const GessoTokenFinder *finder, const GessoChar *text, gsize n, gsize floor,
                         gboolean split_special, gsize *from, gsize *start, gsize *first, gsize *end)
{
  if (!finder->patterns->len)
    return NULL;
  while (*from < n)
    {
      gsize begin = *from;
      const Pattern *found = longest_at (finder, text + begin, n - begin);
      const GessoAddedToken *token;

      if (!found)
        {
          (*from)++;
          continue;
        }
      /* A token that does not count here hides shorter ones all the same. */
      *from = begin + found->n;
      token = found->token;
      if (split_special && token->special)
        continue;
      if (token->single_word
          && ((begin > 0 && gesso_unicode_is_word (text[begin - 1].c))
              || (*from < n && gesso_unicode_is_word (text[*from].c))))
        continue;
      *first = *start = begin;
      *end = *from;
      if (token->lstrip)
        while (*start > floor && gesso_unicode_is_space (text[*start - 1].c))
          (*start)--;
      if (token->rstrip)
        while (*end < n && gesso_unicode_is_space (text[*end].c))
          (*end)++;
      return token;
    }
  return NULL;
}
