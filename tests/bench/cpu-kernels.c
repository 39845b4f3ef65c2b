/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rates of our own CPU operators beside the best there is to compare with: attention beside oneDNN's two batched matrix
 * products of the same size (without any softmax), norms beside a copy. Both are run in turn, so that whatever
 * else the machine does hits them alike; medians.
 *
 *   bench-cpu-kernels [ISA]      ISA as gesso_cpu_kernels_get() takes it; ONEDNN_MAX_CPU_ISA holds oneDNN to the same
 */

#include "cpu/operators.h"
#include "cpu/parallel.h"

#include <math.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 7

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

static double
median (double *seconds)
{
  qsort (seconds, RUNS, sizeof *seconds, compare_doubles);
  return seconds[RUNS / 2];
}

/* Seconds; with one thread those the thread really ran, so that a busy machine does not blur the figures. */
static double
now (const GessoCpuContext *context)
{
  struct timespec time;
  clock_gettime (context->n_threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static void *
allocate (gsize bytes)
{
  void *memory = g_aligned_alloc0 (1, (bytes + 4095) / 4096 * 4096, 4096);
  return memory;
}

static void
fill (GessoDType dtype, void *x, gint64 n)
{
  guint32 state = 1;
  for (gint64 i = 0; i < n; i++)
    {
      state = state * 1664525 + 1013904223;
      float value = (gint32) state * 0x1p-31f;
      guint32 bits;
      memcpy (&bits, &value, 4);
      if (dtype == GESSO_DTYPE_F32)
        ((float *) x)[i] = value;
      else
        ((guint16 *) x)[i] = bits >> 16;
    }
}

typedef struct
{
  dnnl_primitive_t primitive;
  dnnl_memory_t memory[3];
} Product;

static dnnl_engine_t engine;
static dnnl_stream_t stream;

/* c [batch, m, n] = a [batch, m, k] b [batch, k, n]; `transposed`: b is stored [batch, n, k] */
static void
product_init (Product *product, dnnl_data_type_t type, gint64 batch, gint64 m, gint64 k, gint64 n, gboolean transposed,
              void *a, void *b, void *c)
{
  dnnl_memory_desc_t desc[3];
  dnnl_primitive_desc_t primitive_desc;
  dnnl_memory_desc_create_with_tag (&desc[0], 3, (dnnl_dims_t) { batch, m, k }, type, dnnl_abc);
  dnnl_memory_desc_create_with_tag (&desc[1], 3, (dnnl_dims_t) { batch, k, n }, type, transposed ? dnnl_acb : dnnl_abc);
  dnnl_memory_desc_create_with_tag (&desc[2], 3, (dnnl_dims_t) { batch, m, n }, type, dnnl_abc);
  if (dnnl_matmul_primitive_desc_create (&primitive_desc, engine, desc[0], desc[1], NULL, desc[2], NULL) != dnnl_success
      || dnnl_primitive_create (&product->primitive, primitive_desc) != dnnl_success)
    g_error ("oneDNN cannot do this product");
  void *data[3] = { a, b, c };
  for (int i = 0; i < 3; i++)
    {
      dnnl_memory_create (&product->memory[i], desc[i], engine, data[i]);
      dnnl_memory_desc_destroy (desc[i]);
    }
  dnnl_primitive_desc_destroy (primitive_desc);
}

static void
product_run (const Product *product)
{
  dnnl_exec_arg_t arguments[] = { { DNNL_ARG_SRC, product->memory[0] },
                                  { DNNL_ARG_WEIGHTS, product->memory[1] },
                                  { DNNL_ARG_DST, product->memory[2] } };
  dnnl_primitive_execute (product->primitive, stream, 3, arguments);
  dnnl_stream_wait (stream);
}

static void
product_clear (Product *product)
{
  for (int i = 0; i < 3; i++)
    dnnl_memory_destroy (product->memory[i]);
  dnnl_primitive_destroy (product->primitive);
}

static void
bench_attention (const GessoCpuContext *context, GessoDType dtype, gint64 lq, gint64 lk, int heads, gint64 d)
{
  GessoCpuAttention attention
      = { .dtype = dtype, .n = 1, .m = 1, .lq = lq, .lk = lk, .c = heads * d, .heads = heads, .scale = 1 / sqrtf (d) };
  gsize element = gesso_dtype_size (dtype), values = MAX (lq, lk) * attention.c * element;
  void *q = allocate (values), *k = allocate (values), *v = allocate (values), *y = allocate (values);
  void *scratch = allocate (gesso_cpu_attention_scratch (context, &attention));
  void *scores = allocate (heads * lq * lk * element);
  dnnl_data_type_t type = dtype == GESSO_DTYPE_F32 ? dnnl_f32 : dnnl_bf16;
  double ours[RUNS], theirs[RUNS];
  Product first, second;

  fill (dtype, q, lq * attention.c);
  fill (dtype, k, lk * attention.c);
  fill (dtype, v, lk * attention.c);
  omp_set_num_threads (context->n_threads);
  product_init (&first, type, heads, lq, d, lk, TRUE, q, k, scores);
  product_init (&second, type, heads, lq, lk, d, FALSE, scores, v, y);
  int repeat = MAX (1, 2e8 / (4.0 * lq * lk * attention.c));
  for (int run = -1; run < RUNS; run++)
    {
      double t0 = now (context);
      for (int i = 0; i < repeat; i++)
        {
          product_run (&first);
          product_run (&second);
        }
      double t1 = now (context);
      for (int i = 0; i < repeat; i++)
        gesso_cpu_attention (context, &attention, -1, 0, 0, q, k, v, y, scratch);
      double t2 = now (context);
      if (run >= 0)
        {
          theirs[run] = (t1 - t0) / repeat;
          ours[run] = (t2 - t1) / repeat;
        }
    }
  double flops = 4e-9 * lq * lk * attention.c, a = flops / median (ours), b = flops / median (theirs);
  g_print (
      "%-5s %2d thread(s)  heads %2d width %3d  %5d x %5d   attention %7.1f GFLOP/s   products %7.1f   ratio %.2f\n",
      gesso_dtype_name (dtype), context->n_threads, heads, (int) d, (int) lq, (int) lk, a, b, a / b);
  product_clear (&first);
  product_clear (&second);
  g_aligned_free (q);
  g_aligned_free (k);
  g_aligned_free (v);
  g_aligned_free (y);
  g_aligned_free (scratch);
  g_aligned_free (scores);
}

static void
bench_norms (const GessoCpuContext *context, GessoDType dtype, gint64 rows, gint64 c)
{
  enum
  {
    COPY,
    STATISTICS,
    APPLY,
    LAYER,
    GELU,
    N_KINDS
  };
  static const char *const names[] = { "memcpy", "statistics", "apply + silu", "layer norm", "gelu" };
  double seconds[N_KINDS][RUNS];
  gsize bytes = rows * c * gesso_dtype_size (dtype);
  void *x = allocate (bytes), *y = allocate (bytes);
  float *gamma = allocate (c * sizeof (float)), *beta = allocate (c * sizeof (float)), statistics[64];

  fill (dtype, x, rows * c);
  fill (dtype, y, rows * c);
  for (int run = 0; run < RUNS; run++)
    for (int kind = 0; kind < N_KINDS; kind++)
      {
        double start = now (context);
        switch (kind)
          {
          case COPY:
            gesso_cpu_repeat (context, x, bytes, 1, y);
            break;
          case STATISTICS:
            gesso_cpu_group_statistics (context, dtype, x, 1, rows, c, 32, 1e-5f, statistics);
            break;
          case APPLY:
            gesso_cpu_group_apply (context, dtype, x, 1, rows, c, 32, statistics, gamma, beta, GESSO_ACTIVATION_SILU,
                                   y);
            break;
          case LAYER:
            gesso_cpu_layer_norm (context, dtype, x, rows, c, gamma, beta, 1e-5f, y);
            break;
          default:
            gesso_cpu_activation (context, dtype, x, rows * c, GESSO_ACTIVATION_GELU, y);
            break;
          }
        seconds[kind][run] = now (context) - start;
      }
  g_print ("%-5s %2d thread(s)  %6d x %4d  GB/s read and written:", gesso_dtype_name (dtype), context->n_threads,
           (int) rows, (int) c);
  for (int kind = 0; kind < N_KINDS; kind++)
    g_print ("  %s %.1f", names[kind], bytes * (kind == STATISTICS ? 1e-9 : 2e-9) / median (seconds[kind]));
  g_print ("\n");
  g_aligned_free (x);
  g_aligned_free (y);
  g_aligned_free (gamma);
  g_aligned_free (beta);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    gint64 lq, lk;
    int heads;
    gint64 d;
  } shapes[] = { { 4096, 4096, 4, 64 },  { 4096, 4096, 4, 40 }, { 1024, 1024, 8, 80 }, { 256, 256, 8, 160 },
                 { 4096, 4096, 1, 512 }, { 4096, 77, 8, 40 },   { 4096, 77, 5, 64 },   { 1024, 77, 10, 64 } };
  GessoCpuContext context = { .kernels = gesso_cpu_kernels_get (argc > 1 ? argv[1] : NULL) };

  dnnl_engine_create (&engine, dnnl_cpu, 0);
  dnnl_stream_create (&stream, engine, dnnl_stream_default_flags);
  g_print ("%s\n", gesso_cpu_kernels_name (context.kernels));
  for (context.n_threads = 1; context.n_threads <= MIN (2, gesso_parallel_n_processors ()); context.n_threads++)
    {
      for (int bf16 = 0; bf16 <= gesso_cpu_has_bf16 (); bf16++)
        for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
          bench_attention (&context, bf16 ? GESSO_DTYPE_BF16 : GESSO_DTYPE_F32, shapes[i].lq, shapes[i].lk,
                           shapes[i].heads, shapes[i].d);
      for (int bf16 = 0; bf16 <= gesso_cpu_has_bf16 (); bf16++)
        {
          bench_norms (&context, bf16 ? GESSO_DTYPE_BF16 : GESSO_DTYPE_F32, 4096, 320);
          bench_norms (&context, bf16 ? GESSO_DTYPE_BF16 : GESSO_DTYPE_F32, 262144, 128);
        }
    }
  dnnl_stream_destroy (stream);
  dnnl_engine_destroy (engine);
  return 0;
}
