/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values as typed on a command line.
 */

#include "values.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

/* Sets the error; the one %s of @format becomes @text made printable. */
static gboolean
refuse (GError **error, const char *format, const char *text)
{
  g_autofree char *shown = g_utf8_make_valid (text, -1);

  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, shown);
  return FALSE;
}

gboolean
cli_parse_int (const char *text, int *value, GError **error)
{
  const char *digits = text[0] == '-' ? text + 1 : text;

  if (*digits == '\0' || strspn (digits, "0123456789") != strlen (digits))
    return refuse (error, _ ("“%s” is not a whole number."), text);

  errno = 0;
  gint64 number = g_ascii_strtoll (text, NULL, 10);
  if (errno != 0 || number < G_MININT || number > G_MAXINT)
    return refuse (error, _ ("“%s” is too large a number."), text);

  *value = (int) number;
  return TRUE;
}

gboolean
cli_parse_uint64 (const char *text, guint64 *value, GError **error)
{
  if (*text == '\0' || strspn (text, "0123456789") != strlen (text))
    return refuse (error, _ ("“%s” is not a whole number from 0 to 18446744073709551615."), text);

  errno = 0;
  guint64 number = g_ascii_strtoull (text, NULL, 10);
  if (errno != 0)
    return refuse (error, _ ("“%s” is too large: the largest is 18446744073709551615."), text);

  *value = number;
  return TRUE;
}

gboolean
cli_parse_double (const char *text, double *value, GError **error)
{
  char *end = NULL;

  if (strchr (text, ',') != NULL)
    return refuse (error, _ ("“%s” is not a number: write the decimal point as “.”, as in 7.5."), text);

  /* The characters are checked too: the C function also takes spaces, hexadecimal, “inf” and “nan”. */
  double number = g_ascii_strtod (text, &end);
  if (end == text || *end != '\0' || strspn (text, "0123456789.eE+-") != strlen (text) || text[0] == '+')
    return refuse (error, _ ("“%s” is not a number such as 7.5."), text);
  if (!isfinite (number))
    return refuse (error, _ ("“%s” is too large a number."), text);

  *value = number;
  return TRUE;
}

/* Bits to shift by for the unit at @unit, 0 for plain bytes; FALSE: no such unit. */
static gboolean
parse_unit (const char *unit, int *shift)
{
  static const char letters[] = "KMGT";
  const char *letter;

  *shift = 0;
  if (*unit == '\0')
    return TRUE;

  letter = strchr (letters, g_ascii_toupper (*unit));
  if (letter == NULL)
    return FALSE;
  *shift = 10 * (int) (letter - letters + 1);
  return unit[1] == '\0' || strcmp (unit + 1, "i") == 0 || strcmp (unit + 1, "iB") == 0;
}

gboolean
cli_parse_size (const char *text, guint64 *value, GError **error)
{
  static const char expected[] = N_ ("“%s” is not a size: write bytes, or a number with K, M, G or T, as in 1.5G.");
  gsize n_whole = strspn (text, "0123456789");
  gsize n_fraction = text[n_whole] == '.' ? strspn (text + n_whole + 1, "0123456789") : 0;
  const char *unit = text + n_whole + (n_fraction > 0 ? 1 + n_fraction : 0);
  int shift;

  if (n_whole == 0 || !parse_unit (unit, &shift) || (n_fraction > 0 && shift == 0))
    return refuse (error, _ (expected), text);

  errno = 0;
  guint64 whole = g_ascii_strtoull (text, NULL, 10);
  if (errno != 0 || whole > G_MAXUINT64 >> shift)
    return refuse (error, _ ("“%s” is too large a size."), text);

  guint64 bytes = whole << shift;
  if (n_fraction > 0)
    {
      g_autofree char *fraction = g_strdup_printf ("0%.*s", (int) n_fraction + 1, text + n_whole);

      bytes += (guint64) ldexp (g_ascii_strtod (fraction, NULL), shift);
      /* What rounds to nothing would mean “no limit”. */
      if (bytes == 0 && strpbrk (fraction, "123456789") != NULL)
        return refuse (error, _ ("“%s” is less than one byte."), text);
    }

  *value = bytes;
  return TRUE;
}

char *
cli_parse_text (const char *raw, GError **error)
{
  const char *charset = NULL;
  char *text;

  if (g_utf8_validate (raw, -1, NULL))
    return g_strdup (raw);

  g_get_charset (&charset);
  text = g_locale_to_utf8 (raw, -1, NULL, NULL, NULL);
  if (text == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 _ ("The text is neither UTF-8 nor in the encoding of your locale (%s)."), charset);
  return text;
}
