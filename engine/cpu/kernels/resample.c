/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Operations that move rows about: enlarging, joining, looking up, and the input of a convolution.
 */

#include "norm.h"

#include <string.h>

typedef struct
{
  const GessoCpuContext *context;
  GessoDType dtype;
  const char *a, *b;
  char *y;
  gint64 h, w, c;             /* source */
  gint64 oh, ow;              /* result */
  gint64 first, begin, end;   /* first source row; result rows asked for */
  gsize bytes_a, bytes_b;     /* of a row or value */
  const float *scale, *shift; /* NULL: not normalised */
  GessoActivation activation;
  const gint32 *ids;
  gint64 length, vocab;
} Job;

/* First result index whose source index, floor (index * n / virtual_n), is at least `source`. */
static gint64
first_from (gint64 source, gint64 n, gint64 virtual_n)
{
  return (source * virtual_n + n - 1) / n;
}

static void
prepare_pixels (const Job *job, const char *x, gint64 pixels, char *y)
{
  gsize bytes = job->c * gesso_dtype_size (job->dtype) * pixels;

  if (job->scale)
    job->context->kernels->norm->scale_shift (job->dtype, x, pixels, job->c, job->scale, job->shift, job->activation,
                                              y);
  else if (job->activation != GESSO_ACTIVATION_NONE)
    job->context->kernels->pointwise->activation (job->dtype, x, pixels * job->c, job->activation, y);
  else
    memcpy (y, x, bytes);
}

/* One source row, enlarged sideways. */
static void
prepare_row (const Job *job, const char *x, char *y)
{
  gsize pixel = job->c * gesso_dtype_size (job->dtype);

  if (job->ow == job->w)
    {
      prepare_pixels (job, x, job->w, y);
      return;
    }
  for (gint64 column = 0, last = -1; column < job->ow; column++)
    {
      gint64 source = column * job->w / job->ow;
      if (source == last)
        memcpy (y + column * pixel, y + (column - 1) * pixel, pixel);
      else
        prepare_pixels (job, x + source * pixel, 1, y + column * pixel);
      last = source;
    }
}

/* Source rows: each is computed where it first appears and copied to where it appears again. */
static void
prepare_rows (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  gsize pixel = job->c * gesso_dtype_size (job->dtype);

  for (gint64 source = job->first + begin; source < job->first + end; source++)
    {
      gint64 from = MAX (job->begin, first_from (source, job->h, job->oh));
      gint64 to = MIN (job->end, first_from (source + 1, job->h, job->oh));
      for (gint64 row = from; row < to; row++)
        {
          char *y = job->y + (row - job->begin) * job->ow * pixel;
          if (row == from)
            prepare_row (job, job->a + source * job->w * pixel, y);
          else
            memcpy (y, y - job->ow * pixel, job->ow * pixel);
        }
    }
}

gboolean
gesso_cpu_prepare_conv_input (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 h, gint64 w,
                              gint64 c, gint64 virtual_h, gint64 virtual_w, gint64 begin, gint64 end, int groups,
                              const float *statistics, const float *gamma, const float *beta,
                              GessoActivation activation, void *y)
{
  g_autofree float *scale = NULL;
  Job job = { .context = context,
              .dtype = dtype,
              .a = x,
              .y = y,
              .h = h,
              .w = w,
              .c = c,
              .oh = virtual_h,
              .ow = virtual_w,
              .begin = begin,
              .end = end,
              .activation = activation };

  if (begin >= end)
    return TRUE;
  if (statistics)
    {
      scale = g_new (float, 2 * c);
      gesso_cpu_scale_and_shift (c, groups, statistics, gamma, beta, scale, scale + c);
      job.scale = scale;
      job.shift = scale + c;
    }
  job.first = begin * h / virtual_h;
  gint64 last = (end - 1) * h / virtual_h;
  return gesso_parallel_for (context->n_threads, last - job.first + 1,
                             gesso_cpu_grain (w * c * gesso_dtype_size (dtype)), prepare_rows, &job,
                             context->cancellable);
}

/* Source rows of all pictures. */
static void
upsample_rows (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  gsize pixel = job->c * gesso_dtype_size (job->dtype);

  for (gint64 row = begin; row < end; row++)
    {
      Job one = *job;
      gint64 image = row / job->h;
      one.a += image * job->h * job->w * pixel;
      one.y += image * job->oh * job->ow * pixel;
      prepare_rows (row % job->h, row % job->h + 1, &one);
    }
}

gboolean
gesso_cpu_upsample (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n, gint64 h, gint64 w,
                    gint64 c, gint64 oh, gint64 ow, void *y)
{
  Job job
      = { .context = context, .dtype = dtype, .a = x, .y = y, .h = h, .w = w, .c = c, .oh = oh, .ow = ow, .end = oh };

  return gesso_parallel_for (context->n_threads, n * h, gesso_cpu_grain (w * c * gesso_dtype_size (dtype)),
                             upsample_rows, &job, context->cancellable);
}

static void
concat_rows (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  gsize bytes = job->bytes_a + job->bytes_b;

  for (gint64 row = begin; row < end; row++)
    {
      memcpy (job->y + row * bytes, job->a + row * job->bytes_a, job->bytes_a);
      memcpy (job->y + row * bytes + job->bytes_a, job->b + row * job->bytes_b, job->bytes_b);
    }
}

gboolean
gesso_cpu_concat (const GessoCpuContext *context, GessoDType dtype, const void *a, gint64 ca, const void *b, gint64 cb,
                  gint64 rows, void *y)
{
  gsize element = gesso_dtype_size (dtype);
  Job job = { .a = a, .b = b, .y = y, .bytes_a = ca * element, .bytes_b = cb * element };

  return gesso_parallel_for (context->n_threads, rows, gesso_cpu_grain (job.bytes_a + job.bytes_b), concat_rows, &job,
                             context->cancellable);
}

static void
embed_rows (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;

  for (gint64 row = begin; row < end; row++)
    {
      const char *entry = job->a + CLAMP (job->ids[row], 0, job->vocab - 1) * (gint64) job->bytes_a;
      char *y = job->y + row * job->bytes_a;
      if (job->b)
        job->context->kernels->pointwise->add (job->dtype, entry, job->b + row % job->length * job->bytes_a, job->c, y);
      else
        memcpy (y, entry, job->bytes_a);
    }
}

gboolean
gesso_cpu_embedding (const GessoCpuContext *context, GessoDType dtype, const gint32 *ids, gint64 n, gint64 length,
                     const void *table, gint64 vocab, gint64 c, const void *positions, void *y)
{
  Job job = { .context = context,
              .dtype = dtype,
              .ids = ids,
              .length = length,
              .a = table,
              .vocab = vocab,
              .c = c,
              .b = positions,
              .y = y,
              .bytes_a = c * gesso_dtype_size (dtype) };

  return gesso_parallel_for (context->n_threads, n * length, gesso_cpu_grain (job.bytes_a), embed_rows, &job,
                             context->cancellable);
}

static void
repeat_pieces (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;

  /* Pieces of the result; one may span the end of a copy. */
  while (begin < end)
    {
      gint64 at = begin % (gint64) job->bytes_a, n = MIN (end - begin, (gint64) job->bytes_a - at);
      memcpy (job->y + begin, job->a + at, n);
      begin += n;
    }
}

gboolean
gesso_cpu_repeat (const GessoCpuContext *context, const void *x, gsize bytes, int times, void *y)
{
  Job job = { .a = x, .y = y, .bytes_a = bytes };

  return gesso_parallel_for (context->n_threads, (gint64) bytes * times, gesso_cpu_grain (1), repeat_pieces, &job,
                             context->cancellable);
}
