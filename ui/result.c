/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "result.h"

GessoResult *
gesso_result_new (GessoPicture *picture, const GessoRequest *request, const GessoOrigin *origin)
{
  GessoResult *result = g_new0 (GessoResult, 1);

  result->picture = gesso_picture_ref (picture);
  result->request = gesso_request_copy (request);
  result->request->seed = gesso_picture_get_seed (picture);
  result->request->n_images = 1;
  result->origin = gesso_origin_copy (origin);
  return result;
}

GessoResult *
gesso_result_copy (const GessoResult *result)
{
  return gesso_result_new (result->picture, result->request, result->origin);
}

void
gesso_result_free (GessoResult *result)
{
  gesso_picture_unref (result->picture);
  gesso_request_free (result->request);
  gesso_origin_free (result->origin);
  g_free (result);
}
