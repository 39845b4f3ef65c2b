/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "gesso.h"

#define GESSO_MAX_IMAGES 64
#define GESSO_MAX_SIZE 16384 /* pixels a side; memory ends it sooner */

/* REQUEST_INVALID, naming the value and its range, where one is out of range. `factor`: pixels a latent. */
gboolean gesso_request_check (const GessoRequest *request, int factor, GError **error);
gboolean gesso_options_check (const GessoOptions *options, GError **error);
