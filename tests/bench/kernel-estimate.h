/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an operation should take on a card, as an ESTIMATE from data sheets, the launches that the backend makes and
 * what the compiler made of the kernels. Nothing of it was measured. Three figures, each at least as large as the one
 * before:
 *
 *   floor      its multiplications and additions at the tensor cores' peak
 *   roofline   that, or its operands moved once at the memory's peak, whichever takes longer
 *   estimate   what our kernels should take: padding to tiles, the last round of blocks that does not fill the card,
 *              instructions other than products, shared memory, what is read again from the cache, and what a launch
 *              costs (see kernels/ROOFLINE.md for the assumptions)
 */

#pragma once

#include "kernel-facts.h"
#include "kernel-launches.h"

typedef struct
{
  const char *name;
  const char *architecture;
  int processors;
  double clock;         /* GHz */
  double tflops;        /* dense fp16 with fp32 sums */
  double bandwidth;     /* GB/s of the memory */
  double cache;         /* GB/s of the second-level cache */
  double product_share; /* of the peak that m16n8k16 reaches: Hopper's full rate is for wgmma alone */
} Card;

extern const Card estimate_cards[];
extern const guint n_estimate_cards;

/* Threads that a multiprocessor holds of the most that it could, for blocks of `threads` threads and `shared` bytes
 * beside what the kernel always has. */
double estimate_occupancy (const KernelFacts *facts, int threads, int shared);

/* Bytes of the operands of `op`, each moved once, or of `members` operations like it that share its input. */
double estimate_bytes (const GessoOp *op, guint members);

/* In seconds, the same. */
double estimate_floor (const Card *card, const GessoOp *op, guint members);
double estimate_roofline (const Card *card, const GessoOp *op, guint members);
/* Of one launch of `op`, in the array that kernel_launches_of () gave; `facts` may lack its kernel. `bound` (nullable):
 * what it waits for. */
double estimate_launch (const Card *card, GPtrArray *facts, const GessoOp *op, const KernelLaunch *launch,
                        const char **bound);

/* What a block of `launch` does: operations, those on padding included, and bytes that it copies to shared memory.
 * FALSE for kernels without tensor-core products. */
gboolean estimate_block (const GessoOp *op, const KernelLaunch *launch, double *operations, double *bytes);
