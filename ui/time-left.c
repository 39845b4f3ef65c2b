/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "time-left.h"

#include <math.h>

/* Before that much is known an estimate would be a guess. */
#define LEAST_SECONDS 1.0
#define LEAST_FRACTION 0.02
#define LEAST_UPDATES 3

/* How long the speed and the estimate remember, in seconds; the speed at least that share of all the time. */
#define SPEED_MEMORY 4.0
#define SPEED_MEMORY_SHARE 0.3
#define ESTIMATE_MEMORY 3.0

void
gesso_time_left_begin (GessoTimeLeft *self, double now)
{
  *self = (GessoTimeLeft) { .begin = now, .last = now, .left = -1 };
}

double
gesso_time_left_update (GessoTimeLeft *self, double now, double fraction)
{
  double elapsed = now - self->begin;
  double dt = now - self->last;
  double df = fraction - self->fraction;
  double estimate, weight;

  if (fraction >= 1)
    return self->left = 0;
  if (dt <= 0 || df <= 0)
    return self->left < 0 ? -1 : MAX (self->left - MAX (dt, 0), 0);

  weight = 1 - exp (-dt / MAX (SPEED_MEMORY, SPEED_MEMORY_SHARE * elapsed));
  self->rate = self->n_updates == 0 ? df / dt : self->rate + weight * (df / dt - self->rate);
  self->n_updates++;
  self->last = now;
  self->fraction = fraction;
  if (elapsed < LEAST_SECONDS || fraction < LEAST_FRACTION || self->n_updates < LEAST_UPDATES)
    return -1;

  estimate = (1 - fraction) / self->rate;
  if (self->left < 0)
    self->left = estimate;
  else
    {
      self->left = MAX (self->left - dt, 0);
      self->left += (1 - exp (-dt / ESTIMATE_MEMORY)) * (estimate - self->left);
    }
  return self->left;
}
