/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a layer remembers of how it was painted: a parasite with versioned JSON, enough to paint it again. And the text
 * that other programs read from a PNG.
 */

#pragma once

#include <libgimp/gimp.h>

#include "result.h"
#include "settings.h"

typedef struct
{
  GessoSettings *settings; /* of this one picture: its own seed, count 1, the sizes of the layer and of what was
                            * painted, the device and precision that it was painted with */
  char *fingerprint;       /* of the model; "" where it is not known */
} GessoMetadata;

void gesso_metadata_free (GessoMetadata *metadata);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoMetadata, gesso_metadata_free)

/* How `result` was made, for a layer of this size. */
GessoMetadata *gesso_metadata_new (const GessoResult *result, int layer_width, int layer_height);

/* Another model of the same name would paint another picture, silently. `wanted` (nullable): the fingerprint of the one
 * that was used; `found`: of the one that is installed as `model` now. */
gboolean gesso_metadata_check_model (const char *model, const char *wanted, const char *found, GError **error);

gboolean gesso_metadata_attach (const GessoMetadata *metadata, GimpLayer *layer, GError **error);

/* NULL with an error that tells why: none there, damaged, or of a later version. */
GessoMetadata *gesso_metadata_read (GimpLayer *layer, GError **error);

/* Makes the PNGs that GIMP exports of the image carry the picture's "parameters" text. An undo step. */
gboolean gesso_metadata_attach_parameters (GimpImage *image, const GessoPicture *picture, GError **error);
