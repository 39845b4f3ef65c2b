/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The schedulers by name.
 */

#include "scheduler.h"

#include <glib/gi18n-lib.h>

#include "pndm.h"

typedef GessoSchedule *(*NewFunc) (const GessoSchedulerConfig *config, int steps, GError **error);

static const char *const names[] = { "pndm", NULL };
static const NewFunc new_funcs[] = { gesso_pndm_new };

G_STATIC_ASSERT (G_N_ELEMENTS (names) == G_N_ELEMENTS (new_funcs) + 1);

/* The first number of steps that can be done, from `steps` on in this direction; 0 where there is none. */
static int
find_steps (NewFunc new_func, const GessoSchedulerConfig *config, int steps, int direction)
{
  for (; steps >= 1 && steps <= config->num_train_timesteps; steps += direction)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GessoSchedule) schedule = new_func (config, steps, &error);

      if (schedule != NULL)
        return steps;
      if (!g_error_matches (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID))
        return 0;
    }
  return 0;
}

/* Sets the error: `reason` (a sentence), then what can be done instead. */
static void
refuse_steps (NewFunc new_func, const GessoSchedulerConfig *config, const char *reason, GError **error)
{
  int fewest = find_steps (new_func, config, 1, 1);
  int most = fewest > 0 ? find_steps (new_func, config, config->num_train_timesteps, -1) : 0;

  if (most > 0)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID, _ ("%s This model takes %d to %d steps."), reason,
                 fewest, most);
  else
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID, _ ("%s Choose another model."), reason);
}

static GessoSchedule *
make (NewFunc new_func, const GessoSchedulerConfig *config, int steps, GError **error)
{
  g_autoptr (GError) local = NULL;
  GessoSchedule *schedule;

  if (steps < 1 || steps > config->num_train_timesteps)
    {
      g_autofree char *reason = g_strdup_printf (
          g_dngettext (GETTEXT_PACKAGE, "%d step cannot be done.", "%d steps cannot be done.", (gulong) MAX (steps, 0)),
          steps);

      refuse_steps (new_func, config, reason, error);
      return NULL;
    }
  schedule = new_func (config, steps, &local);
  if (g_error_matches (local, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID))
    refuse_steps (new_func, config, local->message, error);
  else if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  return schedule;
}

const char *const *
gesso_scheduler_names (void)
{
  return names;
}

GessoSchedule *
gesso_schedule_new (const char *name, const GessoSchedulerConfig *config, int steps, GError **error)
{
  for (int i = 0; names[i] != NULL; i++)
    if (g_str_equal (names[i], name))
      return make (new_funcs[i], config, steps, error);

  {
    g_autofree char *known = g_strjoinv (", ", (char **) names);

    g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID, _ ("There is no scheduler “%s”; known ones: %s."),
                 name, known);
  }
  return NULL;
}

void
gesso_schedule_free (GessoSchedule *schedule)
{
  if (schedule == NULL)
    return;
  g_free (schedule->name);
  g_free (schedule->rows);
  g_free (schedule);
}
