/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is compiled once for each instruction set: loops over memory that one thread runs. The operators of
 * ../operators.h cut the work into pieces and call these through the context's table.
 */

#pragma once

#include "../operators.h"
#include "../parallel.h"

typedef struct
{
  /* Over x [rows, c], whose rows are `stride` values apart, for every channel: the first value, the mean distance from
   * it, and the sum of squared deviations from the mean. */
  void (*moments) (GessoDType dtype, const void *x, gint64 rows, gint64 stride, gint64 c, float *first, float *mean,
                   float *squares);
  /* y [rows, c] = activation (x * scale + shift) */
  void (*scale_shift) (GessoDType dtype, const void *x, gint64 rows, gint64 c, const float *scale, const float *shift,
                       GessoActivation activation, void *y);
  void (*layer_norm) (GessoDType dtype, const void *x, gint64 rows, gint64 c, const float *gamma, const float *beta,
                      float eps, void *y);
} GessoNormKernels;

typedef struct
{
  void (*activation) (GessoDType dtype, const void *x, gint64 n, GessoActivation activation, void *y);
  void (*geglu) (GessoDType dtype, const void *x, gint64 rows, gint64 c, void *y);
  void (*add) (GessoDType dtype, const void *a, const void *b, gint64 n, void *y);
  /* b [c] is F32 */
  void (*add_vector) (GessoDType dtype, const void *a, const float *b, gint64 rows, gint64 c, void *y);
  void (*cast) (GessoDType from, const void *x, gint64 n, GessoDType to, void *y);
  /* values first .. first + n - 1 of every term and of y */
  void (*combine) (GessoDType dtype, int n_terms, const void *const *terms, const float *coefficients, gint64 first,
                   gint64 n, void *y);
  /* x [n, c] -> y [n, 3] */
  void (*pixels) (GessoDType dtype, const void *x, const float *colours, gint64 n, gint64 c, guint8 *y);
  gboolean (*is_finite) (GessoDType dtype, const void *x, gint64 n);
} GessoPointwiseKernels;

/* A panel: some neighbouring queries of one head, one a vector lane, with what the online softmax knows of them. All
 * buffers hold 4-byte units: a float, or two bf16 that the processor multiplies and adds in one go. */
typedef struct
{
  gint64 d;           /* head width */
  gint64 first_query; /* index of lane 0 */
  int n_queries;      /* lanes in use */
  int vectors;        /* width in vectors */
  float scale;        /* of the scores, times log2 (e), never negative */
  gboolean negate;    /* the queries are negated instead */
  gboolean causal;    /* query i sees keys 0..i */
  gboolean started;   /* a block of keys has been seen */
  float *q;           /* [units of d, lanes] */
  float *o;           /* [d, lanes]: output so far, not yet divided by the sum */
  float *maximum;     /* [lanes], times scale */
  float *sum;         /* [lanes] */
} GessoAttentionPanel;

typedef struct
{
  int lanes;     /* queries in the widest panel */
  int vector;    /* queries in a vector */
  int unit;      /* values in a unit: 1 or 2 */
  int key_block; /* keys seen at a time, a multiple of unit */
  /* Packs `n_keys` <= key_block rows of k / v, `stride` values apart, into n_keys x (units of d) and (units of n_keys)
   * x d floats, in an order of the kernels' own. */
  void (*pack_keys) (GessoDType dtype, const void *k, gint64 stride, gint64 n_keys, gint64 d, float *packed);
  void (*pack_values) (GessoDType dtype, const void *v, gint64 stride, gint64 n_keys, gint64 d, float *packed);
  /* Loads the panel's queries. */
  void (*begin) (GessoAttentionPanel *panel, GessoDType dtype, const void *q, gint64 stride);
  /* One block of keys, of which the first is `first_key`; scores: [key_block, lanes] */
  void (*block) (GessoAttentionPanel *panel, const float *keys, const float *values, gint64 first_key, gint64 n_keys,
                 float *scores);
  void (*end) (GessoAttentionPanel *panel, GessoDType dtype, void *y, gint64 stride);
} GessoAttentionKernels;

#define GESSO_WINOGRAD_MAX_BLOCK 128

/* A convolution by Winograd: a tile of 4 x 4 input pixels (3 x 3 where the input is doubled, see ../operators.h)
 * becomes as many transformed values, each is multiplied by the transformed weights for its place in the tile, and the
 * sums are transformed back to 2 x 2 output pixels. Input channels are counted in units of 4 bytes, which v and u hold:
 * a float, or two bf16 that the processor multiplies and adds in one go. */
typedef struct
{
  int unit;     /* values in a unit: 1 or 2 */
  int panel;    /* output channels that are computed together */
  int rows;     /* tiles that are computed together, at the most */
  int row_step; /* and what their number is a multiple of */
  int block;    /* tiles that share transformed weights, at the most */
  /* The tile whose pixels are at x[16] (x[9]), channels first .. first + c - 1 of each, to v; from place to place are
   * `stride` floats. */
  void (*input) (const void *const *x, gint64 first, gint64 c, gint64 stride, float *v);
  void (*input_doubled) (const void *const *x, gint64 first, gint64 c, gint64 stride, float *v);
  /* Weights [c, 9, panel] to u [c, panel] of each place; from place to place are `stride` floats. */
  void (*weights) (const float *weights, gint64 c, gboolean doubled, gint64 stride, float *u);
  /* m [rows, panel] = v [rows, c] x u [c, panel], or `more`: += */
  void (*multiply) (const float *v, int rows, gint64 stride, gint64 c, const float *u, gboolean more, float *m);
  /* One tile of m back to the pixels y[4] (NULL: not wanted) = activation (.. + bias) + add[4]; bias and every add may
   * be NULL */
  void (*output) (const float *m, gint64 stride, gboolean doubled, const float *bias, GessoActivation activation,
                  const void *const *add, void *const *y);
} GessoWinogradKernels;

struct _GessoCpuKernels
{
  const char *id;
  const char *name;
  const GessoNormKernels *norm;
  const GessoPointwiseKernels *pointwise;
  const GessoAttentionKernels *attention;      /* of F32, and of BF16 widened */
  const GessoAttentionKernels *attention_bf16; /* NULL: BF16 is widened */
  const GessoWinogradKernels *winograd;        /* of F32 */
  const GessoWinogradKernels *winograd_bf16;   /* NULL: there are none of BF16 */
};

extern const GessoNormKernels gesso_norm_kernels_plain;
extern const GessoPointwiseKernels gesso_pointwise_kernels_plain;
extern const GessoAttentionKernels gesso_attention_kernels_plain;
extern const GessoWinogradKernels gesso_winograd_kernels_plain;
#if defined(__x86_64__)
extern const GessoNormKernels gesso_norm_kernels_avx2, gesso_norm_kernels_avx512;
extern const GessoPointwiseKernels gesso_pointwise_kernels_avx2, gesso_pointwise_kernels_avx512;
extern const GessoAttentionKernels gesso_attention_kernels_avx2, gesso_attention_kernels_avx512,
    gesso_attention_kernels_avx512_bf16;
extern const GessoWinogradKernels gesso_winograd_kernels_avx2, gesso_winograd_kernels_avx512,
    gesso_winograd_kernels_avx512_bf16;
#endif

/* Items of `bytes` each that make a piece worth handing to a thread. */
static inline gint64
gesso_cpu_grain (gint64 bytes)
{
  return MAX (1, 65536 / MAX (1, bytes));
}

#define GESSO_ISA_PASTE(name, isa) name##_##isa
#define GESSO_ISA_EXPAND(name, isa) GESSO_ISA_PASTE (name, isa)
/* The name of a table in a source that is compiled for GESSO_ISA. */
#define GESSO_ISA_NAME(name) GESSO_ISA_EXPAND (name, GESSO_ISA)
