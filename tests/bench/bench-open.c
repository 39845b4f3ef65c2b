/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How long opening a model takes: bench-open FOLDER [PRECISION]. Reading and packing every part, beside reading the
 * same files through a small buffer and doing nothing with them; both in turn, medians.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "gesso.h"

#define ROUNDS 5

static double
seconds_since (gint64 begin)
{
  return (double) (g_get_monotonic_time () - begin) / 1e6;
}

/* Reads the files of weights below `folder`; returns their bytes. */
static double
read_weights (const char *folder)
{
  static guint8 buffer[1 << 20];
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  double bytes = 0;
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      gssize n;
      int file;

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        {
          bytes += read_weights (path);
          continue;
        }
      if (!g_str_has_suffix (name, ".safetensors") && !g_str_has_suffix (name, ".bin"))
        continue;
      file = open (path, O_RDONLY | O_CLOEXEC);
      while (file >= 0 && (n = read (file, buffer, sizeof buffer)) > 0)
        bytes += (double) n;
      if (file >= 0)
        close (file);
    }
  return bytes;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

int
main (int argc, char **argv)
{
  GessoOptions options = { .device = GESSO_DEVICE_CPU };
  double open_seconds[ROUNDS], pack_seconds[ROUNDS], read_seconds[ROUNDS], bytes = 0;

  if (argc < 2 || (argc > 2 && !gesso_precision_from_string (argv[2], &options.precision)))
    {
      g_printerr ("usage: %s FOLDER [auto|f32|bf16]\n", argv[0]);
      return 2;
    }
  for (int i = 0; i < ROUNDS; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GessoEngine) engine = NULL;
      g_autoptr (GessoRequest) request = gesso_request_new ("a red circle");
      gint64 begin = g_get_monotonic_time ();

      bytes = read_weights (argv[1]);
      read_seconds[i] = seconds_since (begin);
      begin = g_get_monotonic_time ();
      engine = gesso_engine_new (argv[1], &options, NULL, &error);
      open_seconds[i] = seconds_since (begin);
      begin = g_get_monotonic_time ();
      if (!engine || !gesso_engine_prepare (engine, request, NULL, NULL, NULL, &error))
        {
          g_printerr ("%s\n", error->message);
          return 1;
        }
      pack_seconds[i] = seconds_since (begin);
      options.precision = gesso_engine_get_precision (engine);
    }
  qsort (open_seconds, ROUNDS, sizeof (double), compare_doubles);
  qsort (pack_seconds, ROUNDS, sizeof (double), compare_doubles);
  qsort (read_seconds, ROUNDS, sizeof (double), compare_doubles);
  g_print ("%s, %s: configuration and tokenizer %.3f s; planning, reading and packing %.2f s; reading alone %.2f s "
           "(%.2f GB of files, %.2f GB/s packed)\n",
           argv[1], gesso_precision_to_string (options.precision), open_seconds[ROUNDS / 2], pack_seconds[ROUNDS / 2],
           read_seconds[ROUNDS / 2], bytes / 1e9, bytes / 1e9 / pack_seconds[ROUNDS / 2]);
  return 0;
}
