/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the engine share.
 */

#pragma once

#include "gesso.h"

/* The folder of a miniature model of tests/reference/data; transfer full. */
char *test_model_folder (const char *name);
/* A copy of it in the temporary folder, to damage; ends with the model's name. */
char *test_model_copy (const char *name);
void test_remove_folder (const char *folder);

/* An engine on the CPU in f32, or with `options`. */
GessoEngine *test_engine_open (const char *name, const GessoOptions *options);
GessoEngine *test_engine_open_folder (const char *folder, const GessoOptions *options);

/* The message has `text` in it and ends as a sentence does. */
void test_assert_says (const GError *error, const char *text);

/* Bytes by which the process's own memory moves while nothing seems to happen. AddressSanitizer keeps freed memory
 * back, so that limits cannot be tried out exactly under it. */
#if defined(__SANITIZE_ADDRESS__)
#define TEST_LIMITS_EXACT FALSE
#define TEST_SLACK (G_GUINT64_CONSTANT (128) << 20)
#else
#define TEST_LIMITS_EXACT TRUE
#define TEST_SLACK (G_GUINT64_CONSTANT (1) << 20)
#endif

/* All values within one level but for one in a thousand. */
void test_assert_pictures_near (GessoPicture *a, GessoPicture *b);
