/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "store.h"

#include <string.h>

#include "memory.h"
#include "onednn.h"
#include "operators.h"

/* Read at a time: large enough for the disk, small enough to answer a cancellation. */
#define PIECE_BYTES (8 * 1024 * 1024)

static void
weight_free (GessoCpuWeight *weight)
{
  gesso_cpu_memory_free (weight->data, weight->bytes);
  dnnl_memory_desc_destroy (weight->packed);
  g_free (weight->name);
  g_free (weight);
}

GessoStore *
gesso_cpu_store_new (const GessoWeightSource *source)
{
  GessoStore *store = g_new0 (GessoStore, 1);

  store->source = *source;
  store->weights = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  return store;
}

void
gesso_cpu_store_free (GessoStore *store)
{
  if (!store)
    return;
  g_hash_table_unref (store->weights);
  g_free (store);
}

/* The weights made of the tensor `name`. */
static GPtrArray *
find_forms (GessoStore *store, const char *name)
{
  GPtrArray *forms = g_hash_table_lookup (store->weights, name);

  if (!forms)
    {
      forms = g_ptr_array_new_with_free_func ((GDestroyNotify) weight_free);
      g_hash_table_insert (store->weights, g_strdup (name), forms);
    }
  return forms;
}

static gboolean
is_part (const GessoCpuWeight *weight, gint64 first, gint64 count, GessoDType dtype)
{
  return weight->first == first && weight->count == count && weight->dtype == dtype;
}

/* Adds a weight that is wanted once. Takes `packed`. */
static GessoCpuWeight *
add_weight (GPtrArray *forms, const char *name, gint64 first, gint64 count, GessoDType dtype, dnnl_memory_desc_t packed)
{
  GessoCpuWeight *weight = g_new0 (GessoCpuWeight, 1);

  weight->name = g_strdup (name);
  weight->first = first;
  weight->count = count;
  weight->dtype = dtype;
  weight->packed = packed;
  weight->bytes = packed ? dnnl_memory_desc_get_size (packed) : (gsize) count * gesso_dtype_size (dtype);
  weight->n_wanted = 1;
  g_ptr_array_add (forms, weight);
  return weight;
}

GessoCpuWeight *
gesso_cpu_store_want (GessoStore *store, const char *name, gint64 first, gint64 count, GessoDType dtype)
{
  GPtrArray *forms = find_forms (store, name);

  for (guint i = 0; i < forms->len; i++)
    {
      GessoCpuWeight *weight = g_ptr_array_index (forms, i);

      if (!weight->packed && !weight->panel && is_part (weight, first, count, dtype))
        {
          weight->n_wanted++;
          return weight;
        }
    }
  return add_weight (forms, name, first, count, dtype, NULL);
}

GessoCpuWeight *
gesso_cpu_store_want_packed (GessoStore *store, const char *name, gint64 first, gint64 count, GessoDType dtype,
                             const_dnnl_memory_desc_t packed, GError **error)
{
  GPtrArray *forms = find_forms (store, name);
  dnnl_memory_desc_t copy = NULL;

  for (guint i = 0; i < forms->len; i++)
    {
      GessoCpuWeight *weight = g_ptr_array_index (forms, i);

      if (weight->packed && is_part (weight, first, count, dtype) && dnnl_memory_desc_equal (weight->packed, packed))
        {
          weight->n_wanted++;
          return weight;
        }
    }
  if (!gesso_onednn_check (dnnl_memory_desc_clone (&copy, packed), "memory descriptor", error))
    return NULL;
  return add_weight (forms, name, first, count, dtype, copy);
}

GessoCpuWeight *
gesso_cpu_store_want_winograd (GessoStore *store, const char *name, GessoDType dtype, gint64 out, gint64 in,
                               gint64 panel)
{
  GPtrArray *forms = find_forms (store, name);
  GessoCpuWeight *weight;

  for (guint i = 0; i < forms->len; i++)
    {
      weight = g_ptr_array_index (forms, i);
      if (weight->panel == panel && weight->dtype == dtype)
        {
          weight->n_wanted++;
          return weight;
        }
    }
  weight = add_weight (forms, name, 0, out * in * 9, dtype, NULL);
  weight->panel = panel;
  weight->in = in;
  return weight;
}

GPtrArray *
gesso_cpu_store_layouts (GessoStore *store, const char *name, gint64 first, gint64 count, GessoDType dtype)
{
  GPtrArray *forms = g_hash_table_lookup (store->weights, name);
  GPtrArray *layouts = g_ptr_array_new ();

  for (guint i = 0; forms && i < forms->len; i++)
    {
      GessoCpuWeight *weight = g_ptr_array_index (forms, i);

      if (weight->packed && is_part (weight, first, count, dtype))
        g_ptr_array_add (layouts, weight->packed);
    }
  return layouts;
}

void
gesso_cpu_store_drop (GessoStore *store, GessoCpuWeight *weight)
{
  GPtrArray *forms = g_hash_table_lookup (store->weights, weight->name);

  if (--weight->n_wanted > 0)
    return;
  if (forms->len == 1)
    g_hash_table_remove (store->weights, weight->name);
  else
    g_ptr_array_remove_fast (forms, weight);
}

/* How the rows of a file's tensor lie in a product's weights. */
typedef struct
{
  int n_dims;
  int row_dim;       /* dimension of the rows */
  dnnl_dims_t dims;  /* of the whole */
  gint64 rows;       /* dims[row_dim] */
  gint64 row_values; /* values a row */
  gint64 block;      /* rows that are packed together */
  gsize block_bytes; /* from one such block to the next; 0: unknown */
} Packing;

static void
inspect_packing (const GessoCpuWeight *weight, Packing *packing)
{
  dnnl_dims_t *dims, *strides, *blocks, *block_dims;
  dnnl_format_kind_t kind;
  int n_blocks;

  memset (packing, 0, sizeof *packing);
  dnnl_memory_desc_query (weight->packed, dnnl_query_ndims_s32, &packing->n_dims);
  dnnl_memory_desc_query (weight->packed, dnnl_query_dims, &dims);
  dnnl_memory_desc_query (weight->packed, dnnl_query_format_kind, &kind);
  memcpy (packing->dims, *dims, sizeof packing->dims);
  packing->row_dim = packing->n_dims == 2 ? 1 : 0;
  packing->rows = packing->dims[packing->row_dim];
  packing->row_values = weight->count / packing->rows;
  packing->block = packing->rows;
  if (kind != dnnl_blocked)
    return;

  dnnl_memory_desc_query (weight->packed, dnnl_query_strides, &strides);
  dnnl_memory_desc_query (weight->packed, dnnl_query_inner_nblks_s32, &n_blocks);
  dnnl_memory_desc_query (weight->packed, dnnl_query_inner_blks, &blocks);
  dnnl_memory_desc_query (weight->packed, dnnl_query_inner_idxs, &block_dims);
  packing->block = 1;
  for (int i = 0; i < n_blocks; i++)
    if ((*block_dims)[i] == packing->row_dim)
      packing->block *= (*blocks)[i];
  packing->block_bytes = (gsize) (*strides)[packing->row_dim] * gesso_dtype_size (weight->dtype);
}

/* Rows to read at a time: whole blocks. */
static gint64
piece_rows (const GessoCpuWeight *weight, const Packing *packing)
{
  const gint64 fit = PIECE_BYTES / (packing->row_values * (gint64) gesso_dtype_size (weight->dtype));

  return MIN (packing->rows, MAX (fit / packing->block, 1) * packing->block);
}

/* Panels to read at a time, and values in one. */
static gint64
piece_panels (const GessoCpuWeight *weight)
{
  const gint64 values = weight->panel * weight->in * 9;

  return CLAMP (PIECE_BYTES / (values * (gint64) gesso_dtype_size (weight->dtype)), 1, weight->count / values);
}

gsize
gesso_cpu_weight_staging (const GessoCpuWeight *weight)
{
  Packing packing;

  if (weight->panel)
    return (gsize) (piece_panels (weight) * weight->panel * weight->in * 9) * gesso_dtype_size (weight->dtype);
  if (!weight->packed)
    return 0;
  inspect_packing (weight, &packing);
  return (gsize) (piece_rows (weight, &packing) * packing.row_values) * gesso_dtype_size (weight->dtype);
}

/* Puts `rows` rows from row `first` on, which lie in `staging` as in the file, in their places in `weight`. */
static gboolean
pack_rows (GessoCpuWeight *weight, const Packing *packing, gint64 first, gint64 rows, dnnl_engine_t engine,
           dnnl_stream_t stream, void *staging, GError **error)
{
  const gboolean whole_blocks = rows % packing->block == 0;
  dnnl_memory_desc_t plain = NULL, part = NULL;
  dnnl_primitive_desc_t desc = NULL;
  dnnl_primitive_t reorder = NULL;
  dnnl_memory_t from = NULL, to = NULL;
  dnnl_dims_t dims, offsets = { 0 };
  guint8 *place = weight->data;
  dnnl_status_t status;

  memcpy (dims, packing->dims, sizeof dims);
  dims[packing->row_dim] = rows;
  /* Whole blocks are addressed by pointer, so that all pieces share one primitive; the last rows of a tensor whose last
   * block is not full are addressed by offset, as their padding belongs to them. */
  if (whole_blocks)
    place += (gsize) (first / packing->block) * packing->block_bytes;
  else
    offsets[packing->row_dim] = first;

  status = dnnl_memory_desc_create_with_tag (&plain, packing->n_dims, dims, gesso_onednn_dtype (weight->dtype),
                                             packing->n_dims == 2 ? dnnl_ba : dnnl_abcd);
  if (status == dnnl_success)
    status = rows == packing->rows ? dnnl_memory_desc_clone (&part, weight->packed)
                                   : dnnl_memory_desc_create_submemory (&part, weight->packed, dims, offsets);
  if (status == dnnl_success)
    status = dnnl_reorder_primitive_desc_create (&desc, plain, engine, part, engine, NULL);
  if (status == dnnl_success)
    status = dnnl_primitive_create (&reorder, desc);
  if (status == dnnl_success)
    status = dnnl_memory_create (&from, plain, engine, staging);
  if (status == dnnl_success)
    status = dnnl_memory_create (&to, part, engine, place);
  if (status == dnnl_success)
    {
      const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };

      status = dnnl_primitive_execute (reorder, stream, G_N_ELEMENTS (args), args);
    }
  if (status == dnnl_success)
    status = dnnl_stream_wait (stream);

  dnnl_memory_destroy (to);
  dnnl_memory_destroy (from);
  dnnl_primitive_destroy (reorder);
  dnnl_primitive_desc_destroy (desc);
  dnnl_memory_desc_destroy (part);
  dnnl_memory_desc_destroy (plain);
  return gesso_onednn_check (status, weight->name, error);
}

static gboolean
read_packed (GessoStore *store, GessoCpuWeight *weight, dnnl_engine_t engine, dnnl_stream_t stream, void *staging,
             GessoCpuLoadStep step, gpointer step_data, GError **error)
{
  gsize told = 0;
  gint64 piece;
  Packing packing;

  inspect_packing (weight, &packing);
  piece = piece_rows (weight, &packing);
  for (gint64 row = 0; row < packing.rows; row += piece)
    {
      const gint64 rows = MIN (piece, packing.rows - row);
      const gsize now = (gsize) ((double) weight->bytes * (double) (row + rows) / (double) packing.rows);

      if (!store->source.read (store->source.data, weight->name, weight->first + row * packing.row_values,
                               rows * packing.row_values, weight->dtype, staging, error)
          || !pack_rows (weight, &packing, row, rows, engine, stream, staging, error)
          || !step (now - told, step_data, error))
        return FALSE;
      told = now;
    }
  return TRUE;
}

static gboolean
read_winograd (GessoStore *store, GessoCpuWeight *weight, int n_threads, void *staging, GessoCpuLoadStep step,
               gpointer step_data, GError **error)
{
  const gint64 values = weight->panel * weight->in * 9;
  const gint64 panels = weight->count / values, piece = piece_panels (weight);
  guint8 *to = weight->data;

  for (gint64 first = 0; first < panels; first += piece)
    {
      const gint64 n = MIN (piece, panels - first);
      const gsize bytes = (gsize) (n * values) * gesso_dtype_size (weight->dtype);

      if (!store->source.read (store->source.data, weight->name, first * values, n * values, weight->dtype, staging,
                               error))
        return FALSE;
      gesso_cpu_winograd_pack (n_threads, weight->dtype, weight->panel, n * weight->panel, weight->in, staging, to);
      if (!step (bytes, step_data, error))
        return FALSE;
      to += bytes;
    }
  return TRUE;
}

static gboolean
read_plain (GessoStore *store, GessoCpuWeight *weight, GessoCpuLoadStep step, gpointer step_data, GError **error)
{
  const gint64 size = (gint64) gesso_dtype_size (weight->dtype);
  const gint64 piece = PIECE_BYTES / size;

  for (gint64 done = 0; done < weight->count; done += piece)
    {
      const gint64 n = MIN (piece, weight->count - done);

      if (!store->source.read (store->source.data, weight->name, weight->first + done, n, weight->dtype,
                               (guint8 *) weight->data + done * size, error)
          || !step ((gsize) (n * size), step_data, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
gesso_cpu_store_hold (GessoStore *store, GessoCpuWeight *weight, dnnl_engine_t engine, dnnl_stream_t stream,
                      int n_threads, void *staging, GessoCpuLoadStep step, gpointer step_data, GError **error)
{
  gboolean ok;

  if (weight->n_held == 0)
    {
      weight->data = gesso_cpu_memory_alloc (weight->bytes, error);
      if (!weight->data)
        return FALSE;
      if (weight->panel)
        ok = read_winograd (store, weight, n_threads, staging, step, step_data, error);
      else if (weight->packed)
        ok = read_packed (store, weight, engine, stream, staging, step, step_data, error);
      else
        ok = read_plain (store, weight, step, step_data, error);
      if (!ok)
        {
          gesso_cpu_memory_free (weight->data, weight->bytes);
          weight->data = NULL;
          return FALSE;
        }
    }
  weight->n_held++;
  return TRUE;
}

void
gesso_cpu_store_release (GessoStore *store, GessoCpuWeight *weight)
{
  if (--weight->n_held > 0)
    return;
  gesso_cpu_memory_free (weight->data, weight->bytes);
  weight->data = NULL;
}
