/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <gegl.h>

#include "gesso.h"

/* As far as GEGL scales. */
#define GESSO_LONGEST_SIDE 100000

/* Writes the picture into `buffer`, scaled where it is of another size; at most GESSO_LONGEST_SIDE pixels a side. */
void gesso_fill_buffer (GeglBuffer *buffer, const GessoPicture *picture);
