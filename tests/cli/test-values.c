/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values as typed on a command line, and the arguments they come in.
 */

#include <string.h>

#include "options.h"
#include "values.h"

typedef struct
{
  const char *text;
  gboolean ok;
  double value;
} Case;

static void
check_refused (gboolean ok, GError *error, const char *text)
{
  g_assert_false (ok);
  g_assert_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE);
  g_assert_nonnull (strstr (error->message, text));
  g_error_free (error);
}

static void
test_int (void)
{
  static const Case cases[] = {
    { "0", TRUE, 0 },
    { "25", TRUE, 25 },
    { "-1", TRUE, -1 },
    { "010", TRUE, 10 },
    { "2147483647", TRUE, G_MAXINT },
    { "-2147483648", TRUE, G_MININT },
    { "2147483648", FALSE, 0 },
    { "-2147483649", FALSE, 0 },
    { "99999999999999999999", FALSE, 0 },
    { "", FALSE, 0 },
    { "-", FALSE, 0 },
    { "+1", FALSE, 0 },
    { " 1", FALSE, 0 },
    { "1 ", FALSE, 0 },
    { "1.0", FALSE, 0 },
    { "0x10", FALSE, 0 },
    { "1e3", FALSE, 0 },
    { "--1", FALSE, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GError *error = NULL;
      int value = 77;
      gboolean ok = cli_parse_int (cases[i].text, &value, &error);

      g_test_message ("“%s”", cases[i].text);
      if (!cases[i].ok)
        {
          check_refused (ok, error, cases[i].text);
          g_assert_cmpint (value, ==, 77);
          continue;
        }
      g_assert_no_error (error);
      g_assert_true (ok);
      g_assert_cmpint (value, ==, (int) cases[i].value);
    }
}

static void
test_uint64 (void)
{
  static const char *const refused[]
      = { "", "-1", "+1", " 1", "1 ", "1a", "1.0", "0x1", "18446744073709551616", "99999999999999999999999" };
  guint64 value = 0;

  g_assert_true (cli_parse_uint64 ("0", &value, NULL));
  g_assert_cmpuint (value, ==, 0);
  g_assert_true (cli_parse_uint64 ("9223372036854775808", &value, NULL));
  g_assert_cmpuint (value, ==, G_GUINT64_CONSTANT (9223372036854775808));
  g_assert_true (cli_parse_uint64 ("18446744073709551615", &value, NULL));
  g_assert_cmpuint (value, ==, G_MAXUINT64);

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      GError *error = NULL;
      gboolean ok = cli_parse_uint64 (refused[i], &value, &error);

      check_refused (ok, error, refused[i]);
    }
}

static void
test_double (void)
{
  static const Case cases[] = {
    { "7.5", TRUE, 7.5 },  { "7", TRUE, 7 },     { "-1", TRUE, -1 },   { "1e-3", TRUE, 1e-3 }, { ".5", TRUE, 0.5 },
    { "0", TRUE, 0 },      { "7,5", FALSE, 0 },  { "nan", FALSE, 0 },  { "inf", FALSE, 0 },    { "-inf", FALSE, 0 },
    { "1e999", FALSE, 0 }, { "", FALSE, 0 },     { "e", FALSE, 0 },    { " 7", FALSE, 0 },     { "7 ", FALSE, 0 },
    { "0x1p3", FALSE, 0 }, { "7.5x", FALSE, 0 }, { "+7.5", FALSE, 0 }, { "1.5.2", FALSE, 0 },  { "-", FALSE, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GError *error = NULL;
      double value = 0;
      gboolean ok = cli_parse_double (cases[i].text, &value, &error);

      g_test_message ("“%s”", cases[i].text);
      if (!cases[i].ok)
        {
          check_refused (ok, error, cases[i].text);
          continue;
        }
      g_assert_no_error (error);
      g_assert_true (ok);
      g_assert_cmpfloat (value, ==, cases[i].value);
    }

  g_autoptr (GError) error = NULL;
  double value;
  g_assert_false (cli_parse_double ("7,5", &value, &error));
  g_assert_nonnull (strstr (error->message, "7.5"));
}

static void
test_size (void)
{
  static const struct
  {
    const char *text;
    guint64 bytes;
  } cases[] = {
    { "0", 0 },
    { "1", 1 },
    { "1300000000", 1300000000 },
    { "1K", 1024 },
    { "1k", 1024 },
    { "900M", G_GUINT64_CONSTANT (943718400) },
    { "2.0G", G_GUINT64_CONSTANT (2147483648) },
    { "2G", G_GUINT64_CONSTANT (2147483648) },
    { "1.3G", G_GUINT64_CONSTANT (1395864371) },
    { "1.5KiB", 1536 },
    { "2Mi", 2097152 },
    { "0.5K", 512 },
    { "1T", G_GUINT64_CONSTANT (1099511627776) },
    { "18446744073709551615", G_MAXUINT64 },
    { "16777215T", G_GUINT64_CONSTANT (18446742974197923840) },
  };
  static const char *const refused[]
      = { "",    "G",     "-1G", "+1G", "1.5",  "1.G",  ".5G", "1e9",       "1 G",  " 1G",
          "1GB", "1B",    "1KB", "1P",  "1Gib", "1,5G", "1G ", "16777216T", "0x10", "18446744073709551616",
          "nan", "1.5.5G" };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 bytes = 77;

      g_test_message ("“%s”", cases[i].text);
      g_assert_true (cli_parse_size (cases[i].text, &bytes, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (bytes, ==, cases[i].bytes);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      GError *error = NULL;
      guint64 bytes;
      gboolean ok = cli_parse_size (refused[i], &bytes, &error);

      g_test_message ("“%s”", refused[i]);
      check_refused (ok, error, refused[i]);
    }

  /* It would be read as "no limit". */
  guint64 bytes;
  g_assert_false (cli_parse_size ("0.0001K", &bytes, NULL));
  g_assert_true (cli_parse_size ("0.0K", &bytes, NULL));
}

static void
test_text (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *utf8 = cli_parse_text ("café 日本", &error);

  g_assert_cmpstr (utf8, ==, "café 日本");
  g_assert_null (cli_parse_text ("caf\xe9", &error)); /* the test runs in the C locale */
  g_assert_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE);
}

static CliOptions *
parse (CliCommand command, const char *line, GError **error)
{
  g_auto (GStrv) args = g_strsplit (line, "|", -1);

  return cli_options_parse (command, args, error);
}

static void
test_all_options (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliOptions) options = parse (
      CLI_COMMAND_GENERATE,
      "generate|--model=m|--prompt|p q|--negative-prompt|n|--steps|7|--guidance|-1.5|--seed|18446744073709551615|"
      "--width|64|--height|72|--images|3|--batch|2|--scheduler|pndm|--device|cpu|--precision|f32|--max-memory|1.5K|"
      "--threads|4|--output|o.png|--dump|d.safetensors|--quiet",
      &error);

  g_assert_no_error (error);
  g_assert_nonnull (options);
  g_assert_null (options->help);
  g_assert_cmpstr (options->model, ==, "m");
  g_assert_cmpstr (options->request->prompt, ==, "p q");
  g_assert_cmpstr (options->request->negative_prompt, ==, "n");
  g_assert_cmpint (options->request->steps, ==, 7);
  g_assert_cmpfloat (options->request->guidance, ==, -1.5);
  g_assert_cmpuint (options->request->seed, ==, G_MAXUINT64);
  g_assert_true (options->has_seed);
  g_assert_cmpint (options->request->width, ==, 64);
  g_assert_cmpint (options->request->height, ==, 72);
  g_assert_cmpint (options->request->n_images, ==, 3);
  g_assert_cmpint (options->request->batch, ==, 2);
  g_assert_cmpstr (options->request->scheduler, ==, "pndm");
  g_assert_cmpint (options->engine->device, ==, GESSO_DEVICE_CPU);
  g_assert_cmpint (options->engine->precision, ==, GESSO_PRECISION_F32);
  g_assert_cmpuint (options->engine->max_memory, ==, 1536);
  g_assert_cmpint (options->engine->n_threads, ==, 4);
  g_assert_cmpstr (options->output, ==, "o.png");
  g_assert_cmpstr (options->dump, ==, "d.safetensors");
  g_assert_true (options->quiet);
}

static void
test_short_options (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliOptions) options = parse (CLI_COMMAND_GENERATE, "generate|-m|old|-m|m|-p|-dash|-n|n|-s|5|-o|o", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (options->model, ==, "m"); /* the last one counts */
  g_assert_cmpstr (options->request->prompt, ==, "-dash");
  g_assert_cmpstr (options->request->negative_prompt, ==, "n");
  g_assert_cmpuint (options->request->seed, ==, 5);
  g_assert_cmpstr (options->output, ==, "o");
}

static void
test_defaults (void)
{
  g_autoptr (CliOptions) options = parse (CLI_COMMAND_GENERATE, "generate|-p|", NULL);

  g_assert_nonnull (options);
  g_assert_null (options->model);
  g_assert_cmpstr (options->request->prompt, ==, "");
  g_assert_null (options->request->negative_prompt);
  g_assert_cmpint (options->request->steps, ==, 25);
  g_assert_cmpfloat (options->request->guidance, ==, 7.5);
  g_assert_cmpint (options->request->n_images, ==, 1);
  g_assert_false (options->has_seed);
  g_assert_false (options->quiet);
  g_assert_null (options->output);
  g_assert_null (options->dump);
}

static void
test_wrong_options (void)
{
  static const struct
  {
    CliCommand command;
    const char *line;
    const char *expected;
  } cases[] = {
    { CLI_COMMAND_GENERATE, "generate|-m|m", "--prompt" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|a red cat", "--prompt" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|a|cat", "“cat”" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|--nonsense", "--nonsense" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|--steps", "--steps" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|--steps=", "--steps" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|--steps|ten", "--steps: “ten”" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|--seed|-1", "--seed: “-1”" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|--device|gpu", "--device: “gpu” is not one of auto, cpu, cuda" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|--precision|f64", "auto, f32, bf16, f16" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|-o|", "--output" },
    { CLI_COMMAND_GENERATE, "generate|-m|m|-p|x|-o|cat.JPG", ".png" },
    { CLI_COMMAND_INFO, "info|-m|m|--prompt|x", "--prompt" },
    { CLI_COMMAND_PLAN, "plan|-m|", "--model" },
    { CLI_COMMAND_MODELS, "models|-m|m", "-m" },
    { CLI_COMMAND_DEVICES, "devices|-m|m", "-m" },
    { CLI_COMMAND_DEVICES, "devices|all", "“all”" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", cases[i].line);
      g_assert_null (parse (cases[i].command, cases[i].line, &error));
      g_assert_nonnull (error);
      g_assert_cmpuint (error->domain, ==, G_OPTION_ERROR);
      g_assert_nonnull (strstr (error->message, cases[i].expected));
    }
}

static void
test_help (void)
{
  static const char *const expected[] = { "-m, --model=NAME|DIR", "-p, --prompt=TEXT", "-n, --negative-prompt",
                                          "--max-memory=SIZE",    "-h, --help",        "130" };
  g_autoptr (CliOptions) options = parse (CLI_COMMAND_GENERATE, "generate|--help|--steps|ten", NULL);

  g_assert_nonnull (options);
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_nonnull (strstr (options->help, expected[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/values/int", test_int);
  g_test_add_func ("/values/uint64", test_uint64);
  g_test_add_func ("/values/double", test_double);
  g_test_add_func ("/values/size", test_size);
  g_test_add_func ("/values/text", test_text);
  g_test_add_func ("/options/all", test_all_options);
  g_test_add_func ("/options/short", test_short_options);
  g_test_add_func ("/options/defaults", test_defaults);
  g_test_add_func ("/options/wrong", test_wrong_options);
  g_test_add_func ("/options/help", test_help);
  return g_test_run ();
}
