/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The CPU as a backend: oneDNN for convolutions and matrix products, own kernels for everything else.
 */

#include "../backend.h"

#include <glib/gi18n-lib.h>

#include "buffer.h"
#include "cpu.h"
#include "idle-team.h"
#include "memory.h"
#include "onednn.h"
#include "parallel.h"
#include "program.h"

/* Careful rates of one core in FLOP/s, about half of what a quiet machine does: they decide how long a step without a
 * look at the cancellable may become, and how soon work is cut. */
typedef struct
{
  double f32, bf16;
} Rates;

/* A prepared band of a convolution's input should still be in the cache when the convolution reads it, but be tall
 * enough for the convolution to run at full speed. */
#define NORM_BAND_BYTES_PER_THREAD (3 * 1024 * 1024)
/* Winograd takes 4 / 9 of the products; and as it looks at the cancellable itself, steps may be longer: the fewer they
 * are, the less often weights are read. */
#define WINOGRAD_SHARE 0.25
/* Half of the 0.1 s that cancelling is planned with: on a machine that others use too a step takes longer. */
#define MAX_STEP_SECONDS 0.05

static Rates
rates (void)
{
  const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa ();

  if ((isa & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx)
    return (Rates) { 90e9, 300e9 };
  if ((isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16)
    return gesso_cpu_has_quick_bf16 () ? (Rates) { 60e9, 120e9 } : (Rates) { 90e9, 60e9 };
  if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core)
    return (Rates) { 90e9, 20e9 };
  if ((isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2)
    return (Rates) { 45e9, 45e9 };
  return (Rates) { 10e9, 10e9 };
}

static void
cpu_free (GessoBackend *base)
{
  GessoCpuBackend *backend = (GessoCpuBackend *) base;

  if (!backend)
    return;
  dnnl_stream_destroy (backend->stream);
  dnnl_engine_destroy (backend->engine);
  gesso_idle_team_free (backend->idle_team);
  g_free (backend);
}

static char *
cpu_describe (GessoBackend *base)
{
  const GessoCpuBackend *backend = (const GessoCpuBackend *) base;
  const dnnl_version_t *version = dnnl_version ();
  g_autofree char *threads = g_strdup_printf (
      g_dngettext (GETTEXT_PACKAGE, "%d thread", "%d threads", (gulong) backend->n_threads), backend->n_threads);

  return g_strdup_printf ("%s, %s, oneDNN %d.%d.%d", threads, gesso_cpu_kernels_name (backend->kernels), version->major,
                          version->minor, version->patch);
}

/* Whether oneDNN has bf16 products for this processor: it has none below AVX-512. */
static gboolean
has_bf16_products (const GessoCpuBackend *backend)
{
  const GessoLinearShape shape = { .dtype = GESSO_DTYPE_BF16, .rows = 64, .in = 64, .out = 64, .bias = TRUE };
  GessoProduct product;
  gboolean fast
      = gesso_product_choose_linear (&product, backend->engine, &shape, NULL, NULL) && gesso_product_is_fast (&product);

  gesso_product_clear (&product);
  return fast;
}

/* Tile units that the system lets us use, or dot products at full rate. A Sapphire Rapids whose tile units a virtual
 * machine hides has neither: there bf16 took twice as long as f32 (see tests/bench/LOG.md). A rule rather than a
 * measurement, so that the same machine always gives the same picture. */
static gboolean
is_bf16_faster (void)
{
  const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa ();

  return (isa & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx || gesso_cpu_has_quick_bf16 ();
}

static gboolean
cpu_resolve_precision (GessoBackend *base, GessoPrecision wanted, GessoPrecision *precision, GError **error)
{
  const gboolean bf16 = has_bf16_products ((const GessoCpuBackend *) base);

  *precision = wanted;
  switch (wanted)
    {
    case GESSO_PRECISION_AUTO:
      *precision = bf16 && is_bf16_faster () ? GESSO_PRECISION_BF16 : GESSO_PRECISION_F32;
      return TRUE;
    case GESSO_PRECISION_F32:
      return TRUE;
    case GESSO_PRECISION_BF16:
      if (bf16)
        return TRUE;
      break;
    default:
      break;
    }
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
               bf16 ? _ ("This processor computes in f32 or bf16, not in %s. Choose one of them.")
                    : _ ("This processor computes in f32, not in %s. Choose f32."),
               wanted == GESSO_PRECISION_BF16 ? "bf16" : "f16");
  return FALSE;
}

static void
cpu_plan_options (GessoBackend *base, GessoPrecision precision, gboolean is_tight, GessoPlanOptions *options)
{
  const GessoCpuBackend *backend = (const GessoCpuBackend *) base;
  const Rates rate = rates ();
  const gboolean bf16 = precision == GESSO_PRECISION_BF16;
  const GessoDType dtype = bf16 ? GESSO_DTYPE_BF16 : GESSO_DTYPE_F32;

  *options = (GessoPlanOptions) {
    .precision = precision,
    .fusions = GESSO_FUSE_ALL,
    .flops_per_second = backend->n_threads * (bf16 ? rate.bf16 : rate.f32),
    .max_step_seconds = MAX_STEP_SECONDS,
    .conv3_share = gesso_cpu_winograd_panel (backend->kernels, dtype) ? WINOGRAD_SHARE : 0.0,
    .max_norm_band_bytes = (gsize) backend->n_threads * NORM_BAND_BYTES_PER_THREAD,
  };
}

static guint64
cpu_memory_available (GessoBackend *base)
{
  return gesso_cpu_memory_available ("");
}

static GessoStore *
cpu_store_new (GessoBackend *base, const GessoWeightSource *source)
{
  return gesso_cpu_store_new (source);
}

static void
cpu_store_free (GessoBackend *base, GessoStore *store)
{
  gesso_cpu_store_free (store);
}

GessoBackend *
gesso_cpu_backend_entry (guint abi, int n_threads, GError **error)
{
  static const GessoBackend table = {
    .abi = GESSO_BACKEND_ABI,
    .size = sizeof (GessoBackend),
    .name = "cpu",
    .free = cpu_free,
    .describe = cpu_describe,
    .resolve_precision = cpu_resolve_precision,
    .plan_options = cpu_plan_options,
    .memory_available = cpu_memory_available,
    .buffer_new = gesso_cpu_buffer_new,
    .buffer_free = gesso_cpu_buffer_free,
    .buffer_write = gesso_cpu_buffer_write,
    .buffer_read = gesso_cpu_buffer_read,
    .store_new = cpu_store_new,
    .store_free = cpu_store_free,
    .compile = gesso_cpu_program_compile,
    .report = gesso_cpu_program_report,
    .load = gesso_cpu_program_load,
    .unload = gesso_cpu_program_unload,
    .program_free = gesso_cpu_program_free,
    .run = gesso_cpu_program_run,
  };
  GessoCpuBackend *backend;

  if (abi != GESSO_BACKEND_ABI || n_threads < 0)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                   _ ("The CPU backend speaks version %d and takes 0 or more threads; asked for was version %u with %d "
                      "threads."),
                   GESSO_BACKEND_ABI, abi, n_threads);
      return NULL;
    }
  backend = g_new0 (GessoCpuBackend, 1);
  backend->base = table;
  backend->n_threads = n_threads > 0 ? n_threads : gesso_parallel_n_processors ();
  backend->kernels = gesso_cpu_kernels_get (NULL);
  if (backend->n_threads > 1)
    backend->idle_team = gesso_idle_team_new (backend->n_threads);
  if (!gesso_onednn_check (dnnl_engine_create (&backend->engine, dnnl_cpu, 0), "engine", error)
      || !gesso_onednn_check (dnnl_stream_create (&backend->stream, backend->engine, dnnl_stream_default_flags),
                              "stream", error))
    {
      cpu_free (&backend->base);
      return NULL;
    }
  return &backend->base;
}
