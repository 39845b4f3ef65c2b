/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <gegl.h>

#include "gesso.h"

/* How many times as wide or as high GEGL makes a picture. */
#define GESSO_LARGEST_RATIO 9000

/* `fraction` is done. Returns whether to go on. */
typedef gboolean (*GessoFillFunc) (double fraction, gpointer data);

/* Writes the picture into `buffer`, scaled where it is of another size; at most by GESSO_LARGEST_RATIO. Calls
 * `progress` every now and then, as many pixels take long. Returns FALSE where that gave up. */
gboolean gesso_fill_buffer (GeglBuffer *buffer, const GessoPicture *picture, GessoFillFunc progress, gpointer data);
