/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * gesso generate: a sentence becomes PNG files. The engine runs in a thread of its own; the main thread waits for
 * Ctrl-C and keeps the progress bar up to date.
 */

#include "commands.h"

#include <string.h>

#include <glib/gi18n.h>

#include "dump.h"
#include "gesso.h"
#include "open-model.h"
#include "options.h"
#include "output.h"
#include "platform.h"
#include "png.h"
#include "progress.h"
#include "report.h"

#define REDRAW_MS 100
#define REST_LETTERS 40 /* of what a model does not read, to be shown */
#define MAX_IMAGES 64   /* the library refuses more, so no more files are looked at in advance */

typedef struct
{
  CliOptions *options;
  GCancellable *cancellable;
  CliProgress *progress;
  GMainLoop *loop;
  CliStatus status;
  int n_written;
} Job;

/* Name of picture @index (from 0) where --output was given: with several pictures the names are numbered. */
static char *
numbered_path (const CliOptions *options, int index)
{
  const char *output = options->output;
  const int n = options->request->n_images;
  g_autofree char *digits = NULL;
  const char *base, *dot;

  if (n <= 1)
    return g_strdup (output);

  base = strrchr (output, G_DIR_SEPARATOR);
  base = base != NULL ? base + 1 : output;
  dot = strrchr (base, '.');
  if (dot == NULL || dot == base)
    dot = base + strlen (base);
  digits = g_strdup_printf ("%d", n);
  return g_strdup_printf ("%.*s-%0*d%s", (int) (dot - output), output, (int) strlen (digits), index + 1, dot);
}

/* Name of a picture where none was given; @attempt, from 1, tells it from files that are there already. */
static char *
seed_path (guint64 seed, int attempt)
{
  if (attempt == 1)
    return g_strdup_printf ("gesso-%" G_GUINT64_FORMAT ".png", seed);
  return g_strdup_printf ("gesso-%" G_GUINT64_FORMAT "-%d.png", seed, attempt);
}

/* What tells the folder of @file from others, whatever links lead to it; NULL where it is not known. */
static char *
folder_id (const char *file)
{
  g_autoptr (GFile) self = g_file_new_for_path (file);
  g_autoptr (GFile) folder = g_file_get_parent (self);
  g_autoptr (GFileInfo) info
      = folder != NULL ? g_file_query_info (folder, G_FILE_ATTRIBUTE_ID_FILE, G_FILE_QUERY_INFO_NONE, NULL, NULL)
                       : NULL;

  return info != NULL ? g_strdup (g_file_info_get_attribute_string (info, G_FILE_ATTRIBUTE_ID_FILE)) : NULL;
}

/* The file that @path stands for, in a form to be compared. */
static char *
identity (const char *path)
{
  g_autofree char *target = cli_output_target (path);
  g_autofree char *name = g_path_get_basename (target);
  g_autofree char *folder = folder_id (target);

  return folder != NULL ? g_build_filename (folder, name, NULL) : g_canonicalize_filename (target, NULL);
}

/* Whether @path is none of the files already in @seen (identity -> path), where it is put. */
static gboolean
check_distinct (GHashTable *seen, const char *path, GError **error)
{
  g_autofree char *key = identity (path);
  const char *other = g_hash_table_lookup (seen, key);

  if (other != NULL)
    {
      g_autofree char *shown = g_filename_display_name (path);
      g_autofree char *other_shown = g_filename_display_name (other);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   _ ("“%s” and “%s” are the same file: give --output and --dump different names."), other_shown,
                   shown);
      return FALSE;
    }
  g_hash_table_insert (seen, g_steal_pointer (&key), g_strdup (path));
  return TRUE;
}

/* Whether --output and --dump name files, and all pictures can go where --output says. */
static gboolean
check_names (const CliOptions *options, GError **error)
{
  const char *output = options->output;

  if (g_strcmp0 (output, "-") == 0 || g_strcmp0 (options->dump, "-") == 0)
    {
      g_set_error_literal (
          error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
          _ ("“-” is no name of a file: give /dev/stdout for the standard output, or ./- for a file of "
             "that name."));
      return FALSE;
    }
  if (output == NULL || options->request->n_images <= 1 || !g_file_test (output, G_FILE_TEST_EXISTS)
      || g_file_test (output, G_FILE_TEST_IS_REGULAR | G_FILE_TEST_IS_DIR))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               _ ("“%s” is no file, so it takes one picture: leave out --images, or give --output the name of a file."),
               output);
  return FALSE;
}

/* Finds before the work what would spoil it afterwards. */
static gboolean
check_outputs (const CliOptions *options, GError **error)
{
  const int n = options->output != NULL ? CLAMP (options->request->n_images, 1, MAX_IMAGES) : 0;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  if (!check_names (options, error))
    return FALSE;
  for (int i = 0; i < n; i++)
    {
      g_autofree char *path = numbered_path (options, i);

      if (!check_distinct (seen, path, error) || !cli_output_check (path, error))
        return FALSE;
    }
  if (n == 0 && !cli_output_check_folder (".", error))
    return FALSE;
  return options->dump == NULL
         || (check_distinct (seen, options->dump, error) && cli_output_check (options->dump, error));
}

/* A device or pipe is not announced: it may be standard output, where the picture has just gone. */
static void
announce (Job *job, const char *path)
{
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    cli_progress_print_path (job->progress, path);
}

/* Whether the trace is to go where @path leads: then no picture may. */
static gboolean
is_dump (const CliOptions *options, const char *path)
{
  g_autofree char *own = identity (path);
  g_autofree char *dump = options->dump != NULL ? identity (options->dump) : NULL;

  return g_strcmp0 (own, dump) == 0;
}

static gboolean
write_picture (Job *job, int index, const GessoPicture *picture, GError **error)
{
  const CliOptions *options = job->options;
  g_autoptr (GPtrArray) chunks = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autofree char *path = NULL;
  GBytes *png = cli_png_encode (picture, error);

  if (png == NULL)
    return FALSE;
  g_ptr_array_add (chunks, png);

  if (options->output != NULL)
    {
      path = numbered_path (options, index);
      if (!cli_output_write (path, TRUE, chunks, error))
        return FALSE;
    }
  for (int attempt = 1; path == NULL; attempt++)
    {
      g_autofree char *candidate = seed_path (gesso_picture_get_seed (picture), attempt);
      g_autoptr (GError) local = NULL;

      if (is_dump (options, candidate))
        continue;
      if (cli_output_write (candidate, FALSE, chunks, &local))
        path = g_steal_pointer (&candidate);
      else if (!g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_EXIST))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
  announce (job, path);
  job->n_written++;
  return TRUE;
}

/* Pictures of which the first is that of @first. */
static gboolean
write_pictures (Job *job, int first, GPtrArray *pictures, GError **error)
{
  for (guint i = 0; i < pictures->len; i++)
    if (!write_picture (job, first + (int) i, g_ptr_array_index (pictures, i), error))
      return FALSE;
  return TRUE;
}

/* Steps of all batches of @n_images pictures; 0 where that is not a number to be counted. */
static int
steps_of (const GessoRequest *request, int n_images)
{
  const int at_once = MAX (request->batch, 1);
  const gint64 n_batches = ((gint64) n_images + at_once - 1) / at_once, steps = request->steps * n_batches;

  return steps > 0 && steps <= G_MAXINT ? (int) steps : 0;
}

/* How many pictures to ask for at a time: a batch; all of them where the parts of the model take turns, which would be
 * loaded again for each. */
static int
pictures_at_once (GessoEngine *engine, const GessoRequest *request)
{
  GessoMemoryNeed need;

  if (request->n_images > 1 && gesso_engine_measure (engine, request, &need, NULL) && need.resident > need.available)
    return request->n_images;
  return MAX (request->batch, 1);
}

/* One batch after the other, each written as soon as it is there: what is finished is not lost when the next one fails
 * or is cancelled. */
static gboolean
paint_batches (Job *job, GessoEngine *engine, GError **error)
{
  const GessoRequest *whole = job->options->request;
  const int at_once = pictures_at_once (engine, whole);
  g_autoptr (GessoRequest) request = gesso_request_copy (whole);

  for (int first = 0; first < whole->n_images; first += request->n_images)
    {
      g_autoptr (GPtrArray) pictures = NULL;

      request->n_images = MIN (at_once, whole->n_images - first);
      request->seed = whole->seed + (guint64) first;
      cli_progress_begin (job->progress, first, request->n_images, steps_of (request, request->n_images));
      pictures = gesso_engine_generate (engine, request, cli_progress_update, job->progress, job->cancellable, error);
      if (pictures == NULL || !write_pictures (job, first, pictures, error))
        return FALSE;
    }
  return TRUE;
}

/* All in one call, whose trace is of all of them. */
static gboolean
paint_traced (Job *job, GessoEngine *engine, GError **error)
{
  const GessoRequest *request = job->options->request;
  g_autoptr (GPtrArray) pictures = NULL, trace = NULL, chunks = NULL;

  cli_progress_begin (job->progress, 0, request->n_images, steps_of (request, request->n_images));
  pictures = gesso_engine_generate_traced (engine, request, cli_progress_update, job->progress, &trace,
                                           job->cancellable, error);
  if (pictures == NULL || !write_pictures (job, 0, pictures, error))
    return FALSE;
  chunks = cli_dump_pack (trace);
  if (!cli_output_write (job->options->dump, TRUE, chunks, error))
    return FALSE;
  announce (job, job->options->dump);
  return TRUE;
}

/* Tells of what is behind the last token that the model reads. */
static void
note_rest (Job *job, GessoEngine *engine, const char *text, const char *format)
{
  gssize cut = -1;

  if (text == NULL)
    return;
  gesso_engine_count_tokens (engine, text, &cut);
  if (cut >= 0)
    {
      const char *rest = text + cut + strspn (text + cut, " ");
      const gboolean is_long = g_utf8_strlen (rest, -1) > REST_LETTERS;
      g_autofree char *start = is_long ? g_utf8_substring (rest, 0, REST_LETTERS) : g_strdup (rest);
      g_autofree char *shown = g_strconcat (start, is_long ? "…" : "", NULL);
      g_autofree char *line = g_strdup_printf (format, shown);

      cli_progress_say (job->progress, line);
    }
}

static gboolean
paint (Job *job, GError **error)
{
  const CliOptions *options = job->options;
  const GessoRequest *request = options->request;
  g_autoptr (GessoEngine) engine = NULL;

  engine = cli_open_model (options, job->cancellable, error);
  if (engine == NULL)
    return FALSE;
  for (const char *const *notice = gesso_engine_get_notices (engine); notice != NULL && *notice != NULL; notice++)
    {
      g_autofree char *line = g_strdup_printf (_ ("Note: %s"), *notice);

      cli_progress_say (job->progress, line);
    }

  note_rest (job, engine, request->prompt, _ ("Note: The prompt is longer than the model reads; “%s” is left out."));
  if (request->guidance > 1)
    note_rest (job, engine, request->negative_prompt,
               _ ("Note: The negative prompt is longer than the model reads; “%s” is left out."));

  /* A number that there cannot be goes to the engine, which refuses it. */
  if (options->dump == NULL && request->n_images >= 1 && request->n_images <= MAX_IMAGES)
    return paint_batches (job, engine, error);
  return paint_traced (job, engine, error);
}

static gboolean
quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

static gpointer
work (gpointer data)
{
  Job *job = data;
  g_autoptr (GError) error = NULL;

  const gboolean done = paint (job, &error);

  cli_progress_end (job->progress);
  if (done)
    {
      const int n = job->n_written;
      g_autofree char *time = cli_progress_format_time (cli_progress_elapsed (job->progress));
      g_autofree char *line = g_strdup_printf (ngettext ("%d picture in %s", "%d pictures in %s", (gulong) n), n, time);

      cli_progress_say (job->progress, line);
      job->status = CLI_OK;
    }
  else
    {
      const int n = job->n_written;

      job->status = cli_report_error ("generate", error);
      if (n > 0)
        g_printerr (ngettext ("%d picture was written before.\n", "%d pictures were written before.\n", (gulong) n), n);
    }
  g_idle_add (quit, job->loop);
  return NULL;
}

static gboolean
redraw (gpointer data)
{
  cli_progress_draw (data);
  return G_SOURCE_CONTINUE;
}

static void
interrupted (gpointer data)
{
  Job *job = data;

  if (g_cancellable_is_cancelled (job->cancellable))
    {
      cli_progress_end (job->progress);
      cli_output_abandon ();
      cli_platform_exit_now (CLI_CANCELLED);
    }
  g_cancellable_cancel (job->cancellable);
  cli_progress_cancelling (job->progress);
}

static CliStatus
run (CliOptions *options)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (CliProgress) progress = cli_progress_new (options->request->n_images, options->quiet);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Job job = { options, cancellable, progress, loop, CLI_FAILED, 0 };
  guint timer = g_timeout_add (REDRAW_MS, redraw, progress);
  GThread *thread;

  cli_platform_watch_interrupt (interrupted, &job);
  cli_platform_survive_writing (); /* "| head -1" shall not cost the other pictures */
  thread = g_thread_new ("gesso-generate", work, &job);
  g_main_loop_run (loop);
  g_thread_join (thread);
  cli_platform_unwatch_interrupt ();
  g_source_remove (timer);
  return job.status;
}

CliStatus
cli_generate (char **args)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliOptions) options = cli_options_parse (CLI_COMMAND_GENERATE, args, &error);

  if (options != NULL && options->help != NULL)
    {
      cli_print_text (options->help);
      return CLI_OK;
    }
  if (options == NULL || !check_outputs (options, &error))
    return cli_report_error ("generate", error);

  if (!options->has_seed)
    options->request->seed = g_random_int () & G_MAXINT32;
  if (!options->has_seed || !options->quiet)
    {
      g_autofree char *seed = g_strdup_printf ("%" G_GUINT64_FORMAT, options->request->seed);

      g_printerr (_ ("Seed: %s\n"), seed);
    }
  return run (options);
}
