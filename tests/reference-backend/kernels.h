/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The formulas of graph.h as loops over f32 values. Those that may take long look at the cancellable row by row and
 * return FALSE when it stopped them.
 */

#pragma once

#include "graph/graph.h"

/* Positions (pixels, rows) that a product works on at a time. */
#define GESSO_REFERENCE_BLOCK 4

/* What follows a product of o columns. geglu: the sums have 2o columns. */
typedef struct
{
  const float *bias;     /* or NULL */
  const float *residual; /* of the whole output, or NULL */
  GessoActivation activation;
  gboolean geglu;
} GessoReferenceEpilogue;

float gesso_reference_activate (GessoActivation activation, float x);
float gesso_reference_gelu (float x);

/* x [n, rows, c] -> statistics [n, groups, 2] */
void gesso_reference_group_statistics (const float *x, gint64 n, gint64 rows, gint64 c, int groups, float eps,
                                       float *statistics);

/* x, y [n, rows, c], which may be the same */
void gesso_reference_group_apply (const float *x, gint64 n, gint64 rows, gint64 c, int groups, const float *statistics,
                                  const float *gamma, const float *beta, GessoActivation activation, float *y);

/* x, y [rows, c], which may be the same */
void gesso_reference_layer_norm (const float *x, gint64 rows, gint64 c, const float *gamma, const float *beta,
                                 float eps, float *y);

/* x [n, h, w] of `bytes` each -> y [n, oh, ow] */
void gesso_reference_upsample (const void *x, gint64 n, gint64 h, gint64 w, gsize bytes, gint64 oh, gint64 ow, void *y);

/* One picture's x [h, w, i], weight [kh, kw, i, o] -> rows begin..end-1 of its y [oh, ow, o]; the epilogue's residual
 * is of that picture too. scratch: BLOCK x o + i values. */
typedef struct
{
  gint64 h, w, i;
  gint64 kh, kw, stride, pad_top, pad_left;
  gint64 ow, o;
} GessoReferenceConv;

gboolean gesso_reference_conv2d (const GessoReferenceConv *conv, const float *x, const float *weight,
                                 const GessoReferenceEpilogue *epilogue, gint64 begin, gint64 end, float *y,
                                 float *scratch, GCancellable *cancellable);

/* x [rows, i], weight [i, o] ([i, 2o] with geglu) -> rows begin..end-1 of y [rows, o]. scratch: BLOCK x weight's
 * columns
 */
gboolean gesso_reference_linear (const float *x, gint64 i, const float *weight, gint64 o,
                                 const GessoReferenceEpilogue *epilogue, gint64 begin, gint64 end, float *y,
                                 float *scratch, GCancellable *cancellable);

/* One picture's q [lq, c], k, v [lk, c] -> rows begin..end-1 of its y [lq, c]. scratch: lk values */
gboolean gesso_reference_attention (const float *q, const float *k, const float *v, gint64 lk, gint64 c, int heads,
                                    float scale, gboolean causal, gint64 begin, gint64 end, float *y, float *scratch,
                                    GCancellable *cancellable);
