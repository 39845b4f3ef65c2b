/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The noise schedule a model was trained with. Everything is rounded to float where torch does so: near the last
 * steps 1 - alpha is small and shows that rounding.
 */

#include "betas.h"

#include <math.h>
#include <glib/gi18n-lib.h>

#define MAX_TRAIN_TIMESTEPS 1000000
#define MAX_COSINE_BETA 0.999

/* torch.linspace in float32. */
static float
linspace (float start, float end, int n, int i)
{
  float step;

  if (n == 1)
    return start;
  step = (end - start) / (float) (n - 1);
  return i < n / 2 ? start + step * (float) i : end - step * (float) (n - i - 1);
}

/* The cosine schedule's share of signal at `t` in 0..1. */
static double
cosine_alpha_bar (double t)
{
  double cosine = cos ((t + 0.008) / 1.008 * G_PI / 2);

  return cosine * cosine;
}

static float
beta_at (const GessoSchedulerConfig *config, int i)
{
  int n = config->num_train_timesteps;
  float root;

  switch (config->beta_schedule)
    {
    case GESSO_BETAS_TRAINED:
      return (float) config->trained_betas[i];
    case GESSO_BETAS_SQUAREDCOS_CAP_V2:
      return (float) MIN (1 - cosine_alpha_bar ((double) (i + 1) / n) / cosine_alpha_bar ((double) i / n),
                          MAX_COSINE_BETA);
    case GESSO_BETAS_SCALED_LINEAR:
      root = linspace ((float) sqrt (config->beta_start), (float) sqrt (config->beta_end), n, i);
      return root * root;
    case GESSO_BETAS_LINEAR:
    default:
      return linspace ((float) config->beta_start, (float) config->beta_end, n, i);
    }
}

double *
gesso_alphas_cumprod (const GessoSchedulerConfig *config, GError **error)
{
  g_autofree double *alphas = NULL;
  double product = 1.0;

  if (config->num_train_timesteps < 1 || config->num_train_timesteps > MAX_TRAIN_TIMESTEPS)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("scheduler_config.json: num_train_timesteps is %d, which is not within 1 and %d. Mend the file "
                      "or get it again."),
                   config->num_train_timesteps, MAX_TRAIN_TIMESTEPS);
      return NULL;
    }
  if (config->beta_schedule == GESSO_BETAS_TRAINED && config->trained_betas == NULL)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("scheduler_config.json: trained_betas is missing; it must hold %d numbers. Mend the file "
                      "or get it again."),
                   config->num_train_timesteps);
      return NULL;
    }

  alphas = g_new (double, config->num_train_timesteps);
  for (int i = 0; i < config->num_train_timesteps; i++)
    {
      float beta = beta_at (config, i);

      if (!(beta >= 0 && beta < 1))
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("scheduler_config.json: %s makes the beta of training time step %d %g; betas must be at "
                          "least 0 and below 1. Mend the file or get it again."),
                       config->beta_schedule == GESSO_BETAS_TRAINED ? "trained_betas" : "beta_start/beta_end", i,
                       (double) beta);
          return NULL;
        }
      product *= (double) (1.0f - beta);
      alphas[i] = (double) (float) product;
      if (alphas[i] <= 0)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("scheduler_config.json: after training time step %d these betas leave nothing of the "
                          "picture; check beta_start, beta_end and trained_betas."),
                       i);
          return NULL;
        }
    }
  return g_steal_pointer (&alphas);
}
