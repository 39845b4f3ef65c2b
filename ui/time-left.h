/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How long something will still take, from how far it has come: follows changes of speed, without jumps.
 */

#pragma once

#include <glib.h>

typedef struct
{
  double begin, last; /* seconds on the caller's clock */
  double fraction;
  double rate; /* fraction a second, of late */
  double left; /* negative: not known */
  int n_updates;
} GessoTimeLeft;

/* `now`: seconds on any clock that does not run backwards. */
void gesso_time_left_begin (GessoTimeLeft *self, double now);

/* `fraction` (0..1) is done: the seconds left, or a negative value while they cannot be told. */
double gesso_time_left_update (GessoTimeLeft *self, double now, double fraction);
