/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "weight-source.h"

static gboolean
read_weight (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values,
             GError **error)
{
  return gesso_weights_read (data, name, first, count, dtype, values, error);
}

static GessoDType
weight_dtype (gpointer data, const char *name)
{
  GessoDType dtype = GESSO_DTYPE_F32;
  GessoShape shape;

  gesso_weights_find (data, name, &shape, &dtype);
  return dtype;
}

GessoWeightSource
gesso_weight_source (GessoWeights *weights)
{
  return (GessoWeightSource) { read_weight, weight_dtype, weights };
}
