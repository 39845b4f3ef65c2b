/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where models are looked for.
 */

#pragma once

#include "gesso.h"

typedef struct
{
  char *folder; /* absolute; need not exist */
  GessoModelSource source;
} GessoModelPlace;

/* In the order in which they are searched; each folder once. Transfer full, of GessoModelPlace. One of the source PATH
 * may be a model itself; one of the source HUGGING_FACE is laid out as Hugging Face's tools do. */
GPtrArray *gesso_model_places (void);

/* `path` with a leading "~/" resolved, absolute, transfer full. */
char *gesso_expand_path (const char *path);
