/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions by Winograd. A piece of work is a block of tiles and some output channels. For some input channels at a
 * time, a thread transforms the tiles and the weights and adds up the products, so that all it needs stays in its
 * second-level cache whatever the number of channels. Tiles are transformed again for every other lot of output
 * channels, and weights for every block: that costs less than keeping either in memory would, and lets weights take no
 * more of it than they do in a file. Pieces know nothing of each other, so that a thread that the system interrupts
 * keeps nobody waiting.
 *
 * Doubling makes rows 2i and 2i + 1 alike. Of the four transformed rows (d0 - d2, d1 + d2, d2 - d1, d1 - d3) of a tile
 * that begins at row 2i - 1 the third is then 0 and the others are x[i-1] - x[i], 2 x[i], x[i] - x[i+1]; columns
 * likewise: 9 places are left. The factor 2 is with the weights.
 */

#include "kernels.h"

#include <stdatomic.h>
#include <string.h>

/* Input channels are a multiple of it, in units; and what keeps neighbouring places out of the same sets of the caches.
 */
#define LINE_FLOATS 16
/* Output channels and units of input channels that are worked on together, at the most. */
#define BLOCK_OUT 128
#define BLOCK_IN 64
#define MAX_PLACES 16

typedef struct
{
  const GessoWinogradKernels *kernels;
  const GessoCpuWinograd *conv;
  GCancellable *cancellable;
  const guint8 *x, *add;
  const float *packed, *bias;
  guint8 *y;
  gsize value;                         /* bytes of one of x, add and y */
  gint64 in;                           /* input channels, in units */
  gint64 in_begin, in_end;             /* rows at x */
  gint64 begin, end;                   /* rows at y */
  gint64 out_w;                        /* pixels a row of y */
  int places;                          /* in a tile */
  gint64 tiles_w, tiles_h, tiles;      /* tiles a row, rows of tiles in a picture, all tiles */
  gint64 block_tiles, tile_blocks;     /* how they are cut */
  gint64 block_panels, panel_blocks;   /* and the output channels */
  gint64 block_in;                     /* and the input channels, in units */
  gint64 v_place, u_place, m_place;    /* floats from one place to the next: tiles, weights, sums */
  gint64 m_panel;                      /* and of sums from one panel to the next */
  gint64 v_floats, u_floats, m_floats; /* of a thread */
  float *scratch, *zeros;
  _Atomic gint64 next_piece;
  atomic_bool cancelled;
} Job;

/* What a thread works with. */
typedef struct
{
  const void *x[GESSO_WINOGRAD_MAX_BLOCK][MAX_PLACES]; /* the pixels of each tile */
  float *v, *u, *m;
} Piece;

static const GessoWinogradKernels *
kernels_for (const GessoCpuKernels *kernels, GessoDType dtype)
{
  return dtype == GESSO_DTYPE_F32 ? kernels->winograd : dtype == GESSO_DTYPE_BF16 ? kernels->winograd_bf16 : NULL;
}

gboolean
gesso_cpu_winograd_takes (const GessoCpuKernels *kernels, GessoDType dtype, gint64 in, gint64 out)
{
  const GessoWinogradKernels *own = kernels_for (kernels, dtype);

  return own && in % (LINE_FLOATS * own->unit) == 0 && out % own->panel == 0;
}

gint64
gesso_cpu_winograd_panel (const GessoCpuKernels *kernels, GessoDType dtype)
{
  const GessoWinogradKernels *own = kernels_for (kernels, dtype);

  return own ? own->panel : 0;
}

typedef struct
{
  gint64 panel, in;
  const void *weights;
  void *packed;
} Packing;

static void
pack_panels (gint64 begin, gint64 end, gpointer data)
{
  const Packing *packing = data;
  const gint64 panel = packing->panel, values = packing->in * 9;

  for (gint64 i = begin; i < end; i++)
    {
      const float *from = (const float *) packing->weights + i * panel * values;
      float *to = (float *) packing->packed + i * panel * values;

      for (gint64 j = 0; j < values; j++)
        for (gint64 o = 0; o < panel; o++)
          to[j * panel + o] = from[o * values + j];
    }
}

static void
pack_panels_of_pairs (gint64 begin, gint64 end, gpointer data)
{
  const Packing *packing = data;
  const gint64 panel = packing->panel, values = packing->in * 9;

  for (gint64 i = begin; i < end; i++)
    {
      const guint16 *from = (const guint16 *) packing->weights + i * panel * values;
      guint16 *to = (guint16 *) packing->packed + i * panel * values;

      for (gint64 channel = 0; channel < packing->in; channel += 2)
        for (gint64 j = channel * 9; j < channel * 9 + 9; j++)
          for (gint64 o = 0; o < panel; o++, to += 2)
            {
              to[0] = from[o * values + j];
              to[1] = from[o * values + j + 9];
            }
    }
}

void
gesso_cpu_winograd_pack (int n_threads, GessoDType dtype, gint64 panel, gint64 out, gint64 in, const void *weights,
                         void *packed)
{
  Packing packing = { panel, in, weights, packed };

  gesso_parallel_for (n_threads, out / panel, 1, dtype == GESSO_DTYPE_BF16 ? pack_panels_of_pairs : pack_panels,
                      &packing, NULL);
}

void
gesso_cpu_winograd_input (const GessoCpuWinograd *conv, gint64 begin, gint64 end, gint64 *in_begin, gint64 *in_end)
{
  const gint64 first = begin / 2, last = (end - 1) / 2; /* rows of tiles */

  *in_begin = MAX (conv->doubled ? first - 1 : 2 * first - 1, 0);
  *in_end = MIN (conv->doubled ? last + 2 : 2 * last + 3, conv->h);
}

/* `n` in as few equal parts as there can be of `limit` each, rounded up to `multiple`. */
static gint64
equal_parts (gint64 n, gint64 limit, gint64 multiple)
{
  const gint64 parts = (n + limit - 1) / limit;

  return ((n + parts - 1) / parts + multiple - 1) / multiple * multiple;
}

static void
lay_out (Job *job, const GessoCpuContext *context, const GessoCpuWinograd *conv, gint64 images, gint64 begin,
         gint64 end)
{
  const GessoWinogradKernels *kernels = kernels_for (context->kernels, conv->dtype);
  const gint64 panels = conv->out / kernels->panel;
  gint64 wanted;

  job->kernels = kernels;
  job->conv = conv;
  job->value = gesso_dtype_size (conv->dtype);
  job->in = conv->in / kernels->unit;
  job->cancellable = context->cancellable;
  job->begin = begin;
  job->end = end;
  gesso_cpu_winograd_input (conv, begin, end, &job->in_begin, &job->in_end);
  job->places = conv->doubled ? 9 : 16;
  job->out_w = conv->doubled ? 2 * conv->w : conv->w;
  job->tiles_w = (job->out_w + 1) / 2;
  job->tiles_h = (end + 1) / 2 - begin / 2;
  job->tiles = images * job->tiles_h * job->tiles_w;

  job->block_tiles = equal_parts (job->tiles, kernels->block, kernels->row_step);
  job->tile_blocks = (job->tiles + job->block_tiles - 1) / job->block_tiles;
  /* So many pieces that threads end at about the same time. */
  wanted = (2 * context->n_threads + job->tile_blocks - 1) / job->tile_blocks;
  job->block_panels = equal_parts (panels, CLAMP (panels / wanted, 1, BLOCK_OUT / kernels->panel), 1);
  job->panel_blocks = (panels + job->block_panels - 1) / job->block_panels;
  job->block_in = equal_parts (job->in, BLOCK_IN, LINE_FLOATS);

  job->v_place = job->block_tiles * job->block_in + LINE_FLOATS;
  job->u_place = job->block_in * kernels->panel + LINE_FLOATS;
  job->m_place = job->block_tiles * kernels->panel + LINE_FLOATS;
  job->m_panel = job->places * job->m_place;
  job->v_floats = job->places * job->v_place;
  job->u_floats = job->places * job->u_place;
  job->m_floats = job->block_panels * job->m_panel;
}

gsize
gesso_cpu_winograd_scratch (const GessoCpuContext *context, const GessoCpuWinograd *conv, gint64 images, gint64 begin,
                            gint64 end)
{
  Job job;

  lay_out (&job, context, conv, images, begin, end);
  return (gsize) (MAX (1, context->n_threads) * (job.v_floats + job.u_floats + job.m_floats) + job.in) * sizeof (float);
}

/* Finds the pixels of tile `tile`, which may be one beyond the last. */
static void
find_pixels (const Job *job, gint64 tile, const void **x)
{
  const GessoCpuWinograd *conv = job->conv;
  const int n = conv->doubled ? 3 : 4;
  const int step = conv->doubled ? 1 : 2;
  const gint64 tile_row = tile / job->tiles_w, image = tile_row / job->tiles_h;
  const gint64 top = (job->begin / 2 + tile_row % job->tiles_h) * step - 1, left = tile % job->tiles_w * step - 1;
  const gint64 first_pixel = (image * (job->in_end - job->in_begin) - job->in_begin) * conv->w;

  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      {
        const gint64 row = top + i, column = left + j;
        const gboolean inside
            = tile < job->tiles && row >= job->in_begin && row < job->in_end && column >= 0 && column < conv->w;

        x[i * n + j]
            = inside
                  ? (const void *) (job->x + (gsize) ((first_pixel + row * conv->w + column) * conv->in) * job->value)
                  : job->zeros;
      }
}

/* Writes the pixels of `tile` in the panel of channels that begins with `channel`. */
static void
finish_tile (const Job *job, gint64 tile, gint64 channel, const float *m)
{
  const GessoCpuWinograd *conv = job->conv;
  const gint64 tile_row = tile / job->tiles_w, image = tile_row / job->tiles_h;
  const gint64 top = (job->begin / 2 + tile_row % job->tiles_h) * 2, left = tile % job->tiles_w * 2;
  const void *add[4];
  void *y[4];

  for (int i = 0; i < 4; i++)
    {
      const gint64 row = top + i / 2, column = left + i % 2;
      const gboolean inside = row >= job->begin && row < job->end && column < job->out_w;
      const gint64 y_row = image * (job->end - job->begin) + row - job->begin;
      const gsize offset = (gsize) ((y_row * job->out_w + column) * conv->out + channel) * job->value;

      y[i] = inside ? job->y + offset : NULL;
      add[i] = inside && job->add ? job->add + offset : NULL;
    }
  job->kernels->output (m, job->m_place, conv->doubled, job->bias ? job->bias + channel : NULL, conv->activation, add,
                        y);
}

/* Adds up `rows` tiles times one panel's weights, `c` units of input channels of both. Meanwhile the weights that are
 * wanted next are on their way from memory. */
static void
multiply (const Job *job, const Piece *piece, gint64 rows, gint64 c, gboolean more, const float *next, float *m)
{
  const GessoWinogradKernels *kernels = job->kernels;
  const gint64 calls = job->places * ((rows + kernels->rows - 1) / kernels->rows);
  const gint64 lines = (c * 9 * kernels->panel / LINE_FLOATS + calls - 1) / calls;

  for (int place = 0; place < job->places; place++)
    for (gint64 row = 0; row < rows; row += kernels->rows)
      {
        for (gint64 i = 0; i < lines; i++, next += LINE_FLOATS)
          __builtin_prefetch (next, 0, 2);
        kernels->multiply (piece->v + place * job->v_place + row * job->block_in, (int) MIN (kernels->rows, rows - row),
                           job->block_in, c, piece->u + place * job->u_place, more,
                           m + place * job->m_place + row * kernels->panel);
      }
}

static const float *
weights_at (const Job *job, gint64 panel, gint64 channel)
{
  return job->packed + (panel * job->in + channel) * 9 * job->kernels->panel;
}

static void
run_piece (const Job *job, Piece *piece, gint64 tile_block, gint64 panel_block)
{
  const GessoWinogradKernels *kernels = job->kernels;
  const GessoCpuWinograd *conv = job->conv;
  const gint64 first_tile = tile_block * job->block_tiles;
  const gint64 tiles = MIN (job->block_tiles, job->tiles - first_tile);
  const gint64 rows = (tiles + kernels->row_step - 1) / kernels->row_step * kernels->row_step;
  const gint64 first_panel = panel_block * job->block_panels;
  const gint64 panels = MIN (job->block_panels, conv->out / kernels->panel - first_panel);

  for (gint64 i = 0; i < rows; i++)
    find_pixels (job, first_tile + i, piece->x[i]);
  for (gint64 channel = 0; channel < job->in; channel += job->block_in)
    {
      const gint64 c = MIN (job->block_in, job->in - channel);

      for (gint64 i = 0; i < rows; i++)
        (conv->doubled ? kernels->input_doubled : kernels->input) (piece->x[i], channel, c, job->v_place,
                                                                   piece->v + i * job->block_in);
      for (gint64 panel = 0; panel < panels; panel++)
        {
          const gint64 last = panel + 1 == panels;

          kernels->weights (weights_at (job, first_panel + panel, channel), c, conv->doubled, job->u_place, piece->u);
          multiply (job, piece, rows, c, channel > 0,
                    last ? weights_at (job, first_panel, MIN (channel + job->block_in, job->in - c))
                         : weights_at (job, first_panel + panel + 1, channel),
                    piece->m + panel * job->m_panel);
        }
    }
  for (gint64 i = 0; i < tiles; i++)
    for (gint64 panel = 0; panel < panels; panel++)
      finish_tile (job, first_tile + i, (first_panel + panel) * kernels->panel,
                   piece->m + panel * job->m_panel + i * kernels->panel);
}

/* One item a thread: it takes pieces until none are left. */
static void
run_threads (gint64 begin, gint64 end, gpointer data)
{
  Job *job = data;
  Piece piece;

  for (gint64 thread = begin; thread < end; thread++)
    {
      piece.v = job->scratch + thread * (job->v_floats + job->u_floats + job->m_floats);
      piece.u = piece.v + job->v_floats;
      piece.m = piece.u + job->u_floats;
      for (;;)
        {
          const gint64 i = atomic_fetch_add (&job->next_piece, 1);

          if (i >= job->tile_blocks * job->panel_blocks)
            break;
          if (g_cancellable_is_cancelled (job->cancellable))
            {
              atomic_store (&job->cancelled, TRUE);
              break;
            }
          run_piece (job, &piece, i / job->panel_blocks, i % job->panel_blocks);
        }
    }
}

gboolean
gesso_cpu_winograd (const GessoCpuContext *context, const GessoCpuWinograd *conv, gint64 images, gint64 begin,
                    gint64 end, const void *x, const void *packed, const float *bias, const void *add, void *y,
                    void *scratch)
{
  const int n_threads = MAX (1, context->n_threads);
  Job job = { .x = x, .packed = packed, .bias = bias, .add = add, .y = y };

  lay_out (&job, context, conv, images, begin, end);
  job.scratch = scratch;
  job.zeros = job.scratch + n_threads * (job.v_floats + job.u_floats + job.m_floats);
  memset (job.zeros, 0, (gsize) job.in * sizeof *job.zeros);
  return gesso_parallel_for (n_threads, n_threads, 1, run_threads, &job, context->cancellable)
         && !atomic_load (&job.cancelled);
}
