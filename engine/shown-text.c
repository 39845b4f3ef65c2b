/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "shown-text.h"

#include <string.h>

/* Whether a character shows itself, and does nothing else: moves no cursor, turns no line round. */
static gboolean
is_shown (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return FALSE;
    default:
      return TRUE;
    }
}

gboolean
gesso_text_is_shown (const char *text)
{
  for (const char *c = text; *c; c = g_utf8_next_char (c))
    if (!is_shown (g_utf8_get_char (c)))
      return FALSE;
  return TRUE;
}

char *
gesso_text_shorten (const char *text)
{
  const gsize limit = 60;
  /* One character more than there is room for tells that there are more. */
  g_autofree char *start = g_utf8_make_valid (text, (gssize) strnlen (text, limit + 8));
  GString *shown = g_string_new (NULL);

  for (const char *c = start; *c; c = g_utf8_next_char (c))
    {
      const gunichar letter = g_utf8_get_char (c);

      if ((gsize) (g_utf8_next_char (c) - start) > limit)
        {
          g_string_append (shown, "…");
          break;
        }
      g_string_append_unichar (shown, is_shown (letter) ? letter : 0xFFFD);
    }
  return g_string_free (shown, FALSE);
}
