/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "idle-team.h"

#include <omp.h>

struct _GessoIdleTeam
{
  GThread *thread;
  GMutex lock;
  GCond changed;
  int n_threads;
  gboolean started;
  gboolean quit;
};

static gpointer
keep_team (gpointer data)
{
  GessoIdleTeam *self = data;
  int n_members = 0;

  /* The team lives as long as the thread that started it. */
#pragma omp parallel num_threads(self->n_threads) reduction(+ : n_members)
  n_members++;

  g_mutex_lock (&self->lock);
  self->started = n_members > 0;
  g_cond_broadcast (&self->changed);
  while (!self->quit)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
  return NULL;
}

GessoIdleTeam *
gesso_idle_team_new (int n_threads)
{
  GessoIdleTeam *self = g_new0 (GessoIdleTeam, 1);

  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  /* One more than what the computing team leaves free, the starting thread not counted. */
  self->n_threads = MAX (omp_get_num_procs () - n_threads, 0) + 2;
  self->thread = g_thread_try_new ("gesso-idle", keep_team, self, NULL);
  if (!self->thread)
    {
      gesso_idle_team_free (self);
      return NULL;
    }
  g_mutex_lock (&self->lock);
  while (!self->started)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
  return self;
}

void
gesso_idle_team_free (GessoIdleTeam *self)
{
  if (!self)
    return;
  if (self->thread)
    {
      g_mutex_lock (&self->lock);
      self->quit = TRUE;
      g_cond_broadcast (&self->changed);
      g_mutex_unlock (&self->lock);
      g_thread_join (self->thread);
    }
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}
