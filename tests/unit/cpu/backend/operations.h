/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Graphs of every operation, every fusion and random ones, for any backend to be compared with the reference.
 */

#pragma once

#include "fixture.h"

/* Compares what a backend makes of `graph` (taken over) with what the reference backend does. */
typedef void (*OperationCheck) (const char *what, GessoGraph *graph);

/* Adds a test below `prefix` for each graph. */
void operations_add_tests (const char *prefix, OperationCheck func);
