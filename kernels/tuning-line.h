/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A line of the tuning file: a thing and its way.
 */

#pragma once

#include "tuning.h"

/* FALSE where `line` is none. */
gboolean gesso_tuning_line_parse (const char *line, GessoTuningKey *key, GessoTuningWay *way);
/* With its newline. */
char *gesso_tuning_line_new (const GessoTuningKey *key, const GessoTuningWay *way);
gboolean gesso_tuning_way_equal (const GessoTuningWay *a, const GessoTuningWay *b);
