/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Strings of a stranger's file in messages: they go to terminals and labels.
 */

#pragma once

#include <glib.h>

/* Whether all characters of `text`, which is UTF-8, show themselves: none moves a cursor or turns a line round. */
gboolean gesso_text_is_shown (const char *text);
/* `text`, cut after some 60 bytes, with U+FFFD for what is no UTF-8 and for characters that do not show themselves but
 * move a cursor or turn a line round. */
char *gesso_text_shorten (const char *text);
