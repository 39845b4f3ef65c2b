/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The stored cases of data/cases.json as tests.
 */

#pragma once

#include <json-glib/json-glib.h>

/* Adds a test PREFIX/NAME with `func` for each object of the array `what` (with `only`, of these names), whose data is
 * the object. After g_test_init(). `tolerances` (out, transfer none): the file's bounds. Everything lives as long as
 * `parser`. Returns: (transfer none): the array */
JsonArray *test_add_cases (JsonParser *parser, const char *what, const char *prefix, const char *const *only,
                           GTestDataFunc func, JsonObject **tolerances);

/* (transfer full): the folder of the model that a case names: a miniature's in data/models, else one that comes with
 * Gesso */
char *test_model_folder (const char *name);
