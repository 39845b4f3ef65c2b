/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <gegl.h>

#include "gesso.h"

/* As far as GEGL scales. */
#define GESSO_LONGEST_SIDE 100000

/* `fraction` is done. Returns whether to go on. */
typedef gboolean (*GessoFillFunc) (double fraction, gpointer data);

/* Writes the picture into `buffer`, scaled where it is of another size; at most GESSO_LONGEST_SIDE pixels a side. Calls
 * `progress` every now and then, as many pixels take long. Returns FALSE where that gave up. */
gboolean gesso_fill_buffer (GeglBuffer *buffer, const GessoPicture *picture, GessoFillFunc progress, gpointer data);
