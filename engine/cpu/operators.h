/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The operations that are our own on the CPU: everything but convolutions and matrix products. Raw pointers and sizes;
 * formulas as in graph/graph.h. Values are of `dtype` F32 or BF16 unless said otherwise; statistics, gamma, beta and
 * sums are always F32. Tensors are contiguous, channels innermost, with 64-byte aligned starts (rows need not be).
 * `x` and `y` may be the same memory where "in place" is said. Each returns FALSE when the context's cancellable
 * stopped it (the output is then undefined); nothing else can fail. Scratch is the caller's, 64-byte aligned.
 */

#pragma once

#include "../graph/graph.h"

typedef struct _GessoCpuKernels GessoCpuKernels; /* one table an instruction set; private to the kernels */

typedef struct
{
  int n_threads;
  const GessoCpuKernels *kernels;
  GCancellable *cancellable; /* nullable; of the running call */
} GessoCpuContext;

/* The best table for this processor. `isa_limit`: NULL, or one of "sse2", "avx2", "avx512", "avx512-bf16" to go no
 * further (tests run every table the processor has). */
const GessoCpuKernels *gesso_cpu_kernels_get (const char *isa_limit);
/* "AVX-512 BF16", ... */
const char *gesso_cpu_kernels_name (const GessoCpuKernels *kernels);
/* Whether the processor multiplies bf16 itself (AVX512-BF16). */
gboolean gesso_cpu_has_bf16 (void);
/* Whether it does so faster than f32 without tile units: Intel's cores since Sapphire Rapids do it at half the rate. */
gboolean gesso_cpu_has_quick_bf16 (void);

/* statistics [n, groups, 2] of x [n, rows, c]. */
gboolean gesso_cpu_group_statistics (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n,
                                     gint64 rows, gint64 c, int groups, float eps, float *statistics);

/* y = activation ((x - mean) * rstd * gamma + beta), x, y [n, rows, c]; in place allowed. */
gboolean gesso_cpu_group_apply (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n, gint64 rows,
                                gint64 c, int groups, const float *statistics, const float *gamma, const float *beta,
                                GessoActivation activation, void *y);

/* Rows begin..end-1 of one picture's convolution input: x [h, w, c] normalised (statistics [groups, 2] of this picture;
 * NULL: not) and enlarged to virtual_h x virtual_w (may equal h, w) into y [end - begin, virtual_w, c]. */
gboolean gesso_cpu_prepare_conv_input (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 h,
                                       gint64 w, gint64 c, gint64 virtual_h, gint64 virtual_w, gint64 begin, gint64 end,
                                       int groups, const float *statistics, const float *gamma, const float *beta,
                                       GessoActivation activation, void *y);

/* x, y [rows, c]; in place allowed. */
gboolean gesso_cpu_layer_norm (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 rows, gint64 c,
                               const float *gamma, const float *beta, float eps, void *y);

/* n values; in place allowed. GELU is the exact one (erf) to f32 rounding. */
gboolean gesso_cpu_activation (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n,
                               GessoActivation activation, void *y);

/* x [rows, 2c] -> y [rows, c]. */
gboolean gesso_cpu_geglu (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 rows, gint64 c,
                          void *y);

/* y = a + b, n values; in place with a or b allowed. */
gboolean gesso_cpu_add (const GessoCpuContext *context, GessoDType dtype, const void *a, const void *b, gint64 n,
                        void *y);

/* y = a + b, a, y [rows, c], b [c] of b_dtype (F32 or dtype); in place allowed. */
gboolean gesso_cpu_add_vector (const GessoCpuContext *context, GessoDType dtype, const void *a, GessoDType b_dtype,
                               const void *b, gint64 rows, gint64 c, void *y);

/* a [rows, ca], b [rows, cb] -> y [rows, ca + cb]. */
gboolean gesso_cpu_concat (const GessoCpuContext *context, GessoDType dtype, const void *a, gint64 ca, const void *b,
                           gint64 cb, gint64 rows, void *y);

/* x [n, h, w, c] -> y [n, oh, ow, c], nearest. */
gboolean gesso_cpu_upsample (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n, gint64 h,
                             gint64 w, gint64 c, gint64 oh, gint64 ow, void *y);

/* ids I32 [n, length], table F32 or BF16 (`dtype`) [vocab, c], positions (`dtype`) [>= length, c] or NULL -> y `dtype`.
 * Ids outside 0..vocab-1 are taken as the nearest end of that range. */
gboolean gesso_cpu_embedding (const GessoCpuContext *context, GessoDType dtype, const gint32 *ids, gint64 n,
                              gint64 length, const void *table, gint64 vocab, gint64 c, const void *positions, void *y);

/* Any of F32, BF16, F16 to any of them, round to nearest even. */
gboolean gesso_cpu_cast (const GessoCpuContext *context, GessoDType from, const void *x, gint64 n, GessoDType to,
                         void *y);

/* bytes of x, `times` times one after another. */
gboolean gesso_cpu_repeat (const GessoCpuContext *context, const void *x, gsize bytes, int times, void *y);

/* y = sum of coefficients[i] * terms[i], n values of `dtype`; a zero coefficient's term is not read; y may be a term.
 */
gboolean gesso_cpu_combine (const GessoCpuContext *context, GessoDType dtype, int n_terms, const void *const *terms,
                            const float *coefficients, gint64 n, void *y);

/* x [n, c] by colours [3, c + 1] -> y [n, 3]; see GESSO_OP_PIXELS. */
gboolean gesso_cpu_pixels (const GessoCpuContext *context, GessoDType dtype, const void *x, const float *colours,
                           gint64 n, gint64 c, guint8 *y);

/* y = whether all n values of x are finite numbers. */
gboolean gesso_cpu_is_finite (const GessoCpuContext *context, GessoDType dtype, const void *x, gint64 n, gint32 *y);

/* A 3x3 convolution of F32, or of BF16 with sums in f32, by Winograd's F(2x2, 3x3): rows of x [images, h, w, in],
 * padded by a pixel all around, to rows of y [images, h, w, out]. `doubled`: x is taken twice as large in each
 * direction (nearest), and so is y: neighbours being alike, a good part of the work drops out and x is never enlarged
 * in memory. Tiles are of two rows from an even one on, so that a pixel does not depend on which rows are asked for
 * together. */
typedef struct
{
  GessoDType dtype;
  gint64 h, w; /* of x */
  gint64 in, out;
  gboolean doubled;
  GessoActivation activation;
} GessoCpuWinograd;

/* Whether there are kernels for this type, and the channels fit. */
gboolean gesso_cpu_winograd_takes (const GessoCpuKernels *kernels, GessoDType dtype, gint64 in, gint64 out);
/* Output channels that gesso_cpu_winograd_pack() packs together; 0: there are no kernels for this type. */
gint64 gesso_cpu_winograd_panel (const GessoCpuKernels *kernels, GessoDType dtype);
/* Weights [out, in, 3, 3], out a multiple of `panel`, to packed [out / panel, in, 3, 3, panel], or of BF16
 * [out / panel, in / 2, 3, 3, panel, 2]. */
void gesso_cpu_winograd_pack (int n_threads, GessoDType dtype, gint64 panel, gint64 out, gint64 in, const void *weights,
                              void *packed);
/* Rows of x that rows begin..end-1 of y need. */
void gesso_cpu_winograd_input (const GessoCpuWinograd *conv, gint64 begin, gint64 end, gint64 *in_begin,
                               gint64 *in_end);
gsize gesso_cpu_winograd_scratch (const GessoCpuContext *context, const GessoCpuWinograd *conv, gint64 images,
                                  gint64 begin, gint64 end);
/* y = activation (conv (x) + bias) + add, rows begin..end-1 of `images` pictures; x: of each the rows that
 * gesso_cpu_winograd_input() tells; bias [out], F32, and add may be NULL; add and y: of each these rows. */
gboolean gesso_cpu_winograd (const GessoCpuContext *context, const GessoCpuWinograd *conv, gint64 images, gint64 begin,
                             gint64 end, const void *x, const void *packed, const float *bias, const void *add, void *y,
                             void *scratch);

/* Attention as in graph.h: q, y [n, lq, c], k, v [m, lk, c], head width c / heads (any). Query rows begin..end-1 of
 * picture `image`, or image == -1: everything. Tiled: no lq x lk matrix in memory. */
typedef struct
{
  GessoDType dtype;
  gint64 n, m, lq, lk, c;
  int heads;
  float scale;
  gboolean causal;
} GessoCpuAttention;

gsize gesso_cpu_attention_scratch (const GessoCpuContext *context, const GessoCpuAttention *attention);
gboolean gesso_cpu_attention (const GessoCpuContext *context, const GessoCpuAttention *attention, gint64 image,
                              gint64 begin, gint64 end, const void *q, const void *k, const void *v, void *y,
                              void *scratch);
