/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The options of the sub-commands.
 */

#include "options.h"

#include <string.h>

#include <glib/gi18n.h>

#include "values.h"

typedef enum
{
  KIND_FLAG, /* gboolean */
  KIND_PATH, /* char *, as typed */
  KIND_TEXT, /* char *, UTF-8 */
  KIND_INT,
  KIND_UINT64,
  KIND_DOUBLE,
  KIND_SIZE, /* guint64 */
  KIND_DEVICE,
  KIND_PRECISION,
} Kind;

typedef enum
{
  IN_OPTIONS,
  IN_ENGINE,
  IN_REQUEST,
} Place;

typedef struct
{
  const char *name;
  char letter;
  guint commands;
  Kind kind;
  Place place;
  gsize offset;
  const char *help;
  const char *argument;
} Option;

#define GENERATE CLI_COMMAND_GENERATE
#define SIZED (CLI_COMMAND_GENERATE | CLI_COMMAND_PLAN)
#define MODEL (CLI_COMMAND_GENERATE | CLI_COMMAND_PLAN | CLI_COMMAND_INFO)
#define OPTIONS(field) IN_OPTIONS, G_STRUCT_OFFSET (CliOptions, field)
#define ENGINE(field) IN_ENGINE, G_STRUCT_OFFSET (GessoOptions, field)
#define REQUEST(field) IN_REQUEST, G_STRUCT_OFFSET (GessoRequest, field)

/* clang-format off */
static const Option table[] = {
  { "model", 'm', MODEL, KIND_PATH, OPTIONS (model), N_("An installed model (see “gesso models”), or the folder of one as diffusers saves it (default: the starter model)"), N_("NAME|DIR") },
  { "prompt", 'p', GENERATE, KIND_TEXT, REQUEST (prompt), N_("What to paint; may be empty (needed)"), N_("TEXT") },
  { "negative-prompt", 'n', GENERATE, KIND_TEXT, REQUEST (negative_prompt), N_("What to keep away from"), N_("TEXT") },
  { "steps", 0, SIZED, KIND_INT, REQUEST (steps), N_("Denoising steps (default: 25)"), N_("N") },
  { "guidance", 0, SIZED, KIND_DOUBLE, REQUEST (guidance), N_("How closely to follow the prompt (default: 7.5; 1 or less: without the negative prompt)"), N_("NUMBER") },
  { "seed", 's', GENERATE, KIND_UINT64, REQUEST (seed), N_("Seed of the first picture, the next uses seed + 1 (default: a random one, printed)"), N_("N") },
  { "width", 0, SIZED, KIND_INT, REQUEST (width), N_("Width in pixels, a multiple of 8 (default: the model's own)"), N_("W") },
  { "height", 0, SIZED, KIND_INT, REQUEST (height), N_("Height in pixels, a multiple of 8 (default: the model's own)"), N_("H") },
  { "images", 0, SIZED, KIND_INT, REQUEST (n_images), N_("Number of pictures (default: 1)"), N_("N") },
  { "batch", 0, SIZED, KIND_INT, REQUEST (batch), N_("Pictures computed at a time (default: 1 on the CPU)"), N_("N") },
  { "scheduler", 0, SIZED, KIND_TEXT, REQUEST (scheduler), N_("Scheduler: pndm (default: the model's own)"), N_("NAME") },
  { "device", 0, MODEL, KIND_DEVICE, ENGINE (device), N_("Where to compute: auto, cpu or cuda (default: auto)"), N_("DEVICE") },
  { "precision", 0, MODEL, KIND_PRECISION, ENGINE (precision), N_("In which precision: auto, f32, bf16 or f16 (default: auto)"), N_("TYPE") },
  { "max-memory", 0, MODEL, KIND_SIZE, ENGINE (max_memory), N_("Memory it may hold, such as 2.0G, 900M or bytes (default: what the machine has)"), N_("SIZE") },
  { "threads", 0, MODEL, KIND_INT, ENGINE (n_threads), N_("Threads to compute with (default: one a core)"), N_("N") },
  { "output", 'o', GENERATE, KIND_PATH, OPTIONS (output), N_("Picture to write (default: gesso-SEED.png)"), N_("FILE.png") },
  { "dump", 0, GENERATE, KIND_PATH, OPTIONS (dump), N_("Write tokens, text, noise, latents and image here, too"), N_("FILE.safetensors") },
  { "quiet", 0, GENERATE, KIND_FLAG, OPTIONS (quiet), N_("Print nothing but errors, file names and a seed not given"), NULL },
};
/* clang-format on */

#define N_OPTIONS G_N_ELEMENTS (table)

static GOptionContext *
new_context (CliCommand command, GOptionEntry *entries)
{
  GOptionContext *context = g_option_context_new (NULL);

  /* --help is an option like the others: GLib's own would exit inside the parser. */
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);

  switch (command)
    {
    case CLI_COMMAND_GENERATE:
      g_option_context_set_summary (context, N_ ("Paints pictures from a sentence."));
      g_option_context_set_description (
          context,
          N_ ("With --images N, “--output a.png” writes a-1.png to a-N.png (a-01.png ... when N has two digits).\n"
              "A file named by --output or --dump is replaced; without --output each picture is named after its\n"
              "own seed, with a number behind it where that file exists. Each is written as soon as it is there, and\n"
              "its name printed to standard output.\n"
              "\n"
              "Sizes of memory: K, M, G and T are powers of 1024.\n"
              "Exit status: 0 done, 1 failed, 2 usage or a value out of range, 130 cancelled (Ctrl-C; a second\n"
              "one stops at once)."));
      break;
    case CLI_COMMAND_INFO:
      g_option_context_set_summary (context, N_ ("Says what a model folder holds."));
      break;
    case CLI_COMMAND_PLAN:
      g_option_context_set_summary (
          context, N_ ("Says how many operations and how much memory a picture takes, without painting."));
      break;
    case CLI_COMMAND_MODELS:
      g_option_context_set_summary (context,
                                    N_ ("Lists the models that are installed: name, size, where from, folder."));
      break;
    case CLI_COMMAND_DEVICES:
      g_option_context_set_summary (context, N_ ("Lists the devices to compute with."));
      break;
    }
  return context;
}

static gboolean
set_device (const char *raw, GessoDevice *device, GError **error)
{
  if (gesso_device_from_string (raw, device))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("“%s” is not one of auto, cpu, cuda."), raw);
  return FALSE;
}

static gboolean
set_precision (const char *raw, GessoPrecision *precision, GError **error)
{
  if (gesso_precision_from_string (raw, precision))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("“%s” is not one of auto, f32, bf16, f16."), raw);
  return FALSE;
}

static gboolean
set_path (const char *raw, char **path, GError **error)
{
  if (*raw == '\0')
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("A file name cannot be empty."));
      return FALSE;
    }
  g_free (*path);
  *path = g_strdup (raw);
  return TRUE;
}

static gboolean
set_text (const char *raw, char **text, GError **error)
{
  char *utf8 = cli_parse_text (raw, error);

  if (utf8 == NULL)
    return FALSE;
  g_free (*text);
  *text = utf8;
  return TRUE;
}

static gboolean
set_option (CliOptions *options, const Option *option, const char *raw, GError **error)
{
  gpointer base[] = { options, options->engine, options->request };
  gpointer field = G_STRUCT_MEMBER_P (base[option->place], option->offset);

  switch (option->kind)
    {
    case KIND_FLAG:
      *(gboolean *) field = TRUE;
      return TRUE;
    case KIND_PATH:
      return set_path (raw, field, error);
    case KIND_TEXT:
      return set_text (raw, field, error);
    case KIND_INT:
      return cli_parse_int (raw, field, error);
    case KIND_UINT64:
      return cli_parse_uint64 (raw, field, error);
    case KIND_DOUBLE:
      return cli_parse_double (raw, field, error);
    case KIND_SIZE:
      return cli_parse_size (raw, field, error);
    case KIND_DEVICE:
      return set_device (raw, field, error);
    case KIND_PRECISION:
      return set_precision (raw, field, error);
    }
  g_return_val_if_reached (FALSE);
}

/* A picture under another format's name would mislead whoever opens it. */
static gboolean
check_extension (const char *output, GError **error)
{
  static const char *const others[] = { "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif", "jxl", "xcf" };
  const char *dot = strrchr (output, '.');

  for (gsize i = 0; dot != NULL && i < G_N_ELEMENTS (others); i++)
    if (g_ascii_strcasecmp (dot + 1, others[i]) == 0)
      {
        g_autofree char *shown = g_filename_display_name (output);

        g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                     _ ("--output: pictures are written as PNG, so “%s” should end in .png."), shown);
        return FALSE;
      }
  return TRUE;
}

/* What is asked of the arguments beyond each value by itself. */
static gboolean
check_options (const CliOptions *options, CliCommand command, gboolean has_prompt, char **args, GError **error)
{
  if (args[0] != NULL && args[1] != NULL)
    {
      g_autofree char *shown = g_utf8_make_valid (args[1], -1);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                   command == CLI_COMMAND_GENERATE
                       ? _ ("“%s” belongs to no option: write the prompt as --prompt \"TEXT\", in quotes.")
                       : _ ("“%s” belongs to no option."),
                   shown);
      return FALSE;
    }
  if (command == CLI_COMMAND_GENERATE && !has_prompt)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("--prompt TEXT is missing."));
      return FALSE;
    }
  return options->output == NULL || check_extension (options->output, error);
}

CliOptions *
cli_options_parse (CliCommand command, char **args, GError **error)
{
  g_autoptr (CliOptions) options = g_new0 (CliOptions, 1);
  g_autoptr (GOptionContext) context = NULL;
  /* GLib only cuts the arguments apart: its own numbers take octal, spaces and the locale's digits, and its texts
   * must be in the locale's encoding. FILENAME means "the bytes as they are". */
  GOptionEntry entries[N_OPTIONS + 2] = { { 0 } };
  char *raw[N_OPTIONS] = { NULL };
  gboolean flags[N_OPTIONS] = { FALSE };
  gboolean help = FALSE, has_prompt = FALSE, ok;
  g_auto (GStrv) rest = g_strdupv (args);
  gsize n = 0;

  options->engine = gesso_options_new ();
  options->request = gesso_request_new ("");

  for (gsize i = 0; i < N_OPTIONS; i++)
    if (table[i].commands & command)
      entries[n++] = (GOptionEntry) {
        table[i].name,
        table[i].letter,
        0,
        table[i].kind == KIND_FLAG ? G_OPTION_ARG_NONE : G_OPTION_ARG_FILENAME,
        table[i].kind == KIND_FLAG ? (gpointer) &flags[i] : (gpointer) &raw[i],
        table[i].help,
        table[i].argument,
      };
  entries[n] = (GOptionEntry) { "help", 'h', 0, G_OPTION_ARG_NONE, &help, N_ ("Print this text"), NULL };

  context = new_context (command, entries);
  ok = g_option_context_parse_strv (context, &rest, error);
  if (ok && help)
    options->help = g_option_context_get_help (context, TRUE, NULL);

  for (gsize i = 0; i < N_OPTIONS; i++)
    {
      if (ok && !help && (raw[i] != NULL || flags[i]))
        {
          ok = set_option (options, &table[i], raw[i], error);
          if (!ok)
            g_prefix_error (error, "--%s: ", table[i].name);
          has_prompt |= strcmp (table[i].name, "prompt") == 0;
          options->has_seed |= strcmp (table[i].name, "seed") == 0;
        }
      g_free (raw[i]);
    }

  if (!ok || (!help && !check_options (options, command, has_prompt, rest, error)))
    return NULL;
  return g_steal_pointer (&options);
}

void
cli_options_free (CliOptions *options)
{
  if (options == NULL)
    return;
  gesso_options_free (options->engine);
  gesso_request_free (options->request);
  g_free (options->model);
  g_free (options->output);
  g_free (options->dump);
  g_free (options->help);
  g_free (options);
}
