/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <gegl.h>

#include "gesso.h"

/* Writes the picture into `buffer`, scaled where it is of another size. */
void gesso_fill_buffer (GeglBuffer *buffer, const GessoPicture *picture);
