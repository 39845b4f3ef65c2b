/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Single evaluations of the full-size networks against diffusers, with weights from the formula; see METHOD.md.
 * Arguments: what to run, of unet-NAME, text-v1, text-v2, vae. Built with ON_CARD it runs on the CUDA backend.
 */

#include <json-glib/json-glib.h>
#include <string.h>

#include "formula-network.h"
#include "model/configs.h"
#include "networks/clip-text.h"
#include "networks/unet.h"
#include "networks/vae.h"
#include "safetensors-file.h"
#include "sampling/noise.h"

#ifdef ON_CARD
#include "cuda-under-test.h"
#define FINER GESSO_PRECISION_F16
#else
#define FINER GESSO_PRECISION_F32
#endif
#define LENGTH 77
#define SIDE 64

static JsonObject *inputs;
static GessoBackend *backend;

static char *
full_path (const char *first, const char *second, const char *third)
{
  return g_test_build_filename (G_TEST_DIST, "data", "full", first, second, third, NULL);
}

static TestFile *
open_reference (const char *name)
{
  g_autofree char *file = g_strconcat (name, ".safetensors", NULL);
  g_autofree char *path = full_path (file, NULL, NULL);

  return test_file_open (path);
}

static guint64
seed_of (const char *key)
{
  return (guint64) json_object_get_int_member (inputs, key);
}

static double
tolerance_of (GessoPrecision precision)
{
  return json_object_get_double_member (json_object_get_object_member (inputs, "tolerances"),
                                        gesso_precision_to_string (precision));
}

static void
run_unet (const char *name, GessoPrecision precision)
{
  g_autofree char *path = full_path (name, "unet", "config.json");
  g_autofree char *file_name = g_strconcat ("unet-", name, NULL);
  g_autoptr (TestFile) file = open_reference (file_name);
  TestTensor expected = test_file_get (file, "noise");
  g_autoptr (GError) error = NULL;
  g_autoptr (FormulaNetwork) time = NULL;
  g_autoptr (FormulaNetwork) context = NULL;
  g_autoptr (FormulaNetwork) step = NULL;
  g_autofree float *latents = formula_randn_pixels (seed_of ("latents_seed"), 2, 4, SIDE, SIDE);
  g_autofree float *got = g_new (float, expected.n_values);
  g_autofree float *text = NULL;
  g_autofree float *sinusoid = NULL;
  gsize picture = expected.n_values / 2;
  GessoUnetConfig config = { 0 };

  gesso_unet_config_read (path, NULL, &config, &error);
  g_assert_no_error (error);
  text = g_new (float, 2 * LENGTH * (gsize) config.cross_attention_dim);
  gesso_noise_fill (seed_of ("text_seed"), 2 * LENGTH * (gsize) config.cross_attention_dim, text);
  sinusoid = g_new (float, (gsize) config.block_out_channels[0]);
  gesso_unet_timestep_sinusoid (&config, (double) json_object_get_int_member (inputs, "timestep"), sinusoid);

  time = formula_network_new (backend, precision, NULL, gesso_unet_time_graph (&config, 1));
  formula_network_set (time, "sinusoid", sinusoid);
  formula_network_run (time);
  context = formula_network_new (backend, precision, NULL, gesso_unet_context_graph (&config, 2, LENGTH));
  formula_network_set (context, "text", text);
  formula_network_run (context);

  step = formula_network_new (backend, precision, NULL, gesso_unet_graph (&config, 1, 1, LENGTH, SIDE, SIDE));
  for (int i = 0; i < 2; i++)
    {
      g_autofree float *noise = NULL;

      formula_network_condition (time, context, (gsize) i, step);
      formula_network_set (step, "latents", latents + (gsize) i * picture);
      formula_network_run (step);
      noise = formula_network_get (step, "noise");
      /* Back to the planes of the reference. */
      for (gsize c = 0; c < 4; c++)
        for (gsize p = 0; p < SIDE * SIDE; p++)
          got[(gsize) i * picture + c * SIDE * SIDE + p] = noise[p * 4 + c];
    }
  test_assert_close (file_name, got, expected.data, expected.n_values, tolerance_of (precision));
}

static void
run_text (const char *version, GessoPrecision precision)
{
  g_autofree char *path = full_path (g_str_equal (version, "v1") ? "sd14" : "sd21", "text_encoder", "config.json");
  g_autofree char *file_name = g_strconcat ("text-", version, NULL);
  g_autoptr (TestFile) file = open_reference (file_name);
  TestTensor expected = test_file_get (file, "text");
  TestTensor positions = test_file_get (file, "positions");
  const gint32 *position = positions.data;
  g_autoptr (GError) error = NULL;
  g_autoptr (FormulaNetwork) network = NULL;
  g_autofree float *got = g_new (float, expected.n_values);
  g_autofree float *text = NULL;
  GessoTextConfig config = { 0 };
  gsize width;

  gesso_text_config_read (path, NULL, &config, &error);
  g_assert_no_error (error);
  width = (gsize) config.hidden_size;
  network = formula_network_new (backend, precision, NULL, gesso_clip_text_graph (&config, 2, LENGTH));
  formula_network_set (network, "tokens", test_file_get (file, "tokens").data);
  formula_network_run (network);
  text = formula_network_get (network, "text");
  for (gsize row = 0; row < 2; row++)
    for (gsize k = 0; k < positions.n_values; k++)
      for (gsize c = 0; c < width; c++)
        got[(row * positions.n_values + k) * width + c] = text[(row * LENGTH + (gsize) position[k]) * width + c];
  test_assert_close (file_name, got, expected.data, expected.n_values, tolerance_of (precision));
}

static void
run_vae (GessoPrecision precision)
{
  g_autofree char *path = full_path ("sd14", "vae", "config.json");
  g_autoptr (TestFile) file = open_reference ("vae");
  TestTensor expected = test_file_get (file, "pixels");
  TestTensor mean = test_file_get (file, "mean");
  g_autoptr (GError) error = NULL;
  g_autoptr (FormulaNetwork) network = NULL;
  g_autofree float *latents = formula_randn_pixels (seed_of ("decode_seed"), 1, 4, SIDE, SIDE);
  g_autofree float *got = g_new (float, expected.n_values);
  g_autofree float *image = NULL;
  gsize stride = (gsize) json_object_get_int_member (inputs, "pixel_stride");
  gsize first_row = (gsize) json_object_get_int_member (inputs, "first_row");
  gsize first_column = (gsize) json_object_get_int_member (inputs, "first_column");
  double sums[3] = { 0 };
  GessoVaeConfig config = { 0 };

  gesso_vae_config_read (path, NULL, &config, &error);
  g_assert_no_error (error);
  network = formula_network_new (backend, precision, NULL, gesso_vae_decoder_graph (&config, 1, SIDE, SIDE));
  formula_network_set (network, "latents", latents);
  formula_network_run (network);
  image = formula_network_get (network, "image");
  for (gsize c = 0; c < 3; c++)
    for (gsize y = 0; y < SIDE; y++)
      for (gsize x = 0; x < SIDE; x++)
        got[(c * SIDE + y) * SIDE + x] = image[((first_row + y * stride) * 512 + first_column + x * stride) * 3 + c];
  for (gsize i = 0; i < 512 * 512 * 3; i++)
    sums[i % 3] += image[i];
  for (gsize c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon (sums[c] / (512 * 512), ((const float *) mean.data)[c], tolerance_of (precision));
  test_assert_close ("vae", got, expected.data, expected.n_values, tolerance_of (precision));
}

static void
run (const char *what, GessoPrecision precision)
{
  GessoPrecision resolved;

  if (!backend->resolve_precision (backend, precision, &resolved, NULL))
    {
      g_test_skip ("this processor does not compute in bf16");
      return;
    }
  if (g_str_has_prefix (what, "unet-"))
    run_unet (what + strlen ("unet-"), precision);
  else if (g_str_has_prefix (what, "text-"))
    run_text (what + strlen ("text-"), precision);
  else
    run_vae (precision);
}

static void
test_finer (gconstpointer what)
{
  run (what, FINER);
}

static void
test_bf16 (gconstpointer what)
{
  run (what, GESSO_PRECISION_BF16);
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  path = full_path ("inputs.json", NULL, NULL);
  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  inputs = json_node_get_object (json_parser_get_root (parser));
#ifdef ON_CARD
  backend = cuda_under_test ();
#else
  backend = gesso_cpu_backend_entry (GESSO_BACKEND_ABI, 0, &error);
#endif
  g_assert_no_error (error);
  for (int i = 1; i < argc; i++)
    {
      g_autofree char *finer = g_strdup_printf ("/full-size/%s/%s", argv[i], gesso_precision_to_string (FINER));
      g_autofree char *bf16 = g_strdup_printf ("/full-size/%s/bf16", argv[i]);

      g_test_add_data_func (finer, argv[i], test_finer);
      g_test_add_data_func (bf16, argv[i], test_bf16);
    }
  status = g_test_run ();
  backend->free (backend);
  return status;
}
