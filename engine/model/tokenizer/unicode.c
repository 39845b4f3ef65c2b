/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "unicode.h"

typedef struct
{
  guint32 first;
  guint32 last;
} GessoRange;

typedef struct
{
  guint32 first;
  guint32 last;
  gint32 step;
  gint32 delta;
} GessoLowerRange;

#include "unicode-tables.h"

static gboolean
in_ranges (const GessoRange *ranges, gsize n, gunichar c)
{
  gsize low = 0, high = n;

  while (low < high)
    {
      gsize middle = (low + high) / 2;

      if (c > ranges[middle].last)
        low = middle + 1;
      else
        high = middle;
    }
  return low < n && c >= ranges[low].first;
}

gboolean
gesso_unicode_is_letter (gunichar c)
{
  return in_ranges (letter_ranges, G_N_ELEMENTS (letter_ranges), c);
}

gboolean
gesso_unicode_is_number (gunichar c)
{
  return in_ranges (number_ranges, G_N_ELEMENTS (number_ranges), c);
}

gboolean
gesso_unicode_is_space (gunichar c)
{
  return in_ranges (space_ranges, G_N_ELEMENTS (space_ranges), c);
}

gboolean
gesso_unicode_is_word (gunichar c)
{
  return in_ranges (word_ranges, G_N_ELEMENTS (word_ranges), c);
}

gboolean
gesso_unicode_combines (gunichar c)
{
  return c >= combining_ranges[0].first && in_ranges (combining_ranges, G_N_ELEMENTS (combining_ranges), c);
}

gunichar
gesso_unicode_lower (gunichar c)
{
  gsize low = 0, high = G_N_ELEMENTS (lower_ranges);

  if (c < 0x80)
    return g_ascii_tolower ((gchar) c);
  if (c == 0x130)
    return 'i';
  while (low < high)
    {
      gsize middle = (low + high) / 2;

      if (c > lower_ranges[middle].last)
        low = middle + 1;
      else
        high = middle;
    }
  if (low == G_N_ELEMENTS (lower_ranges) || c < lower_ranges[low].first
      || (c - lower_ranges[low].first) % (guint32) lower_ranges[low].step)
    return c;
  return (gunichar) ((gint32) c + lower_ranges[low].delta);
}
