/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a program of the trial says: one JSON object on standard output, also of a failure.
 */

#pragma once

#include <json-glib/json-glib.h>

#include "gesso.h"

/* Prints what `builder` holds, or {"error": {"code", "message"}}; returns the exit status. */
int trial_report (JsonBuilder *builder, const GError *error);

void trial_add_double (JsonBuilder *builder, const char *name, double value);
void trial_add_int (JsonBuilder *builder, const char *name, gint64 value);
void trial_add_string (JsonBuilder *builder, const char *name, const char *value);
/* NAME: the median, NAME_all: each. */
void trial_add_times (JsonBuilder *builder, const char *name, const double *values, int n);

/* Memory on the card, the context apart. */
typedef struct _TrialMemory TrialMemory;

/* From now on; NULL where there is no driver. */
TrialMemory *trial_memory_new (void);
void trial_memory_look (TrialMemory *memory);
/* The most bytes that were taken at any look since the start; frees it. */
gint64 trial_memory_finish (TrialMemory *memory);
