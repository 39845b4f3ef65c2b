/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Group and layer normalisation over all cores.
 */

#include "norm.h"

#include <math.h>

/* Pieces of a picture whose statistics are kept apart: enough to share out, few enough to store. Fixed, so that the
 * number of threads changes no bit of the result. */
#define MAX_PIECES 64
/* Rows over which f32 accumulators run before they are folded into double. */
#define FOLD_ROWS 512
/* Channels whose accumulators stand on the stack. */
#define STRIP 512

typedef struct
{
  double count, mean, squares;
} Moments;

/* Chan's formula. */
static void
merge (Moments *into, const Moments *from)
{
  double count = into->count + from->count;
  if (from->count == 0)
    return;
  double delta = from->mean - into->mean;
  into->mean += delta * from->count / count;
  into->squares += from->squares + delta * delta * into->count * from->count / count;
  into->count = count;
}

typedef struct
{
  const GessoNormKernels *kernels;
  GessoDType dtype;
  const char *x;
  gint64 rows, c, pieces, piece_rows;
  int groups;
  Moments *moments; /* [n, pieces, groups] */
} Statistics;

/* Channels first .. first + n - 1, each over `rows` rows, into the moments of their groups. */
static void
fold (const Statistics *job, gint64 first, gint64 n, gint64 rows, const float *origin, const float *mean,
      const float *squares, Moments *moments)
{
  gint64 width = job->c / job->groups;

  for (gint64 begin = first, end; begin < first + n; begin = end)
    {
      gint64 group = begin / width;
      end = MIN ((group + 1) * width, first + n);
      double sum = 0, inner = 0, between = 0;
      for (gint64 i = begin - first; i < end - first; i++)
        {
          sum += (double) origin[i] + mean[i];
          inner += squares[i];
        }
      sum /= end - begin;
      for (gint64 i = begin - first; i < end - first; i++)
        {
          double off = origin[i] - sum + mean[i];
          between += off * off;
        }
      merge (&moments[group], &(Moments) { (double) rows * (end - begin), sum, inner + between * rows });
    }
}

static void
statistics_pieces (gint64 begin, gint64 end, gpointer data)
{
  const Statistics *job = data;
  gsize element = gesso_dtype_size (job->dtype);
  float origin[STRIP], mean[STRIP], squares[STRIP];

  for (gint64 piece = begin; piece < end; piece++)
    {
      gint64 image = piece / job->pieces, first_row = piece % job->pieces * job->piece_rows;
      gint64 last_row = MIN (first_row + job->piece_rows, job->rows);
      for (gint64 row = first_row; row < last_row; row += FOLD_ROWS)
        for (gint64 channel = 0; channel < job->c; channel += STRIP)
          {
            gint64 rows = MIN (FOLD_ROWS, last_row - row), n = MIN (STRIP, job->c - channel);
            const char *x = job->x + ((image * job->rows + row) * job->c + channel) * element;
            job->kernels->moments (job->dtype, x, rows, job->c, n, origin, mean, squares);
            fold (job, channel, n, rows, origin, mean, squares, job->moments + piece * job->groups);
          }
    }
}

gboolean
gesso_cpu_group_statistics (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n, gint64 rows,
                            gint64 c, int groups, float eps, float *statistics)
{
  Statistics job
      = { .kernels = context->kernels->norm, .dtype = dtype, .x = x, .rows = rows, .c = c, .groups = groups };
  job.piece_rows = MAX (gesso_cpu_grain (c * gesso_dtype_size (dtype)), (rows + MAX_PIECES - 1) / MAX_PIECES);
  job.pieces = MAX (1, (rows + job.piece_rows - 1) / job.piece_rows);
  g_autofree Moments *moments = g_new0 (Moments, n * job.pieces * groups);
  job.moments = moments;

  if (!gesso_parallel_for (context->n_threads, n * job.pieces, 1, statistics_pieces, &job, context->cancellable))
    return FALSE;
  for (gint64 image = 0; image < n; image++)
    for (int group = 0; group < groups; group++)
      {
        Moments all = { 0 };
        for (gint64 piece = 0; piece < job.pieces; piece++)
          merge (&all, &moments[(image * job.pieces + piece) * groups + group]);
        float *result = statistics + (image * groups + group) * 2;
        result[0] = (float) all.mean;
        result[1] = (float) (1.0 / sqrt (all.squares / all.count + eps));
      }
  return TRUE;
}

void
gesso_cpu_scale_and_shift (gint64 c, int groups, const float *statistics, const float *gamma, const float *beta,
                           float *scale, float *shift)
{
  gint64 width = c / groups;

  for (gint64 i = 0; i < c; i++)
    {
      const float *group = statistics + i / width * 2;
      double product = (double) group[1] * gamma[i];
      scale[i] = (float) product;
      shift[i] = (float) (beta[i] - group[0] * product);
    }
}

typedef struct
{
  const GessoNormKernels *kernels;
  GessoDType dtype;
  const char *x;
  char *y;
  gint64 rows, c, grain, pieces; /* rows of a picture; rows of a piece; pieces of a picture */
  const float *scale, *shift;    /* [n, c] */
  GessoActivation activation;
  float eps;
} Apply;

static void
apply_pieces (gint64 begin, gint64 end, gpointer data)
{
  const Apply *job = data;
  gsize row_bytes = job->c * gesso_dtype_size (job->dtype);

  for (gint64 piece = begin; piece < end; piece++)
    {
      gint64 image = piece / job->pieces, row = piece % job->pieces * job->grain;
      gsize offset = (image * job->rows + row) * row_bytes;
      job->kernels->scale_shift (job->dtype, job->x + offset, MIN (job->grain, job->rows - row), job->c,
                                 job->scale + image * job->c, job->shift + image * job->c, job->activation,
                                 job->y + offset);
    }
}

gboolean
gesso_cpu_group_apply (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n, gint64 rows, gint64 c,
                       int groups, const float *statistics, const float *gamma, const float *beta,
                       GessoActivation activation, void *y)
{
  g_autofree float *scale = g_new (float, 2 * n * c);
  Apply job = { .kernels = context->kernels->norm,
                .dtype = dtype,
                .x = x,
                .y = y,
                .rows = rows,
                .c = c,
                .scale = scale,
                .shift = scale + n * c,
                .activation = activation };

  for (gint64 image = 0; image < n; image++)
    gesso_cpu_scale_and_shift (c, groups, statistics + image * groups * 2, gamma, beta, scale + image * c,
                               scale + (n + image) * c);
  job.grain = gesso_cpu_grain (c * gesso_dtype_size (dtype));
  job.pieces = (rows + job.grain - 1) / job.grain;
  return gesso_parallel_for (context->n_threads, n * job.pieces, 1, apply_pieces, &job, context->cancellable);
}

static void
layer_norm_rows (gint64 begin, gint64 end, gpointer data)
{
  const Apply *job = data;
  gsize offset = begin * job->c * gesso_dtype_size (job->dtype);

  job->kernels->layer_norm (job->dtype, job->x + offset, end - begin, job->c, job->scale, job->shift, job->eps,
                            job->y + offset);
}

gboolean
gesso_cpu_layer_norm (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 rows, gint64 c,
                      const float *gamma, const float *beta, float eps, void *y)
{
  Apply job = {
    .kernels = context->kernels->norm, .dtype = dtype, .x = x, .y = y, .c = c, .scale = gamma, .shift = beta, .eps = eps
  };

  return gesso_parallel_for (context->n_threads, rows, gesso_cpu_grain (c * gesso_dtype_size (dtype)), layer_norm_rows,
                             &job, context->cancellable);
}
