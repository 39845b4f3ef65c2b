/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * CLIP's pre-tokenizer: which characters make a word of their own for the byte pair encoding.
 */

#pragma once

#include "unicode.h"

/* Characters start .. end - 1 of the text that was split. */
typedef struct
{
  guint32 start;
  guint32 end;
} GessoSpan;

/* Appends the words of the normalized `text` to `words`, an array of GessoSpan. White space belongs to none.
 *
 * This is what two regular expressions do one after the other: CLIP's own,
 *   <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
 * and, on each of its matches, GPT-2's. The second one changes only the first two alternatives, into three words
 * each: "<|", the letters, "|>". */
void gesso_split (const GessoChar *text, gsize n, GArray *words);
