/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "launcher.h"

/* As norm.cu has them. */
#define THREADS 256
#define WARPS 8

/* Whether rows of `channels` can be read in vectors. */
static gboolean
has_vectors (GessoDType type, gint64 channels, CUdeviceptr x, CUdeviceptr y)
{
  return channels * (gint64) gesso_dtype_size (type) % 16 == 0 && x % 16 == 0 && y % 16 == 0;
}

static gint64
vector_length (GessoDType type, gboolean vectors)
{
  return vectors ? 16 / (gint64) gesso_dtype_size (type) : 1;
}

/* Two floats for each channel: its sums, or its factors. */
static gsize
channels_shared (gint64 channels)
{
  return (gsize) channels * 2 * sizeof (float);
}

gint64
gesso_group_norm_most_channels (void)
{
  return (gint64) (GESSO_MOST_SHARED / channels_shared (1));
}

/* Enough slabs for the card, of rows enough to be worth a block. */
static GessoGroupNormShape
make_shape (const GessoLauncher *launcher, gint64 pictures, gint64 rows, gint64 channels, int groups)
{
  const gint64 wanted = MAX (1, 2 * (gint64) launcher->processors / pictures);
  const gint64 slab_rows = MAX ((rows + wanted - 1) / wanted, MAX (1, 8192 / channels));

  return (GessoGroupNormShape) { .rows = (gint32) rows,
                                 .channels = (gint32) channels,
                                 .groups = groups,
                                 .slabs = (gint32) ((rows + slab_rows - 1) / slab_rows),
                                 .slab_rows = (gint32) slab_rows };
}

gsize
gesso_group_norm_scratch (const GessoLauncher *launcher, gint64 pictures, gint64 rows, gint64 channels, int groups)
{
  const GessoGroupNormShape shape = make_shape (launcher, pictures, rows, channels, groups);

  return (gsize) pictures * (gsize) shape.slabs * (gsize) groups * 3 * sizeof (float);
}

/* Blocks for a kernel that goes through all values, and the shared memory for each channel's two factors. */
static gboolean
launch_apply (GessoLauncher *launcher, const char *name, GessoDType type, const GessoGroupNormShape *shape,
              gint64 pictures, gboolean vectors, void **parameters, GError **error)
{
  const gint64 chunks = shape->channels / vector_length (type, vectors);
  const gint64 blocks = (shape->rows * chunks + THREADS - 1) / THREADS;
  const gint64 wanted = MAX (1, (gint64) launcher->processors * 8 / pictures);
  const guint32 grid[3] = { (guint32) MIN (blocks, wanted), (guint32) pictures, 1 };

  return gesso_launch (launcher, name, type, grid, THREADS, channels_shared (shape->channels), parameters, error);
}

gboolean
gesso_launch_group_norm (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr gamma, CUdeviceptr beta,
                         CUdeviceptr result, CUdeviceptr scratch, gint64 pictures, gint64 rows, gint64 channels,
                         int groups, float eps, GessoActivation activation, GError **error)
{
  GessoGroupNormShape shape = make_shape (launcher, pictures, rows, channels, groups);
  const gboolean vectors = has_vectors (type, channels, x, gamma ? result : 0);
  const gint64 at_once = MAX (1, THREADS / (channels / vector_length (type, vectors)));
  const gsize sums_shared = channels_shared (at_once * channels);
  const guint32 sums_grid[3] = { (guint32) shape.slabs, (guint32) pictures, 1 };
  const guint32 statistics_grid[3] = { (guint32) pictures, 1, 1 };
  void *sums[] = { &x, &scratch, &shape };
  void *apply[] = { &x, &scratch, &gamma, &beta, &result, &shape };
  void *statistics[] = { &scratch, &result, &shape };

  shape.eps = eps;
  shape.activation = (gint32) activation;
  if (!gesso_launch (launcher, vectors ? "group_sums_vectors" : "group_sums_values", type, sums_grid, THREADS,
                     sums_shared, sums, error))
    return FALSE;
  if (!gamma)
    return gesso_launch (launcher, "group_statistics", type, statistics_grid, THREADS, 0, statistics, error);
  return launch_apply (launcher, vectors ? "group_apply_vectors" : "group_apply_values", type, &shape, pictures,
                       vectors, apply, error);
}

gboolean
gesso_launch_group_normalise (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr statistics,
                              CUdeviceptr gamma, CUdeviceptr beta, CUdeviceptr result, gint64 pictures, gint64 rows,
                              gint64 channels, int groups, GessoActivation activation, GError **error)
{
  GessoGroupNormShape shape
      = { .rows = (gint32) rows, .channels = (gint32) channels, .groups = groups, .activation = (gint32) activation };
  const gboolean vectors = has_vectors (type, channels, x, result);
  void *parameters[] = { &x, &statistics, &gamma, &beta, &result, &shape };

  return launch_apply (launcher, vectors ? "group_normalise_vectors" : "group_normalise_values", type, &shape, pictures,
                       vectors, parameters, error);
}

gboolean
gesso_launch_layer_norm (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr gamma, CUdeviceptr beta,
                         CUdeviceptr result, gint64 rows, gint64 channels, float eps, GError **error)
{
  const guint32 grid[3] = { (guint32) ((rows + WARPS - 1) / WARPS), 1, 1 };
  int n = (int) rows, width = (int) channels;
  void *parameters[] = { &x, &gamma, &beta, &result, &n, &width, &eps };

  return gesso_launch (launcher, has_vectors (type, channels, x, result) ? "layer_norm_vectors" : "layer_norm_values",
                       type, grid, THREADS, 0, parameters, error);
}
