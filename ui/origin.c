/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "origin.h"

const char *
gesso_origin_name_model (const char *model)
{
  return model[0] ? model : "starter";
}

/* A folder that is relative to where this process was started would be another one for the next. */
static char *
identify (const char *model)
{
  const char *name = gesso_origin_name_model (model);
  gboolean is_path = name[0] == '.' || g_str_has_prefix (name, "~/");
  g_autofree char *beside = g_canonicalize_filename (name, NULL);
  g_autofree char *folder = NULL;

  if (g_str_equal (name, "starter") || g_path_is_absolute (name))
    return g_strdup (name);
  folder = gesso_models_find (name, NULL);
  /* A name of an installed model, which goes before a folder's, leads elsewhere. */
  if (!folder || !(is_path || g_str_equal (folder, beside)))
    return g_strdup (name);
  return g_steal_pointer (&folder);
}

GessoOrigin *
gesso_origin_new (GessoSession *session, int width, int height)
{
  GessoEngine *engine = gesso_session_get_engine (session);
  GessoOrigin *origin;

  g_return_val_if_fail (engine, NULL);
  origin = g_new0 (GessoOrigin, 1);
  origin->model = identify (gesso_session_get_model (session));
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
