/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stored case of a whole picture (data/cases.json) as a request, and what came of it.
 */

#pragma once

#include <json-glib/json-glib.h>

#include "gesso.h"
#include "safetensors-file.h"

GessoRequest *picture_case_request (JsonObject *test);
/* The file of the results; transfer full. */
char *picture_case_path (JsonObject *test);
GessoEngine *picture_case_open (JsonObject *test, GessoDevice device, GessoPrecision precision, GError **error);

/* The tensor `name` of a trace, of the dtype and shape of `expected`; ends the test where there is none. */
const GessoTensorData *picture_case_traced (GPtrArray *trace, const char *name, const TestTensor *expected);

/* Peak signal to noise ratio, in dB. */
double picture_case_psnr (const guint8 *a, const guint8 *b, gsize n);
