/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "compute-thread.h"

struct _GessoComputeThread
{
  GThread *thread;
  GMutex turn; /* held by the caller whose function runs */
  GMutex lock; /* for everything below */
  GCond changed;
  GessoComputeFunc func;
  gpointer func_data;
  GessoComputeFunc callback;
  gpointer callback_data;
  gboolean quit;
};

static gpointer
compute_loop (gpointer data)
{
  GessoComputeThread *self = data;

  g_mutex_lock (&self->lock);
  while (!self->quit)
    {
      if (!self->func)
        {
          g_cond_wait (&self->changed, &self->lock);
          continue;
        }
      g_mutex_unlock (&self->lock);
      self->func (self->func_data);
      g_mutex_lock (&self->lock);
      self->func = NULL;
      g_cond_broadcast (&self->changed);
    }
  g_mutex_unlock (&self->lock);
  return NULL;
}

GessoComputeThread *
gesso_compute_thread_new (void)
{
  GessoComputeThread *self = g_new0 (GessoComputeThread, 1);

  g_mutex_init (&self->turn);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->thread = g_thread_try_new ("gesso-compute", compute_loop, self, NULL);
  if (!self->thread)
    g_clear_pointer (&self, gesso_compute_thread_free);
  return self;
}

void
gesso_compute_thread_free (GessoComputeThread *self)
{
  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  if (self->thread)
    g_thread_join (self->thread);
  g_mutex_clear (&self->turn);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

void
gesso_compute_thread_run (GessoComputeThread *self, GessoComputeFunc func, gpointer data)
{
  g_mutex_lock (&self->turn);
  g_mutex_lock (&self->lock);
  self->func = func;
  self->func_data = data;
  g_cond_broadcast (&self->changed);
  while (self->func)
    {
      if (self->callback)
        {
          g_mutex_unlock (&self->lock);
          self->callback (self->callback_data);
          g_mutex_lock (&self->lock);
          self->callback = NULL;
          g_cond_broadcast (&self->changed);
        }
      else
        g_cond_wait (&self->changed, &self->lock);
    }
  g_mutex_unlock (&self->lock);
  g_mutex_unlock (&self->turn);
}

void
gesso_compute_thread_call_back (GessoComputeThread *self, GessoComputeFunc callback, gpointer data)
{
  g_mutex_lock (&self->lock);
  self->callback = callback;
  self->callback_data = data;
  g_cond_broadcast (&self->changed);
  while (self->callback)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
}
