/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A folder for tuning files, and what tests do with it.
 */

#pragma once

#include "graph/graph.h"

typedef struct
{
  char *folder;
} TuningPlace;

/* Has GESSO_CUDA_TUNING name a folder of its own. */
void tuning_place_set_up (TuningPlace *place, gconstpointer data);
void tuning_place_tear_down (TuningPlace *place, gconstpointer data);

/* The path of the only file but for its lock; NULL where there is none. */
char *tuning_place_file (const TuningPlace *place);
/* What stands there. */
char *tuning_place_read (const TuningPlace *place);

/* The file's text without the sum. */
char *tuning_body_of (const char *text);
/* Writes `text` with the sum that goes with it. */
void tuning_write_with_sum (const char *path, const char *text);
/* `text` with all of `what` replaced, which has to be there. */
char *tuning_replace (const char *text, const char *what, const char *with);

/* A backend's whole life with one program; the first output, and how many calls of the driver that took. With
 * `band_bytes` a norm that is folded in is computed in bands of so many bytes. */
GBytes *tuning_paint (const GessoGraph *graph, gsize band_bytes, guint *n_calls);
