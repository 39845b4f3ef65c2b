/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "split.h"

#include <string.h>

/* Length of `word` if `text` begins with it, else 0. */
static gsize
starts_with (const GessoChar *text, gsize n, const char *word)
{
  gsize length = strlen (word);

  if (n < length)
    return 0;
  for (gsize i = 0; i < length; i++)
    if (text[i].c != (gunichar) word[i])
      return 0;
  return length;
}

static gsize
starts_with_any (const GessoChar *text, gsize n, const char *const *words)
{
  for (; *words; words++)
    {
      gsize length = starts_with (text, n, *words);

      if (length)
        return length;
    }
  return 0;
}

static gboolean
is_other (gunichar c)
{
  return !gesso_unicode_is_space (c) && !gesso_unicode_is_letter (c) && !gesso_unicode_is_number (c);
}

static void
append_span (GArray *words, gsize start, gsize end)
{
  GessoSpan span = { (guint32) start, (guint32) end };

  g_array_append_val (words, span);
}

void
gesso_split (const GessoChar *text, gsize n, GArray *words)
{
  static const char *const specials[] = { "<|startoftext|>", "<|endoftext|>", NULL };
  static const char *const contractions[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", NULL };

  for (gsize i = 0; i < n;)
    {
      gunichar c = text[i].c;
      gsize end = i + 1, length;

      if (c == '<' && (length = starts_with_any (text + i, n - i, specials)))
        {
          append_span (words, i, i + 2);
          append_span (words, i + 2, i + length - 2);
          append_span (words, i + length - 2, i + length);
          end = i + length;
        }
      else if (c == '\'' && (length = starts_with_any (text + i, n - i, contractions)))
        {
          end = i + length;
          append_span (words, i, end);
        }
      else if (gesso_unicode_is_letter (c))
        {
          while (end < n && gesso_unicode_is_letter (text[end].c))
            end++;
          append_span (words, i, end);
        }
      else if (gesso_unicode_is_number (c))
        {
          append_span (words, i, end);
        }
      else if (!gesso_unicode_is_space (c))
        {
          while (end < n && is_other (text[end].c))
            end++;
          append_span (words, i, end);
        }
      i = end;
    }
}
