/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions and matrix products of the U-Net and the decoder: the CPU backend, with what it fuses and the bands it
 * cuts, beside oneDNN's own best for the bare product (every layout its own choice, weights packed). Both are run in
 * turn, so that whatever else the machine does hits them alike; medians.
 *
 *   bench-cpu-products [f32|bf16] [THREADS] [PART]      PART: of the names of the rows to be run
 *
 * ONEDNN_MAX_CPU_ISA holds oneDNN to an instruction set.
 */

#include "backend.h"
#include "bench-clock.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 7

typedef enum
{
  PLAIN,    /* the product and its bias */
  RESIDUAL, /* and a residual */
  NORM,     /* group norm and SiLU before it */
  ENLARGED, /* input enlarged by two: h, w are the output's */
  GEGLU,
} Fused;

typedef struct
{
  const char *name;
  int n, h, w, in, out, kernel; /* kernel 0: a matrix product of n * h * w rows */
  Fused fused;
} Case;

static const Case cases[] = {
  { "conv 3x3", 2, 64, 64, 4, 320, 3, PLAIN },
  { "conv 3x3", 2, 64, 64, 320, 320, 3, PLAIN },
  { "conv 3x3 + residual", 2, 64, 64, 320, 320, 3, RESIDUAL },
  { "norm + conv 3x3", 2, 64, 64, 320, 320, 3, NORM },
  { "norm + conv 3x3", 2, 64, 64, 960, 320, 3, NORM },
  { "norm + conv 3x3", 2, 64, 64, 320, 4, 3, NORM },
  { "norm + conv 3x3", 2, 32, 32, 320, 640, 3, NORM },
  { "norm + conv 3x3", 2, 32, 32, 640, 640, 3, NORM },
  { "norm + conv 3x3", 2, 32, 32, 1920, 640, 3, NORM },
  { "norm + conv 3x3", 2, 16, 16, 1280, 1280, 3, NORM },
  { "norm + conv 3x3", 2, 16, 16, 2560, 1280, 3, NORM },
  { "norm + conv 3x3", 2, 8, 8, 1280, 1280, 3, NORM },
  { "x2 + conv 3x3", 2, 32, 32, 1280, 1280, 3, ENLARGED },
  { "x2 + conv 3x3", 2, 64, 64, 640, 640, 3, ENLARGED },
  { "conv 1x1", 2, 64, 64, 960, 320, 1, PLAIN },
  { "linear", 2, 64, 64, 320, 320, 0, RESIDUAL },
  { "linear", 2, 32, 32, 640, 640, 0, RESIDUAL },
  { "linear", 2, 16, 16, 1280, 1280, 0, RESIDUAL },
  { "geglu", 2, 64, 64, 320, 1280, 0, GEGLU },
  { "geglu", 2, 32, 32, 640, 2560, 0, GEGLU },
  { "geglu", 2, 16, 16, 1280, 5120, 0, GEGLU },
  { "linear + residual", 2, 64, 64, 1280, 320, 0, RESIDUAL },
  { "linear", 2, 1, 77, 768, 3072, 0, PLAIN },
  { "norm + conv 3x3", 1, 64, 64, 512, 512, 3, NORM },
  { "norm + conv 3x3", 1, 128, 128, 512, 512, 3, NORM },
  { "norm + conv 3x3", 1, 256, 256, 256, 256, 3, NORM },
  { "norm + conv 3x3", 1, 512, 512, 128, 128, 3, NORM },
  { "x2 + conv 3x3", 1, 512, 512, 256, 256, 3, ENLARGED },
  { "norm + conv 3x3", 1, 512, 512, 128, 3, 3, NORM },
};

static void
must (gboolean ok, const char *what, const GError *error)
{
  if (ok)
    return;
  fprintf (stderr, "%s: %s\n", what, error ? error->message : "failed");
  exit (1);
}

static void
must_dnnl (dnnl_status_t status)
{
  must (status == dnnl_success, "oneDNN", NULL);
}

/* Weights without a file: small and all alike, as what they are makes no difference to time. */
static gboolean
read_weights (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values,
              GError **error)
{
  const float value = 0.01f;
  const guint16 half = 0x3c24;

  for (gint64 i = 0; i < count; i++)
    if (dtype == GESSO_DTYPE_F32)
      memcpy ((float *) values + i, &value, sizeof value);
    else
      memcpy ((guint16 *) values + i, &half, sizeof half);
  return TRUE;
}

static GessoDType
weights_dtype (gpointer data, const char *name)
{
  return GESSO_DTYPE_F32;
}

static GessoGraph *
make_graph (const Case *c)
{
  const int out = c->fused == GEGLU ? 2 * c->out : c->out;
  const int shrink = c->fused == ENLARGED ? 2 : 1;
  GessoGraph *graph = gesso_graph_new ("bench");
  GessoTensor *x
      = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (c->n, c->h / shrink, c->w / shrink, c->in));
  GessoTensor *bias = gesso_graph_weight (graph, "bias", GESSO_SHAPE1 (out));
  const int pad = c->kernel / 2;
  const GessoConvGeometry geometry = { 1, pad, pad, pad, pad };
  GessoTensor *y = x;

  if (c->fused == NORM)
    {
      y = gesso_graph_group_norm (graph, y, gesso_graph_weight (graph, "gamma", GESSO_SHAPE1 (c->in)),
                                  gesso_graph_weight (graph, "beta", GESSO_SHAPE1 (c->in)), c->in % 32 ? 4 : 32, 1e-5f);
      y = gesso_graph_activation (graph, y, GESSO_ACTIVATION_SILU);
    }
  if (c->fused == ENLARGED)
    y = gesso_graph_upsample (graph, y, c->h, c->w);
  if (c->kernel)
    y = gesso_graph_conv2d (graph, y,
                            gesso_graph_weight (graph, "weight", GESSO_SHAPE4 (out, c->in, c->kernel, c->kernel)), bias,
                            geometry);
  else
    y = gesso_graph_linear (graph, y, gesso_graph_weight (graph, "weight", GESSO_SHAPE2 (out, c->in)), bias);
  if (c->fused == GEGLU)
    y = gesso_graph_geglu (graph, y);
  if (c->fused == RESIDUAL)
    y = gesso_graph_add (graph, y, gesso_graph_input (graph, "residual", GESSO_DTYPE_COMPUTE, y->shape));
  gesso_graph_output (graph, y, "y");
  return graph;
}

typedef struct
{
  GessoBackend *backend;
  GessoStore *store;
  GessoPlan *plan;
  GessoProgram *program;
  GessoBuffer *buffers[4]; /* workspace, output, inputs */
  GessoBinding inputs[2], output;
} Ours;

static void
ours_open (Ours *ours, GessoBackend *backend, const Case *c, GessoPrecision precision)
{
  const GessoWeightSource source = { read_weights, weights_dtype, NULL };
  g_autoptr (GessoGraph) graph = make_graph (c);
  g_autoptr (GError) error = NULL;
  GessoPlanOptions options;
  GessoProgramMemory memory;

  memset (ours, 0, sizeof *ours);
  ours->backend = backend;
  ours->store = backend->store_new (backend, &source);
  backend->plan_options (backend, precision, FALSE, &options);
  must (gesso_graph_finish (graph, &error), c->name, error);
  ours->plan = gesso_plan_new (graph, &options, &error);
  must (ours->plan != NULL, c->name, error);
  ours->program = backend->compile (backend, ours->store, ours->plan, NULL, &error);
  must (ours->program != NULL, c->name, error);
  backend->report (backend, ours->program, &memory);
  ours->buffers[0] = backend->buffer_new (backend, memory.workspace, &error);
  must (ours->buffers[0] != NULL, c->name, error);
  for (guint i = 0; i < ours->plan->inputs->len + 1; i++)
    {
      const GessoTensor *tensor = i ? ours->plan->inputs->pdata[i - 1] : ours->plan->outputs->pdata[0];
      const gsize bytes = (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);

      ours->buffers[1 + i] = backend->buffer_new (backend, bytes, &error);
      must (ours->buffers[1 + i] != NULL, c->name, error);
      *(i ? &ours->inputs[i - 1] : &ours->output) = (GessoBinding) { ours->buffers[1 + i], 0 };
    }
  must (backend->load (backend, ours->program, NULL, NULL, NULL, &error), c->name, error);
}

static void
ours_close (Ours *ours)
{
  for (gsize i = 0; i < G_N_ELEMENTS (ours->buffers); i++)
    ours->backend->buffer_free (ours->backend, ours->buffers[i]);
  ours->backend->program_free (ours->backend, ours->program);
  ours->backend->store_free (ours->backend, ours->store);
  gesso_plan_free (ours->plan);
}

static void
ours_run (Ours *ours)
{
  g_autoptr (GError) error = NULL;

  must (ours->backend->run (ours->backend, ours->program, ours->buffers[0], ours->inputs, &ours->output, NULL, &error),
        "run", error);
}

/* The product alone. */
typedef struct
{
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t desc;
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t args[4];
  const char *name;
} Bare;

static dnnl_memory_desc_t
describe (int n_dims, const dnnl_dims_t dims, dnnl_data_type_t type, gboolean any)
{
  dnnl_memory_desc_t desc;
  const dnnl_format_tag_t plain = n_dims == 1 ? dnnl_a : dnnl_ab;

  must_dnnl (dnnl_memory_desc_create_with_tag (&desc, n_dims, dims, type, any ? dnnl_format_tag_any : plain));
  return desc;
}

static void
bare_open (Bare *bare, const Case *c, dnnl_data_type_t type)
{
  const gint64 out = c->fused == GEGLU ? 2 * c->out : c->out;
  const gboolean conv = c->kernel > 0;
  const gint64 rows = (gint64) c->n * c->h * c->w;
  const dnnl_dims_t src = { conv ? c->n : rows, c->in, c->h, c->w };
  const dnnl_dims_t dst = { conv ? c->n : rows, out, c->h, c->w };
  const dnnl_dims_t conv_weights = { out, c->in, c->kernel, c->kernel };
  const dnnl_dims_t linear_weights = { c->in, out };
  const dnnl_dims_t conv_bias = { out };
  const dnnl_dims_t linear_bias = { 1, out };
  const dnnl_dims_t ones = { 1, 1 }, zeros = { 0, 0 }, pads = { c->kernel / 2, c->kernel / 2 };
  /* Activations of a matrix product are plain, as there is no other way to write rows. */
  dnnl_memory_desc_t descs[] = { describe (conv ? 4 : 2, src, type, conv),
                                 describe (conv ? 4 : 2, conv ? conv_weights : linear_weights, type, TRUE),
                                 describe (conv ? 1 : 2, conv ? conv_bias : linear_bias, dnnl_f32, FALSE),
                                 describe (conv ? 4 : 2, dst, type, conv) };
  const dnnl_query_t queries[] = { dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_weights_md, dnnl_query_dst_md };
  const int numbers[] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST };

  must_dnnl (dnnl_engine_create (&bare->engine, dnnl_cpu, 0));
  must_dnnl (dnnl_stream_create (&bare->stream, bare->engine, dnnl_stream_default_flags));
  if (conv)
    must_dnnl (dnnl_convolution_forward_primitive_desc_create (&bare->desc, bare->engine, dnnl_forward_inference,
                                                               dnnl_convolution_direct, descs[0], descs[1], descs[2],
                                                               descs[3], ones, zeros, pads, pads, NULL));
  else
    must_dnnl (
        dnnl_matmul_primitive_desc_create (&bare->desc, bare->engine, descs[0], descs[1], descs[2], descs[3], NULL));
  must_dnnl (dnnl_primitive_create (&bare->primitive, bare->desc));
  must_dnnl (dnnl_primitive_desc_query (bare->desc, dnnl_query_impl_info_str, 0, &bare->name));
  for (gsize i = 0; i < G_N_ELEMENTS (descs); i++)
    {
      const_dnnl_memory_desc_t desc = dnnl_primitive_desc_query_md (bare->desc, queries[i], i == 2);
      void *data;

      bare->args[i].arg = numbers[i];
      must_dnnl (dnnl_memory_create (&bare->args[i].memory, desc, bare->engine, DNNL_MEMORY_ALLOCATE));
      must_dnnl (dnnl_memory_get_data_handle (bare->args[i].memory, &data));
      memset (data, 0, dnnl_memory_desc_get_size (desc));
      dnnl_memory_desc_destroy (descs[i]);
    }
}

static void
bare_close (Bare *bare)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bare->args); i++)
    dnnl_memory_destroy (bare->args[i].memory);
  dnnl_primitive_destroy (bare->primitive);
  dnnl_primitive_desc_destroy (bare->desc);
  dnnl_stream_destroy (bare->stream);
  dnnl_engine_destroy (bare->engine);
}

static void
bare_run (Bare *bare)
{
  must_dnnl (dnnl_primitive_execute (bare->primitive, bare->stream, G_N_ELEMENTS (bare->args), bare->args));
  must_dnnl (dnnl_stream_wait (bare->stream));
}

static int
compare_times (const void *a, const void *b)
{
  const gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

/* Median of RUNS, in milliseconds. */
static double
median (gint64 *times)
{
  qsort (times, RUNS, sizeof *times, compare_times);
  return (double) times[RUNS / 2] / 1000.0;
}

static char *
case_name (const Case *c)
{
  return g_strdup_printf ("%-20s %d x %3d x %3d x %4d -> %4d", c->name, c->n, c->h, c->w, c->in, c->out);
}

static void
run_case (GessoBackend *backend, const Case *c, GessoPrecision precision, gboolean single, double *sums)
{
  const gint64 out = c->fused == GEGLU ? 2 * c->out : c->out;
  const double flops = 2.0 * c->n * c->h * c->w * (double) c->in * (double) out * MAX (c->kernel * c->kernel, 1);
  /* Short ones often enough to be seen by the clock. */
  const int repeat = (int) CLAMP (2e9 / flops, 1, 50);
  g_autofree char *name = case_name (c);
  gint64 times[2][RUNS];
  double ours_ms, bare_ms;
  Ours ours;
  Bare bare;

  ours_open (&ours, backend, c, precision);
  bare_open (&bare, c, precision == GESSO_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32);
  ours_run (&ours);
  bare_run (&bare);
  for (int i = 0; i < RUNS; i++)
    {
      gint64 start = bench_now (single);

      for (int j = 0; j < repeat; j++)
        ours_run (&ours);
      times[0][i] = (bench_now (single) - start) / repeat;
      start = bench_now (single);
      for (int j = 0; j < repeat; j++)
        bare_run (&bare);
      times[1][i] = (bench_now (single) - start) / repeat;
    }
  ours_ms = median (times[0]);
  bare_ms = median (times[1]);
  sums[0] += ours_ms;
  sums[1] += bare_ms;
  printf ("%s  %4u steps  %9.2f ms %6.0f GFLOP/s   %9.2f ms %6.0f GFLOP/s  x %5.2f  %s\n", name, ours.plan->steps->len,
          ours_ms, flops / ours_ms * 1e-6, bare_ms, flops / bare_ms * 1e-6, ours_ms / bare_ms, bare.name);
  fflush (stdout);
  bare_close (&bare);
  ours_close (&ours);
}

int
main (int argc, char **argv)
{
  const int n_threads = argc > 2 ? atoi (argv[2]) : 0;
  g_autoptr (GError) error = NULL;
  GessoBackend *backend = gesso_cpu_backend_entry (GESSO_BACKEND_ABI, n_threads, &error);
  GessoPrecision precision = argc > 1 && strcmp (argv[1], "bf16") == 0 ? GESSO_PRECISION_BF16 : GESSO_PRECISION_F32;
  g_autofree char *text = NULL;
  double sums[2] = { 0.0, 0.0 };

  must (backend != NULL, "backend", error);
  must (backend->resolve_precision (backend, precision, &precision, &error), "precision", error);
  if (n_threads > 0)
    omp_set_num_threads (n_threads);
  text = backend->describe (backend);
  printf ("%s, %s\n%-55s %10s %33s %26s\n", text, precision == GESSO_PRECISION_BF16 ? "bf16" : "f32", "", "",
          "the backend", "oneDNN, the bare product");
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = case_name (&cases[i]);

      if (argc <= 3 || strstr (name, argv[3]))
        run_case (backend, &cases[i], precision, n_threads == 1, sums);
    }
  printf ("%-65s %9.2f ms %33.2f ms %16s x %5.2f\n", "sum", sums[0], sums[1], "", sums[0] / sums[1]);
  backend->free (backend);
  return 0;
}
