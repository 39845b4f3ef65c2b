/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * CLIP's normalizer: NFC, runs of white space to one space, lower case.
 */

#pragma once

#include "unicode.h"

/* Appends `text` normalized to `out`, an array of GessoChar. A character made of several has the smallest of their
 * offsets; characters made of one have its offset. */
void gesso_normalize (const GessoChar *text, gsize n, GArray *out);
