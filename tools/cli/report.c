/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the program says, and the exit status that goes with it.
 */

#include "report.h"

#include <errno.h>
#include <stdio.h>

#include <glib/gi18n.h>

char *
cli_printable (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *shown = g_string_new (NULL);

  for (const char *c = valid; *c; c = g_utf8_next_char (c))
    {
      const gunichar letter = g_utf8_get_char (c);

      g_string_append_unichar (shown, g_unichar_iscntrl (letter) && letter != '\n' && letter != '\t' ? 0xFFFD : letter);
    }
  return g_string_free (shown, FALSE);
}

int
cli_display_width (const char *text)
{
  int width = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    {
      gunichar c = g_utf8_get_char (text);

      width += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
    }
  return width;
}

CliStatus
cli_report_error (const char *command, const GError *error)
{
  if (g_error_matches (error, GESSO_ERROR, GESSO_ERROR_CANCELLED))
    {
      g_printerr (_ ("gesso: cancelled\n"));
      return CLI_CANCELLED;
    }

  g_autofree char *message = cli_printable (error->message);
  g_printerr ("gesso: %s\n", message);

  if (error->domain == G_OPTION_ERROR)
    {
      g_printerr (_ ("Try “gesso %s --help”.\n"), command);
      return CLI_USAGE;
    }
  if (g_error_matches (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID))
    return CLI_USAGE;
  return CLI_FAILED;
}

void
cli_print_text (const char *text)
{
  g_autofree char *shown = cli_printable (text);

  g_print ("%s%s", shown, g_str_has_suffix (shown, "\n") ? "" : "\n");
}

void
cli_print_path (const char *path)
{
  /* Not g_print (): it would convert from UTF-8, which a file name need not be. */
  fputs (path, stdout);
  fputc ('\n', stdout);
  fflush (stdout);
}

CliStatus
cli_close_stdout (CliStatus status)
{
  gboolean failed = ferror (stdout) != 0;

  errno = 0;
  if (fclose (stdout) != 0)
    failed = TRUE;
  if (!failed || status != CLI_OK)
    return status;

  /* An error that came before the last write has left no errno behind. */
  if (errno != 0)
    g_printerr (_ ("gesso: cannot write to standard output: %s\n"), g_strerror (errno));
  else
    g_printerr (_ ("gesso: cannot write to standard output\n"));
  return CLI_FAILED;
}

void
cli_print_notices (GessoEngine *engine)
{
  for (const char *const *notice = gesso_engine_get_notices (engine); notice != NULL && *notice != NULL; notice++)
    {
      g_autofree char *shown = cli_printable (*notice);

      g_printerr (_ ("Note: %s\n"), shown);
    }
}
