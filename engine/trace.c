/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "trace.h"

GessoTensorData *
gesso_tensor_data_new (const char *name, const char *dtype, int n_dims, const gint64 *dims, gpointer data, gsize bytes)
{
  GessoTensorData *tensor = g_new0 (GessoTensorData, 1);

  tensor->name = g_strdup (name);
  tensor->dtype = dtype;
  tensor->n_dims = n_dims;
  for (int i = 0; i < n_dims; i++)
    tensor->dims[i] = dims[i];
  tensor->data = g_bytes_new_take (data, bytes);
  return tensor;
}

void
gesso_tensor_data_free (GessoTensorData *tensor)
{
  if (!tensor)
    return;
  g_free (tensor->name);
  g_bytes_unref (tensor->data);
  g_free (tensor);
}
