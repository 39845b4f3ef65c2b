/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What can be asked for: the engine's own limits where it has any (see GessoRequest), and what is asked for by default.
 */

#pragma once

#define GESSO_SIDE_UNIT 8        /* sides of the engine's pictures are multiples of it */
#define GESSO_LARGEST_SIDE 16384 /* pixels */
#define GESSO_LARGEST_COUNT 64   /* pictures */
#define GESSO_LARGEST_STEPS 999  /* what the schedules of the family have room for */
#define GESSO_LARGEST_GUIDANCE 100.0

#define GESSO_USUAL_STEPS 25
#define GESSO_USUAL_GUIDANCE 7.5
