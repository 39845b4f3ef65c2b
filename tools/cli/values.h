/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values as typed on a command line, read strictly and the same in every locale: the whole text must be the value.
 * Errors are G_OPTION_ERROR_BAD_VALUE and say what was expected.
 */

#pragma once

#include <glib.h>

/** cli_parse_int: a whole number, with "-" in front or not; its range is for the library to judge */
gboolean cli_parse_int (const char *text, int *value, GError **error);

/** cli_parse_uint64: digits only, 0 to 2^64 - 1 */
gboolean cli_parse_uint64 (const char *text, guint64 *value, GError **error);

/** cli_parse_double: a finite decimal number with a point, such as 7.5, -1 or 1e-3 */
gboolean cli_parse_double (const char *text, double *value, GError **error);

/**
 * cli_parse_size:
 * @text: bytes, or a number with K, M, G or T (also KiB and so on): powers of 1024, fractions allowed
 * @value: (out): bytes, rounded down
 */
gboolean cli_parse_size (const char *text, guint64 *value, GError **error);

/**
 * cli_parse_text:
 * @raw: bytes of an argument
 *
 * Valid UTF-8 is taken as it is, whatever the locale says; anything else is converted from the locale's encoding.
 *
 * Returns: (transfer full): UTF-8, or %NULL
 */
char *cli_parse_text (const char *raw, GError **error);
