/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The way of weights to the card: two pinned staging buffers, of which one is filled while the other is copied.
 */

#pragma once

#include "store.h"

typedef struct _GessoCudaUpload GessoCudaUpload;

/* Staging for rows of up to `row_bytes` bytes. */
GessoCudaUpload *gesso_cuda_upload_new (GessoCudaDevice *device, gsize row_bytes, GError **error);
/* After all copies have arrived; NULL is ignored. */
void gesso_cuda_upload_free (GessoCudaUpload *upload);

/* Called after each piece, with the bytes that were sent; FALSE (with an error) stops. */
typedef gboolean (*GessoCudaUploadStep) (gsize bytes, gpointer data, GError **error);

/* Reads `weight` from `source` and sends it to weight->address. */
gboolean gesso_cuda_upload_weight (GessoCudaUpload *upload, const GessoWeightSource *source,
                                   const GessoCudaWeight *weight, GessoCudaUploadStep step, gpointer step_data,
                                   GError **error);
