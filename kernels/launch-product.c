/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which kernel makes a product, in what tiles and parts.
 */

#include "launcher.h"

#include <string.h>

/* Values of k that are worth a part's way through memory. */
#define WORTH_A_PART 512
#define LEAST_PART 128

typedef enum
{
  KIND_LINEAR,
  KIND_CONV2D,
  KIND_GATHER,
} Kind;

typedef struct
{
  const char *name;
  int rows, columns;
  int width, stages; /* values of k in a stage of the ring, and how many it has (matmul.cuh, warpgroup.cuh) */
  guint threads;
  int resident;   /* blocks that a multiprocessor holds */
  double quality; /* how near to the machine's best, roughly: the bigger, the less is read for each product */
  gboolean by_warpgroups;
} TileKind;

static const TileKind tiles[GESSO_N_TILES] = {
  [GESSO_TILE_128X128] = { "128x128", 128, 128, 32, 3, 256, 2, 1.0, FALSE },
  [GESSO_TILE_128X64] = { "128x64", 128, 64, 32, 3, 256, 2, 0.85, FALSE },
  [GESSO_TILE_64X64] = { "64x64", 64, 64, 32, 3, 128, 4, 0.7, FALSE },
  [GESSO_TILE_WARPGROUPS_128X160] = { "wg128x160", 128, 160, 64, 4, 256, 1, 1.7, TRUE },
  [GESSO_TILE_WARPGROUPS_128X128] = { "wg128x128", 128, 128, 64, 4, 256, 1, 1.6, TRUE },
  [GESSO_TILE_WARPGROUPS_256X128] = { "wg256x128", 256, 128, 64, 4, 256, 1, 1.9, TRUE },
};

static gint64
divide_up (gint64 a, gint64 b)
{
  return (a + b - 1) / b;
}

static Kind
kind_of (const GessoProduct *product)
{
  const GessoConvShape *conv = &product->conv;

  if (conv->channels % 8)
    return KIND_GATHER;
  if (conv->kernel_height == 1 && conv->kernel_width == 1 && conv->stride == 1 && !conv->pad_top && !conv->pad_left
      && conv->virtual_height == conv->height && conv->virtual_width == conv->width && conv->out_height == conv->height
      && conv->out_width == conv->width)
    return KIND_LINEAR;
  return KIND_CONV2D;
}

gboolean
gesso_product_is_linear (const GessoProduct *product)
{
  return kind_of (product) == KIND_LINEAR;
}

void
gesso_product_linear (GessoProduct *product, gint64 rows, gint64 width, gint64 columns, gboolean geglu)
{
  product->conv = (GessoConvShape) { .height = 1,
                                     .width = 1,
                                     .channels = (int) width,
                                     .virtual_height = 1,
                                     .virtual_width = 1,
                                     .out_height = 1,
                                     .out_width = 1,
                                     .kernel_height = 1,
                                     .kernel_width = 1,
                                     .stride = 1 };
  product->n_members = 1;
  product->begin = 0;
  product->end = rows;
  product->columns = columns;
  product->geglu = geglu;
}

gboolean
gesso_product_has_tile (const GessoLauncher *launcher, const GessoProduct *product, GessoTile tile)
{
  if (tiles[tile].by_warpgroups && !launcher->has_warpgroups)
    return FALSE;
  switch (kind_of (product))
    {
    case KIND_GATHER:
      return tile == GESSO_TILE_64X64;
    case KIND_CONV2D:
      return !product->geglu;
    case KIND_LINEAR:
      break;
    }
  return !product->geglu || tile != GESSO_TILE_128X64;
}

static gint64
sum_columns (const GessoProduct *product)
{
  return product->geglu ? divide_up (product->columns, 8) * 16 : product->columns;
}

gint64
gesso_product_stages (const GessoProduct *product, GessoTile tile)
{
  const gint64 taps = (gint64) product->conv.kernel_height * product->conv.kernel_width;

  if (kind_of (product) == KIND_GATHER)
    return divide_up (taps * product->conv.channels, tiles[tile].width);
  return taps * divide_up (product->conv.channels, tiles[tile].width);
}

gint64
gesso_product_least_rows (const GessoProduct *product)
{
  return product->shortest ? product->shortest : product->end - product->begin;
}

gint64
gesso_product_weight_rows (const GessoProduct *product)
{
  return sum_columns (product);
}

gint64
gesso_product_weight_pitch (const GessoProduct *product)
{
  return divide_up ((gint64) product->conv.kernel_height * product->conv.kernel_width * product->conv.channels, 8) * 8;
}

/* Of all members. */
static gint64
count_blocks (const GessoProduct *product, const TileKind *tile)
{
  return product->n_members * divide_up (product->end - product->begin, tile->rows)
         * divide_up (sum_columns (product), tile->columns);
}

gboolean
gesso_product_is_large (const GessoProduct *product, int processors)
{
  return count_blocks (product, &tiles[GESSO_TILE_128X128]) >= (gint64) product->n_members * processors;
}

void
gesso_product_choose (const GessoLauncher *launcher, GessoProduct *product)
{
  const gint64 rows = product->n_members * (product->end - product->begin);
  double best = 0.0;

  product->way = (GessoProductWay) { .tile = GESSO_TILE_64X64, .parts = 1 };
  for (int i = 0; i < GESSO_N_TILES; i++)
    {
      const TileKind *tile = &tiles[i];
      const gint64 slots = (gint64) launcher->processors * tile->resident;
      const gint64 blocks = count_blocks (product, tile);
      /* A part should be long enough to be worth its sums' way through memory. */
      const gint64 k = gesso_product_stages (product, (GessoTile) i) * tile->width;
      const gint64 parts = CLAMP (MIN (slots / blocks, k / WORTH_A_PART), 1, 16);
      const gint64 rounds = divide_up (blocks * parts, slots);
      const double used = (double) (rows * sum_columns (product)) / (double) (blocks * tile->rows * tile->columns);
      const double value = used * tile->quality * (double) (blocks * parts) / (double) (rounds * slots);

      if (!gesso_product_has_tile (launcher, product, (GessoTile) i) || value <= best)
        continue;
      best = value;
      product->way.tile = (GessoTile) i;
      product->way.parts = (int) parts;
    }
}

int
gesso_product_ways (const GessoLauncher *launcher, const GessoProduct *product, GessoProductWay *ways)
{
  static const int all_parts[] = { 1, 2, 4, 8 };
  GessoProduct chosen = *product;
  int n = 1;

  gesso_product_choose (launcher, &chosen);
  ways[0] = chosen.way;
  for (int i = 0; i < GESSO_N_TILES; i++)
    for (gsize j = 0; j < G_N_ELEMENTS (all_parts); j++)
      {
        const TileKind *tile = &tiles[i];
        const GessoProductWay way = { .tile = (GessoTile) i, .parts = all_parts[j] };

        /* Parts are there to fill the card. */
        if (!gesso_product_has_tile (launcher, product, way.tile)
            || (way.parts > 1
                && (way.parts * LEAST_PART > gesso_product_stages (product, way.tile) * tile->width
                    || count_blocks (product, tile) * way.parts > (gint64) 2 * launcher->processors * tile->resident))
            || (way.tile == ways[0].tile && way.parts == ways[0].parts))
          continue;
        ways[n++] = way;
      }
  return n;
}

gsize
gesso_product_scratch (const GessoProduct *product)
{
  if (product->way.by_lt)
    return product->way.lt_workspace;
  if (product->way.parts < 2)
    return 0;
  return (gsize) product->n_members * (gsize) product->way.parts * (gsize) (product->end - product->begin)
         * (gsize) sum_columns (product) * sizeof (float);
}

static gboolean
finish (GessoLauncher *launcher, const GessoProduct *product, GessoProductMembers *members, GessoProductShape *shape,
        GError **error)
{
  CUdeviceptr scratch = product->scratch;
  int geglu = product->geglu;
  void *parameters[] = { &scratch, members, &geglu, shape };
  const gint64 n = (product->end - product->begin) * product->columns;
  const guint32 grid[3]
      = { (guint32) MIN (divide_up (n, 256), (gint64) launcher->processors * 16), (guint32) product->n_members, 1 };

  return gesso_launch (launcher, "product_finish", launcher->type, grid, 256, 0, parameters, error);
}

gboolean
gesso_launch_product (GessoLauncher *launcher, const GessoProduct *product, GError **error)
{
  const TileKind *tile = &tiles[product->way.tile];
  const Kind kind = kind_of (product);
  const gint64 stages = gesso_product_stages (product, product->way.tile);
  const gsize shared = (gsize) (tile->stages * (tile->rows + tile->columns) * tile->width * 2);
  GessoProductShape shape = { .begin = (gint32) product->begin,
                              .end = (gint32) product->end,
                              .columns = (gint32) product->columns,
                              .sum_columns = (gint32) sum_columns (product),
                              .k_tiles = (gint32) divide_up (stages, MAX (product->way.parts, 1)),
                              .activation = (gint32) product->activation };
  GessoConvShape conv = product->conv;
  int width = conv.channels;
  CUdeviceptr input = product->input, scratch = product->scratch;
  GessoProductMembers members;
  void *parameters[] = { &input, &members, &scratch, &conv, &shape };
  char name[32];
  guint32 grid[3];

  if (product->begin >= product->end)
    return TRUE;
  if (product->way.by_lt)
    return gesso_launch_product_lt (launcher, product, error);
  if (kind == KIND_LINEAR)
    parameters[3] = &width;
  memcpy (members.member, product->member, sizeof members.member);
  /* Fewer where the last ones would have nothing to do. */
  shape.parts = (gint32) divide_up (stages, shape.k_tiles);
  grid[0] = (guint32) divide_up (product->end - product->begin, tile->rows);
  grid[1] = (guint32) divide_up (shape.sum_columns, tile->columns);
  grid[2] = (guint32) (product->n_members * shape.parts);
  g_snprintf (name, sizeof name, "%s_%s",
              kind == KIND_CONV2D   ? "conv2d"
              : kind == KIND_LINEAR ? product->geglu ? "geglu" : "linear"
              : product->geglu      ? "gather_geglu"
                                    : "gather",
              tile->name);
  return gesso_launch (launcher, name, launcher->type, grid, tile->threads, shared, parameters, error)
         && (shape.parts == 1 || finish (launcher, product, &members, &shape, error));
}
