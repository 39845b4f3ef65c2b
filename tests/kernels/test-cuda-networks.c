/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Single evaluations of the networks of every miniature model on the CUDA backend in fp16 against the reference backend
 * in f32. A U-Net sees what a sampler shows it: noise, a time, and what the model's text encoder says of some tokens.
 * What it makes of that is also compared with what diffusers makes of it in f32; see ../reference/METHOD.md.
 */

#include "../unit/cpu/backend/fixture.h"
#include "convert.h"
#include "cuda-under-test.h"
#include "model/model.h"
#include "networks/clip-text.h"
#include "networks/unet.h"
#include "networks/vae.h"
#include "reference-backend.h"
#include "safetensors-file.h"
#include "sampling/noise.h"
#include "weight-source.h"

#define UNET_TOLERANCE 2e-3
#define OTHER_TOLERANCE 5e-3
#define LENGTH 77
/* Bands of a few rows, where memory is short. */
#define NARROW 2048
#define HEIGHT 10
#define WIDTH 8

static const char *const models[] = { "sd14",     "sd21",    "base",      "small",     "tiny",       "v2-base",
                                      "v2-small", "v2-tiny", "odd-heads", "odd-order", "odd-single", "starter" };
static GessoBackend *cuda, *reference;

/* What a U-Net is shown. */
typedef struct
{
  const GessoModel *model;
  int time;
  const float *latents;
  gsize n_latents;
  const float *text;
  gsize n_text;
  /* Where what depends on the time or on the text alone is computed; NULL: on the reference backend, in f32. */
  GessoBackend *conditions;
} Step;

/* A graph with the weights of a model on a backend, about to run. */
static Fixture *
prepare (GessoBackend *backend, GessoPrecision precision, gboolean is_tight, const GessoGraph *graph,
         GessoWeights *weights)
{
  const GessoWeightSource source = gesso_weight_source (weights);
  GessoPlanOptions options;
  Fixture *fixture;

  backend->plan_options (backend, precision, is_tight, &options);
  options.max_norm_band_bytes = MIN (options.max_norm_band_bytes, NARROW);
  fixture = fixture_new (backend, graph, &options, backend->store_new (backend, &source));
  fixture->owns_store = TRUE;
  fixture_must_bind (fixture);
  fixture_must_load (fixture);
  return fixture;
}

static void
set_input (Fixture *fixture, const char *name, const float *values, gsize n)
{
  const int at = gesso_plan_find_input (fixture->plan, name);
  const GessoTensor *tensor = g_ptr_array_index (fixture->plan->inputs, at);
  const gsize size = gesso_dtype_size (tensor->dtype);
  g_autofree void *raw = g_malloc (n * size);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (gesso_shape_elements (&tensor->shape), ==, (gint64) n);
  gesso_reference_from_f32 (tensor->dtype, values, (gint64) n, raw);
  fixture->backend->buffer_write (fixture->backend, fixture->inputs[at].buffer, 0, raw, n * size, &error);
  g_assert_no_error (error);
}

/* Writes the outputs of `graph` (taken over), computed on `backend` from `input` under its name, to the inputs of
 * `fixture` that have their names. */
static void
feed (Fixture *fixture, GessoBackend *backend, GessoGraph *graph, GessoWeights *weights, const char *name,
      const float *input, gsize n_input)
{
  const GessoPrecision precision = backend == cuda ? GESSO_PRECISION_F16 : GESSO_PRECISION_F32;
  Fixture *source = prepare (backend, precision, FALSE, graph, weights);

  set_input (source, name, input, n_input);
  fixture_must_run (source);
  for (guint i = 0; i < source->plan->outputs->len; i++)
    {
      const GessoTensor *output = g_ptr_array_index (source->plan->outputs, i);
      gsize n;
      g_autofree float *values = fixture_output (source, i, &n);

      set_input (fixture, output->name, values, n);
    }
  fixture_free (source);
  gesso_graph_free (graph);
}

static void
feed_unet (Fixture *fixture, const Step *step)
{
  const GessoUnetConfig *config = &step->model->unet;
  GessoBackend *conditions = step->conditions ? step->conditions : reference;
  g_autofree float *sinusoid = g_new (float, config->block_out_channels[0]);

  set_input (fixture, "latents", step->latents, step->n_latents);
  gesso_unet_timestep_sinusoid (config, step->time, sinusoid);
  feed (fixture, conditions, gesso_unet_time_graph (config, 1), step->model->unet_weights, "sinusoid", sinusoid,
        (gsize) config->block_out_channels[0]);
  feed (fixture, conditions, gesso_unet_context_graph (config, 2, LENGTH), step->model->unet_weights, "text",
        step->text, step->n_text);
}

/* The first output of `graph` on `backend`, of made-up inputs. With `step`, the graph is its U-Net's. */
static float *
evaluate (GessoBackend *backend, GessoPrecision precision, gboolean is_tight, const GessoGraph *graph,
          GessoWeights *weights, const Step *step, gsize *n)
{
  Fixture *fixture = prepare (backend, precision, is_tight, graph, weights);
  float *values;

  if (step)
    feed_unet (fixture, step);
  fixture_must_run (fixture);
  values = fixture_output (fixture, 0, n);
  fixture_free (fixture);
  return values;
}

static void
compare (const char *what, const GessoGraph *graph, GessoWeights *weights, const Step *step)
{
  gsize n, n_got;
  g_autofree float *expected = evaluate (reference, GESSO_PRECISION_F32, FALSE, graph, weights, step, &n);
  g_autofree float *got = evaluate (cuda, GESSO_PRECISION_F16, FALSE, graph, weights, step, &n_got);
  g_autofree float *tight = evaluate (cuda, GESSO_PRECISION_F16, TRUE, graph, weights, step, &n_got);

  g_assert_cmpuint (n, ==, n_got);
  fixture_assert_close (what, got, expected, n, step ? UNET_TOLERANCE : OTHER_TOLERANCE);
  fixture_assert_close (what, tight, expected, n, step ? UNET_TOLERANCE : OTHER_TOLERANCE);
  /* Bands have exact seams; where products are measured, those of bands may go another way. */
  if (g_strcmp0 (g_getenv ("GESSO_CUDA_TUNING"), "off") == 0)
    g_assert_cmpmem (tight, n * sizeof *tight, got, n * sizeof *got);
}

/* `graph` is taken over. */
static void
compare_part (const char *what, GessoGraph *graph, GessoWeights *weights)
{
  compare (what, graph, weights, NULL);
  gesso_graph_free (graph);
}

/* At one time of three; at all of them where there is time. Latents have the spread of noise at every time, and text is
 * normalised: both matter for what rounding costs. */
static void
compare_unet (const GessoModel *model, gsize number)
{
  static const int times[] = { 981, 501, 21 };
  GessoGraph *words = gesso_clip_text_graph (&model->text, 2, LENGTH);
  GessoGraph *graph = gesso_unet_graph (&model->unet, 1, 2, LENGTH, HEIGHT, WIDTH);
  float latents[HEIGHT * WIDTH * 4];
  gsize n_text;
  g_autofree float *text = evaluate (reference, GESSO_PRECISION_F32, FALSE, words, model->text_weights, NULL, &n_text);

  gesso_noise_fill (3, G_N_ELEMENTS (latents), latents);
  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    {
      const Step step = { model, times[i], latents, G_N_ELEMENTS (latents), text, n_text, NULL };
      g_autofree char *what = g_strdup_printf ("U-Net at %d", times[i]);

      if (i == number % G_N_ELEMENTS (times) || g_getenv ("GESSO_FULL"))
        compare (what, graph, model->unet_weights, &step);
    }
  gesso_graph_free (words);
  gesso_graph_free (graph);
}

static TestFile *
open_reference (const char *prefix, const char *name)
{
  g_autofree char *file = g_strconcat (prefix, name, ".safetensors", NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "cases", file, NULL);

  return test_file_open (path);
}

/* All of the U-Net on the card in fp16 against diffusers' in f32, both told what diffusers' text encoder said. */
static void
compare_with_diffusers (const GessoModel *model, const char *name)
{
  g_autoptr (TestFile) of_case = open_reference ("", name);
  g_autoptr (TestFile) of_unet = open_reference ("unet-", name);
  const TestTensor text = test_file_get (of_case, "text");
  const TestTensor latents = test_file_get (of_unet, "latents");
  const TestTensor times = test_file_get (of_unet, "times");
  const TestTensor noise = test_file_get (of_unet, "noise");
  const gsize n = noise.n_values / times.n_values;
  g_autofree float *given = test_tensor_pixels (&latents);
  g_autofree float *expected = test_tensor_pixels (&noise);
  GessoGraph *graph = gesso_unet_graph (&model->unet, 1, 2, LENGTH, (int) latents.dims[2], (int) latents.dims[3]);

  for (gsize i = 0; i < times.n_values; i++)
    {
      const int time = ((const gint32 *) times.data)[i];
      const Step step = { model, time, given, latents.n_values, text.data, text.n_values, cuda };
      g_autofree char *what = g_strdup_printf ("U-Net at %d against diffusers", time);
      gsize n_got;
      g_autofree float *got = evaluate (cuda, GESSO_PRECISION_F16, FALSE, graph, model->unet_weights, &step, &n_got);

      g_assert_cmpuint (n, ==, n_got);
      fixture_assert_close (what, got, expected + i * n, n, UNET_TOLERANCE);
    }
  gesso_graph_free (graph);
}

static void
test_model (gconstpointer data)
{
  const gsize number = GPOINTER_TO_SIZE (data);
  const char *name = models[number];
  g_autofree char *folder = g_str_equal (name, "starter")
                                ? g_test_build_filename (G_TEST_DIST, "..", "..", "models", name, NULL)
                                : g_test_build_filename (G_TEST_DIST, "data", "models", name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoModel) model = gesso_model_open (folder, NULL, &error);

  g_assert_no_error (error);
  compare_unet (model, number);
  compare_with_diffusers (model, name);
  compare_part ("time", gesso_unet_time_graph (&model->unet, 3), model->unet_weights);
  compare_part ("context", gesso_unet_context_graph (&model->unet, 2, LENGTH), model->unet_weights);
  compare_part ("text", gesso_clip_text_graph (&model->text, 2, LENGTH), model->text_weights);
  compare_part ("decoder", gesso_vae_decoder_graph (&model->vae, 1, HEIGHT, WIDTH), model->vae_weights);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  cuda = cuda_under_test ();
  reference = gesso_reference_backend_entry (GESSO_BACKEND_ABI, 1, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char *path = g_strconcat ("/cuda/networks/", models[i], NULL);

      /* It has seventy times a miniature's weights. */
      if (g_str_equal (models[i], "starter") && !g_getenv ("GESSO_FULL"))
        continue;
      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_model);
    }
  status = g_test_run ();
  reference->free (reference);
  cuda->free (cuda);
  return status;
}
