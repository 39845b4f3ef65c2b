/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pseudo numerical methods for diffusion models (Liu et al. 2022), as diffusers' PNDMScheduler has them, with its
 * habits at few and at many steps: the Runge-Kutta start (four evaluations for each of three steps) where
 * skip_prk_steps is false, else the first step evaluated twice; then the linear multistep.
 */

#include "pndm.h"

#include <math.h>
#include <glib/gi18n-lib.h>
#include <inttypes.h>

#include "betas.h"

#define ORDER 4    /* time steps that the Runge-Kutta start is made from, evaluations it spends on a step */
#define RK_ROWS 12 /* three steps of four evaluations */

typedef struct
{
  const GessoSchedulerConfig *config;
  const double *alphas; /* alphas_cumprod */
  int steps;
  GessoSchedule *schedule;
} Table;

/* How each multistep row weighs the model's outputs, newest first, by how many there are. */
static const double multistep[][GESSO_MAX_HISTORY] = {
  { 1 },
  { 3.0 / 2, -1.0 / 2 },
  { 23.0 / 12, -16.0 / 12, 5.0 / 12 },
  { 55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24 },
};

/* diffusers' _timesteps, ascending; numpy's arange and linspace to the last bit, since some numbers of steps round a
 * time step (or the number of them) up or down by their last bits. */
static GArray *
spaced_timesteps (const GessoSchedulerConfig *config, int steps)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (gint64));
  int train = config->num_train_timesteps;
  double ratio = (double) train / steps;
  double span = steps > 1 ? (double) (train - 1) / (steps - 1) : 0;
  int n = config->timestep_spacing == GESSO_SPACING_TRAILING ? (int) ceil (train / ratio) : steps;
  double delta = (train - ratio) - train;

  for (int i = 0; i < n; i++)
    {
      gint64 timestep;

      switch (config->timestep_spacing)
        {
        case GESSO_SPACING_LINSPACE:
          timestep = steps > 1 && i == steps - 1 ? train - 1 : (gint64) rint (i * span);
          break;
        case GESSO_SPACING_TRAILING:
          timestep = (gint64) rint (train + (n - 1 - i) * delta) - 1;
          break;
        case GESSO_SPACING_LEADING:
        default:
          timestep = (gint64) i * (train / steps) + config->steps_offset;
          break;
        }
      g_array_append_val (list, timestep);
    }
  return list;
}

/* diffusers' timesteps: what is evaluated, in running order. NULL with an error for fewer time steps than the
 * Runge-Kutta start takes. */
static GArray *
evaluated_timesteps (const GessoSchedulerConfig *config, int steps, GError **error)
{
  g_autoptr (GArray) spaced = spaced_timesteps (config, steps);
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (gint64));
  int n = (int) spaced->len;
  int first = n - 1;

  if (!config->skip_prk_steps)
    {
      gint64 half = config->num_train_timesteps / steps / 2;
      gint64 doubled[2 * ORDER];

      if (n < ORDER)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                       g_dngettext (GETTEXT_PACKAGE,
                                    "%d step is too few: this model's scheduler begins with Runge-Kutta steps "
                                    "(skip_prk_steps in scheduler_config.json).",
                                    "%d steps are too few: this model's scheduler begins with Runge-Kutta steps "
                                    "(skip_prk_steps in scheduler_config.json).",
                                    (gulong) steps),
                       steps);
          return NULL;
        }
      for (int i = 0; i < ORDER; i++)
        {
          doubled[2 * i] = g_array_index (spaced, gint64, n - ORDER + i);
          doubled[2 * i + 1] = doubled[2 * i] + half;
        }
      /* Downwards from the last time step; all but the outermost two are evaluated twice. */
      for (int i = RK_ROWS; i > 0; i--)
        g_array_append_val (list, doubled[i / 2]);
      first = n - ORDER;
    }

  for (int i = first; i >= 0; i--)
    {
      g_array_append_val (list, g_array_index (spaced, gint64, i));
      if (config->skip_prk_steps && n > 1 && i == n - 2)
        g_array_append_val (list, g_array_index (spaced, gint64, i));
    }
  return g_steal_pointer (&list);
}

/* alphas_cumprod[timestep], negative ones counted from the end as Python does. */
static gboolean
alpha_at (const Table *table, gint64 timestep, double *alpha, GError **error)
{
  int train = table->config->num_train_timesteps;

  if (timestep >= train || timestep < -train)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("A picture in so many steps (%d) cannot be done: they reach time step %" PRId64
                      ", and this model "
                      "knows 0 to %d (timestep_spacing and steps_offset in scheduler_config.json)."),
                   table->steps, timestep, train - 1);
      return FALSE;
    }
  *alpha = table->alphas[timestep < 0 ? timestep + train : timestep];
  return TRUE;
}

/* Formula (9) of the paper, from `timestep` to `previous`: what the base and the joined model output are multiplied
 * by. A velocity is first turned into noise with the base, which is linear too. */
static gboolean
transfer (const Table *table, gint64 timestep, gint64 previous, double *c_base, double *c_output, GError **error)
{
  const GessoSchedulerConfig *config = table->config;
  double a, a_previous = config->set_alpha_to_one ? 1.0 : table->alphas[0];
  double b, b_previous, c;

  if (!alpha_at (table, timestep, &a, error) || (previous >= 0 && !alpha_at (table, previous, &a_previous, error)))
    return FALSE;
  b = 1 - a;
  b_previous = 1 - a_previous;
  c = -(a_previous - a) / (a * sqrt (b_previous) + sqrt (a * b * a_previous));
  *c_base = sqrt (a_previous / a);
  *c_output = c;
  if (config->prediction_type == GESSO_PREDICTION_V)
    {
      *c_base += c * sqrt (b);
      *c_output = c * sqrt (a);
    }
  if (!isfinite (*c_base) || !isfinite (*c_output))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("scheduler_config.json: there is no noise at time step %" PRId64
                      "; check beta_start, beta_end and trained_betas."),
                   timestep);
      return FALSE;
    }
  return TRUE;
}

/* The picture in latents x, which are sqrt (a) * picture + sqrt (1 - a) * noise, by what the model says of them. */
static gboolean
see_through (const Table *table, GessoSchedulerRow *row, gint64 timestep, GError **error)
{
  double a;

  if (!alpha_at (table, timestep, &a, error))
    return FALSE;
  if (table->config->prediction_type == GESSO_PREDICTION_V)
    {
      row->clear_latents = sqrt (a);
      row->clear_output = -sqrt (1 - a);
      return TRUE;
    }
  row->clear_latents = 1 / sqrt (a);
  row->clear_output = -sqrt ((1 - a) / a);
  return TRUE;
}

/* Evaluation `i` of the Runge-Kutta start. */
static gboolean
runge_kutta_row (const Table *table, const gint64 *timesteps, int i, GError **error)
{
  GessoSchedulerRow *row = &table->schedule->rows[i];
  int stage = i % ORDER;
  gint64 half = table->config->num_train_timesteps / table->steps / 2;
  gint64 previous = timesteps[i] - (stage % 2 ? 0 : half);
  double c_output;

  if (!transfer (table, timesteps[i - stage], previous, &row->c_base, &c_output, error))
    return FALSE;

  row->store_base = stage == 0;
  row->use_base = stage != 0;
  row->keep_output = stage != ORDER - 1;
  if (stage < ORDER - 1)
    {
      row->c_history[0] = c_output;
      return TRUE;
    }
  row->c_history[0] = row->c_history[3] = c_output / 6;
  row->c_history[1] = row->c_history[2] = c_output / 3;
  row->forget = 2;
  return TRUE;
}

/* Evaluation `i` of the linear multistep, with `n_kept` outputs kept before it. */
static gboolean
multistep_row (const Table *table, const gint64 *timesteps, int i, int *n_kept, GError **error)
{
  GessoSchedulerRow *row = &table->schedule->rows[i];
  gint64 ratio = table->config->num_train_timesteps / table->steps;
  gint64 timestep = timesteps[i];
  gint64 previous = timestep - ratio;
  const double *weights = multistep[MIN (*n_kept, GESSO_MAX_HISTORY - 1)];
  static const double average[GESSO_MAX_HISTORY] = { 1.0 / 2, 1.0 / 2 };
  double c_output;

  row->keep_output = TRUE;
  if (table->config->skip_prk_steps && i == 0)
    row->store_base = TRUE;
  if (table->config->skip_prk_steps && i == 1)
    {
      /* The first step again, from where it began, now with the mean of both its ends. */
      previous = timestep;
      timestep += ratio;
      weights = average;
      row->use_base = TRUE;
      row->keep_output = FALSE;
    }

  if (!transfer (table, timestep, previous, &row->c_base, &c_output, error))
    return FALSE;
  for (int k = 0; k < GESSO_MAX_HISTORY; k++)
    row->c_history[k] = c_output * weights[k];
  *n_kept += row->keep_output;
  return TRUE;
}

GessoSchedule *
gesso_pndm_new (const GessoSchedulerConfig *config, int steps, GError **error)
{
  g_autofree double *alphas = gesso_alphas_cumprod (config, error);
  g_autoptr (GArray) timesteps = alphas != NULL ? evaluated_timesteps (config, steps, error) : NULL;
  g_autoptr (GessoSchedule) schedule = NULL;
  Table table = { config, alphas, steps, NULL };
  int n_runge_kutta = config->skip_prk_steps ? 0 : RK_ROWS;
  int n_kept = config->skip_prk_steps ? 0 : RK_ROWS / ORDER;

  if (timesteps == NULL)
    return NULL;

  schedule = g_new0 (GessoSchedule, 1);
  schedule->name = g_strdup ("pndm");
  schedule->init_noise_sigma = 1.0;
  /* The last Runge-Kutta step needs its own four while the first outputs of the two steps before wait. */
  schedule->n_outputs = config->skip_prk_steps ? GESSO_MAX_HISTORY : ORDER + RK_ROWS / ORDER - 1;
  schedule->n_rows = (int) timesteps->len;
  schedule->rows = g_new0 (GessoSchedulerRow, timesteps->len);
  table.schedule = schedule;

  for (int i = 0; i < schedule->n_rows; i++)
    {
      const gint64 *list = (const gint64 *) (gpointer) timesteps->data;

      schedule->rows[i].timestep = (double) list[i];
      schedule->rows[i].input_scale = 1.0;
      if (!see_through (&table, &schedule->rows[i], list[i], error)
          || !(i < n_runge_kutta ? runge_kutta_row (&table, list, i, error)
                                 : multistep_row (&table, list, i, &n_kept, error)))
        return NULL;
    }
  return g_steal_pointer (&schedule);
}
