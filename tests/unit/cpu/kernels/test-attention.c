/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "kernels-test.h"

#include <math.h>
#include <string.h>

static double *
widen (const Array *array)
{
  double *wide = g_new (double, array->n);
  for (gint64 i = 0; i < array->n; i++)
    wide[i] = array_get (array, i);
  return wide;
}

static void
reference (const GessoCpuAttention *a, const Array *q_array, const Array *k_array, const Array *v_array, double *y)
{
  gint64 d = a->c / a->heads;
  g_autofree double *p = g_new (double, a->lk);
  g_autofree double *q = widen (q_array), *k = widen (k_array), *v = widen (v_array);

  for (gint64 image = 0; image < a->n; image++)
    for (int head = 0; head < a->heads; head++)
      for (gint64 query = 0; query < a->lq; query++)
        {
          gint64 source = image / (a->n / a->m);
          const double *keys = k + source * a->lk * a->c + head * d, *values = v + source * a->lk * a->c + head * d;
          const double *row = q + (image * a->lq + query) * a->c + head * d;
          double *result = y + (image * a->lq + query) * a->c + head * d;
          gint64 visible = a->causal ? MIN (a->lk, query + 1) : a->lk;
          double maximum = -INFINITY, sum = 0;
          for (gint64 key = 0; key < visible; key++)
            {
              p[key] = 0;
              for (gint64 i = 0; i < d; i++)
                p[key] += row[i] * keys[key * a->c + i];
              p[key] *= a->scale;
              maximum = fmax (maximum, p[key]);
            }
          for (gint64 key = 0; key < visible; key++)
            sum += p[key] = exp (p[key] - maximum);
          for (gint64 i = 0; i < d; i++)
            {
              double value = 0;
              for (gint64 key = 0; key < visible; key++)
                value += p[key] * values[key * a->c + i];
              result[i] = value / sum;
            }
        }
}

/* The result for the key `what`, computed once for all instruction sets. */
static const double *
remember_reference (const char *what, const GessoCpuAttention *a, const Array *q, const Array *k, const Array *v)
{
  static GHashTable *known;
  double *y;

  if (!known)
    known = g_hash_table_new (g_str_hash, g_str_equal);
  y = g_hash_table_lookup (known, what);
  if (!y)
    {
      y = g_new (double, a->n * a->lq * a->c);
      reference (a, q, k, v, y);
      g_hash_table_insert (known, g_strdup (what), y);
    }
  return y;
}

static Array
run (const GessoCpuContext *context, const GessoCpuAttention *a, gint64 band, const Array *q, const Array *k,
     const Array *v)
{
  Array y = array_new (a->dtype, a->n * a->lq * a->c);
  gsize bytes = gesso_cpu_attention_scratch (context, a);
  void *scratch = g_aligned_alloc (1, bytes, 64);

  memset (scratch, 0xff, bytes); /* NaN: nothing may be read that was not written */
  if (band == 0)
    g_assert_true (gesso_cpu_attention (context, a, -1, 0, 0, q->data, k->data, v->data, y.data, scratch));
  else
    for (gint64 image = 0; image < a->n; image++)
      for (gint64 begin = 0; begin < a->lq; begin += band)
        g_assert_true (gesso_cpu_attention (context, a, image, begin, MIN (begin + band, a->lq), q->data, k->data,
                                            v->data, y.data, scratch));
  g_aligned_free (scratch);
  return y;
}

static void
check (const GessoCpuContext *context, GessoCpuAttention a, double spread)
{
  g_auto (Array) q = array_random (a.dtype, a.n * a.lq * a.c, 0, spread, 1);
  g_auto (Array) k = array_random (a.dtype, a.m * a.lk * a.c, 0.1, spread, 2);
  g_auto (Array) v = array_random (a.dtype, a.m * a.lk * a.c, 0.3, 1, 3);
  g_autofree char *what = g_strdup_printf (
      "%s scale %g spread %g n %d m %d lq %d lk %d heads %d width %d%s", gesso_dtype_name (a.dtype), a.scale, spread,
      (int) a.n, (int) a.m, (int) a.lq, (int) a.lk, a.heads, (int) (a.c / a.heads), a.causal ? " causal" : "");
  const double *expected = remember_reference (what, &a, &q, &k, &v);

  g_auto (Array) y = run (context, &a, 0, &q, &k, &v);
  /* Probabilities may be rounded to bf16 too. Scores of 1e4 have themselves an error of 1e-3. */
  array_check (&y, expected, spread > 10 ? 1e-2 : a.dtype == GESSO_DTYPE_BF16 ? 4e-3 : 3e-6, 2e-6, what);
  g_auto (Array) bands = run (context, &a, 7, &q, &k, &v);
  if (memcmp (y.data, bands.data, y.n * gesso_dtype_size (a.dtype)) != 0)
    {
      g_test_message ("%s: bands change the result", what);
      g_test_fail ();
    }
}

static void
test_shapes (const GessoCpuContext *context)
{
  static const gint64 widths[] = { 1, 7, 32, 40, 64, 80, 160, 512 }, keys[] = { 1, 5, 77, 130 };

  for (int dtype = 0; dtype < 2; dtype++)
    for (gsize i = 0; i < G_N_ELEMENTS (widths); i++)
      for (gsize j = 0; j < G_N_ELEMENTS (keys); j++)
        {
          gint64 d = widths[i];
          GessoCpuAttention a = { .dtype = dtype ? GESSO_DTYPE_BF16 : GESSO_DTYPE_F32, .n = 1, .m = 1, .heads = 1 };
          a.lq = j == 0 ? 1 : j == 1 ? 19 : d > 100 ? 33 : 77;
          a.lk = keys[j];
          a.heads = d > 100 ? 1 : 2;
          a.c = a.heads * d;
          a.scale = 1 / sqrt (d);
          check (context, a, 2);
          a.causal = TRUE;
          check (context, a, 2);
        }
}

static void
test_pictures (const GessoCpuContext *context)
{
  for (int dtype = 0; dtype < 2; dtype++)
    for (int m = 1; m <= 4; m *= 2)
      check (context,
             (GessoCpuAttention) { .dtype = dtype ? GESSO_DTYPE_BF16 : GESSO_DTYPE_F32,
                                   .n = 4,
                                   .m = m,
                                   .lq = 20,
                                   .lk = 9,
                                   .c = 24,
                                   .heads = 3,
                                   .scale = 0.4f },
             1);
  /* many blocks of keys and queries; a negative scale */
  check (context, (GessoCpuAttention) { GESSO_DTYPE_F32, 1, 1, 200, 500, 48, 2, -0.25f, FALSE }, 1.5);
  check (context, (GessoCpuAttention) { GESSO_DTYPE_BF16, 1, 1, 200, 501, 42, 2, -0.25f, FALSE }, 1.5);
  check (context, (GessoCpuAttention) { GESSO_DTYPE_F32, 1, 1, 301, 301, 48, 2, 0.25f, TRUE }, 1.5);
}

/* Scores up to 1e4 that grow from block to block, so that the maximum moves again and again. */
static void
test_extreme (const GessoCpuContext *context)
{
  for (int dtype = 0; dtype < 2; dtype++)
    {
      GessoCpuAttention a = { .dtype = dtype ? GESSO_DTYPE_BF16 : GESSO_DTYPE_F32,
                              .n = 1,
                              .m = 1,
                              .lq = 40,
                              .lk = 400,
                              .c = 8,
                              .heads = 1,
                              .scale = 1 };
      g_auto (Array) q = array_random (a.dtype, a.lq * a.c, 0, 1, 1);
      g_auto (Array) k = array_random (a.dtype, a.lk * a.c, 0, 1, 2);
      g_auto (Array) v = array_random (a.dtype, a.lk * a.c, 0, 1, 3);
      g_autofree double *expected = g_new (double, a.lq *a.c);
      for (gint64 query = 0; query < a.lq; query++)
        for (gint64 i = 0; i < a.c; i++)
          array_set (&q, query * a.c + i, i > 0 ? 0 : query % 2 ? 100 : -100);
      for (gint64 key = 0; key < a.lk; key++)
        array_set (&k, key * a.c, (key - 200) * 0.5);
      reference (&a, &q, &k, &v, expected);
      g_auto (Array) y = run (context, &a, 0, &q, &k, &v);
      array_check (&y, expected, 1e-5, 1e-5, "growing scores");
      check (context, (GessoCpuAttention) { a.dtype, 1, 1, 40, 200, 16, 1, 1, FALSE }, 70);
    }
}

static void
test_cancel (const GessoCpuContext *context)
{
  GessoCpuAttention a = { GESSO_DTYPE_F32, 1, 1, 64, 64, 64, 1, 1, FALSE };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GessoCpuContext cancelled = { context->n_threads, context->kernels, cancellable };
  g_auto (Array) x = array_random (a.dtype, 64 * 64, 0, 1, 1);
  g_auto (Array) y = array_new (a.dtype, 64 * 64);
  void *scratch = g_aligned_alloc (1, gesso_cpu_attention_scratch (context, &a), 64);

  g_assert_true (gesso_cpu_attention (&cancelled, &a, -1, 0, 0, x.data, x.data, x.data, y.data, scratch));
  g_cancellable_cancel (cancellable);
  g_assert_false (gesso_cpu_attention (&cancelled, &a, -1, 0, 0, x.data, x.data, x.data, y.data, scratch));
  g_aligned_free (scratch);
}

typedef struct
{
  GCancellable *cancellable;
  gint64 cancelled_at;
} Late;

static gpointer
cancel_soon (gpointer data)
{
  Late *late = data;
  g_usleep (20000);
  late->cancelled_at = g_get_monotonic_time ();
  g_cancellable_cancel (late->cancellable);
  return NULL;
}

/* A long one stops soon, also in the middle of one block of queries. */
static void
test_cancel_midway (const GessoCpuContext *context)
{
  GessoCpuAttention a = { GESSO_DTYPE_F32, 1, 1, 64, 1 << 17, 64, 1, 1, FALSE };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GessoCpuContext cancelled = { context->n_threads, context->kernels, cancellable };
  Late late = { cancellable, 0 };
  g_auto (Array) x = array_random (a.dtype, a.lk * a.c, 0, 1, 1);
  g_auto (Array) y = array_new (a.dtype, a.lq * a.c);
  void *scratch = g_aligned_alloc (1, gesso_cpu_attention_scratch (context, &a), 64);
  GThread *thread = g_thread_new ("cancel", cancel_soon, &late);

  /* Over and over, so that it is running when the other thread strikes. */
  while (gesso_cpu_attention (&cancelled, &a, -1, 0, 0, x.data, x.data, x.data, y.data, scratch))
    ;
  gint64 stopped = g_get_monotonic_time ();
  g_thread_join (thread);
  g_assert_cmpint (stopped - late.cancelled_at, <, 250000);
  g_aligned_free (scratch);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kernels_test_add ("/cpu/attention/shapes", test_shapes);
  kernels_test_add ("/cpu/attention/pictures", test_pictures);
  kernels_test_add ("/cpu/attention/extreme", test_extreme);
  kernels_test_add ("/cpu/attention/cancel", test_cancel);
  kernels_test_add ("/cpu/attention/cancel-midway", test_cancel_midway);
  return g_test_run ();
}
