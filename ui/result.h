/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A finished picture and how it was made: all that is needed to put it into an image, and to make it again.
 */

#pragma once

#include "origin.h"

G_BEGIN_DECLS

typedef struct
{
  GessoPicture *picture;
  GessoRequest *request; /* with the picture's own seed and n_images 1 */
  GessoOrigin *origin;
} GessoResult;

/* Of a picture that `request` led to (its seed becomes the picture's, its n_images 1); everything is copied or shared.
 */
GessoResult *gesso_result_new (GessoPicture *picture, const GessoRequest *request, const GessoOrigin *origin);
GessoResult *gesso_result_copy (const GessoResult *result);
void gesso_result_free (GessoResult *result);

G_END_DECLS
