/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "normalize.h"

#include <string.h>

/* A character of a run while it is composed: an inert character (or the start of the text) and the combining ones
 * behind it. */
typedef struct
{
  GessoChar c;
  int class;
} Piece;

static void
append_piece (GArray *run, gunichar c, guint32 offset)
{
  Piece piece = { { c, offset }, gesso_unicode_combines (c) ? g_unichar_combining_class (c) : 0 };

  g_array_append_val (run, piece);
}

static void
append_decomposed (GArray *run, GessoChar in)
{
  gunichar tail[8], first = in.c, second;
  int n = 0;

  while (n < 8 && gesso_unicode_combines (first) && g_unichar_decompose (first, &first, &second))
    if (second)
      tail[n++] = second;
  append_piece (run, first, in.offset);
  while (n)
    append_piece (run, tail[--n], in.offset);
}

/* Stable sort of marks by combining class. A text may be nothing but marks, hence the counting for long ones. */
static void
order_marks (Piece *marks, gsize n)
{
  if (n <= 16)
    {
      for (gsize i = 1; i < n; i++)
        for (gsize j = i; j > 0 && marks[j - 1].class > marks[j].class; j--)
          {
            Piece swap = marks[j];
            marks[j] = marks[j - 1];
            marks[j - 1] = swap;
          }
    }
  else
    {
      g_autofree Piece *copy = g_new (Piece, n);
      gsize start[257] = { 0 };

      memcpy (copy, marks, n * sizeof (Piece));
      for (gsize i = 0; i < n; i++)
        start[copy[i].class + 1]++;
      for (int i = 1; i < 257; i++)
        start[i] += start[i - 1];
      for (gsize i = 0; i < n; i++)
        marks[start[copy[i].class]++] = copy[i];
    }
}

static void
order_run (GArray *run)
{
  Piece *pieces = (Piece *) run->data;

  for (gsize i = 0, end; i < run->len; i = end + 1)
    {
      for (end = i; end < run->len && pieces[end].class; end++)
        ;
      order_marks (pieces + i, end - i);
    }
}

/* Canonical composition of a run in order, in place. */
static void
compose_run (GArray *run)
{
  Piece *pieces = (Piece *) run->data;
  gssize starter = -1;
  gsize n = 0;

  for (gsize i = 0; i < run->len; i++)
    {
      Piece piece = pieces[i];
      gunichar composed;

      if (starter >= 0 && gesso_unicode_combines (piece.c.c)
          && ((gsize) starter + 1 == n || pieces[n - 1].class < piece.class)
          && g_unichar_compose (pieces[starter].c.c, piece.c.c, &composed) && gesso_unicode_combines (composed))
        {
          pieces[starter].c.c = composed;
          pieces[starter].c.offset = MIN (pieces[starter].c.offset, piece.c.offset);
          continue;
        }
      pieces[n] = piece;
      if (!piece.class)
        starter = (gssize) n;
      n++;
    }
  g_array_set_size (run, (guint) n);
}

/* White space and lower case, which look at one composed character after the other. */
static void
append_lower (GArray *out, guint out_start, GessoChar c)
{
  static const gunichar dot_above = 0x307;

  if (gesso_unicode_is_space (c.c))
    {
      if (out->len > out_start && g_array_index (out, GessoChar, out->len - 1).c == ' ')
        return;
      c.c = ' ';
      g_array_append_val (out, c);
      return;
    }

  GessoChar lower = { gesso_unicode_lower (c.c), c.offset };

  g_array_append_val (out, lower);
  if (c.c == 0x130)
    {
      lower.c = dot_above;
      g_array_append_val (out, lower);
    }
}

void
gesso_normalize (const GessoChar *text, gsize n, GArray *out)
{
  g_autoptr (GArray) run = g_array_new (FALSE, FALSE, sizeof (Piece));
  guint out_start = out->len;

  for (gsize i = 0; i < n;)
    {
      gsize end = i + 1;

      while (end < n && gesso_unicode_combines (text[end].c))
        end++;
      if (end == i + 1 && !gesso_unicode_combines (text[i].c))
        {
          append_lower (out, out_start, text[i]);
        }
      else
        {
          g_array_set_size (run, 0);
          for (gsize j = i; j < end; j++)
            append_decomposed (run, text[j]);
          order_run (run);
          compose_run (run);
          for (guint j = 0; j < run->len; j++)
            append_lower (out, out_start, g_array_index (run, Piece, j).c);
        }
      i = end;
    }
}
