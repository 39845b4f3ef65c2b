/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What can be said of the CUDA kernels without a card: the registers and memory that the compiler gave them, how many
 * of their threads a multiprocessor holds, the instructions of their hot loops, and an ESTIMATE of a step's time on
 * four cards with the ten operations that lose most against the roofline. No number here was measured.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instruction-mix.h"
#include "kernel-estimate.h"
#include "model/configs.h"
#include "networks/unet.h"
#include "networks/vae.h"

#define WORST 10

/* Threads of a block and its dynamic shared memory, as the launches have them (norms with 1280 channels); others take
 * 256 threads and none. */
typedef struct
{
  const char *part; /* of the name */
  int threads, shared;
} Launch;

static const Launch launches[] = {
  { "_128x128_", 256, 49152 },
  { "_128x64_", 256, 36864 },
  { "_64x64_", 128, 24576 },
  { "_wg128x160_", 256, 147456 },
  { "_wg128x128_", 256, 131072 },
  { "_wg256x128_", 256, 196608 },
  { "attention_40x128_by", 128, 43008 },
  { "attention_64x128_by", 128, 55296 },
  { "attention_80x128_by", 128, 67584 },
  { "attention_40x128", 256, 43008 },
  { "attention_40x64", 128, 35840 },
  { "attention_64x128", 256, 55296 },
  { "attention_64x64", 128, 46080 },
  { "attention_80x128", 256, 67584 },
  { "attention_80x64", 128, 56320 },
  { "attention_160x64", 128, 64512 },
  { "attention_512", 256, 83200 },
  { "attention_plain", 128, 8192 },
  { "group_sums_v", 256, 10240 },
  { "group_apply_", 256, 10240 },
  { "group_normalise_v", 256, 10240 },
};

static Launch
launch_of (const char *kernel)
{
  for (gsize i = 0; i < G_N_ELEMENTS (launches); i++)
    if (g_str_has_prefix (kernel, "attention") == g_str_has_prefix (launches[i].part, "attention")
        && strstr (kernel, launches[i].part))
      return launches[i];
  return (Launch) { kernel, 256, 0 };
}

/* "10 KiB, 0.72 M": what a block of attention copies, and does with it, for each 64 keys. */
static char *
keys_of (const char *kernel)
{
  int width = 512, queries = 32;

  if (!g_str_has_prefix (kernel, "attention_512") && sscanf (kernel, "attention_%dx%d", &width, &queries) != 2)
    return g_strdup ("");
  /* Scores go by 16 of the width, values by 8. */
  return g_strdup_printf ("%d KiB, %.2f M", 64 * 2 * width * 2 >> 10,
                          2e-6 * queries * 64 * ((width + 15) / 16 * 16 + (width + 7) / 8 * 8));
}

/* "16 KiB, 1.05 M": the same of a product for each 32 values of k. */
static char *
tile_of (const char *kernel)
{
  const char *digits = strrchr (kernel, 'x');
  int rows = 0, columns = 0;

  if (g_str_has_prefix (kernel, "attention"))
    return keys_of (kernel);
  while (digits && digits > kernel && g_ascii_isdigit (digits[-1]))
    digits--;
  if (!digits || sscanf (digits, "%dx%d", &rows, &columns) != 2)
    return g_strdup ("");
  return g_strdup_printf ("%d KiB, %.2f M", (rows + columns) * 64 >> 10, 64e-6 * rows * columns);
}

static void
print_resources (GPtrArray *all)
{
  if (!all->len)
    {
      g_print ("No kernels were compiled in this build (nvcc, -Dkernel_architectures).\n");
      return;
    }
  g_print ("%-30s %-8s %9s %10s %6s %9s  %s\n", "kernel", "on", "registers", "shared", "spills", "occupancy",
           "bytes and operations of a block for 32 of k, or 64 keys");
  for (guint i = 0; i < all->len; i++)
    {
      const KernelFacts *facts = g_ptr_array_index (all, i);
      const Launch launch = launch_of (facts->kernel);
      g_autofree char *tile = tile_of (facts->kernel);

      g_print ("%-30s %-8s %9d %10d %6d %8.0f%%  %s\n", facts->kernel, facts->architecture, facts->registers,
               facts->shared + launch.shared, facts->spills,
               100.0 * estimate_occupancy (facts, launch.threads, launch.shared), tile);
    }
}

static void
print_mix (GPtrArray *all)
{
  g_autofree char *why = NULL;

  if (!all->len)
    return;
  if (!instruction_mix_read (KERNEL_FOLDER, all, &why))
    {
      g_print ("\nInstructions of the hot loops: %s. The estimate leaves them out.\n", why);
      return;
    }
  g_print ("\nInstructions of the hot loops (the innermost ones with tensor-core instructions)\n");
  g_print ("%-30s %-8s %12s %8s %8s %9s %6s %8s\n", "kernel", "on", "tensor cores", "others", "seldom", "ldmatrix",
           "exp", "others/1");
  for (guint i = 0; i < all->len; i++)
    {
      const KernelFacts *facts = g_ptr_array_index (all, i);

      if (facts->products)
        g_print ("%-30s %-8s %12d %8d %8d %9d %6d %8.1f\n", facts->kernel, facts->architecture, facts->products,
                 facts->others, facts->seldom, facts->matrices, facts->specials,
                 (double) (facts->others - facts->seldom) / facts->products);
    }
  g_print ("others/1: those that always run, for one on the tensor cores; ldmatrix and exp are among the others.\n");
}

/* What all operations of a kind, or of one kind and shape, come to. */
typedef struct
{
  char *what;
  int times, n_launches;
  double flops, bytes, floor, roofline, estimate;
  char *kernel;
  const char *bound;
} Sum;

static void
sum_free (gpointer data)
{
  Sum *sum = data;

  g_free (sum->what);
  g_free (sum->kernel);
  g_free (sum);
}

/* `members`: operations that are launched at once. */
static char *
shape_of (const GessoOp *op, guint members)
{
  g_autofree char *in = gesso_shape_to_string (&op->inputs[0]->shape);
  g_autofree char *out = gesso_shape_to_string (&op->output->shape);

  if (op->kind == GESSO_OP_CONV2D)
    return g_strdup_printf ("conv2d %dx%d %s -> %s", (int) op->weight->shape.dim[2], (int) op->weight->shape.dim[3], in,
                            out);
  if (op->kind == GESSO_OP_ATTENTION)
    return g_strdup_printf ("attention %s, %d keys, %d heads", in, (int) op->inputs[1]->shape.dim[1],
                            op->attention.heads);
  return g_strdup_printf ("%s%s %s -> %s%s", gesso_op_kind_name (op->kind),
                          op->kind == GESSO_OP_LINEAR && op->linear.geglu ? " geglu" : "", in, out,
                          members > 1 ? ", grouped" : "");
}

static Sum *
sum_of (GPtrArray *sums, char *what)
{
  Sum *sum;

  for (guint i = 0; i < sums->len; i++)
    if (g_str_equal (((Sum *) g_ptr_array_index (sums, i))->what, what))
      {
        g_free (what);
        return g_ptr_array_index (sums, i);
      }
  sum = g_new0 (Sum, 1);
  sum->what = what;
  g_ptr_array_add (sums, sum);
  return sum;
}

/* Adds every operation of a plan, as it runs on `card`, to the sum of its kind or, `by_shape`, of its shape. Operations
 * of one launch are alike, and follow one another. */
static GPtrArray *
sum_up (const Card *card, GPtrArray *facts, const GessoPlan *plan, gboolean by_shape)
{
  g_autoptr (GArray) launched = kernel_launches_of (plan, atoi (card->architecture + strlen ("sm_")), card->processors);
  GPtrArray *sums = g_ptr_array_new_with_free_func (sum_free);

  for (guint i = 0, l = 0, members; i < plan->ops->len; i += members)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);
      double longest = 0.0;
      Sum *sum;

      members = l < launched->len && g_array_index (launched, KernelLaunch, l).op == i
                    ? g_array_index (launched, KernelLaunch, l).members
                    : 1;
      sum = sum_of (sums, by_shape ? shape_of (op, members) : g_strdup (gesso_op_kind_name (op->kind)));
      sum->times += (int) members;
      sum->flops += members * gesso_op_flops (op);
      sum->bytes += estimate_bytes (op, members);
      sum->floor += estimate_floor (card, op, members);
      sum->roofline += estimate_roofline (card, op, members);
      for (; l < launched->len && g_array_index (launched, KernelLaunch, l).op == i; l++)
        {
          const KernelLaunch *launch = &g_array_index (launched, KernelLaunch, l);
          const char *bound;
          const double seconds = estimate_launch (card, facts, op, launch, &bound);

          sum->n_launches++;
          sum->estimate += seconds;
          if (seconds <= longest)
            continue;
          longest = seconds;
          sum->bound = bound;
          g_free (sum->kernel);
          sum->kernel
              = g_strdup_printf ("%s, %u blocks", launch->kernel, launch->grid[0] * launch->grid[1] * launch->grid[2]);
        }
    }
  return sums;
}

static gint
by_loss (gconstpointer a, gconstpointer b)
{
  const Sum *x = *(Sum *const *) a, *y = *(Sum *const *) b;
  const double p = x->estimate - x->roofline, q = y->estimate - y->roofline;

  return (p < q) - (p > q);
}

static void
print_worst (const Card *card, GPtrArray *facts, const GessoPlan *plan)
{
  g_autoptr (GPtrArray) sums = sum_up (card, facts, plan, TRUE);

  g_ptr_array_sort (sums, by_loss);
  g_print ("\n%s: what loses most against the roofline, in ms (ESTIMATE)\n", card->name);
  g_print ("%-64s %5s %8s %8s %8s  %-14s %s\n", "operation", "times", "roofline", "estimate", "loss", "waits for",
           "kernel");
  for (guint i = 0; i < MIN (sums->len, WORST); i++)
    {
      const Sum *sum = g_ptr_array_index (sums, i);

      g_print ("%-64s %5d %8.3f %8.3f %8.3f  %-14s %s\n", sum->what, sum->times, sum->roofline * 1e3,
               sum->estimate * 1e3, (sum->estimate - sum->roofline) * 1e3, sum->bound ? sum->bound : "",
               sum->kernel ? sum->kernel : "");
    }
}

static void
print_row (const char *what, int times, int n_launches, double flops, double bytes, const double *columns)
{
  g_print ("%-18s %5d %8d %8.1f %8.1f", what, times, n_launches, flops / 1e9, bytes / 1e6);
  for (guint c = 0; c < n_estimate_cards; c++)
    g_print ("  %7.3f %7.3f %8.3f", columns[3 * c] * 1e3, columns[3 * c + 1] * 1e3, columns[3 * c + 2] * 1e3);
  g_print ("\n");
}

static void
print_plan (const char *what, GPtrArray *facts, GessoGraph *graph)
{
  g_autoptr (GessoGraph) owned = graph;
  const GessoPlanOptions options = { .precision = GESSO_PRECISION_F16,
                                     .fusions = GESSO_FUSE_ALL & ~GESSO_FUSE_NORM_INTO_CONV,
                                     .flops_per_second = 1e12,
                                     .max_step_seconds = 1e9 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoPlan) plan = NULL;
  g_autoptr (GPtrArray) by_card = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  g_autofree double *columns = g_new (double, 3 * n_estimate_cards), *total = g_new0 (double, 3 * n_estimate_cards);
  int n_launches = 0;

  if (!gesso_graph_finish (graph, &error) || !(plan = gesso_plan_new (graph, &options, &error)))
    g_error ("%s", error->message);
  for (guint c = 0; c < n_estimate_cards; c++)
    g_ptr_array_add (by_card, sum_up (&estimate_cards[c], facts, plan, FALSE));
  g_print ("\n%s, fp16: ESTIMATE in ms; nothing of this was measured\n", what);
  g_print ("floor: its products at the tensor cores' peak; roofline: that, or its operands moved "
           "once; ours: what our kernels should take\n");
  g_print ("%-18s %5s %8s %8s %8s", "", "", "", "", "");
  for (guint c = 0; c < n_estimate_cards; c++)
    g_print ("  %24s", estimate_cards[c].name);
  g_print ("\n%-18s %5s %8s %8s %8s", "operation", "times", "launches", "GFLOP", "MB");
  for (guint c = 0; c < n_estimate_cards; c++)
    g_print ("  %7s %7s %8s", "floor", "roof", "ours");
  g_print ("\n");
  for (guint i = 0; i < ((GPtrArray *) g_ptr_array_index (by_card, 0))->len; i++)
    {
      const Sum *sum = NULL;

      for (guint c = 0; c < n_estimate_cards; c++)
        {
          sum = g_ptr_array_index ((GPtrArray *) g_ptr_array_index (by_card, c), i);
          columns[3 * c] = sum->floor;
          columns[3 * c + 1] = sum->roofline;
          columns[3 * c + 2] = sum->estimate;
          for (int k = 0; k < 3; k++)
            total[3 * c + k] += columns[3 * c + k];
        }
      n_launches += sum->n_launches;
      print_row (sum->what, sum->times, sum->n_launches, sum->flops, sum->bytes, columns);
    }
  print_row ("all", (int) plan->ops->len, n_launches, plan->flops, 0.0, total);
  for (guint c = 0; c < n_estimate_cards; c++)
    print_worst (&estimate_cards[c], facts, plan);
}

int
main (int argc, char **argv)
{
  static const char *const models[] = { "sd14", "v2-small" };
  g_autofree char *vae_path = g_build_filename (BENCH_DATA, "sd14", "vae", "config.json", NULL);
  g_autoptr (GPtrArray) facts = kernel_facts_read (KERNEL_FOLDER);
  g_autoptr (GError) error = NULL;
  GessoVaeConfig vae = { 0 };

  g_setenv ("GESSO_CUDA_DRIVER", EMULATED_DRIVER, TRUE);
  /* By rule of thumb, and by our own kernels. */
  g_setenv ("GESSO_CUDA_TUNING", "off", TRUE);
  g_setenv ("GESSO_CUBLASLT", "none", TRUE);
  print_resources (facts);
  print_mix (facts);
  for (gsize i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char *path = g_build_filename (BENCH_DATA, models[i], "unet", "config.json", NULL);
      g_autofree char *what = g_strdup_printf ("U-Net of %s, a step with guidance, 512 x 512", models[i]);
      GessoUnetConfig unet = { 0 };

      if (!gesso_unet_config_read (path, NULL, &unet, &error))
        g_error ("%s", error->message);
      print_plan (what, facts, gesso_unet_graph (&unet, 1, 2, 77, 64, 64));
    }
  if (!gesso_vae_config_read (vae_path, NULL, &vae, &error))
    g_error ("%s", error->message);
  print_plan ("decoder, 512 x 512", facts, gesso_vae_decoder_graph (&vae, 1, 64, 64));
  return 0;
}
