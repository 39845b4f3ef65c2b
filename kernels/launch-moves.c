/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "launcher.h"

#define THREADS 256

/* The largest unit that everything is a multiple of. */
static gsize
unit_of (guint64 all)
{
  return all % 16 == 0 ? 16 : all % 2 == 0 ? 2 : 1;
}

static gboolean
launch_units (GessoLauncher *launcher, const char *name, gsize unit, gsize n, void **parameters, GError **error)
{
  char full_name[32];

  g_snprintf (full_name, sizeof full_name, "%s_%d", name, (int) unit);
  return gesso_launch_items (launcher, full_name, GESSO_DTYPE_F32, n, parameters, error);
}

gboolean
gesso_launch_concat (GessoLauncher *launcher, CUdeviceptr a, gsize a_row, CUdeviceptr b, gsize b_row,
                     CUdeviceptr result, gint64 rows, GError **error)
{
  const gsize unit = unit_of (a | a_row | b | b_row | result);
  int a_units = (int) (a_row / unit), b_units = (int) (b_row / unit);
  gsize n = (gsize) rows * (a_row + b_row) / unit;
  void *parameters[] = { &a, &a_units, &b, &b_units, &result, &n };

  return launch_units (launcher, "concat", unit, n, parameters, error);
}

gboolean
gesso_launch_upsample (GessoLauncher *launcher, CUdeviceptr x, CUdeviceptr result, gint64 pictures, gint64 height,
                       gint64 width, gint64 out_height, gint64 out_width, gsize pixel, GError **error)
{
  const gsize unit = unit_of (x | result | pixel);
  int sizes[] = { (int) height, (int) width, (int) out_height, (int) out_width, (int) (pixel / unit) };
  gsize n = (gsize) (pictures * out_height * out_width) * pixel / unit;
  void *parameters[] = { &x, &result, &sizes[0], &sizes[1], &sizes[2], &sizes[3], &sizes[4], &n };

  return launch_units (launcher, "upsample", unit, n, parameters, error);
}

gboolean
gesso_launch_repeat (GessoLauncher *launcher, CUdeviceptr x, CUdeviceptr result, gsize bytes, int times, GError **error)
{
  for (int i = 0; i < times && bytes; i++)
    if (!gesso_cuda_call (launcher->driver, error, cuMemcpyDtoDAsync,
                          (result + (gsize) i * bytes, x, bytes, launcher->stream)))
      return FALSE;
  return TRUE;
}

gboolean
gesso_launch_embedding (GessoLauncher *launcher, CUdeviceptr ids, CUdeviceptr table, CUdeviceptr positions,
                        CUdeviceptr result, gint64 rows, gint64 length, gint64 channels, gint64 vocabulary,
                        GError **error)
{
  const guint32 grid[3] = { (guint32) rows, 1, 1 };
  int sizes[] = { (int) length, (int) channels, (int) vocabulary };
  void *parameters[] = { &ids, &table, &positions, &result, &sizes[0], &sizes[1], &sizes[2] };

  return gesso_launch (launcher, "embedding", launcher->type, grid, THREADS, 0, parameters, error);
}
