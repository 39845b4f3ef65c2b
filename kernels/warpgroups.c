/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether the kernels with the products of warpgroups do on this card what they are meant to. The other kernels are
 * like millions that run on every card; these were written by a manual of one generation, so they prove themselves
 * first: once a process, by a convolution with all kinds of edges, against the same with the products that every card
 * has.
 */

#include "cuda-backend.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#define CHANNELS 72
#define COLUMNS 168
#define HEIGHT 12
#define WIDTH 11
#define PICTURES 2
#define K (9 * CHANNELS)
#define ROWS (PICTURES * HEIGHT * WIDTH)
#define PARTS 2
/* Of a sum; both ways add the same products up in f32. */
#define TOLERANCE 1e-3

typedef struct
{
  guint16 input[ROWS * CHANNELS];
  guint16 weight[COLUMNS * K];
} Operands;

typedef struct
{
  float part[PARTS][ROWS][COLUMNS];
} Sums;

/* Numbers from 0.125 to 0.25 and their negatives, by chance but always the same. */
static Operands *
make_operands (GessoDType type)
{
  const guint16 exponent = type == GESSO_DTYPE_BF16 ? 0x3e00 : 0x3000,
                others = type == GESSO_DTYPE_BF16 ? 0x807f : 0x83ff;
  Operands *operands = g_new (Operands, 1);
  guint32 state = 1;

  for (gsize i = 0; i < sizeof *operands / sizeof (guint16); i++)
    {
      state = state * 1664525 + 1013904223;
      ((guint16 *) operands)[i] = (guint16) (exponent | (state >> 16 & others));
    }
  return operands;
}

/* The sums of a way, whose parts are kept in the scratch; rows are read as F32, so that nothing is rounded. Memory that
 * is not pinned is read when all is done: from a card that is stuck the driver's copy would never come back. */
static gboolean
compute (GessoCudaDevice *device, GessoLauncher *launcher, GessoProduct *product, GessoTile tile, Sums *sums,
         GError **error)
{
  product->way = (GessoProductWay) { .tile = tile, .parts = PARTS };
  device->is_busy = TRUE;
  /* What another way left there would be right. */
  if (!gesso_cuda_call (device->driver, error, cuMemsetD8Async, (product->scratch, 0xff, sizeof *sums, device->stream))
      || !gesso_launch_product (launcher, product, error) || !gesso_cuda_device_wait (device, error))
    return FALSE;
  device->is_busy = TRUE;
  return gesso_cuda_call (device->driver, error, cuMemcpyDtoHAsync,
                          (sums, product->scratch, sizeof *sums, device->stream))
         && gesso_cuda_device_wait (device, error);
}

static gboolean
agree (const Sums *a, const Sums *b)
{
  for (int row = 0; row < ROWS; row++)
    for (int column = 0; column < COLUMNS; column++)
      {
        float difference = 0.0f;

        /* k is not cut at the same place. */
        for (int part = 0; part < PARTS; part++)
          difference += a->part[part][row][column] - b->part[part][row][column];
        if (!(fabsf (difference) <= (float) TOLERANCE))
          return FALSE;
      }
  return TRUE;
}

static gboolean
compare (GessoCudaDevice *device, GessoLauncher *launcher, CUdeviceptr memory, GError **error)
{
  static const GessoTile tiles[]
      = { GESSO_TILE_WARPGROUPS_128X160, GESSO_TILE_WARPGROUPS_128X128, GESSO_TILE_WARPGROUPS_256X128 };
  const CUdeviceptr result = memory + gesso_cuda_align (sizeof (Operands));
  GessoProduct product = { .input = memory + G_STRUCT_OFFSET (Operands, input),
                           .n_members = 1,
                           .member = { { .weight = memory + G_STRUCT_OFFSET (Operands, weight), .result = result } },
                           .scratch = result + gesso_cuda_align (ROWS * COLUMNS * sizeof (guint16)),
                           .conv = { .height = HEIGHT,
                                     .width = WIDTH,
                                     .channels = CHANNELS,
                                     .virtual_height = HEIGHT,
                                     .virtual_width = WIDTH,
                                     .out_height = HEIGHT,
                                     .out_width = WIDTH,
                                     .kernel_height = 3,
                                     .kernel_width = 3,
                                     .stride = 1,
                                     .pad_top = 1,
                                     .pad_left = 1 },
                           .end = ROWS,
                           .columns = COLUMNS };
  g_autofree Operands *operands = make_operands (launcher->type);
  g_autofree Sums *expected = g_new (Sums, 1), *got = g_new (Sums, 1);

  if (!gesso_cuda_call (device->driver, error, cuMemcpyHtoDAsync, (memory, operands, sizeof *operands, device->stream))
      || !compute (device, launcher, &product, GESSO_TILE_64X64, expected, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (tiles); i++)
    {
      if (!compute (device, launcher, &product, tiles[i], got, error))
        return FALSE;
      launcher->has_warpgroups = launcher->has_warpgroups && agree (got, expected);
    }
  return TRUE;
}

gboolean
gesso_cuda_prove_warpgroups (GessoCudaDevice *device, GessoLauncher *launcher, GError **error)
{
  const gsize bytes = gesso_cuda_align (sizeof (Operands)) + gesso_cuda_align (ROWS * COLUMNS * sizeof (guint16))
                      + gesso_cuda_align (sizeof (Sums));
  CUdeviceptr memory = 0;
  gboolean ok;

  if (!gesso_cuda_device_allocate (device, bytes, _ ("the proof of its kernels"), &memory, error))
    return FALSE;
  ok = compare (device, launcher, memory, error);
  if (!ok)
    g_prefix_error (error, _ ("When kernels for this kind of card proved themselves (GESSO_CUDA_WARPGROUPS=off in the "
                              "environment does without them): "));
  gesso_cuda_device_free (device, memory);
  return ok;
}
