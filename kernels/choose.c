/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which way a product goes: what was measured on this card, else a rule of thumb. What is not known yet is measured
 * when a program is loaded, before its weights take the memory; compiling only says how much scratch any way may want.
 */

#include "cuda-backend.h"

#include <math.h>

#include "cancel.h"
#include "cublaslt.h"

/* A load measures no longer than this, by the card's own time, so that it is the same products however busy the machine
 * is. What is left goes by rule of thumb until another process measures it. */
#define MEASURE_MILLISECONDS 5000.0
#define ROUNDS 3
#define LAUNCHES 3
/* A way that is not clearly quicker than one before it is none. */
#define CLEARLY 0.97
#define LT_WAYS 5
#define MAX_WAYS (GESSO_MAX_OWN_WAYS + LT_WAYS)
/* A split of our own is not worth more memory than this, where the rule of thumb does not ask for it. */
#define OWN_SCRATCH ((gsize) 4 << 20)
/* Each byte of what is multiplied: small numbers, and not zeros, at which a card would draw less power. */
#define FILLING 0x2c

static gboolean
rule_of_thumb (GessoLauncher *launcher, GessoProduct *product, GError **error)
{
  GessoProductWay way;
  int n = 0;

  gesso_product_choose (launcher, product);
  if (!gesso_product_lt_can (launcher, product))
    return TRUE;
  /* cuBLASLt knows the card; but one by one members that are too small to fill it would leave most of it idle. */
  if (product->n_members > 1 && !gesso_product_is_large (product, launcher->processors))
    return TRUE;
  if (!gesso_product_lt_ways (launcher, product, &way, 1, &n, error))
    return FALSE;
  if (n > 0)
    product->way = way;
  return TRUE;
}

/* The most scratch that a way of `product` may want. */
static gsize
most_scratch (const GessoLauncher *launcher, const GessoProduct *product)
{
  const gsize lt = gesso_product_lt_can (launcher, product) ? launcher->lt->workspace : 0;
  GessoProduct thumb = *product;

  gesso_product_choose (launcher, &thumb);
  return MAX (MAX (OWN_SCRATCH, lt), gesso_product_scratch (&thumb));
}

/* What a file says of a product may be for other kernels than these. */
static gboolean
is_usable (GessoLauncher *launcher, const GessoProduct *product, const GessoProductWay *way, gboolean *usable,
           GError **error)
{
  GessoProduct wanted = *product;

  wanted.way = *way;
  if (way->by_lt)
    return gesso_product_lt_check (launcher, &wanted, usable, error);
  *usable = gesso_product_has_tile (launcher, product, way->tile)
            && way->parts <= gesso_product_stages (product, way->tile)
            && gesso_product_scratch (&wanted) <= most_scratch (launcher, product);
  return TRUE;
}

gboolean
gesso_cuda_choose (GessoProgram *program, GessoProduct *product, gsize *scratch, GError **error)
{
  GessoLauncher *launcher = program->launcher;
  GessoTuning *tuning = program->backend->tuning;
  GessoTuningEntry *entry = gesso_tuning_find (tuning, launcher->type, product);

  if (entry && !entry->is_checked)
    {
      if (!is_usable (launcher, product, &entry->way, &entry->is_checked, error))
        return FALSE;
      if (!entry->is_checked)
        {
          gesso_tuning_forget (tuning, launcher->type, product);
          entry = NULL;
        }
    }
  if (!entry && gesso_tuning_is_on (tuning))
    {
      *scratch = most_scratch (launcher, product);
      g_array_append_val (program->open, *product);
      return TRUE;
    }
  if (entry)
    product->way = entry->way;
  else if (rule_of_thumb (launcher, product, error))
    gesso_tuning_decide (tuning, launcher->type, product, FALSE);
  else
    return FALSE;
  *scratch = gesso_product_scratch (product);
  return TRUE;
}

/* --- measuring --- */

typedef struct
{
  GessoCudaDevice *device;
  GessoLauncher *launcher;
  CUevent start, stop;
  GCancellable *cancellable;
  double spent; /* milliseconds */
} Bench;

/* A way that is tried. */
typedef struct
{
  const Bench *bench;
  GessoProduct product;
  gboolean works;
  CUgraphExec recording; /* of LAUNCHES of it; NULL where the driver refuses that */
  float best;            /* milliseconds */
} Trial;

static gboolean
launch_some (gpointer data, GError **error)
{
  const Trial *trial = data;

  for (int i = 0; i < LAUNCHES; i++)
    if (!gesso_launch_product (trial->bench->launcher, &trial->product, error))
      return FALSE;
  return TRUE;
}

static gboolean
queue_trial (Trial *trial, GError **error)
{
  const GessoCudaDevice *device = trial->bench->device;

  if (!trial->recording)
    return launch_some (trial, error);
  return gesso_cuda_call (device->driver, error, cuGraphLaunch, (trial->recording, device->stream));
}

/* Milliseconds of some launches, where they are less than before. A small product is over sooner than the host has
 * queued the next, in two kernels or through cuBLASLt the later still: so they are recorded, and queued while the card
 * does the same once before. */
static gboolean
time_launches (Bench *bench, Trial *trial, GError **error)
{
  const GessoCudaDriver *driver = bench->device->driver;
  CUstream stream = bench->device->stream;
  float milliseconds;

  if (!queue_trial (trial, error) || !gesso_cuda_call (driver, error, cuEventRecord, (bench->start, stream))
      || !queue_trial (trial, error) || !gesso_cuda_call (driver, error, cuEventRecord, (bench->stop, stream))
      || !gesso_cuda_device_wait_for (bench->device, bench->stop, bench->cancellable, error)
      || !gesso_cuda_call (driver, error, cuEventElapsedTime, (&milliseconds, bench->start, bench->stop)))
    return FALSE;
  trial->best = MIN (trial->best, milliseconds);
  bench->spent += 2.0 * (double) milliseconds;
  return TRUE;
}

/* A launch before any that counts: the kernel is loaded. It does not work where cuBLASLt offers what it then does not
 * do; had the card failed, the driver's next call would tell. */
static gboolean
try_way (const Bench *bench, Trial *trial, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  trial->works = gesso_launch_product (bench->launcher, &trial->product, &local_error);
  if (!trial->works && !trial->product.way.by_lt)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (trial->works)
    trial->recording = gesso_cuda_device_record (bench->device, launch_some, trial);
  return TRUE;
}

/* Times all `n`, in turn and then again: a card that was idle takes a while to reach its speed. */
static gboolean
time_all (Bench *bench, Trial *trials, int n, gsize scratch, GError **error)
{
  for (int round = 0; round < ROUNDS; round++)
    for (int i = 0; i < n; i++)
      {
        Trial *trial = &trials[i];

        if (gesso_is_cancelled (bench->cancellable, error)
            || (round == 0 && gesso_product_scratch (&trial->product) <= scratch && !try_way (bench, trial, error))
            || (trial->works && !time_launches (bench, trial, error)))
          return FALSE;
      }
  return TRUE;
}

/* Takes the quickest of `ways` that make do with `scratch`; the first needs no reason. */
static gboolean
take_quickest (Bench *bench, GessoProduct *product, const GessoProductWay *ways, int n, gsize scratch, GError **error)
{
  Trial trials[MAX_WAYS];
  float best = INFINITY;
  gboolean ok;

  for (int i = 0; i < n; i++)
    {
      trials[i] = (Trial) { .bench = bench, .product = *product, .best = INFINITY };
      trials[i].product.way = ways[i];
    }
  ok = time_all (bench, trials, n, scratch, error);
  for (int i = 0; i < n && ok; i++)
    if (trials[i].works && trials[i].best < CLEARLY * best)
      {
        best = trials[i].best;
        product->way = ways[i];
      }
  if (gesso_cuda_device_settle (bench->device))
    for (int i = 0; i < n; i++)
      if (trials[i].recording)
        bench->device->driver->cuGraphExecDestroy (trials[i].recording);
  return ok;
}

/* Memory that operands are placed in one after another. */
typedef struct
{
  CUdeviceptr address;
  gsize end;
} Places;

/* 0 for nothing. */
static CUdeviceptr
place (Places *places, gsize bytes)
{
  const CUdeviceptr address = bytes ? places->address + places->end : 0;

  places->end += gesso_cuda_align (bytes);
  return address;
}

/* Places the operands behind one another from `address` on; returns the bytes that they take. */
static gsize
place_operands (const GessoLauncher *launcher, GessoProduct *product, CUdeviceptr address, gsize scratch)
{
  const GessoConvShape *conv = &product->conv;
  const gint64 area = (gint64) conv->out_height * conv->out_width, pictures = (product->end + area - 1) / area;
  const gsize size = gesso_dtype_size (launcher->type), rows = (gsize) gesso_product_weight_rows (product);
  const gsize weight = rows * (gsize) gesso_product_weight_pitch (product) * size;
  const gsize result = (gsize) product->end * (gsize) product->columns * size;
  Places places = { .address = address };

  product->input = place (&places, (gsize) (pictures * conv->height * conv->width * conv->channels) * size);
  for (int i = 0; i < product->n_members; i++)
    {
      GessoProductMember *member = &product->member[i];

      member->weight = place (&places, weight);
      member->result = place (&places, result);
      member->bias = place (&places, member->bias ? rows * sizeof (float) : 0);
      member->residual = place (&places, member->residual ? result : 0);
      product->lt_bias[i] = place (&places, product->lt_bias[i] ? (gsize) product->columns * size : 0);
    }
  product->scratch = place (&places, scratch);
  return places.end;
}

/* Measures `product`, whose way becomes the quickest; FALSE in `measured` where the card has no room for that. */
static gboolean
measure (Bench *bench, GessoProduct *product, gboolean *measured, GError **error)
{
  GessoProductWay ways[MAX_WAYS];
  GessoLauncher *launcher = bench->launcher;
  const GessoCudaDriver *driver = bench->device->driver;
  const gsize scratch = most_scratch (launcher, product);
  int n = gesso_product_ways (launcher, product, ways), n_lt = 0;
  GessoProduct placed = *product;
  /* Which are there counts, and for how many bytes they take any address does. */
  const gsize bytes = place_operands (launcher, &placed, GESSO_SOMEWHERE, scratch);
  CUdeviceptr address = 0;
  CUresult result;

  *measured = FALSE;
  if (gesso_product_lt_can (launcher, product)
      && !gesso_product_lt_ways (launcher, product, ways + n, LT_WAYS, &n_lt, error))
    return FALSE;
  result = driver->cuMemAlloc (&address, bytes);
  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    return TRUE;
  if (!gesso_cuda_check (driver, result, "cuMemAlloc", error))
    return FALSE;
  place_operands (launcher, &placed, address, scratch);
  bench->device->is_busy = TRUE;
  *measured = gesso_cuda_call (driver, error, cuMemsetD8Async, (address, FILLING, bytes, bench->device->stream))
              && take_quickest (bench, &placed, ways, n + n_lt, scratch, error);
  product->way = placed.way;
  gesso_cuda_device_free (bench->device, address);
  return *measured;
}

static gboolean
settle_product (Bench *bench, GessoTuning *tuning, GessoProduct *product, GError **error)
{
  GessoLauncher *launcher = bench->launcher;
  gboolean measured = FALSE;

  /* Products of one shape are many. */
  if (gesso_tuning_find (tuning, launcher->type, product))
    return TRUE;
  if ((bench->spent < MEASURE_MILLISECONDS && !measure (bench, product, &measured, error))
      || (!measured && !rule_of_thumb (launcher, product, error)))
    return FALSE;
  gesso_tuning_decide (tuning, launcher->type, product, measured);
  return TRUE;
}

gboolean
gesso_cuda_measure_open (GessoProgram *program, GCancellable *cancellable, GError **error)
{
  GessoCudaDevice *device = program->backend->device;
  const GessoCudaDriver *driver = device->driver;
  Bench bench = { .device = device, .launcher = program->launcher, .cancellable = cancellable };
  gboolean ok;

  if (!program->open->len)
    return TRUE;
  ok = gesso_cuda_call (driver, error, cuEventCreate, (&bench.start, CU_EVENT_DEFAULT))
       && gesso_cuda_call (driver, error, cuEventCreate, (&bench.stop, CU_EVENT_DEFAULT));
  for (guint i = 0; i < program->open->len && ok; i++)
    ok = settle_product (&bench, program->backend->tuning, &g_array_index (program->open, GessoProduct, i), error);
  if (gesso_cuda_device_settle (device))
    {
      if (bench.start)
        driver->cuEventDestroy (bench.start);
      if (bench.stop)
        driver->cuEventDestroy (bench.stop);
    }
  if (ok)
    g_array_set_size (program->open, 0);
  /* Also what there is of it when the rest failed. */
  gesso_tuning_save (program->backend->tuning);
  return ok;
}
