/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The weights of one part of a model in the form in which this backend computes with them. Programs of one store share
 * what they want in the same form. A weight is wanted (by compiled programs) and held (by loaded ones); its memory is
 * there while somebody holds it.
 */

#pragma once

#include <oneapi/dnnl/dnnl.h>

#include "../backend.h"

typedef struct
{
  char *name;
  gint64 first;              /* the first value of the tensor that is taken */
  gint64 count;              /* values taken from there on */
  GessoDType dtype;          /* of the values in memory */
  dnnl_memory_desc_t packed; /* how a product wants them; NULL: as they come, or in panels */
  gint64 panel;              /* output channels in a panel of gesso_cpu_winograd_pack(); 0: none */
  gint64 in;                 /* input channels, where there are panels */
  gsize bytes;               /* of `data`, before rounding */
  void *data;                /* NULL while nobody holds it */
  int n_wanted;
  int n_held;
} GessoCpuWeight;

struct _GessoStore
{
  GessoWeightSource source;
  GHashTable *weights; /* name -> GPtrArray of GessoCpuWeight */
};

/* Called as weights are read, with the bytes that came in; FALSE (with an error) stops the loading. */
typedef gboolean (*GessoCpuLoadStep) (gsize bytes, gpointer data, GError **error);

GessoStore *gesso_cpu_store_new (const GessoWeightSource *source);
void gesso_cpu_store_free (GessoStore *store);

/* `count` values of the tensor `name` from value `first` on, as they come, in `dtype`. */
GessoCpuWeight *gesso_cpu_store_want (GessoStore *store, const char *name, gint64 first, gint64 count,
                                      GessoDType dtype);

/* The same values as rows of a product's weights in the layout `packed` (oneDNN's [out, in, kh, kw] of a convolution or
 * [in, out] of a matrix product, whose rows in the file are its columns). NULL with an error when memory is short. */
GessoCpuWeight *gesso_cpu_store_want_packed (GessoStore *store, const char *name, gint64 first, gint64 count,
                                             GessoDType dtype, const_dnnl_memory_desc_t packed, GError **error);

/* All of the weights [out, in, 3, 3], in F32 or BF16, as gesso_cpu_winograd_pack() makes them. */
GessoCpuWeight *gesso_cpu_store_want_winograd (GessoStore *store, const char *name, GessoDType dtype, gint64 out,
                                               gint64 in, gint64 panel);

/* The layouts in which these values are wanted already; element-type const_dnnl_memory_desc_t, borrowed. */
GPtrArray *gesso_cpu_store_layouts (GessoStore *store, const char *name, gint64 first, gint64 count, GessoDType dtype);

/* Takes one want back. */
void gesso_cpu_store_drop (GessoStore *store, GessoCpuWeight *weight);

/* Bytes of staging memory that gesso_cpu_store_hold() needs for `weight`. */
gsize gesso_cpu_weight_staging (const GessoCpuWeight *weight);

/* Holds `weight`, reading it if nobody does yet. */
gboolean gesso_cpu_store_hold (GessoStore *store, GessoCpuWeight *weight, dnnl_engine_t engine, dnnl_stream_t stream,
                               int n_threads, void *staging, GessoCpuLoadStep step, gpointer step_data, GError **error);
void gesso_cpu_store_release (GessoStore *store, GessoCpuWeight *weight);
