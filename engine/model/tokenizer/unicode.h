/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Code points as the tokenizers library sees them, whatever GLib's version of Unicode and the user's locale.
 */

#pragma once

#include <glib.h>

/* A code point of the text being read, with the byte offset in the caller's text that it came from. */
typedef struct
{
  gunichar c;
  guint32 offset;
} GessoChar;

/* \p{L}, \p{N}, \s and \w of the library's regular expressions. */
gboolean gesso_unicode_is_letter (gunichar c);
gboolean gesso_unicode_is_number (gunichar c);
gboolean gesso_unicode_is_space (gunichar c);
gboolean gesso_unicode_is_word (gunichar c);

/* Whether NFC takes `c` apart, moves it, or joins it to the character before it. Only these may be shown to GLib's
 * normalization: about them all versions of Unicode agree, while a newer one knows more of them. */
gboolean gesso_unicode_combines (gunichar c);

/* Lower case of `c`, one character by one: no final sigma. U+0130 becomes "i"; the caller adds U+0307. */
gunichar gesso_unicode_lower (gunichar c);
