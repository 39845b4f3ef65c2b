/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The gesso command line: which sub-command runs, in which language.
 */

#include <locale.h>
#include <string.h>

#include <glib/gi18n.h>

#include "commands.h"
#include "gesso.h"
#include "platform.h"
#include "report.h"

typedef struct
{
  const char *name;
  CliStatus (*run) (char **args);
  const char *help;
} Command;

static const Command commands[] = {
  { "generate", cli_generate, N_ ("Paint pictures from a sentence") },
  { "info", cli_info, N_ ("Say what a model folder holds") },
  { "plan", cli_plan, N_ ("Say what a picture would take, without painting it") },
  { "models", cli_models, N_ ("List the models that are installed") },
  { "devices", cli_devices, N_ ("List the devices to compute with") },
};

static void
set_up_language (void)
{
  setlocale (LC_ALL, "");
#ifdef GESSO_LOCALEDIR
  bindtextdomain (GETTEXT_PACKAGE, GESSO_LOCALEDIR);
#endif
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}

static char *
usage (void)
{
  GString *text = g_string_new (_ ("Usage:\n"));

  g_string_append (text, "  gesso generate --prompt TEXT [--model NAME|DIR] [--output FILE.png] ...\n"
                         "  gesso info [--model NAME|DIR]\n"
                         "  gesso plan [--model NAME|DIR] [--width W] [--height H] ...\n"
                         "  gesso models\n"
                         "  gesso devices\n"
                         "  gesso --version\n\n");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (text, "  %-10s %s\n", commands[i].name, _ (commands[i].help));
  g_string_append (text, _ ("\n“gesso COMMAND --help” lists the options of a command.\n"));
  return g_string_free (text, FALSE);
}

static CliStatus
run (char **args)
{
  const char *name = args[0] != NULL ? args[1] : NULL;
  g_autofree char *help = usage ();
  g_autofree char *shown = NULL;

  if (name == NULL)
    {
      g_printerr ("%s", help);
      return CLI_USAGE;
    }
  if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0)
    {
      cli_print_text (help);
      return CLI_OK;
    }
  if (strcmp (name, "--version") == 0)
    {
      g_print ("gesso %s\n", gesso_version ());
      return CLI_OK;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (name, commands[i].name) == 0)
      {
        g_autofree char *program = g_strdup_printf ("gesso %s", name);

        g_set_prgname (program); /* what GLib's usage text begins with */
        return commands[i].run (args + 1);
      }

  shown = g_utf8_make_valid (name, -1);
  if (name[0] == '-')
    g_printerr (_ ("gesso: “%s” comes before the command, or is no option.\n\n%s"), shown, help);
  else
    g_printerr (_ ("gesso: there is no command “%s”.\n\n%s"), shown, help);
  return CLI_USAGE;
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) args = NULL;

  cli_platform_exit_on_interrupt (CLI_CANCELLED);
  set_up_language ();
#ifdef G_OS_WIN32
  args = g_win32_get_command_line ();
#else
  args = g_strdupv (argv);
#endif
  return cli_close_stdout (run (args));
}
