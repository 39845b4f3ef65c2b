/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * trial-picture COMMAND MODEL-FOLDER: the engine as a whole on a card, for tools/gpu-trial.
 *
 *   device    which card there is, or why there is none
 *   first     time from this program's start to its first step
 *   paint     times of opening, the first step, whole pictures; memory on the card
 *   compare   a picture of the card in its own precision beside one of the CPU in f32
 */

#include "trial-report.h"

#include <locale.h>

#include "picture-case.h"

static int size = 0, images = 1, steps = 25, rounds = 5;
static gint64 max_memory = 0;
static gint64 started;

static const GOptionEntry entries[]
    = { { "size", 0, 0, G_OPTION_ARG_INT, &size, "pixels a side; the model's own", "N" },
        { "images", 0, 0, G_OPTION_ARG_INT, &images, "pictures at a time", "N" },
        { "steps", 0, 0, G_OPTION_ARG_INT, &steps, "of each picture", "N" },
        { "rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "times that it is painted", "N" },
        { "max-memory", 0, 0, G_OPTION_ARG_INT64, &max_memory, "bytes on the card", "N" },
        G_OPTION_ENTRY_NULL };

/* When things happened in one generation, in microseconds. To watch takes time: memory is asked for at each step, and
 * the first and the last are waited for. */
typedef struct
{
  TrialMemory *memory;
  gint64 first_step, last_step;
  int n_steps;
} Watch;

static void
watch (const GessoProgress *progress, gpointer data)
{
  Watch *self = data;
  int channels, height, width;

  trial_memory_look (self->memory);
  if (progress->stage != GESSO_STAGE_DENOISE || progress->step < 1)
    return;
  /* A step is told of when it is queued: to look at its latents waits for the card. */
  if (progress->step == 1 || progress->step == progress->n_steps)
    gesso_preview_get_latents (progress->preview, 0, &channels, &height, &width);
  self->last_step = g_get_monotonic_time ();
  self->n_steps = progress->step;
  if (!self->first_step)
    self->first_step = self->last_step;
}

static GessoRequest *
make_request (int n_steps)
{
  GessoRequest *request = gesso_request_new ("a red circle");

  request->width = request->height = size;
  request->n_images = request->batch = images;
  request->steps = n_steps;
  request->seed = 7;
  request->max_memory = (guint64) max_memory;
  return request;
}

static GessoEngine *
open_engine (const char *folder, GessoDevice device, GError **error)
{
  const GessoOptions options = { .device = device,
                                 .precision = device == GESSO_DEVICE_CPU ? GESSO_PRECISION_F32 : GESSO_PRECISION_AUTO,
                                 .max_memory = device == GESSO_DEVICE_CPU ? 0 : (guint64) max_memory };

  return gesso_engine_new (folder, &options, NULL, error);
}

static GPtrArray *
paint (GessoEngine *engine, int n_steps, Watch *seen, GError **error)
{
  g_autoptr (GessoRequest) request = make_request (n_steps);

  return gesso_engine_generate (engine, request, seen ? watch : NULL, seen, NULL, error);
}

static void
add_engine (JsonBuilder *builder, GessoEngine *engine)
{
  g_autofree char *devices = gesso_devices_describe ();

  trial_add_string (builder, "devices", devices);
  trial_add_string (builder, "precision", gesso_precision_to_string (gesso_engine_get_precision (engine)));
}

static gboolean
command_device (const char *folder, JsonBuilder *builder, GError **error)
{
  g_autoptr (GessoEngine) engine = open_engine (folder, GESSO_DEVICE_CUDA, error);

  if (!engine)
    return FALSE;
  add_engine (builder, engine);
  return TRUE;
}

/* What somebody waits for who has just started the program: nothing of the driver's was made before. */
static gboolean
command_first (const char *folder, JsonBuilder *builder, GError **error)
{
  g_autoptr (GessoEngine) engine = open_engine (folder, GESSO_DEVICE_CUDA, error);
  g_autoptr (GPtrArray) pictures = NULL;
  Watch seen = { 0 };

  if (!engine || !(pictures = paint (engine, steps, &seen, error)))
    return FALSE;
  trial_add_double (builder, "process_open_and_first_step_seconds", (double) (seen.first_step - started) / 1e6);
  return TRUE;
}

/* Opened once before, so that the file cache is warm. */
static gboolean
warm_up (const char *folder, GError **error)
{
  g_autoptr (GessoEngine) engine = open_engine (folder, GESSO_DEVICE_CUDA, error);
  g_autoptr (GPtrArray) pictures = NULL;
  Watch seen = { 0 };

  return engine && (pictures = paint (engine, 1, &seen, error));
}

static gboolean
measure (const char *folder, JsonBuilder *builder, TrialMemory *memory, GError **error)
{
  g_autofree double *whole = g_new (double, (gsize) rounds);
  g_autoptr (GPtrArray) first = NULL, watched = NULL;
  g_autoptr (GessoEngine) engine = NULL;
  g_autoptr (GessoRequest) request = make_request (steps);
  GessoMemoryNeed need = { 0 };
  Watch seen = { .memory = memory };
  gint64 begin = g_get_monotonic_time ();

  if (!(engine = open_engine (folder, GESSO_DEVICE_CUDA, error)) || !(first = paint (engine, steps, &seen, error)))
    return FALSE;
  add_engine (builder, engine);
  trial_add_double (builder, "open_and_first_step_seconds", (double) (seen.first_step - begin) / 1e6);
  for (int i = 0; i < rounds; i++)
    {
      g_autoptr (GPtrArray) pictures = NULL;

      begin = g_get_monotonic_time ();
      if (!(pictures = paint (engine, steps, NULL, error)))
        return FALSE;
      whole[i] = (double) (g_get_monotonic_time () - begin) / 1e6;
      trial_memory_look (memory);
    }
  seen = (Watch) { .memory = memory };
  if (!(watched = paint (engine, steps, &seen, error)))
    return FALSE;
  trial_add_times (builder, "picture_seconds", whole, rounds);
  trial_add_double (builder, "evaluation_seconds",
                    (double) (seen.last_step - seen.first_step) / 1e6 / MAX (seen.n_steps - 1, 1));
  if (gesso_engine_measure (engine, request, &need, NULL))
    {
      trial_add_int (builder, "planned_bytes", (gint64) need.resident);
      trial_add_int (builder, "least_bytes", (gint64) need.least);
    }
  return TRUE;
}

static gboolean
command_paint (const char *folder, JsonBuilder *builder, GError **error)
{
  TrialMemory *memory;
  gboolean done;

  if (!warm_up (folder, error))
    return FALSE;
  memory = trial_memory_new ();
  done = measure (folder, builder, memory, error);
  trial_add_int (builder, "memory_bytes", trial_memory_finish (memory));
  return done;
}

static gboolean
command_compare (const char *folder, JsonBuilder *builder, GError **error)
{
  static const GessoDevice devices[] = { GESSO_DEVICE_CPU, GESSO_DEVICE_CUDA };
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  GBytes *pixels[2];

  for (gsize i = 0; i < G_N_ELEMENTS (devices); i++)
    {
      g_autoptr (GessoEngine) engine = open_engine (folder, devices[i], error);
      GPtrArray *pictures;
      Watch seen = { 0 };

      if (!engine || !(pictures = paint (engine, steps, &seen, error)))
        return FALSE;
      g_ptr_array_add (all, pictures);
      pixels[i] = gesso_picture_get_pixels (g_ptr_array_index (pictures, 0));
    }
  /* Equal pictures have no ratio. */
  trial_add_double (builder, "psnr",
                    MIN (200.0, picture_case_psnr (g_bytes_get_data (pixels[0], NULL),
                                                   g_bytes_get_data (pixels[1], NULL), g_bytes_get_size (pixels[0]))));
  return TRUE;
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    gboolean (*run) (const char *folder, JsonBuilder *builder, GError **error);
  } commands[] = {
    { "device", command_device }, { "first", command_first }, { "paint", command_paint }, { "compare", command_compare }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("COMMAND MODEL-FOLDER");
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GError) error = NULL;
  gboolean done = FALSE;

  started = g_get_monotonic_time ();
  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, entries, NULL);
  json_builder_begin_object (builder);
  if (g_option_context_parse (context, &argc, &argv, &error) && argc == 3)
    for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
      if (g_str_equal (argv[1], commands[i].name))
        done = commands[i].run (argv[2], builder, &error);
  if (!done && !error)
    {
      g_printerr ("usage: trial-picture device|first|paint|compare MODEL-FOLDER [OPTION...]\n");
      return 2;
    }
  json_builder_end_object (builder);
  return trial_report (builder, error);
}
