/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What kernels are told besides pointers, for the host (C) and the kernels (C++) alike. Numbers only, addresses among
 * them (device.cuh has pointer_to ()).
 *
 * Weights as the kernels take them:
 *   matrices    [o][k], each row padded with zeros to a multiple of 8 values; a convolution's k runs over
 *               [kh][kw][i]. With geglu, rows alternate in eights: 8 values, then their 8 gates, and so on, both
 *               padded with rows of zeros to a multiple of 8
 *   vectors     (bias, gamma, beta) F32, a bias in the order of the matrix's rows
 */

#pragma once

#include <stdint.h>

/* The order of GessoActivation. */
enum
{
  GESSO_KERNEL_ACTIVATION_NONE,
  GESSO_KERNEL_ACTIVATION_SILU,
  GESSO_KERNEL_ACTIVATION_GELU,
  GESSO_KERNEL_ACTIVATION_QUICK_GELU,
};

/* A product's result: rows [begin, end) of `columns` values (after geglu), and how the sum over k is cut.
 * Block (x, y, z) of the grid: tile of rows, tile of columns, member * parts + part of k. With more than one part each
 * writes its sums to the scratch [member][part][row - begin][column] (F32, before geglu), from which the `finish`
 * kernel makes the results. */
typedef struct
{
  int32_t begin;
  int32_t end;
  int32_t columns;     /* of the result */
  int32_t sum_columns; /* of the sums: the same, or twice the columns rounded up to 8 for geglu */
  int32_t k_tiles;     /* of a part */
  int32_t parts;
  int32_t activation;
} GessoProductShape;

/* The most products of one shape and one input that a launch makes: its members. */
#define GESSO_MOST_MEMBERS 4

/* What a member has by itself, as device addresses; 0: none. */
typedef struct
{
  uint64_t weight, bias, residual, result;
} GessoProductMember;

typedef struct
{
  GessoProductMember member[GESSO_MOST_MEMBERS];
} GessoProductMembers;

typedef struct
{
  int32_t height, width, channels;       /* of the input as it lies in memory */
  int32_t virtual_height, virtual_width; /* as the kernel sees it: enlarged by nearest neighbour */
  int32_t out_height, out_width;
  int32_t kernel_height, kernel_width;
  int32_t stride;
  int32_t pad_top, pad_left;
} GessoConvShape;

/* Columns that a block of the attention for heads of any width computes. */
enum
{
  GESSO_PLAIN_COLUMNS = 512,
};

typedef struct
{
  int32_t queries, keys, heads;
  int32_t width;             /* of a head */
  int32_t q_pitch, kv_pitch; /* values from one row to the next; the result's is heads * width */
  int32_t sharing;           /* neighbouring pictures that share keys and values */
  int32_t begin, end;        /* of the queries, what to compute */
  int32_t causal;
  float scale; /* above 0; log2 (e) included */
} GessoAttentionShape;

typedef struct
{
  int32_t rows; /* of a picture */
  int32_t channels, groups;
  int32_t slabs;     /* parts that a picture's rows are cut into for the sums */
  int32_t slab_rows; /* rows of a part */
  int32_t activation;
  float eps;
} GessoGroupNormShape;

/* COMBINE after COMBINE, value by value. A term is read where it lies, or is the result of an earlier stage, which is
 * also written. No term that is read lies where an earlier stage writes, so that all may be read first. */
enum
{
  GESSO_COMBINE_TERMS = 7,
  GESSO_COMBINE_STAGES = 4,
};

typedef struct
{
  uint64_t terms[GESSO_COMBINE_TERMS]; /* addresses of values */
  int32_t stages[GESSO_COMBINE_TERMS]; /* the earlier stage whose result the term is; -1: none */
  int32_t n_terms;                     /* 0: no such stage, and none behind it */
  uint64_t coefficients;               /* address of F32 [n_terms] */
  uint64_t result;                     /* address of values */
} GessoCombineStage;

typedef struct
{
  GessoCombineStage stages[GESSO_COMBINE_STAGES];
} GessoCombineChain;
