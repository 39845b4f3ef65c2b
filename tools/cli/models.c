/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * gesso models: which models are installed.
 */

#include "commands.h"

#include <glib/gi18n.h>

#include "gesso.h"
#include "options.h"
#include "report.h"

static const char *
source_text (const GessoInstalledModel *model)
{
  switch (model->source)
    {
    case GESSO_MODEL_SOURCE_STARTER:
      return strcmp (model->name, "starter") == 0 ? _ ("comes with Gesso; the default") : _ ("comes with Gesso");
    case GESSO_MODEL_SOURCE_USER:
      return _ ("your models folder");
    case GESSO_MODEL_SOURCE_HUGGING_FACE:
      return _ ("Hugging Face cache");
    case GESSO_MODEL_SOURCE_PATH:
      return "GESSO_MODELS_PATH";
    }
  g_return_val_if_reached ("");
}

/* @text in a column of @width, and the gap behind it. */
static void
append_cell (GString *line, const char *text, int width)
{
  g_string_append (line, text);
  for (int i = cli_display_width (text); i < width + 2; i++)
    g_string_append_c (line, ' ');
}

static char *
describe (GPtrArray *models)
{
  GString *text = g_string_new (NULL);
  int name_width = 0, size_width = 0, source_width = 0;

  for (guint i = 0; i < models->len; i++)
    {
      const GessoInstalledModel *model = g_ptr_array_index (models, i);
      g_autofree char *size = g_format_size (model->size_on_disk);

      name_width = MAX (name_width, cli_display_width (model->name));
      size_width = MAX (size_width, cli_display_width (size));
      source_width = MAX (source_width, cli_display_width (source_text (model)));
    }
  for (guint i = 0; i < models->len; i++)
    {
      const GessoInstalledModel *model = g_ptr_array_index (models, i);
      g_autofree char *size = g_format_size (model->size_on_disk);
      g_autofree char *folder = g_filename_display_name (model->folder);

      append_cell (text, model->name, name_width);
      append_cell (text, size, size_width);
      append_cell (text, source_text (model), source_width);
      g_string_append_printf (text, "%s\n", folder);
    }
  return g_string_free (text, FALSE);
}

CliStatus
cli_models (char **args)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliOptions) options = cli_options_parse (CLI_COMMAND_MODELS, args, &error);
  g_autoptr (GPtrArray) models = NULL;
  g_autofree char *text = NULL;

  if (options == NULL)
    return cli_report_error ("models", error);
  if (options->help != NULL)
    {
      cli_print_text (options->help);
      return CLI_OK;
    }

  models = gesso_models_list ();
  if (models->len > 0)
    text = describe (models);
  else
    {
      g_autofree char *folder = gesso_models_user_folder ();
      g_autofree char *shown = g_filename_display_name (folder);

      text = g_strdup_printf (_ ("No model is installed. Put model folders into %s."), shown);
    }
  cli_print_text (text);
  return CLI_OK;
}
