/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "kernel-estimate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Clock, peak and memory from the makers' data sheets (an H100 SXM); the cache as others have measured it, roughly. */
const Card estimate_cards[] = {
  { "RTX 3060", "sm_86", 28, 1.777, 25.5, 360.0, 1200.0, 1.0 },
  { "RTX 4090", "sm_89", 128, 2.52, 165.0, 1008.0, 5000.0, 1.0 },
  { "A100", "sm_80", 108, 1.41, 312.0, 1555.0, 4500.0, 1.0 },
  { "H100", "sm_90a", 132, 1.83, 989.0, 3350.0, 5500.0, 0.62 },
};
const guint n_estimate_cards = G_N_ELEMENTS (estimate_cards);

/* Assumptions of the estimate. */
#define PRODUCT 4096.0        /* operations of m16n8k16 */
#define SCHEDULERS 4.0        /* of a multiprocessor; each starts an instruction a cycle */
#define SHARED_WIDTH 128.0    /* bytes a cycle */
#define SPECIAL_CYCLES 8.0    /* of a scheduler, for exp of a warp */
#define SELDOM_SHARE 0.1      /* of the times that a loop goes round */
#define MEMORY_SHARE 0.85     /* of the memory's peak that a copy reaches */
#define LAUNCH_SECONDS 1.5e-6 /* from one kernel's end to the next one's full speed, in a graph */
#define HIDING_WARPS 2.0      /* w warps of a multiprocessor do w / (w + 2) of what it could */

static int
resident_blocks (const KernelFacts *facts, int threads, int shared, int *most)
{
  const char *architecture = facts->architecture;
  const gboolean is_large = g_str_equal (architecture, "sm_80") || g_str_has_prefix (architecture, "sm_90")
                            || g_str_has_prefix (architecture, "sm_100");
  /* Registers come in lots of 8 a thread; each block has a KiB of shared memory set aside. */
  const int by_registers = 65536 / ((facts->registers + 7) / 8 * 8 * threads);
  const int memory = !is_large ? 100 << 10 : g_str_equal (architecture, "sm_80") ? 164 << 10 : 228 << 10;
  const int by_memory = memory / (shared + facts->shared + 1024);

  *most = is_large ? 2048 : 1536;
  return MAX (1, MIN (MIN (by_registers, by_memory), *most / threads));
}

double
estimate_occupancy (const KernelFacts *facts, int threads, int shared)
{
  int most, blocks = resident_blocks (facts, threads, shared, &most);

  return (double) (blocks * threads) / most;
}

static double
bytes_of (const GessoTensor *tensor)
{
  return tensor ? (double) gesso_shape_elements (&tensor->shape) * (double) gesso_dtype_size (tensor->dtype) : 0.0;
}

double
estimate_bytes (const GessoOp *op, guint members)
{
  double bytes
      = members * (bytes_of (op->output) + bytes_of (op->weight) + bytes_of (op->bias) + bytes_of (op->residual));

  for (int i = 0; i < op->n_inputs; i++)
    bytes += bytes_of (op->inputs[i]);
  return bytes;
}

double
estimate_floor (const Card *card, const GessoOp *op, guint members)
{
  return members * gesso_op_flops (op) / (card->tflops * 1e12);
}

double
estimate_roofline (const Card *card, const GessoOp *op, guint members)
{
  return MAX (estimate_floor (card, op, members), estimate_bytes (op, members) / (card->bandwidth * 1e9));
}

static double
round_up (gint64 value, gint64 step)
{
  return (double) ((value + step - 1) / step * step);
}

static gboolean
is_by_warpgroups (const KernelLaunch *launch)
{
  return strstr (launch->kernel, "_wg") != NULL;
}

/* Values of k that a product goes over, padded as its kernel does. */
static double
padded_depth (const GessoOp *op, const KernelLaunch *launch)
{
  const gint64 stage = is_by_warpgroups (launch) ? 64 : 32;
  const gint64 channels = gesso_shape_channels (&op->inputs[0]->shape);
  const gint64 taps = op->kind == GESSO_OP_CONV2D ? op->weight->shape.dim[2] * op->weight->shape.dim[3] : 1;

  return g_str_has_prefix (launch->kernel, "gather") ? round_up (taps * channels, stage)
                                                     : (double) taps * round_up (channels, stage);
}

gboolean
estimate_block (const GessoOp *op, const KernelLaunch *launch, double *operations, double *bytes)
{
  const char *digits = strpbrk (launch->kernel, "0123456789");
  int rows, columns;

  if (g_str_has_prefix (launch->kernel, "attention_512"))
    {
      const double keys = round_up (op->inputs[1]->shape.dim[1], 16);

      *operations = 4.0 * 32.0 * keys * 512.0;
      *bytes = (32.0 + 2.0 * keys) * 512.0 * 2.0;
      return TRUE;
    }
  if (g_str_has_prefix (launch->kernel, "conv2d"))
    digits = strpbrk (launch->kernel + strlen ("conv2d_"), "0123456789");
  if (!digits || sscanf (digits, "%dx%d", &rows, &columns) != 2)
    return FALSE;
  if (op->kind == GESSO_OP_ATTENTION)
    {
      const int width = rows, queries = columns;
      const double keys = round_up (op->inputs[1]->shape.dim[1], width == 160 ? 32 : 64);

      *operations = 2.0 * queries * keys * (round_up (width, 16) + round_up (width, 8));
      *bytes = (queries + 2.0 * keys) * width * 2.0;
      return TRUE;
    }
  *bytes = padded_depth (op, launch) / (launch->grid[2] / launch->members);
  *operations = 2.0 * rows * columns * *bytes;
  *bytes *= (rows + columns) * 2.0;
  return TRUE;
}

/* Bytes that a launch moves from and to the card's memory. */
static double
launch_bytes (const GessoOp *op, const KernelLaunch *launch)
{
  const gboolean is_product = op->kind == GESSO_OP_CONV2D || op->kind == GESSO_OP_LINEAR;
  const double sums = 4.0 * (double) gesso_shape_elements (&op->output->shape)
                      * (op->kind == GESSO_OP_LINEAR && op->linear.geglu ? 2.0 : 1.0);
  const double results = launch->members * (bytes_of (op->output) + bytes_of (op->residual));

  if (g_str_has_prefix (launch->kernel, "group_sums"))
    return bytes_of (op->inputs[0]);
  if (g_str_has_prefix (launch->kernel, "product_finish"))
    return sums * launch[-1].grid[2] + results;
  if (is_product && launch->grid[2] > launch->members)
    return estimate_bytes (op, launch->members) - results + sums * launch->grid[2];
  return estimate_bytes (op, launch->members);
}

double
estimate_launch (const Card *card, GPtrArray *facts, const GessoOp *op, const KernelLaunch *launch, const char **bound)
{
  const KernelFacts *kernel = kernel_facts_find (facts, launch->kernel, card->architecture);
  const double cycle = 1e-9 / card->clock, warps = launch->threads / 32.0;
  const double blocks = (double) launch->grid[0] * launch->grid[1] * launch->grid[2];
  const double rounds = ceil (blocks / card->processors);
  double operations, copied, longest;

  struct
  {
    const char *what;
    double seconds;
  } limits[] = { { "memory", launch_bytes (op, launch) / (MEMORY_SHARE * card->bandwidth * 1e9) },
                 { "cache", 0.0 },
                 { "tensor cores", 0.0 },
                 { "instructions", 0.0 },
                 { "shared memory", 0.0 },
                 { "exp", 0.0 } };

  if (kernel && estimate_block (op, launch, &operations, &copied))
    {
      const double products = operations / PRODUCT, all = MAX (kernel->products, 1);
      const double others = kernel->others - (1.0 - SELDOM_SHARE) * kernel->seldom;
      int most;
      const int resident = resident_blocks (kernel, (int) launch->threads, (int) launch->shared, &most);
      const double busy = warps * MIN (resident, rounds), share = busy / (busy + HIDING_WARPS);
      const double seconds = rounds * cycle / share;
      const double peak = (is_by_warpgroups (launch) ? 1.0 : card->product_share) * card->tflops * 1e12;

      limits[1].seconds = blocks * copied / (card->cache * 1e9);
      limits[2].seconds = rounds * operations * card->processors / peak / share;
      if (kernel->products)
        {
          limits[3].seconds = seconds * products / SCHEDULERS * (1.0 + others / all);
          limits[4].seconds = seconds * (products * kernel->operands / all / SHARED_WIDTH + copied / SHARED_WIDTH);
          limits[5].seconds = seconds * products / SCHEDULERS * kernel->specials / all * SPECIAL_CYCLES;
        }
    }
  longest = 0.0;
  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++)
    if (limits[i].seconds > longest)
      {
        longest = limits[i].seconds;
        if (bound)
          *bound = limits[i].what;
      }
  if (bound && longest < LAUNCH_SECONDS)
    *bound = "the launch";
  return longest + LAUNCH_SECONDS;
}
