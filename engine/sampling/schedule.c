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

const char *const *
gesso_scheduler_names (void)
{
  return names;
}

GessoSchedule *
gesso_schedule_new (const char *name, const GessoSchedulerConfig *config, int steps, GError **error)
{
  for (int i = 0; names[i] != NULL; i++)
    {
      if (!g_str_equal (names[i], name))
        continue;
      if (steps < 1 || steps > config->num_train_timesteps)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                       _ ("%d steps cannot be done: this model takes 1 to %d."), steps, config->num_train_timesteps);
          return NULL;
        }
      return new_funcs[i](config, steps, error);
    }

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
