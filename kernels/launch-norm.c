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

/* More than the quick kernels have shared memory for. */
static gboolean
has_many_channels (gint64 channels)
{
  return channels_shared (channels) > GESSO_MOST_SHARED;
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

/* Bytes of the slabs' sums. */
static gsize
sums_bytes (const GessoGroupNormShape *shape, gint64 pictures)
{
  return (gsize) pictures * (gsize) shape->slabs * (gsize) shape->groups * 3 * sizeof (float);
}

gsize
gesso_group_norm_scratch (const GessoLauncher *launcher, gint64 pictures, gint64 rows, gint64 channels, int groups)
{
  const GessoGroupNormShape shape = make_shape (launcher, pictures, rows, channels, groups);
  const gsize statistics = has_many_channels (channels) ? (gsize) pictures * (gsize) groups * 2 * sizeof (float) : 0;

  return sums_bytes (&shape, pictures) + statistics;
}

/* Blocks for a kernel that goes through all values, and the shared memory for each channel's two factors, if any. */
static gboolean
launch_apply (GessoLauncher *launcher, const char *name, GessoDType type, const GessoGroupNormShape *shape,
              gint64 pictures, gboolean vectors, void **parameters, GError **error)
{
  const gint64 chunks = shape->channels / vector_length (type, vectors);
  const gint64 blocks = (shape->rows * chunks + THREADS - 1) / THREADS;
  const gint64 wanted = MAX (1, (gint64) launcher->processors * 8 / pictures);
  const guint32 grid[3] = { (guint32) MIN (blocks, wanted), (guint32) pictures, 1 };
  const gsize shared = has_many_channels (shape->channels) ? 0 : channels_shared (shape->channels);

  return gesso_launch (launcher, name, type, grid, THREADS, shared, parameters, error);
}

/* Sums as ever, then statistics, to `result` where those are wanted, then the values by them. */
static gboolean
launch_many_channels (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr gamma, CUdeviceptr beta,
                      CUdeviceptr result, CUdeviceptr scratch, gint64 pictures, GessoGroupNormShape shape,
                      GError **error)
{
  const guint32 sums_grid[3] = { (guint32) shape.slabs, (guint32) pictures, 1 };
  const guint32 statistics_grid[3] = { (guint32) pictures, 1, 1 };
  CUdeviceptr pairs = gamma ? scratch + sums_bytes (&shape, pictures) : result;
  void *sums[] = { &x, &scratch, &shape };
  void *statistics[] = { &scratch, &pairs, &shape };
  void *apply[] = { &x, &pairs, &gamma, &beta, &result, &shape };

  return gesso_launch (launcher, "group_sums_plain", type, sums_grid, THREADS, 0, sums, error)
         && gesso_launch (launcher, "group_statistics", type, statistics_grid, THREADS, 0, statistics, error)
         && (!gamma || launch_apply (launcher, "group_normalise_plain", type, &shape, pictures, FALSE, apply, error));
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
  if (has_many_channels (channels))
    return launch_many_channels (launcher, type, x, gamma, beta, result, scratch, pictures, shape, error);
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
  const gboolean is_plain = has_many_channels (channels),
                 vectors = !is_plain && has_vectors (type, channels, x, result);
  const char *name = is_plain  ? "group_normalise_plain"
                     : vectors ? "group_normalise_vectors"
                               : "group_normalise_values";
  void *parameters[] = { &x, &statistics, &gamma, &beta, &result, &shape };

  return launch_apply (launcher, name, type, &shape, pictures, vectors, parameters, error);
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
