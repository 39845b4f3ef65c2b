/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which way a product goes: what was measured on this card, else a rule of thumb. What is not known yet is measured
 * when a program is loaded, before its weights take the memory; compiling only says how much scratch any way may want.
 */

#include "choose.h"

#include "cublaslt.h"
#include "tuning-key.h"

/* After that a load begins to measure nothing more, by the card's own time, so that it is the same products however
 * busy the machine is. What is left goes by rule of thumb until another process measures it. */
#define MEASURE_MILLISECONDS 5000.0
#define LT_WAYS 5
#define MAX_WAYS (GESSO_MAX_OWN_WAYS + LT_WAYS)
/* A split of our own is not worth more memory than this, where the rule of thumb does not ask for it. */
#define OWN_SCRATCH ((gsize) 4 << 20)

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
gesso_cuda_choose_product (GessoProgram *program, GessoProduct *product, gsize *scratch, GError **error)
{
  GessoLauncher *launcher = program->launcher;
  GessoTuning *tuning = program->backend->tuning;
  const GessoTuningKey key = gesso_tuning_product_key (launcher->type, product);
  GessoTuningEntry *entry = gesso_tuning_find (tuning, &key);

  if (entry && !entry->is_checked)
    {
      if (!is_usable (launcher, product, &entry->way.product, &entry->is_checked, error))
        return FALSE;
      if (!entry->is_checked)
        {
          gesso_tuning_forget (tuning, &key);
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
    product->way = entry->way.product;
  else if (rule_of_thumb (launcher, product, error))
    gesso_tuning_decide (tuning, &key, &(GessoTuningWay) { .product = product->way }, FALSE);
  else
    return FALSE;
  *scratch = gesso_product_scratch (product);
  return TRUE;
}

/* --- measuring --- */

typedef struct
{
  GessoLauncher *launcher;
  GessoProduct product;
} ProductTrial;

/* Places the operands behind one another from `address` on; returns the bytes that they take. */
static gsize
place_operands (const GessoLauncher *launcher, GessoProduct *product, CUdeviceptr address, gsize scratch)
{
  const GessoConvShape *conv = &product->conv;
  const gint64 area = (gint64) conv->out_height * conv->out_width, pictures = (product->end + area - 1) / area;
  const gsize size = gesso_dtype_size (launcher->type), rows = (gsize) gesso_product_weight_rows (product);
  const gsize weight = rows * (gsize) gesso_product_weight_pitch (product) * size;
  const gsize result = (gsize) product->end * (gsize) product->columns * size;
  GessoPlaces places = { .address = address };

  product->input = gesso_bench_place (&places, (gsize) (pictures * conv->height * conv->width * conv->channels) * size);
  for (int i = 0; i < product->n_members; i++)
    {
      GessoProductMember *member = &product->member[i];

      member->weight = gesso_bench_place (&places, weight);
      member->result = gesso_bench_place (&places, result);
      member->bias = gesso_bench_place (&places, member->bias ? rows * sizeof (float) : 0);
      member->residual = gesso_bench_place (&places, member->residual ? result : 0);
      product->lt_bias[i] = gesso_bench_place (&places, product->lt_bias[i] ? (gsize) product->columns * size : 0);
    }
  product->scratch = gesso_bench_place (&places, scratch);
  return places.end;
}

static gboolean
queue_product (gpointer data, GError **error)
{
  const ProductTrial *trial = data;

  return gesso_launch_product (trial->launcher, &trial->product, error);
}

/* Takes the quickest of `ways` that make do with `scratch`; the first needs no reason. */
static gboolean
take_quickest (GessoBench *bench, GessoLauncher *launcher, GessoProduct *product, const GessoProductWay *ways, int n,
               gsize scratch, GError **error)
{
  ProductTrial products[MAX_WAYS];
  GessoTrial trials[MAX_WAYS];
  int n_trials = 0, quickest;

  for (int i = 0; i < n; i++)
    {
      ProductTrial *trial = &products[n_trials];

      *trial = (ProductTrial) { launcher, *product };
      trial->product.way = ways[i];
      /* It does not work where cuBLASLt offers what it then does not do. */
      if (gesso_product_scratch (&trial->product) <= scratch)
        trials[n_trials++] = (GessoTrial) { .queue = queue_product, .data = trial, .may_fail = ways[i].by_lt };
    }
  if (!gesso_bench_race (bench, trials, n_trials, &quickest, error))
    return FALSE;
  product->way = products[quickest].product.way;
  return TRUE;
}

/* Measures `product`, whose way becomes the quickest; FALSE in `measured` where the card has no room for that. */
static gboolean
measure_product (GessoBench *bench, GessoLauncher *launcher, GessoProduct *product, gboolean *measured, GError **error)
{
  GessoProductWay ways[MAX_WAYS];
  const gsize scratch = most_scratch (launcher, product);
  int n = gesso_product_ways (launcher, product, ways), n_lt = 0;
  GessoProduct placed = *product;
  /* Which are there counts, and for how many bytes they take any address does. */
  const gsize bytes = place_operands (launcher, &placed, GESSO_SOMEWHERE, scratch);
  CUdeviceptr address;

  *measured = FALSE;
  if (gesso_product_lt_can (launcher, product)
      && !gesso_product_lt_ways (launcher, product, ways + n, LT_WAYS, &n_lt, error))
    return FALSE;
  if (!gesso_bench_borrow (bench, bytes, &address, error))
    return FALSE;
  if (!address)
    return TRUE;
  place_operands (launcher, &placed, address, scratch);
  *measured = take_quickest (bench, launcher, &placed, ways, n + n_lt, scratch, error);
  product->way = placed.way;
  gesso_cuda_device_free (bench->device, address);
  return *measured;
}

static gboolean
settle_product (GessoBench *bench, GessoTuning *tuning, GessoLauncher *launcher, GessoProduct *product, GError **error)
{
  const GessoTuningKey key = gesso_tuning_product_key (launcher->type, product);
  gboolean measured = FALSE;

  /* Products of one shape are many. */
  if (gesso_tuning_find (tuning, &key))
    return TRUE;
  if ((gesso_bench_has_time (bench) && !measure_product (bench, launcher, product, &measured, error))
      || (!measured && !rule_of_thumb (launcher, product, error)))
    return FALSE;
  gesso_tuning_decide (tuning, &key, &(GessoTuningWay) { .product = product->way }, measured);
  return TRUE;
}

gboolean
gesso_cuda_measure_open (GessoProgram *program, GCancellable *cancellable, GError **error)
{
  GessoTuning *tuning = program->backend->tuning;
  GessoBench bench;
  gboolean ok;

  if (!program->open->len && !program->open_attention->len)
    return TRUE;
  ok = gesso_bench_begin (&bench, program->backend->device, MEASURE_MILLISECONDS, cancellable, error);
  for (guint i = 0; i < program->open->len && ok; i++)
    ok = settle_product (&bench, tuning, program->launcher, &g_array_index (program->open, GessoProduct, i), error);
  for (guint i = 0; i < program->open_attention->len && ok && gesso_bench_has_time (&bench); i++)
    ok = gesso_cuda_settle_attention (&bench, program, &g_array_index (program->open_attention, GessoAttention, i),
                                      error);
  gesso_bench_end (&bench);
  if (ok)
    {
      g_array_set_size (program->open, 0);
      g_array_set_size (program->open_attention, 0);
    }
  /* Also what there is of it when the rest failed. */
  gesso_tuning_save (tuning);
  return ok;
}
