/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The VAE's encoder of miniature models against diffusers; see METHOD.md.
 */

#include "formula-network.h"
#include "model/model.h"
#include "networks/vae.h"
#include "reference-cases.h"
#include "safetensors-file.h"
#include "weight-source.h"

static JsonObject *tolerances;

static void
test_encoding (gconstpointer data)
{
  JsonObject *test = (JsonObject *) data;
  g_autofree char *folder = test_model_folder (json_object_get_string_member (test, "model"));
  g_autofree char *name = g_strconcat (json_object_get_string_member (test, "name"), ".safetensors", NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "cases", name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoModel) model = gesso_model_open (folder, NULL, &error);
  g_autoptr (TestFile) file = test_file_open (path);
  TestTensor image = test_file_get (file, "image");
  TestTensor expected = test_file_get (file, "moments");
  GessoBackend *backend = gesso_cpu_backend_entry (GESSO_BACKEND_ABI, 0, NULL);
  GessoWeightSource source;
  g_autofree float *pixels = g_new (float, image.n_values);
  g_autofree float *wanted = test_tensor_pixels (&expected);
  g_autofree float *moments = NULL;
  FormulaNetwork *network;

  g_assert_no_error (error);
  g_assert_nonnull (backend);
  source = gesso_weight_source (model->vae_weights);
  for (gsize i = 0; i < image.n_values; i++)
    pixels[i] = ((const guint8 *) image.data)[i] / 127.5f - 1;
  network = formula_network_new (
      backend, GESSO_PRECISION_F32, &source,
      gesso_vae_encoder_graph (&model->vae, (int) image.dims[0], (int) image.dims[1], (int) image.dims[2]));
  formula_network_set (network, "image", pixels);
  formula_network_run (network);
  moments = formula_network_get (network, "moments");
  test_assert_close ("moments", moments, wanted, expected.n_values,
                     json_object_get_double_member (tolerances, "moments"));
  formula_network_free (network);
  backend->free (backend);
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonParser) parser = json_parser_new ();

  g_test_init (&argc, &argv, NULL);
  test_add_cases (parser, "encodings", "/encoder", NULL, test_encoding, &tolerances);
  return g_test_run ();
}
