/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "json-scan.h"
#include "../../gesso.h"

#include <glib/gi18n-lib.h>
#include <string.h>

void
gesso_json_scan_init (GessoJsonScan *scan, const char *path, const char *data, gsize size)
{
  const char *bad;

  memset (scan, 0, sizeof *scan);
  scan->path = path;
  scan->data = scan->at = data;
  scan->end = data + size;
  scan->key = g_string_new (NULL);
  scan->text = g_string_new (NULL);
  if (!g_utf8_validate_len (data, size, &bad))
    {
      scan->at = bad;
      gesso_json_scan_fail (scan, _ ("this is not UTF-8 text"));
    }
}

gboolean
gesso_json_scan_clear (GessoJsonScan *scan, GError **error)
{
  gboolean ok = !scan->error;

  g_string_free (scan->key, TRUE);
  g_string_free (scan->text, TRUE);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&scan->error));
  memset (scan, 0, sizeof *scan);
  return ok;
}

void
gesso_json_scan_fail (GessoJsonScan *scan, const char *format, ...)
{
  g_autofree char *what = NULL;
  guint line = 1;
  va_list arguments;

  if (scan->error)
    return;
  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  for (const char *at = scan->data; at < scan->at; at++)
    line += *at == '\n';
  g_set_error (&scan->error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s, line %u: %s. Fetch the model's tokenizer folder again."), scan->path, line, what);
  scan->at = scan->end;
}

static void
pass_space (GessoJsonScan *scan)
{
  while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
    scan->at++;
}

char
gesso_json_scan_peek (GessoJsonScan *scan)
{
  char c;

  pass_space (scan);
  if (scan->error || scan->at == scan->end)
    return 0;
  c = *scan->at;
  if (c == '-' || g_ascii_isdigit (c))
    return '0';
  return c == '"' || c == '{' || c == '[' || c == 't' || c == 'f' || c == 'n' ? c : 0;
}

gboolean
gesso_json_scan_enter (GessoJsonScan *scan, char opener)
{
  if (gesso_json_scan_peek (scan) != opener)
    {
      gesso_json_scan_fail (scan, opener == '{' ? _ ("an object was expected here") : _ ("a list was expected here"));
      return FALSE;
    }
  if (scan->depth == GESSO_JSON_MAX_DEPTH)
    {
      gesso_json_scan_fail (scan, _ ("objects and lists are nested too deeply"));
      return FALSE;
    }
  scan->closer[scan->depth] = opener == '{' ? '}' : ']';
  scan->begun[scan->depth] = FALSE;
  scan->depth++;
  scan->at++;
  return TRUE;
}

/* Four hexadecimal digits, or -1. */
static int
hexadecimal (const char *at, const char *end)
{
  int value = 0;

  if (end - at < 4)
    return -1;
  for (int i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (at[i]);

      if (digit < 0)
        return -1;
      value = value << 4 | digit;
    }
  return value;
}

/* \uXXXX, or two of them that make a character beyond U+FFFF; `at` is behind the "u". */
static gboolean
read_unicode_escape (GessoJsonScan *scan, const char **at, GString *out)
{
  int first = hexadecimal (*at, scan->end);
  gunichar c = (gunichar) first;

  if (first <= 0)
    return FALSE;
  *at += 4;
  if (first >= 0xD800 && first < 0xDC00)
    {
      int second = scan->end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' ? hexadecimal (*at + 2, scan->end) : -1;

      if (second < 0xDC00 || second > 0xDFFF)
        return FALSE;
      c = 0x10000 + (((gunichar) first - 0xD800) << 10) + ((gunichar) second - 0xDC00);
      *at += 6;
    }
  else if (first >= 0xDC00 && first < 0xE000)
    {
      return FALSE;
    }
  g_string_append_unichar (out, c);
  return TRUE;
}

static gboolean
read_escape (GessoJsonScan *scan, const char **at, GString *out)
{
  static const char names[] = "\"\\/bfnrt";
  static const char values[] = "\"\\/\b\f\n\r\t";
  const char *name;

  if (*at == scan->end)
    return FALSE;
  if (**at == 'u')
    {
      (*at)++;
      return read_unicode_escape (scan, at, out);
    }
  name = strchr (names, **at);
  if (!name || !*name)
    return FALSE;
  g_string_append_c (out, values[name - names]);
  (*at)++;
  return TRUE;
}

static gboolean
read_string (GessoJsonScan *scan, GString *out)
{
  const char *at;

  if (gesso_json_scan_peek (scan) != '"')
    {
      gesso_json_scan_fail (scan, _ ("a text in quotes was expected here"));
      return FALSE;
    }
  g_string_truncate (out, 0);
  for (at = scan->at + 1; at < scan->end && *at != '"';)
    {
      const char *plain = at;

      while (at < scan->end && *at != '"' && *at != '\\' && (guchar) *at >= 0x20)
        at++;
      g_string_append_len (out, plain, at - plain);
      if (at == scan->end || *at == '"')
        break;
      if (*at != '\\' || (at++, !read_escape (scan, &at, out)))
        {
          scan->at = MIN (at, scan->end);
          gesso_json_scan_fail (scan, _ ("a text has a character that must not stand in it, or a damaged escape"));
          return FALSE;
        }
    }
  if (at == scan->end)
    {
      gesso_json_scan_fail (scan, _ ("a text has no end; the file was cut short"));
      return FALSE;
    }
  scan->at = at + 1;
  return TRUE;
}

gboolean
gesso_json_scan_next (GessoJsonScan *scan, const char **key)
{
  char closer;

  if (scan->error)
    return FALSE;
  closer = scan->closer[scan->depth - 1];
  pass_space (scan);
  if (scan->at == scan->end)
    {
      gesso_json_scan_fail (scan, _ ("an object or list has no end; the file was cut short"));
      return FALSE;
    }
  if (*scan->at == closer)
    {
      scan->at++;
      scan->depth--;
      return FALSE;
    }
  if (scan->begun[scan->depth - 1])
    {
      if (*scan->at != ',')
        {
          gesso_json_scan_fail (scan, _ ("a comma or “%c” was expected here"), closer);
          return FALSE;
        }
      scan->at++;
    }
  scan->begun[scan->depth - 1] = TRUE;
  if (closer == ']')
    return TRUE;
  if (!read_string (scan, scan->key))
    return FALSE;
  pass_space (scan);
  if (scan->at == scan->end || *scan->at != ':')
    {
      gesso_json_scan_fail (scan, _ ("a colon was expected here"));
      return FALSE;
    }
  scan->at++;
  if (key)
    *key = scan->key->str;
  return TRUE;
}

const char *
gesso_json_scan_string (GessoJsonScan *scan)
{
  return read_string (scan, scan->text) ? scan->text->str : NULL;
}

static gsize
count_digits (const char *at, const char *end)
{
  gsize n = 0;

  while (at + n < end && g_ascii_isdigit (at[n]))
    n++;
  return n;
}

/* Passes over a number; `whole` (nullable): whether it is written without fraction and exponent. */
static gboolean
pass_number (GessoJsonScan *scan, gboolean *whole)
{
  const char *at = scan->at, *end = scan->end;
  gboolean ok, is_whole = TRUE;
  gsize n;

  at += *at == '-';
  n = count_digits (at, end);
  ok = n == 1 || (n > 1 && *at != '0');
  at += n;
  if (at < end && *at == '.')
    {
      is_whole = FALSE;
      n = count_digits (++at, end);
      ok = ok && n > 0;
      at += n;
    }
  if (at < end && (*at == 'e' || *at == 'E'))
    {
      is_whole = FALSE;
      at++;
      at += at < end && (*at == '+' || *at == '-');
      n = count_digits (at, end);
      ok = ok && n > 0;
      at += n;
    }
  if (!ok)
    {
      gesso_json_scan_fail (scan, _ ("a number is damaged"));
      return FALSE;
    }
  scan->at = at;
  if (whole)
    *whole = is_whole;
  return TRUE;
}

gboolean
gesso_json_scan_integer (GessoJsonScan *scan, gint64 *value)
{
  const char *start;
  gboolean whole = FALSE;

  if (gesso_json_scan_peek (scan) != '0')
    {
      gesso_json_scan_fail (scan, _ ("a number was expected here"));
      return FALSE;
    }
  start = scan->at;
  if (!pass_number (scan, &whole))
    return FALSE;
  if (!whole)
    {
      gesso_json_scan_fail (scan, _ ("a whole number was expected here"));
      return FALSE;
    }
  g_autofree char *digits = g_strndup (start, scan->at - start);

  *value = g_ascii_strtoll (digits, NULL, 10);
  return TRUE;
}

static gboolean
pass_word (GessoJsonScan *scan, const char *word)
{
  gsize length = strlen (word);

  pass_space (scan);
  if (scan->error || (gsize) (scan->end - scan->at) < length || memcmp (scan->at, word, length) != 0)
    return FALSE;
  scan->at += length;
  return TRUE;
}

gboolean
gesso_json_scan_boolean (GessoJsonScan *scan, gboolean *value)
{
  *value = pass_word (scan, "true");
  if (*value || pass_word (scan, "false"))
    return TRUE;
  gesso_json_scan_fail (scan, _ ("true or false was expected here"));
  return FALSE;
}

void
gesso_json_scan_skip (GessoJsonScan *scan)
{
  char kind = gesso_json_scan_peek (scan);

  /* As deep as GESSO_JSON_MAX_DEPTH at most. */
  if (kind == '{' || kind == '[')
    {
      if (gesso_json_scan_enter (scan, kind))
        while (gesso_json_scan_next (scan, NULL))
          gesso_json_scan_skip (scan);
    }
  else if (kind == '"')
    {
      gesso_json_scan_string (scan);
    }
  else if (kind == '0')
    {
      pass_number (scan, NULL);
    }
  else if (!pass_word (scan, "true") && !pass_word (scan, "false") && !pass_word (scan, "null"))
    {
      gesso_json_scan_fail (scan, _ ("a value was expected here"));
    }
}

void
gesso_json_scan_end (GessoJsonScan *scan)
{
  pass_space (scan);
  if (!scan->error && scan->at != scan->end)
    gesso_json_scan_fail (scan, _ ("there is something behind the end of the JSON"));
}
