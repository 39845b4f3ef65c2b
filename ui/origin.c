/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "origin.h"

GessoOrigin *
gesso_origin_new (const char *model, int width, int height)
{
  GessoOrigin *origin = g_new0 (GessoOrigin, 1);

  origin->model = g_strdup (model);
  origin->width = width;
  origin->height = height;
  return origin;
}

GessoOrigin *
gesso_origin_copy (const GessoOrigin *origin)
{
  GessoOrigin *copy = g_memdup2 (origin, sizeof *origin);

  copy->model = g_strdup (origin->model);
  return copy;
}

gboolean
gesso_origin_equal (const GessoOrigin *a, const GessoOrigin *b)
{
  return g_strcmp0 (a->model, b->model) == 0 && a->device == b->device && a->precision == b->precision
         && a->width == b->width && a->height == b->height;
}

void
gesso_origin_free (GessoOrigin *origin)
{
  g_free (origin->model);
  g_free (origin);
}
