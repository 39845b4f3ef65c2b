/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions by Winograd. A thread takes a block of tiles, transforms them, and then goes through the output channels
 * a panel at a time, so that all but the weights stays in its second-level cache.
 *
 * Doubling makes rows 2i and 2i + 1 alike. Of the four transformed rows (d0 - d2, d1 + d2, d2 - d1, d1 - d3) of a tile
 * that begins at row 2i - 1 the third is then 0 and the others are x[i-1] - x[i], 2 x[i], x[i] - x[i+1]; columns
 * likewise: 9 places are left. The factor 2 is with the weights.
 */

#include "kernels.h"

#include <stdatomic.h>
#include <string.h>

/* Of transformed input in a block: about half of a second-level cache. */
#define BLOCK_BYTES (1024 * 1024)
#define ALIGN_FLOATS 16

typedef struct
{
  const GessoWinogradKernels *kernels;
  const GessoCpuWinograd *conv;
  GCancellable *cancellable;
  const float *x, *packed, *bias, *add;
  float *y;
  gint64 in_begin, in_end;      /* rows at x */
  gint64 begin, end;            /* rows at y */
  gint64 out_w;                 /* pixels a row of y */
  int places;                   /* in a tile */
  gint64 tiles_w, first, last;  /* tiles a row, tiles asked for */
  gint64 block;                 /* tiles a block */
  gint64 row, place, sum_place; /* floats from one transformed tile, and place, to the next */
  gint64 slot_floats;           /* of a thread */
  float *slots;
  _Atomic gint64 next_block;
  atomic_bool cancelled;
} Job;

gboolean
gesso_cpu_winograd_takes (const GessoCpuKernels *kernels, gint64 in, gint64 out)
{
  return in % ALIGN_FLOATS == 0 && out % kernels->winograd->panel == 0;
}

gint64
gesso_cpu_winograd_panel (const GessoCpuKernels *kernels)
{
  return kernels->winograd->panel;
}

static int
n_places (gboolean doubled)
{
  return doubled ? 9 : 16;
}

gsize
gesso_cpu_winograd_panel_bytes (gint64 panel, gint64 in, gboolean doubled)
{
  return (gsize) (n_places (doubled) * panel * in) * sizeof (float);
}

/* Three weights in a line to four, or to three where the input is doubled. */
static void
transform_line (gboolean doubled, const double *g, int stride, double *u, int u_stride)
{
  const double outer = g[0] + g[2 * stride], middle = g[stride];

  u[0] = g[0];
  if (doubled)
    u[u_stride] = outer + middle;
  else
    {
      u[u_stride] = (outer + middle) / 2;
      u[2 * u_stride] = (outer - middle) / 2;
    }
  u[(doubled ? 2 : 3) * u_stride] = g[2 * stride];
}

void
gesso_cpu_winograd_pack (gint64 panel, gint64 out, gint64 in, gboolean doubled, const float *weights, float *packed)
{
  const int n = doubled ? 3 : 4;

  for (gint64 o = 0; o < out; o++)
    for (gint64 i = 0; i < in; i++)
      {
        const float *from = weights + (o * in + i) * 9;
        float *to = packed + o / panel * panel * in * n * n + i * panel + o % panel;
        double g[9], half[12], u[16];

        for (int j = 0; j < 9; j++)
          g[j] = (double) from[j];
        for (int column = 0; column < 3; column++)
          transform_line (doubled, g + column, 3, half + column, 3);
        for (int row = 0; row < n; row++)
          transform_line (doubled, half + row * 3, 1, u + row * n, 1);
        for (int place = 0; place < n * n; place++)
          to[place * in * panel] = (float) u[place];
      }
}

void
gesso_cpu_winograd_input (const GessoCpuWinograd *conv, gint64 begin, gint64 end, gint64 *in_begin, gint64 *in_end)
{
  const gint64 first = begin / 2, last = (end - 1) / 2; /* rows of tiles */

  *in_begin = MAX (conv->doubled ? first - 1 : 2 * first - 1, 0);
  *in_end = MIN (conv->doubled ? last + 2 : 2 * last + 3, conv->h);
}

static void
lay_out (Job *job, const GessoCpuContext *context, const GessoCpuWinograd *conv)
{
  const int rows = context->kernels->winograd->rows;

  job->kernels = context->kernels->winograd;
  job->conv = conv;
  job->cancellable = context->cancellable;
  job->places = n_places (conv->doubled);
  job->out_w = conv->doubled ? 2 * conv->w : conv->w;
  job->tiles_w = (job->out_w + 1) / 2;
  /* A little more than the channels, so that rows do not meet in the same sets of the caches. */
  job->row = conv->in + ALIGN_FLOATS;
  job->block = BLOCK_BYTES / (job->places * job->row * (gint64) sizeof (float));
  job->block = CLAMP (job->block / rows, 2, GESSO_WINOGRAD_MAX_ROWS / rows) * rows;
  job->place = job->block * job->row;
  job->sum_place = job->block * job->kernels->panel;
  job->slot_floats = job->places * (job->place + job->sum_place) + conv->in;
}

gsize
gesso_cpu_winograd_scratch (const GessoCpuContext *context, const GessoCpuWinograd *conv)
{
  Job job;

  lay_out (&job, context, conv);
  return (gsize) (MAX (1, context->n_threads) * job.slot_floats) * sizeof (float);
}

/* Transforms tile `tile` to row `row` of the block at v; `zeros`: a pixel of padding. */
static void
transform_tile (const Job *job, gint64 tile, const float *zeros, float *v)
{
  const GessoCpuWinograd *conv = job->conv;
  const int n = conv->doubled ? 3 : 4;
  const int step = conv->doubled ? 1 : 2;
  const gint64 top = tile / job->tiles_w * step - 1, left = tile % job->tiles_w * step - 1;
  const float *x[16];

  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      {
        const gint64 row = top + i, column = left + j;
        const gboolean inside
            = tile < job->last && row >= job->in_begin && row < job->in_end && column >= 0 && column < conv->w;

        x[i * n + j] = inside ? job->x + ((row - job->in_begin) * conv->w + column) * conv->in : zeros;
      }
  if (conv->doubled)
    job->kernels->input_doubled (x, conv->in, job->place, v);
  else
    job->kernels->input (x, conv->in, job->place, v);
}

/* Writes the pixels of `tile` in the panel of channels that begins with `channel`. */
static void
finish_tile (const Job *job, gint64 tile, gint64 channel, const float *m)
{
  const GessoCpuWinograd *conv = job->conv;
  const gint64 top = tile / job->tiles_w * 2, left = tile % job->tiles_w * 2;
  const float *add[4];
  float *y[4];

  for (int i = 0; i < 4; i++)
    {
      const gint64 row = top + i / 2, column = left + i % 2;
      const gboolean inside = row >= job->begin && row < job->end && column < job->out_w;
      const gint64 offset = ((row - job->begin) * job->out_w + column) * conv->out + channel;

      y[i] = inside ? job->y + offset : NULL;
      add[i] = inside && job->add ? job->add + offset : NULL;
    }
  job->kernels->output (m, job->sum_place, conv->doubled, job->bias ? job->bias + channel : NULL, conv->activation, add,
                        y);
}

static void
run_block (const Job *job, gint64 first, float *slot)
{
  const GessoWinogradKernels *kernels = job->kernels;
  const GessoCpuWinograd *conv = job->conv;
  const gint64 tiles = MIN (job->block, job->last - first);
  const gint64 rows = (tiles + kernels->rows - 1) / kernels->rows * kernels->rows;
  float *v = slot, *m = v + job->places * job->place, *zeros = m + job->places * job->sum_place;
  const float *weights = job->packed;

  memset (zeros, 0, (gsize) conv->in * sizeof *zeros);
  for (gint64 i = 0; i < rows; i++)
    transform_tile (job, first + i, zeros, v + i * job->row);
  for (gint64 channel = 0; channel < conv->out; channel += kernels->panel)
    {
      for (int place = 0; place < job->places; place++, weights += conv->in * kernels->panel)
        kernels->multiply (v + place * job->place, rows, job->row, conv->in, weights, m + place * job->sum_place);
      for (gint64 i = 0; i < tiles; i++)
        finish_tile (job, first + i, channel, m + i * kernels->panel);
    }
}

/* One item a slot of scratch: who holds one takes blocks until none are left. */
static void
run_slots (gint64 begin, gint64 end, gpointer data)
{
  Job *job = data;

  for (gint64 slot = begin; slot < end; slot++)
    for (;;)
      {
        const gint64 first = job->first + atomic_fetch_add (&job->next_block, 1) * job->block;

        if (first >= job->last)
          break;
        if (g_cancellable_is_cancelled (job->cancellable))
          {
            atomic_store (&job->cancelled, TRUE);
            break;
          }
        run_block (job, first, job->slots + slot * job->slot_floats);
      }
}

gboolean
gesso_cpu_winograd (const GessoCpuContext *context, const GessoCpuWinograd *conv, gint64 begin, gint64 end,
                    const float *x, const float *packed, const float *bias, const float *add, float *y, void *scratch)
{
  const int n_threads = MAX (1, context->n_threads);
  Job job = { .x = x, .packed = packed, .bias = bias, .add = add, .y = y, .begin = begin, .end = end };

  lay_out (&job, context, conv);
  gesso_cpu_winograd_input (conv, begin, end, &job.in_begin, &job.in_end);
  job.first = begin / 2 * job.tiles_w;
  job.last = (end + 1) / 2 * job.tiles_w;
  job.slots = scratch;
  return gesso_parallel_for (n_threads, n_threads, 1, run_slots, &job, context->cancellable)
         && !atomic_load (&job.cancelled);
}
