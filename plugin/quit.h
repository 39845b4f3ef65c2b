/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is to be stopped when GIMP is gone, so that no thread computes on while the process exits.
 */

#pragma once

#include "session.h"

/* There is one at most: a process serves one call. Forgotten when it is disposed of. */
void gesso_quit_stops (GessoSession *session);

/* GIMP is gone, or the procedure is over. Returns FALSE where something was running: then it goes on until the process
 * exits, with what it uses. */
gboolean gesso_quit (void);
