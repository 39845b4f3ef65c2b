/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "origin.h"

GessoOrigin *
gesso_origin_new (GessoSession *session, int width, int height)
{
  GessoEngine *engine = gesso_session_get_engine (session);
  GessoOrigin *origin;

  g_return_val_if_fail (engine, NULL);
  origin = g_new0 (GessoOrigin, 1);
  origin->model = g_strdup (gesso_session_get_model (session));
  origin->fingerprint = g_strdup (gesso_session_get_fingerprint (session));
  origin->device = gesso_engine_get_device (engine);
  origin->precision = gesso_engine_get_precision (engine);
  origin->width = width;
  origin->height = height;
  return origin;
}

GessoOrigin *
gesso_origin_copy (const GessoOrigin *origin)
{
  GessoOrigin *copy = g_memdup2 (origin, sizeof *origin);

  copy->model = g_strdup (origin->model);
  copy->fingerprint = g_strdup (origin->fingerprint);
  return copy;
}

void
gesso_origin_free (GessoOrigin *origin)
{
  g_free (origin->model);
  g_free (origin->fingerprint);
  g_free (origin);
}
