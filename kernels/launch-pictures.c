/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "launcher.h"

gboolean
gesso_launch_pixels (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr colours, CUdeviceptr result,
                     gint64 n, gint64 channels, GError **error)
{
  gsize items = (gsize) n;
  int width = (int) channels;
  void *parameters[] = { &x, &colours, &result, &items, &width };

  return gesso_launch_items (launcher, "pixels", type, items * 3, parameters, error);
}

gboolean
gesso_launch_is_finite (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr result, gint64 n,
                        GError **error)
{
  gsize items = (gsize) n;
  void *parameters[] = { &x, &result, &items };

  return gesso_cuda_call (launcher->driver, error, cuMemsetD32Async, (result, TRUE, 1, launcher->stream))
         && gesso_launch_items (launcher, "is_finite", type, items, parameters, error);
}
