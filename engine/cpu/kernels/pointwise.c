/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Value by value operations over all cores.
 */

#include "kernels.h"

typedef struct
{
  const GessoPointwiseKernels *kernels;
  GessoDType dtype, to;
  const char *a, *b;
  char *y;
  gint64 c;
  GessoActivation activation;
  int n_terms;
  const void *const *terms;
  const float *coefficients; /* of terms, or of colours */
  gint is_finite;            /* atomic */
} Job;

/* Address of value `i`. */
#define AT(pointer, i) ((pointer) + (i) * (gint64) gesso_dtype_size (job->dtype))

static gboolean
run (const GessoCpuContext *context, gint64 n, gint64 bytes, GessoParallelFunc func, Job *job)
{
  job->kernels = context->kernels->pointwise;
  return gesso_parallel_for (context->n_threads, n, gesso_cpu_grain (bytes), func, job, context->cancellable);
}

static void
activate (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  job->kernels->activation (job->dtype, AT (job->a, begin), end - begin, job->activation, AT (job->y, begin));
}

gboolean
gesso_cpu_activation (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n,
                      GessoActivation activation, void *y)
{
  Job job = { .dtype = dtype, .a = x, .activation = activation, .y = y };
  return run (context, n, gesso_dtype_size (dtype), activate, &job);
}

static void
geglu (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  job->kernels->geglu (job->dtype, AT (job->a, begin * 2 * job->c), end - begin, job->c, AT (job->y, begin * job->c));
}

gboolean
gesso_cpu_geglu (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 rows, gint64 c, void *y)
{
  Job job = { .dtype = dtype, .a = x, .c = c, .y = y };
  return run (context, rows, 2 * c * gesso_dtype_size (dtype), geglu, &job);
}

static void
add (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  job->kernels->add (job->dtype, AT (job->a, begin), AT (job->b, begin), end - begin, AT (job->y, begin));
}

gboolean
gesso_cpu_add (const GessoCpuContext *context, GessoDType dtype, const void *a, const void *b, gint64 n, void *y)
{
  Job job = { .dtype = dtype, .a = a, .b = b, .y = y };
  return run (context, n, gesso_dtype_size (dtype), add, &job);
}

static void
add_vector (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  job->kernels->add_vector (job->dtype, AT (job->a, begin * job->c), (const float *) (const void *) job->b, end - begin,
                            job->c, AT (job->y, begin * job->c));
}

gboolean
gesso_cpu_add_vector (const GessoCpuContext *context, GessoDType dtype, const void *a, GessoDType b_dtype,
                      const void *b, gint64 rows, gint64 c, void *y)
{
  g_autofree float *wide = NULL;
  Job job = { .dtype = dtype, .a = a, .c = c, .y = y };

  if (b_dtype != GESSO_DTYPE_F32)
    {
      wide = g_new (float, c);
      context->kernels->pointwise->cast (b_dtype, b, c, GESSO_DTYPE_F32, wide);
    }
  job.b = wide ? (const char *) wide : b;
  return run (context, rows, c * gesso_dtype_size (dtype), add_vector, &job);
}

static void
cast (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  job->kernels->cast (job->dtype, AT (job->a, begin), end - begin, job->to,
                      job->y + begin * (gint64) gesso_dtype_size (job->to));
}

gboolean
gesso_cpu_cast (const GessoCpuContext *context, GessoDType from, const void *x, gint64 n, GessoDType to, void *y)
{
  Job job = { .dtype = from, .a = x, .to = to, .y = y };
  return run (context, n, gesso_dtype_size (from), cast, &job);
}

static void
combine (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  job->kernels->combine (job->dtype, job->n_terms, job->terms, job->coefficients, begin, end - begin, job->y);
}

gboolean
gesso_cpu_combine (const GessoCpuContext *context, GessoDType dtype, int n_terms, const void *const *terms,
                   const float *coefficients, gint64 n, void *y)
{
  Job job = { .dtype = dtype, .n_terms = n_terms, .terms = terms, .coefficients = coefficients, .y = y };
  return run (context, n, gesso_dtype_size (dtype) * MAX (1, n_terms), combine, &job);
}

static void
pixels (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  job->kernels->pixels (job->dtype, AT (job->a, begin * job->c), job->coefficients, end - begin, job->c,
                        (guint8 *) job->y + begin * 3);
}

gboolean
gesso_cpu_pixels (const GessoCpuContext *context, GessoDType dtype, const void *x, const float *colours, gint64 n,
                  gint64 c, guint8 *y)
{
  Job job = { .dtype = dtype, .a = x, .coefficients = colours, .c = c, .y = (char *) y };
  return run (context, n, c * gesso_dtype_size (dtype), pixels, &job);
}

static void
look_at (gint64 begin, gint64 end, gpointer data)
{
  Job *job = data;
  if (!job->kernels->is_finite (job->dtype, AT (job->a, begin), end - begin))
    g_atomic_int_set (&job->is_finite, FALSE);
}

gboolean
gesso_cpu_is_finite (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n, gint32 *y)
{
  Job job = { .dtype = dtype, .a = x, .is_finite = TRUE };
  const gboolean done = run (context, n, gesso_dtype_size (dtype), look_at, &job);

  *y = g_atomic_int_get (&job.is_finite);
  return done;
}
