/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "quit.h"

static GessoSession *running;

void
gesso_quit_stops (GessoSession *session)
{
  g_set_weak_pointer (&running, session);
}

gboolean
gesso_quit (void)
{
  if (!running)
    return TRUE;
  g_object_run_dispose (G_OBJECT (running));
  return FALSE;
}
