/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets share.
 */

#pragma once

#include "gesso.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* A path under which these bytes are an ordinary file, until the next call. */
const char *fuzz_file (const uint8_t *data, size_t size);

/* Dies unless success and error agree and the message is text. */
void fuzz_check (gboolean success, GError **error);
