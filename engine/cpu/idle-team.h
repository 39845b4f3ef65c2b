/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keeps OpenMP from spinning. GNU's OpenMP lets threads that wait at the end of a parallel region spin for some 14 ms
 * before they sleep. On a machine that does other things as well (an artist's; or one that runs GIMP itself) a worker
 * that was put off its core then costs its fellows whole time slices at each of the hundreds of regions of a step:
 * under a load of three busy programs a core, a region of 20 us took 0.4 to 3 ms. The environment variable against it
 * must be set before the process starts, which a library cannot. But when a process has more OpenMP threads than
 * processors the spinning is limited to microseconds (libgomp's GOMP_SPINCOUNT, default for oversubscription). So this
 * keeps a team of sleeping threads that brings the number above that of the processors: the same region then took
 * 0.025 ms under load, and on an idle machine large regions take what they took.
 */

#pragma once

#include <glib.h>

typedef struct _GessoIdleTeam GessoIdleTeam;

/* For a backend that computes with `n_threads`. NULL where no thread could be started: nothing is lost but speed. */
GessoIdleTeam *gesso_idle_team_new (int n_threads);
/* `team`: nullable. */
void gesso_idle_team_free (GessoIdleTeam *team);
