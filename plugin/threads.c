/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "threads.h"

#include <libgimp/gimp.h>

/* GIMP's own number, unless somebody changes it, is that of all processors, but no more than this. */
#define LARGEST_OF_GIMP 64

int
gesso_threads_allowed (void)
{
  int wanted = gimp_get_num_processors ();

  /* The engine counts better: it knows of a container's share. */
  return wanted < MIN ((int) g_get_num_processors (), LARGEST_OF_GIMP) ? wanted : 0;
}
