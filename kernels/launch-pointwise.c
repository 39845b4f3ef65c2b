/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "launcher.h"

static gboolean
are_vectors (GessoDType type, gint64 n, CUdeviceptr a, CUdeviceptr b, CUdeviceptr c)
{
  return n * (gint64) gesso_dtype_size (type) % 16 == 0 && (a | b | c) % 16 == 0;
}

gboolean
gesso_launch_activation (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr result, gint64 n,
                         GessoActivation activation, GError **error)
{
  const gboolean vectors = are_vectors (type, n, x, result, 0);
  gsize items = vectors ? (gsize) n * gesso_dtype_size (type) / 16 : (gsize) n;
  int kind = (int) activation;
  void *parameters[] = { &x, &result, &items, &kind };

  return gesso_launch_items (launcher, vectors ? "activation_vectors" : "activation_values", type, items, parameters,
                             error);
}

gboolean
gesso_launch_geglu (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr result, gint64 rows,
                    gint64 channels, GError **error)
{
  gsize items = (gsize) (rows * channels);
  int width = (int) channels;
  void *parameters[] = { &x, &result, &items, &width };

  return gesso_launch_items (launcher, "geglu_values", type, items, parameters, error);
}

gboolean
gesso_launch_add (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr other, CUdeviceptr result,
                  gint64 n, gint64 vector_length, GError **error)
{
  const gboolean vectors = are_vectors (type, n, x, other, result);
  gsize items = vectors && !vector_length ? (gsize) n * gesso_dtype_size (type) / 16 : (gsize) n;
  int length = (int) vector_length;
  void *parameters[] = { &x, &other, &result, &items, &length };

  return gesso_launch_items (launcher,
                             vector_length ? "add_to_rows"
                             : vectors     ? "add_vectors"
                                           : "add_values",
                             type, items, parameters, error);
}

gboolean
gesso_launch_cast (GessoLauncher *launcher, CUdeviceptr x, GessoDType from, CUdeviceptr result, GessoDType to, gint64 n,
                   GError **error)
{
  gsize items = (gsize) n;
  void *parameters[] = { &x, &result, &items };

  if (from == to)
    return items == 0
           || gesso_cuda_call (launcher->driver, error, cuMemcpyDtoDAsync,
                               (result, x, items * gesso_dtype_size (from), launcher->stream));
  if (to == GESSO_DTYPE_F32)
    return gesso_launch_items (launcher, "cast_to_f32", from, items, parameters, error);
  return gesso_launch_items (launcher, "cast_from_f32", to, items, parameters, error);
}
