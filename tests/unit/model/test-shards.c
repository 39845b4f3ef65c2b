/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Weights in several files, with an index.
 */

#include "model/shards.h"
#include "model/variants.h"
#include "support.h"

#include <glib/gstdio.h>

typedef struct
{
  char *folder;
  GError *error;
} Fixture;

/* A file of one tensor of two values, `first` and the next number. */
static void
put_tensor (Fixture *fixture, const char *file_name, const char *tensor, float first)
{
  const float values[] = { first, first + 1 };
  g_autofree char *header
      = g_strdup_printf ("{\"%s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", tensor);
  g_autoptr (GByteArray) file = test_safetensors (header, values, sizeof values);

  g_free (test_write (fixture->folder, file_name, file->data, file->len));
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = test_folder_new ();
  put_tensor (fixture, "w-1.safetensors", "a", 1);
  put_tensor (fixture, "w-2.safetensors", "b", 3);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_no_error (fixture->error);
  test_folder_remove (fixture->folder);
}

static void
test_joined (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *index;
    gboolean is_transformers;
  } cases[] = {
    { "diffusion_pytorch_model.safetensors.index.json", FALSE },
    { "diffusion_pytorch_model.safetensors.index.fp16.json", FALSE },
    { "model.safetensors.index.json", TRUE },
    { "model.safetensors.index.fp16.json", TRUE },
  };
  const GessoShape shape = GESSO_SHAPE1 (3);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_build_filename (fixture->folder, cases[i].index, NULL);
      g_autoptr (GessoWeights) weights = NULL;
      float value;

      g_free (test_write_text (fixture->folder, cases[i].index,
                               "{\"metadata\": {\"total_size\": 16}, \"weight_map\": {\"b\": \"w-2.safetensors\", "
                               "\"a\": \"w-1.safetensors\"}}"));
      weights = gesso_variants_open (fixture->folder, cases[i].is_transformers, NULL, &fixture->error);
      g_assert_no_error (fixture->error);
      g_assert_cmpstr (gesso_weights_path (weights), ==, path);
      g_assert_cmpuint (gesso_weights_count (weights), ==, 2);
      g_assert_true (gesso_weights_read (weights, "a", 1, 1, GESSO_DTYPE_F32, &value, &fixture->error));
      g_assert_cmpfloat (value, ==, 2);
      g_assert_true (gesso_weights_read (weights, "b", 0, 1, GESSO_DTYPE_F32, &value, &fixture->error));
      g_assert_cmpfloat (value, ==, 3);
      g_assert_false (gesso_weights_check (weights, "b", &shape, &fixture->error));
      test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "w-2.safetensors", "\"b\"", NULL);
      g_assert_false (gesso_weights_check (weights, "c", &shape, &fixture->error));
      test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, cases[i].index, "lacks", "\"c\"", NULL);
      g_unlink (path);
    }
}

/* A model that was saved in several files over one that was saved in one. */
static void
test_beside_one_file (Fixture *fixture, gconstpointer data)
{
  for (int is_transformers = 0; is_transformers < 2; is_transformers++)
    {
      const char *file = is_transformers ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
      g_autofree char *index = g_strconcat (file, ".index.json", NULL);
      g_autoptr (GessoWeights) weights = NULL;
      float value;

      put_tensor (fixture, file, "a", 7);
      g_free (test_write_text (fixture->folder, index, "{\"weight_map\": {\"a\": \"w-1.safetensors\"}}"));
      weights = gesso_variants_open (fixture->folder, is_transformers, NULL, &fixture->error);
      g_assert_no_error (fixture->error);
      g_assert_true (gesso_weights_read (weights, "a", 0, 1, GESSO_DTYPE_F32, &value, &fixture->error));
      g_assert_cmpfloat (value, ==, is_transformers ? 7 : 1);
    }
}

/* As with torch's own files, a tensor that two files have is the later one's. */
static void
test_twice (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GessoWeights) weights = NULL;
  float value;

  put_tensor (fixture, "w-2.safetensors", "a", 5);
  g_free (test_write_text (fixture->folder, "model.safetensors.index.json",
                           "{\"weight_map\": {\"a\": \"w-2.safetensors\", \"x\": \"w-1.safetensors\"}}"));
  weights = gesso_variants_open (fixture->folder, TRUE, NULL, &fixture->error);
  g_assert_no_error (fixture->error);
  g_assert_true (gesso_weights_read (weights, "a", 0, 1, GESSO_DTYPE_F32, &value, &fixture->error));
  g_assert_cmpfloat (value, ==, 5);
}

static void
test_bad_index (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *index;
    GessoError code;
    const char *file, *message;
  } cases[] = {
    { "{}", GESSO_ERROR_MODEL_INVALID, "index.json", "\"weight_map\"" },
    { "{\"weight_map\": []}", GESSO_ERROR_MODEL_INVALID, "index.json", "\"weight_map\"" },
    { "{\"weight_map\": {\"a\": 1}}", GESSO_ERROR_MODEL_INVALID, "index.json", "1 in" },
    { "{\"weight_map\": {\"a\": \"../w-1.safetensors\"}}", GESSO_ERROR_MODEL_INVALID, "index.json", "../w-1" },
    { "{\"weight_map\": {\"a\": \"\"}}", GESSO_ERROR_MODEL_INVALID, "index.json", "no name of a file" },
    { "{\"weight_map\": {\"a\": \"gone.safetensors\"}}", GESSO_ERROR_MODEL_NOT_FOUND, "gone.safetensors",
      "There is no file" },
    { "{\"weight_map\": {\"a\": \"w-1.safetensors\", \"b\": \"bad.safetensors\"}}", GESSO_ERROR_MODEL_INVALID,
      "bad.safetensors", "no safetensors file" },
  };
  g_autoptr (GString) many = g_string_new ("{\"weight_map\": {");

  g_free (test_write_text (fixture->folder, "bad.safetensors", "!"));
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_free (test_write_text (fixture->folder, "model.safetensors.index.json", cases[i].index));
      g_assert_null (gesso_variants_open (fixture->folder, TRUE, NULL, &fixture->error));
      test_error_says (&fixture->error, cases[i].code, cases[i].file, cases[i].message, NULL);
    }
  for (int i = 0; i < 300; i++)
    g_string_append_printf (many, "%s\"%d\": \"%d\"", i ? ", " : "", i, i);
  g_string_append (many, "}}");
  g_free (test_write_text (fixture->folder, "model.safetensors.index.json", many->str));
  g_assert_null (gesso_variants_open (fixture->folder, TRUE, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "index.json", "256", NULL);
}

#define ADD(name, function) g_test_add ("/shards/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("joined", test_joined);
  ADD ("beside-one-file", test_beside_one_file);
  ADD ("twice", test_twice);
  ADD ("bad-index", test_bad_index);
  return g_test_run ();
}
