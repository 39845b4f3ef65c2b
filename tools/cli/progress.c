/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How far a generation is, on the terminal.
 */

#include "progress.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

#include "platform.h"
#include "report.h"

#define MIN_BAR 8  /* columns; a shorter bar says nothing */
#define MAX_BAR 50 /* a longer one is only restless */
#define MIN_SECONDS 2.0
#define MIN_FRACTION 0.01 /* before that the time left would be a guess */

struct _CliProgress
{
  GMutex lock;
  int n_images;
  int part_first, part_images, part_steps; /* what is being done */
  gboolean quiet;
  gboolean cancelling;
  gboolean ended;
  gboolean started; /* there is a state */
  GessoProgress state;
  gint64 start;        /* monotonic time */
  gint64 updated;      /* when the state came */
  double seconds_left; /* as of then; negative: unknown */
  char *drawn;         /* what stands on the line now, NULL: nothing */
};

CliProgress *
cli_progress_new (int n_images, gboolean quiet)
{
  CliProgress *progress = g_new0 (CliProgress, 1);

  g_mutex_init (&progress->lock);
  progress->n_images = progress->part_images = n_images;
  progress->quiet = quiet;
  progress->start = g_get_monotonic_time ();
  return progress;
}

void
cli_progress_free (CliProgress *progress)
{
  g_mutex_clear (&progress->lock);
  g_free (progress->drawn);
  g_free (progress);
}

char *
cli_progress_format_time (double seconds)
{
  gint64 whole = (gint64) ceil (CLAMP (seconds, 0, 1e9));

  if (whole < 3600)
    return g_strdup_printf ("%d:%02d", (int) (whole / 60), (int) (whole % 60));
  return g_strdup_printf ("%d:%02d:%02d", (int) (whole / 3600), (int) (whole / 60 % 60), (int) (whole % 60));
}

static char *
describe_stage (const GessoProgress *state, int n_images)
{
  GString *text = g_string_new (NULL);

  switch (state->stage)
    {
    case GESSO_STAGE_OPEN:
      g_string_append (text, _ ("Reading the model"));
      break;
    case GESSO_STAGE_ENCODE:
      g_string_append (text, _ ("Reading the prompt"));
      break;
    case GESSO_STAGE_DENOISE:
      g_string_append_printf (text, _ ("Painting, step %d/%d"), state->step, state->n_steps);
      break;
    case GESSO_STAGE_DECODE:
      g_string_append (text, _ ("Developing"));
      break;
    }

  if (n_images > 1 && state->n_images == 1)
    g_string_append_printf (text, _ (", picture %d/%d"), state->first_image + 1, n_images);
  else if (n_images > 1 && state->n_images > 1)
    g_string_append_printf (text, _ (", pictures %d-%d/%d"), state->first_image + 1,
                            state->first_image + state->n_images, n_images);
  return g_string_free (text, FALSE);
}

static void
append_bar (GString *line, double fraction, int columns)
{
  const gboolean utf8 = g_get_charset (NULL);
  const int full = (int) (fraction * columns);

  for (int i = 0; i < columns; i++)
    if (utf8)
      g_string_append (line, i < full ? "█" : "░");
    else
      g_string_append_c (line, i < full ? '#' : '-');
}

char *
cli_progress_line (const GessoProgress *state, int n_images, double seconds_left, int columns)
{
  /* The last column stays free: writing there makes some terminals begin a new line. */
  const int width = MAX (columns - 1, 0);
  const double fraction = CLAMP (state->fraction, 0, 1);
  g_autofree char *stage = describe_stage (state, n_images);
  g_autofree char *percent = g_strdup_printf ("%3d%%", (int) (fraction * 100));
  g_autofree char *left = NULL;
  GString *line = g_string_new (NULL);
  int bar, space;

  if (seconds_left >= 0)
    {
      g_autofree char *time = cli_progress_format_time (seconds_left);

      left = g_strdup_printf (_ ("%s left"), time);
    }

  /* What gives way when it gets narrow: the bar, the stage, the time; with no room for a percentage, everything. */
  space = width - cli_display_width (percent) - (left != NULL ? 2 + cli_display_width (left) : 0);
  bar = MIN (space - cli_display_width (stage) - 3, MAX_BAR);
  if (space >= cli_display_width (stage) + 2)
    {
      g_string_append (line, stage);
      g_string_append (line, "  ");
      if (bar >= MIN_BAR)
        {
          append_bar (line, fraction, bar);
          g_string_append_c (line, ' ');
        }
    }
  if (width >= cli_display_width (percent))
    g_string_append (line, percent);
  if (left != NULL && space >= 0)
    g_string_append_printf (line, "  %s", left);
  return g_string_free (line, FALSE);
}

void
cli_progress_begin (CliProgress *progress, int first, int n_images, int n_steps)
{
  g_mutex_lock (&progress->lock);
  progress->part_first = first;
  progress->part_images = n_images;
  progress->part_steps = n_steps;
  g_mutex_unlock (&progress->lock);
}

/* A state of the part that is being done as one of the whole request. With the lock held. */
static void
take_state (CliProgress *progress, const GessoProgress *state)
{
  GessoProgress *whole = &progress->state;

  *whole = *state;
  whole->preview = NULL; /* valid during this call only */
  whole->first_image += progress->part_first;
  whole->fraction
      = (progress->part_first + CLAMP (state->fraction, 0, 1) * progress->part_images) / MAX (progress->n_images, 1);
  if (state->n_steps > 0 && progress->part_steps > 0)
    {
      whole->step = (int) (((gint64) state->step * progress->part_steps + state->n_steps - 1) / state->n_steps);
      whole->n_steps = progress->part_steps;
    }
}

void
cli_progress_update (const GessoProgress *state, gpointer user_data)
{
  CliProgress *progress = user_data;

  g_mutex_lock (&progress->lock);
  take_state (progress, state);
  progress->started = TRUE;
  progress->updated = g_get_monotonic_time ();

  double elapsed = (double) (progress->updated - progress->start) / G_USEC_PER_SEC;
  double fraction = progress->state.fraction;
  progress->seconds_left = -1;
  if (elapsed >= MIN_SECONDS && fraction >= MIN_FRACTION)
    progress->seconds_left = elapsed * (1 - MIN (fraction, 1)) / fraction;
  g_mutex_unlock (&progress->lock);
}

/* Replaces the line by @text (NULL: nothing). One write, and the rest of the old line cleared after the new one is
 * there: nothing flickers. With the lock held. */
static void
set_line (CliProgress *progress, const char *text)
{
  if (g_strcmp0 (progress->drawn, text) == 0)
    return;
  g_printerr ("\r%s\033[K", text != NULL ? text : "");
  g_free (progress->drawn);
  progress->drawn = g_strdup (text);
}

void
cli_progress_draw (CliProgress *progress)
{
  const int columns = progress->quiet ? 0 : cli_platform_terminal_width ();

  g_mutex_lock (&progress->lock);
  if (columns > 0 && !progress->ended && progress->cancelling)
    {
      const char *text = _ ("Cancelling; Ctrl-C again stops at once");

      set_line (progress, cli_display_width (text) < columns ? text : "");
    }
  else if (columns > 0 && !progress->ended && progress->started)
    {
      double since = (double) (g_get_monotonic_time () - progress->updated) / G_USEC_PER_SEC;
      double left = progress->seconds_left < 0 ? -1 : MAX (progress->seconds_left - since, 0);
      g_autofree char *line = cli_progress_line (&progress->state, progress->n_images, left, columns);

      set_line (progress, line);
    }
  g_mutex_unlock (&progress->lock);
}

void
cli_progress_say (CliProgress *progress, const char *text)
{
  if (progress->quiet)
    return;

  g_autofree char *shown = cli_printable (text);

  g_mutex_lock (&progress->lock);
  set_line (progress, NULL);
  g_printerr ("%s\n", shown);
  g_mutex_unlock (&progress->lock);
}

void
cli_progress_print_path (CliProgress *progress, const char *path)
{
  /* Not with the lock held: whoever reads the paths may keep us waiting, and Ctrl-C shall not wait for that. */
  g_mutex_lock (&progress->lock);
  set_line (progress, NULL);
  g_mutex_unlock (&progress->lock);
  cli_print_path (path);
}

void
cli_progress_cancelling (CliProgress *progress)
{
  g_mutex_lock (&progress->lock);
  progress->cancelling = TRUE;
  g_mutex_unlock (&progress->lock);
  cli_progress_draw (progress);
}

void
cli_progress_end (CliProgress *progress)
{
  g_mutex_lock (&progress->lock);
  set_line (progress, NULL);
  progress->ended = TRUE;
  g_mutex_unlock (&progress->lock);
}

double
cli_progress_elapsed (CliProgress *progress)
{
  return (double) (g_get_monotonic_time () - progress->start) / G_USEC_PER_SEC;
}
