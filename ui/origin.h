/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How a picture was made that its request does not tell: by which model, on what, and for a layer of which size. Noted
 * when painting starts: later another model may be open, or the folder gone.
 */

#pragma once

#include "session.h"

G_BEGIN_DECLS

typedef struct
{
  char *model;              /* name, or absolute folder: it means the same anywhere later */
  char *fingerprint;        /* of the model */
  GessoDevice device;       /* never "auto" */
  GessoPrecision precision; /* never "auto" */
  int width, height;        /* of the layer: 0 is the side of the place to fill, or where there is none the picture's */
} GessoOrigin;

/* The name of the model that a "" stands for; others as they are. Transfer none. */
const char *gesso_origin_name_model (const char *model);

/* Of what the session paints now: its model must be open. */
GessoOrigin *gesso_origin_new (GessoSession *session, int width, int height);
GessoOrigin *gesso_origin_copy (const GessoOrigin *origin);
void gesso_origin_free (GessoOrigin *origin);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoOrigin, gesso_origin_free)

G_END_DECLS
