/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What can be said of the CUDA kernels without a card: the registers and memory that the compiler gave them, how many
 * of their threads a multiprocessor holds, and an ESTIMATE of a step's time on four cards, by operations and bytes. No
 * number here was measured.
 */

#include <stdio.h>
#include <string.h>

#include "graph/plan.h"
#include "model/configs.h"
#include "networks/unet.h"
#include "networks/vae.h"

typedef struct
{
  const char *name;
  const char *architecture;
  int processors;
  double tflops;    /* dense fp16 with fp32 sums */
  double bandwidth; /* GB/s */
} Card;

/* From the makers' data sheets. */
static const Card cards[] = {
  { "RTX 3060", "sm_86", 28, 51.0, 360.0 },
  { "RTX 4090", "sm_89", 128, 165.0, 1008.0 },
  { "A100", "sm_80", 108, 312.0, 1555.0 },
  { "H100", "sm_90a", 132, 989.0, 3350.0 },
};

/* Threads of a block and its dynamic shared memory, as the launches have them; others take 256 threads and little. */
typedef struct
{
  const char *part; /* of the name */
  int threads, shared;
} Launch;

static const Launch launches[] = {
  { "_128x128_", 256, 49152 },        { "_128x64_", 256, 36864 },         { "_64x64_", 128, 24576 },
  { "attention_40x128", 256, 43008 }, { "attention_40x64", 128, 35840 },  { "attention_64x128", 256, 55296 },
  { "attention_64x64", 128, 46080 },  { "attention_80x128", 256, 67584 }, { "attention_80x64", 128, 56320 },
  { "attention_160x64", 128, 64512 }, { "attention_512", 256, 116480 },   { "attention_plain", 128, 4096 },
};

static Launch
launch_of (const char *kernel)
{
  for (gsize i = 0; i < G_N_ELEMENTS (launches); i++)
    if (strstr (kernel, launches[i].part))
      return launches[i];
  return (Launch) { kernel, 256, 0 };
}

/* Threads that a multiprocessor holds of the most that it could. */
static double
occupancy (const char *architecture, int registers, Launch launch, int shared)
{
  const gboolean is_large = g_str_equal (architecture, "sm_80") || g_str_has_prefix (architecture, "sm_90")
                            || g_str_has_prefix (architecture, "sm_100");
  const int most = is_large ? 2048 : 1536, memory = is_large ? 164 << 10 : 100 << 10;
  /* Registers come in lots of 8 a thread; each block has a KiB of shared memory set aside. */
  const int by_registers = 65536 / ((registers + 7) / 8 * 8 * launch.threads);
  const int by_memory = memory / (launch.shared + shared + 1024), by_threads = most / launch.threads;

  return (double) (MIN (MIN (by_registers, by_memory), by_threads) * launch.threads) / most;
}

static gint
by_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
print_resources (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  const char *file;

  while (dir && (file = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, file, NULL);
      g_autofree char *text = NULL;
      g_auto (GStrv) rows = NULL;

      if (!g_str_has_suffix (file, ".resources") || !g_file_get_contents (path, &text, NULL, NULL))
        continue;
      rows = g_strsplit (g_strchomp (text), "\n", -1);
      for (int i = 0; rows[i]; i++)
        g_ptr_array_add (lines, g_strdup (rows[i]));
    }
  if (!lines->len)
    {
      g_print ("No kernels were compiled in this build (nvcc, -Dkernel_architectures).\n");
      return;
    }
  g_ptr_array_sort (lines, by_text);
  g_print ("%-30s %-8s %9s %10s %6s %9s\n", "kernel", "on", "registers", "shared", "spills", "occupancy");
  for (guint i = 0; i < lines->len; i++)
    {
      char name[64], architecture[16];
      int registers, shared, spills;
      Launch launch;

      if (sscanf (g_ptr_array_index (lines, i), "%63s %15s %d %d %d", name, architecture, &registers, &shared, &spills)
          != 5)
        continue;
      launch = launch_of (name);
      g_print ("%-30s %-8s %9d %10d %6d %8.0f%%\n", name, architecture, registers, shared + launch.shared, spills,
               100.0 * occupancy (architecture, registers, launch, shared));
    }
}

static double
bytes_of (const GessoTensor *tensor)
{
  return tensor ? (double) gesso_shape_elements (&tensor->shape) * (double) gesso_dtype_size (tensor->dtype) : 0.0;
}

/* Everything that is read and written once. */
static double
op_bytes (const GessoOp *op)
{
  double bytes = bytes_of (op->output) + bytes_of (op->weight) + bytes_of (op->bias) + bytes_of (op->residual);

  for (int i = 0; i < op->n_inputs; i++)
    bytes += bytes_of (op->inputs[i]);
  return bytes;
}

/* Seconds by the roofline: the longer of computing and of moving, as if either went at the card's best. */
static double
estimate (const Card *card, const GessoOp *op)
{
  return MAX (gesso_op_flops (op) / (card->tflops * 1e12), op_bytes (op) / (card->bandwidth * 1e9));
}

static void
print_plan (const char *what, GessoGraph *graph)
{
  g_autoptr (GessoGraph) owned = graph;
  const GessoPlanOptions options = { .precision = GESSO_PRECISION_F16,
                                     .fusions = GESSO_FUSE_ALL & ~GESSO_FUSE_NORM_INTO_CONV,
                                     .flops_per_second = 1e12,
                                     .max_step_seconds = 1e9 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoPlan) plan = NULL;
  double total[G_N_ELEMENTS (cards)] = { 0 };

  if (!gesso_graph_finish (graph, &error) || !(plan = gesso_plan_new (graph, &options, &error)))
    g_error ("%s", error->message);
  g_print ("\n%s, fp16: ESTIMATE by the roofline, in ms; nothing of this was measured\n", what);
  g_print ("%-18s %5s %8s %8s", "operation", "times", "GFLOP", "MB");
  for (gsize c = 0; c < G_N_ELEMENTS (cards); c++)
    g_print (" %9s", cards[c].name);
  g_print ("\n");
  for (int kind = 0; kind < GESSO_N_OPS; kind++)
    {
      double flops = 0.0, bytes = 0.0, seconds[G_N_ELEMENTS (cards)] = { 0 };
      int n = 0;

      for (guint i = 0; i < plan->ops->len; i++)
        {
          const GessoOp *op = g_ptr_array_index (plan->ops, i);

          if ((int) op->kind != kind)
            continue;
          n++;
          flops += gesso_op_flops (op);
          bytes += op_bytes (op);
          for (gsize c = 0; c < G_N_ELEMENTS (cards); c++)
            seconds[c] += estimate (&cards[c], op);
        }
      if (!n)
        continue;
      g_print ("%-18s %5d %8.1f %8.1f", gesso_op_kind_name (kind), n, flops / 1e9, bytes / 1e6);
      for (gsize c = 0; c < G_N_ELEMENTS (cards); c++)
        {
          g_print (" %9.3f", seconds[c] * 1e3);
          total[c] += seconds[c];
        }
      g_print ("\n");
    }
  g_print ("%-18s %5u %8.1f %8s", "all", plan->ops->len, plan->flops / 1e9, "");
  for (gsize c = 0; c < G_N_ELEMENTS (cards); c++)
    g_print (" %9.3f", total[c] * 1e3);
  g_print ("\n%-18s %5s %8s %8s", "products alone", "", "", "");
  for (gsize c = 0; c < G_N_ELEMENTS (cards); c++)
    g_print (" %9.3f", plan->flops / (cards[c].tflops * 1e9));
  g_print ("\n");
}

int
main (int argc, char **argv)
{
  static const char *const models[] = { "sd14", "tiny" };
  g_autofree char *vae_path = g_build_filename (BENCH_DATA, "sd14", "vae", "config.json", NULL);
  g_autoptr (GError) error = NULL;
  GessoVaeConfig vae = { 0 };

  print_resources (KERNEL_FOLDER);
  for (gsize i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char *path = g_build_filename (BENCH_DATA, models[i], "unet", "config.json", NULL);
      g_autofree char *what = g_strdup_printf ("U-Net of %s, a step with guidance, 512 x 512", models[i]);
      GessoUnetConfig unet = { 0 };

      if (!gesso_unet_config_read (path, NULL, &unet, &error))
        g_error ("%s", error->message);
      print_plan (what, gesso_unet_graph (&unet, 1, 2, 77, 64, 64));
    }
  if (!gesso_vae_config_read (vae_path, NULL, &vae, &error))
    g_error ("%s", error->message);
  print_plan ("decoder, 512 x 512", gesso_vae_decoder_graph (&vae, 1, 64, 64));
  return 0;
}
