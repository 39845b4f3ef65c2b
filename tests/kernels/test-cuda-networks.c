/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Single evaluations of the networks of every miniature model on the CUDA backend in fp16 against the reference backend
 * in f32. Latents and text are made up; what the U-Net is told of time and text is what its own graphs make of them.
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
#include "weight-source.h"

/* Where keeping every tensor in fp16 costs as much by itself, with everything else computed in f32 by the reference (up
 * to 2.1e-3 in these narrow networks), a little more than that. */
#define UNET_TOLERANCE 2e-3
#define ROUNDING_SHARE 1.35
#define OTHER_TOLERANCE 5e-3
#define LENGTH 77
/* Bands of a few rows, where memory is short. */
#define NARROW 2048
#define HEIGHT 10
#define WIDTH 8

static const char *const models[] = { "sd14",     "sd21",    "base",      "small",     "tiny",       "v2-base",
                                      "v2-small", "v2-tiny", "odd-heads", "odd-order", "odd-single", "starter" };
static GessoBackend *cuda, *reference;

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

/* Writes the outputs of `graph` (taken over), computed in f32, to the inputs of `fixture` that have their names. */
static void
feed (Fixture *fixture, GessoGraph *graph, GessoWeights *weights, const float *input, gsize n_input)
{
  Fixture *source = prepare (reference, GESSO_PRECISION_F32, FALSE, graph, weights);
  g_autoptr (GError) error = NULL;

  if (input)
    reference->buffer_write (reference, source->inputs[0].buffer, 0, input, n_input * sizeof *input, &error);
  g_assert_no_error (error);
  fixture_must_run (source);
  for (guint i = 0; i < source->plan->outputs->len; i++)
    {
      const GessoTensor *output = g_ptr_array_index (source->plan->outputs, i);
      const int at = gesso_plan_find_input (fixture->plan, output->name);
      const GessoTensor *tensor = g_ptr_array_index (fixture->plan->inputs, at);
      const gsize size = gesso_dtype_size (tensor->dtype);
      gsize n;
      g_autofree float *values = fixture_output (source, i, &n);
      g_autofree void *raw = g_malloc (n * size);

      gesso_reference_from_f32 (tensor->dtype, values, (gint64) n, raw);
      fixture->backend->buffer_write (fixture->backend, fixture->inputs[at].buffer, 0, raw, n * size, &error);
      g_assert_no_error (error);
    }
  fixture_free (source);
  gesso_graph_free (graph);
}

static void
feed_unet (Fixture *fixture, const GessoModel *model)
{
  const int width = model->unet.block_out_channels[0];
  g_autofree float *sinusoid = g_new (float, width);

  gesso_unet_timestep_sinusoid (&model->unet, 501, sinusoid);
  feed (fixture, gesso_unet_time_graph (&model->unet, 1), model->unet_weights, sinusoid, (gsize) width);
  feed (fixture, gesso_unet_context_graph (&model->unet, 2, LENGTH), model->unet_weights, NULL, 0);
}

/* The first output of `graph` on `backend`; with `model` the graph is its U-Net's step. */
static float *
evaluate (GessoBackend *backend, GessoPrecision precision, gboolean is_tight, const GessoGraph *graph,
          GessoWeights *weights, const GessoModel *model, gsize *n)
{
  Fixture *fixture = prepare (backend, precision, is_tight, graph, weights);
  float *values;

  if (model)
    feed_unet (fixture, model);
  fixture_must_run (fixture);
  values = fixture_output (fixture, 0, n);
  fixture_free (fixture);
  return values;
}

/* `graph` is taken over. */
static void
compare (const char *what, GessoGraph *graph, GessoWeights *weights, const GessoModel *model)
{
  gsize n, n_got;
  g_autofree float *expected = evaluate (reference, GESSO_PRECISION_F32, FALSE, graph, weights, model, &n);
  g_autofree float *got = evaluate (cuda, GESSO_PRECISION_F16, FALSE, graph, weights, model, &n_got);
  g_autofree float *tight = evaluate (cuda, GESSO_PRECISION_F16, TRUE, graph, weights, model, &n_got);
  double tolerance = OTHER_TOLERANCE;

  g_assert_cmpuint (n, ==, n_got);
  if (model)
    {
      g_autofree float *rounded = evaluate (reference, GESSO_PRECISION_F16, FALSE, graph, weights, model, &n);
      double worst;

      tolerance = MAX (UNET_TOLERANCE, ROUNDING_SHARE * test_relative_error (rounded, expected, n, &worst));
    }
  fixture_assert_close (what, got, expected, n, tolerance);
  /* Bands have exact seams. */
  g_assert_cmpmem (tight, n * sizeof *tight, got, n * sizeof *got);
  gesso_graph_free (graph);
}

static void
test_model (gconstpointer data)
{
  const gboolean is_starter = g_str_equal (data, "starter");
  g_autofree char *folder = is_starter ? g_test_build_filename (G_TEST_DIST, "..", "..", "models", data, NULL)
                                       : g_test_build_filename (G_TEST_DIST, "data", "models", data, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoModel) model = gesso_model_open (folder, NULL, &error);

  g_assert_no_error (error);
  compare ("U-Net", gesso_unet_graph (&model->unet, 1, 2, LENGTH, HEIGHT, WIDTH), model->unet_weights, model);
  compare ("time", gesso_unet_time_graph (&model->unet, 3), model->unet_weights, NULL);
  compare ("context", gesso_unet_context_graph (&model->unet, 2, LENGTH), model->unet_weights, NULL);
  compare ("text", gesso_clip_text_graph (&model->text, 2, LENGTH), model->text_weights, NULL);
  compare ("decoder", gesso_vae_decoder_graph (&model->vae, 1, HEIGHT, WIDTH), model->vae_weights, NULL);
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
      g_test_add_data_func (path, models[i], test_model);
    }
  status = g_test_run ();
  reference->free (reference);
  cuda->free (cuda);
  return status;
}
