/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The CPU backend on full-size networks, side by side with oneDNN's own products and, where a Python with diffusers is
 * named, with diffusers. Everything takes turns within one run and medians of ratios are printed, so that a machine
 * that others use too still gives usable figures. Figures of past runs are in LOG.md.
 */

#include <json-glib/json-glib.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "bench-clock.h"
#include "formula-network.h"
#include "model/configs.h"
#include "networks/unet.h"
#include "networks/vae.h"
#include "onednn-best.h"

#define LENGTH 77

static char *models = NULL;
static char *precisions = NULL;
static char *data_folder = NULL;
static char *peer = NULL;
static int size = 512;
static int runs = 5;
static int threads = 0;
static gboolean verbose = FALSE;

static const GOptionEntry entries[]
    = { { "models", 0, 0, G_OPTION_ARG_STRING, &models, "what to run, of v2-tiny, v2-small, ... and vae", "LIST" },
        { "precisions", 0, 0, G_OPTION_ARG_STRING, &precisions, "of f32 and bf16; default: all that the processor has",
          "LIST" },
        { "data", 0, 0, G_OPTION_ARG_FILENAME, &data_folder, "folder with the configurations", "DIR" },
        { "peer", 0, 0, G_OPTION_ARG_STRING, &peer, "command that runs diffusers, see bench-diffusers.py", "COMMAND" },
        { "size", 0, 0, G_OPTION_ARG_INT, &size, "pixels a side", "N" },
        { "runs", 0, 0, G_OPTION_ARG_INT, &runs, "rounds", "N" },
        { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "threads; of a single one the processor time", "N" },
        { "verbose", 0, 0, G_OPTION_ARG_NONE, &verbose, "print every product", NULL },
        { NULL, 0, 0, 0, NULL, NULL, NULL } };

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median (const double *values, int n)
{
  g_autofree double *sorted = g_memdup2 (values, (gsize) n * sizeof *values);

  qsort (sorted, (gsize) n, sizeof *sorted, compare_doubles);
  return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* A network ready to be timed. */
typedef struct
{
  FormulaNetwork *time, *context, *network;
} Subject;

static char *
config_path (const char *model, const char *part)
{
  return g_build_filename (data_folder, model, part, "config.json", NULL);
}

static void
must (GError *error)
{
  if (error)
    g_error ("%s", error->message);
}

static Subject
open_unet (GessoBackend *backend, GessoPrecision precision, const char *model)
{
  g_autofree char *path = config_path (model, "unet");
  g_autofree float *latents = formula_randn_pixels (1, 1, 4, size / 8, size / 8);
  g_autofree float *text = NULL;
  GessoUnetConfig config = { 0 };
  GError *error = NULL;
  Subject subject;

  gesso_unet_config_read (path, NULL, &config, &error);
  must (error);
  text = formula_randn_pixels (2, 1, 1, 2 * LENGTH, config.cross_attention_dim);
  subject.time = formula_network_new (backend, precision, NULL, gesso_unet_time_graph (&config, 1));
  subject.context = formula_network_new (backend, precision, NULL, gesso_unet_context_graph (&config, 2, LENGTH));
  subject.network
      = formula_network_new (backend, precision, NULL, gesso_unet_graph (&config, 1, 2, LENGTH, size / 8, size / 8));
  formula_network_run (subject.time);
  formula_network_set (subject.context, "text", text);
  formula_network_run (subject.context);
  for (guint i = 0; i < formula_network_plan (subject.network)->inputs->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (formula_network_plan (subject.network)->inputs, i);

      if (g_str_has_prefix (tensor->name, "time."))
        formula_network_connect (subject.time, tensor->name, 0, subject.network, tensor->name);
      else if (!g_str_equal (tensor->name, "latents"))
        formula_network_connect (subject.context, tensor->name, 0, subject.network, tensor->name);
    }
  formula_network_set (subject.network, "latents", latents);
  return subject;
}

static Subject
open_decoder (GessoBackend *backend, GessoPrecision precision)
{
  g_autofree char *path = config_path ("sd14", "vae");
  g_autofree float *latents = formula_randn_pixels (1, 1, 4, size / 8, size / 8);
  GessoVaeConfig config = { 0 };
  GError *error = NULL;
  Subject subject = { 0 };

  gesso_vae_config_read (path, NULL, &config, &error);
  must (error);
  subject.network
      = formula_network_new (backend, precision, NULL, gesso_vae_decoder_graph (&config, 1, size / 8, size / 8));
  formula_network_set (subject.network, "latents", latents);
  return subject;
}

static void
close_subject (Subject *subject)
{
  g_clear_pointer (&subject->time, formula_network_free);
  g_clear_pointer (&subject->context, formula_network_free);
  g_clear_pointer (&subject->network, formula_network_free);
}

/* diffusers in a process of its own: a line in starts one evaluation, a line out is its seconds. */
typedef struct
{
  GSubprocess *process;
  GDataInputStream *from;
  GOutputStream *to;
} Peer;

static double
peer_round (Peer *self)
{
  g_autofree char *line = NULL;
  GError *error = NULL;

  g_output_stream_write_all (self->to, "go\n", 3, NULL, NULL, &error);
  must (error);
  line = g_data_input_stream_read_line (self->from, NULL, NULL, &error);
  must (error);
  if (!line)
    g_error ("the command given as --peer ended early");
  return g_ascii_strtod (line, NULL);
}

static gboolean
peer_open (Peer *self, const char *model)
{
  g_auto (GStrv) words = NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *part
      = config_path (g_str_equal (model, "vae") ? "sd14" : model, g_str_equal (model, "vae") ? "vae" : "unet");
  g_autofree char *pixels = g_strdup_printf ("%d", size), *count = g_strdup_printf ("%d", threads);
  g_auto (GStrv) arguments = NULL;
  GError *error = NULL;

  *self = (Peer) { 0 };
  if (!peer)
    return FALSE;
  g_shell_parse_argv (peer, NULL, &words, &error);
  must (error);
  g_strv_builder_addv (builder, (const char **) words);
  g_strv_builder_add_many (builder, part, pixels, threads > 0 ? count : NULL, NULL);
  arguments = g_strv_builder_end (builder);
  self->process = g_subprocess_newv ((const char *const *) arguments,
                                     G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);
  must (error);
  self->from = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  self->to = g_subprocess_get_stdin_pipe (self->process);
  peer_round (self);
  return TRUE;
}

static void
peer_close (Peer *self)
{
  if (!self->process)
    return;
  g_output_stream_close (self->to, NULL, NULL);
  g_subprocess_wait (self->process, NULL, NULL);
  g_object_unref (self->from);
  g_object_unref (self->process);
}

static double
time_run (FormulaNetwork *network)
{
  gint64 begin = bench_now (threads == 1);

  formula_network_run (network);
  return (double) (bench_now (threads == 1) - begin) / 1e6;
}

static void
bench (GessoBackend *backend, const char *model, GessoPrecision precision)
{
  g_autofree double *ours = g_new0 (double, (gsize) runs);
  g_autofree double *best = g_new0 (double, (gsize) runs);
  g_autofree double *theirs = g_new0 (double, (gsize) runs);
  g_autofree double *over_best = g_new0 (double, (gsize) runs);
  g_autofree double *over_theirs = g_new0 (double, (gsize) runs);
  Subject subject
      = g_str_equal (model, "vae") ? open_decoder (backend, precision) : open_unet (backend, precision, model);
  g_autoptr (OnednnBest) floor = onednn_best_new (formula_network_plan (subject.network), precision, threads == 1);
  double flops = formula_network_plan (subject.network)->flops;
  Peer other;
  gboolean has_peer = peer_open (&other, model);

  time_run (subject.network);
  onednn_best_round (floor);
  for (int i = 0; i < runs; i++)
    {
      ours[i] = time_run (subject.network);
      best[i] = onednn_best_round (floor);
      theirs[i] = has_peer ? peer_round (&other) : 0;
      over_best[i] = ours[i] / best[i];
      over_theirs[i] = theirs[i] / ours[i];
    }
  g_print ("%-10s %-5s %8.3f s %8.1f GFLOP/s %9.3f s %8.2f", model, gesso_precision_to_string (precision),
           median (ours, runs), flops / median (ours, runs) / 1e9, median (best, runs), median (over_best, runs));
  if (has_peer)
    g_print (" %9.3f s %8.2f", median (theirs, runs), median (over_theirs, runs));
  g_print ("\n");
  if (verbose)
    onednn_best_print (floor);
  peer_close (&other);
  close_subject (&subject);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("- time the CPU backend");
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) model_list = NULL;
  g_auto (GStrv) precision_list = NULL;
  GessoBackend *backend;
  g_autofree char *description = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  if (!data_folder)
    data_folder = g_strdup (BENCH_DATA);
  model_list = g_strsplit (models ? models : "v2-tiny,v2-small,vae", ",", -1);
  precision_list = g_strsplit (precisions ? precisions : "f32,bf16", ",", -1);
  if (threads > 0)
    omp_set_num_threads (threads);
  backend = gesso_cpu_backend_entry (GESSO_BACKEND_ABI, threads, &error);
  if (!backend)
    g_error ("%s", error->message);
  description = backend->describe (backend);
  g_print ("%s; %d x %d pixels, a step with guidance or one decoding; medians of %d rounds\n", description, size, size,
           runs);
  g_print ("%-10s %-5s %10s %16s %11s %8s %11s %8s\n", "network", "", "gesso", "", "oneDNN sum", "ratio", "diffusers",
           "speed-up");
  for (int i = 0; model_list[i]; i++)
    for (int j = 0; precision_list[j]; j++)
      {
        GessoPrecision precision;

        if (gesso_precision_from_string (precision_list[j], &precision)
            && backend->resolve_precision (backend, precision, &precision, NULL))
          bench (backend, model_list[i], precision);
      }
  backend->free (backend);
  return 0;
}
