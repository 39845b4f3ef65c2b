/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The U-Nets of miniature models and of the starter against diffusers; see METHOD.md.
 */

#include "formula-network.h"
#include "model/model.h"
#include "networks/unet.h"
#include "reference-cases.h"
#include "safetensors-file.h"
#include "weight-source.h"

static JsonObject *tolerances;
static GessoBackend *backend;

static TestFile *
open_reference (JsonObject *test, const char *member)
{
  g_autofree char *name = g_strconcat (json_object_get_string_member (test, member), ".safetensors", NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "cases", name, NULL);

  return test_file_open (path);
}

static void
test_unet (gconstpointer data)
{
  JsonObject *test = (JsonObject *) data;
  g_autofree char *folder = test_model_folder (json_object_get_string_member (test, "model"));
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoModel) model = gesso_model_open (folder, NULL, &error);
  /* The case of the model's name holds the text. */
  g_autoptr (TestFile) of_case = open_reference (test, "model");
  g_autoptr (TestFile) of_unet = open_reference (test, "name");
  TestTensor text = test_file_get (of_case, "text");
  TestTensor latents = test_file_get (of_unet, "latents");
  TestTensor times = test_file_get (of_unet, "times");
  TestTensor noise = test_file_get (of_unet, "noise");
  gsize n = noise.n_values / times.n_values;
  g_autofree float *given = test_tensor_pixels (&latents);
  g_autofree float *expected = test_tensor_pixels (&noise);
  g_autofree float *sinusoid = NULL;
  g_autoptr (FormulaNetwork) time = NULL;
  g_autoptr (FormulaNetwork) context = NULL;
  g_autoptr (FormulaNetwork) step = NULL;
  GessoWeightSource source;
  int length = (int) text.dims[1];

  g_assert_no_error (error);
  source = gesso_weight_source (model->unet_weights);
  time = formula_network_new (backend, GESSO_PRECISION_F32, &source, gesso_unet_time_graph (&model->unet, 1));
  context
      = formula_network_new (backend, GESSO_PRECISION_F32, &source, gesso_unet_context_graph (&model->unet, 2, length));
  step = formula_network_new (
      backend, GESSO_PRECISION_F32, &source,
      gesso_unet_graph (&model->unet, 1, 2, length, (int) latents.dims[2], (int) latents.dims[3]));
  sinusoid = g_new (float, model->unet.block_out_channels[0]);
  formula_network_set (context, "text", text.data);
  formula_network_run (context);
  formula_network_set (step, "latents", given);
  for (gsize i = 0; i < times.n_values; i++)
    {
      int at = ((const gint32 *) times.data)[i];
      g_autofree char *what = g_strdup_printf ("U-Net at %d", at);
      g_autofree float *got = NULL;

      gesso_unet_timestep_sinusoid (&model->unet, at, sinusoid);
      formula_network_set (time, "sinusoid", sinusoid);
      formula_network_run (time);
      formula_network_condition (time, context, 0, step);
      formula_network_run (step);
      got = formula_network_get (step, "noise");
      test_assert_close (what, got, expected + i * n, n, json_object_get_double_member (tolerances, "unet"));
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  backend = gesso_cpu_backend_entry (GESSO_BACKEND_ABI, 0, &error);
  g_assert_no_error (error);
  test_add_cases (parser, "unets", "/unet", NULL, test_unet, &tolerances);
  status = g_test_run ();
  backend->free (backend);
  return status;
}
