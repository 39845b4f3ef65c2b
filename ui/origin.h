/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How a picture was made that its request does not tell: what was chosen then, and what "auto" had become.
 */

#pragma once

#include "gesso.h"

G_BEGIN_DECLS

typedef struct
{
  char *model;
  GessoDevice device;       /* never "auto" */
  GessoPrecision precision; /* never "auto" */
  int width, height;        /* as asked for: 0 is the place to fill */
} GessoOrigin;

GessoOrigin *gesso_origin_new (const char *model, int width, int height);
GessoOrigin *gesso_origin_copy (const GessoOrigin *origin);
gboolean gesso_origin_equal (const GessoOrigin *a, const GessoOrigin *b);
void gesso_origin_free (GessoOrigin *origin);

G_END_DECLS
