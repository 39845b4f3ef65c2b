/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pictures as cairo draws them.
 */

#pragma once

#include <cairo.h>
#include <glib.h>

/* RGB, rows from the top, 3 bytes a pixel: a surface of that size, or NULL where memory does not suffice. */
cairo_surface_t *gesso_rgb_surface_new (GBytes *rgb, int width, int height);
