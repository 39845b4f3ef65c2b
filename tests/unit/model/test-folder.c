/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whole model folders: which files are chosen, how their names are met, what must fit between parts, and what is said
 * when something does not.
 */

#include "model/model.h"
#include "support.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  char *folder;
  GError *error;
} Fixture;

#define INDEX(more)                                                                                                    \
  "{\"_class_name\": \"StableDiffusionPipeline\", \"text_encoder\": [\"transformers\", \"CLIPTextModel\"], "           \
  "\"tokenizer\": [\"transformers\", \"CLIPTokenizer\"], \"unet\": [\"diffusers\", \"UNet2DConditionModel\"], "        \
  "\"vae\": [\"diffusers\", \"AutoencoderKL\"], \"scheduler\": [\"diffusers\", \"PNDMScheduler\"]" more "}"

#define TEXT(more) "{\"vocab_size\": 600, \"hidden_size\": 8, \"num_attention_heads\": 2" more "}"
#define UNET(more)                                                                                                     \
  "{\"block_out_channels\": [8], \"norm_num_groups\": 4, \"attention_head_dim\": 2, \"sample_size\": 8, "              \
  "\"down_block_types\": [\"CrossAttnDownBlock2D\"], \"up_block_types\": [\"CrossAttnUpBlock2D\"]" more "}"
#define VAE(more)                                                                                                      \
  "{\"block_out_channels\": [8, 8, 8, 8], \"norm_num_groups\": 4, "                                                    \
  "\"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\", \"DownEncoderBlock2D\", "                    \
  "\"DownEncoderBlock2D\"], \"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\", \"UpDecoderBlock2D\", "   \
  "\"UpDecoderBlock2D\"]" more "}"

static void
put (Fixture *fixture, const char *name, const char *text)
{
  g_free (test_write_text (fixture->folder, name, text));
}

static void
take_away (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);

  g_assert_cmpint (g_remove (path), ==, 0);
}

/* A safetensors file with one F32 tensor, 2 x 2 (and as many 1 as `tail` says), of each name. */
static void
put_weights (Fixture *fixture, const char *name, const char *const *names, const char *tail)
{
  static const float values[] = { 1, 2, 3, 4 };
  g_autoptr (GString) header = g_string_new ("{");
  g_autoptr (GByteArray) data = g_byte_array_new (), file = NULL;

  for (; *names; names++)
    {
      g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[2,2%s],\"data_offsets\":[%u,%u]}",
                              header->len > 1 ? "," : "", *names, tail, data->len, data->len + (guint) sizeof values);
      g_byte_array_append (data, (const guint8 *) values, sizeof values);
    }
  g_string_append (header, "}");
  file = test_safetensors (header->str, data->data, data->len);
  g_free (test_write (fixture->folder, name, file->data, file->len));
}

/* The bytes of CLIP's vocabulary, alone and at the end of a word, and the two special tokens. */
static void
put_tokenizer (Fixture *fixture)
{
  g_autoptr (GString) vocabulary = g_string_new ("{");
  int id = 0;

  for (int end = 0; end < 2; end++)
    for (int byte = 0; byte < 256; byte++)
      {
        gboolean visible = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        static int hidden;
        gunichar character;

        if (byte == 0)
          hidden = 256;
        character = visible ? (gunichar) byte : (gunichar) hidden++;
        g_string_append (vocabulary, id ? ", \"" : "\"");
        if (character == '"' || character == '\\')
          g_string_append_c (vocabulary, '\\');
        g_string_append_unichar (vocabulary, character);
        g_string_append_printf (vocabulary, "%s\": %d", end ? "</w>" : "", id++);
      }
  g_string_append (vocabulary, ", \"<|startoftext|>\": 512, \"<|endoftext|>\": 513}");
  put (fixture, "tokenizer/vocab.json", vocabulary->str);
  put (fixture, "tokenizer/merges.txt", "#version: 0.2\n");
  put (fixture, "tokenizer/tokenizer_config.json",
       "{\"model_max_length\": 77, \"bos_token\": \"<|startoftext|>\", \"eos_token\": \"<|endoftext|>\", "
       "\"unk_token\": \"<|endoftext|>\", \"pad_token\": \"<|endoftext|>\"}");
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  static const char *const text[] = { "text_model.final_layer_norm.weight", NULL };
  static const char *const unet[] = { "mid_block.attentions.0.proj_in.weight", "conv_in.weight", NULL };
  static const char *const vae[] = { "decoder.mid_block.attentions.0.to_q.weight", NULL };

  fixture->folder = test_folder_new ();
  put (fixture, "model_index.json", INDEX (""));
  put (fixture, "text_encoder/config.json", TEXT (""));
  put (fixture, "unet/config.json", UNET (", \"cross_attention_dim\": 8"));
  put (fixture, "vae/config.json", VAE (""));
  put (fixture, "scheduler/scheduler_config.json", "{\"skip_prk_steps\": true}");
  put_tokenizer (fixture);
  put_weights (fixture, "text_encoder/model.safetensors", text, "");
  put_weights (fixture, "unet/diffusion_pytorch_model.safetensors", unet, ",1,1");
  put_weights (fixture, "vae/diffusion_pytorch_model.safetensors", vae, "");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_no_error (fixture->error);
  test_folder_remove (fixture->folder);
}

static GessoModel *
open_good (Fixture *fixture)
{
  GessoModel *model = gesso_model_open (fixture->folder, NULL, &fixture->error);

  g_assert_no_error (fixture->error);
  return model;
}

static void
expect (Fixture *fixture, int code, const char *text, const char *other_text)
{
  g_assert_null (gesso_model_open (fixture->folder, NULL, &fixture->error));
  test_error_says (&fixture->error, code, text, other_text, NULL);
}

/* Which file was opened, after the folder's name. */
static const char *
chosen (const GessoModel *model, const GessoWeights *weights)
{
  return gesso_weights_path (weights) + strlen (model->folder) + 1;
}

static void
check_tensor (GessoWeights *weights, const char *name, int rank)
{
  GessoShape shape;
  GessoDType dtype;

  if (!gesso_weights_find (weights, name, &shape, &dtype))
    g_error ("no tensor %s", name);
  g_assert_cmpint (shape.rank, ==, rank);
}

static void
test_open (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GessoModel) model = open_good (fixture);
  g_autofree char *name = g_path_get_basename (fixture->folder);

  g_assert_cmpstr (model->folder, ==, fixture->folder);
  g_assert_cmpstr (model->name, ==, name);
  g_assert_cmpint (model->text.hidden_size, ==, 8);
  g_assert_cmpint (model->unet.block_out_channels[0], ==, 8);
  g_assert_cmpint (model->vae.n_levels, ==, 4);
  g_assert_true (model->scheduler.skip_prk_steps);
  g_assert_true (model->scheduler.is_pndm);
  g_assert_cmpuint (model->notices->len, ==, 0);
  g_assert_cmpint (gesso_model_vae_factor (model), ==, 8);
  g_assert_cmpint (gesso_tokenizer_length (model->tokenizer), ==, 77);
}

static void
test_names (Fixture *fixture, gconstpointer data)
{
  g_autofree char *slash = g_strconcat (fixture->folder, "/./", NULL);
  g_autofree char *own = g_path_get_basename (fixture->folder);
  g_autofree char *cache = g_build_filename (fixture->folder, "models--org--bk-sdm-tiny", "snapshots", NULL);
  g_autofree char *snapshot = g_build_filename (cache, "0123abc", NULL);
  g_autoptr (GessoModel) model = gesso_model_open (slash, NULL, &fixture->error);
  g_autoptr (GessoModel) cached = NULL;

  g_assert_no_error (fixture->error);
  g_assert_cmpstr (model->name, ==, own);
  g_assert_cmpint (g_mkdir_with_parents (cache, 0700), ==, 0);
  g_assert_cmpint (symlink (fixture->folder, snapshot), ==, 0);
  cached = gesso_model_open (snapshot, NULL, &fixture->error);
  g_assert_no_error (fixture->error);
  g_assert_cmpstr (cached->name, ==, "bk-sdm-tiny");
}

static void
test_other_scheduler (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GessoModel) model = NULL;

  put (fixture, "model_index.json",
       INDEX (", \"scheduler\": [\"diffusers\", \"DDIMScheduler\"], \"safety_checker\": [null, null], "
              "\"feature_extractor\": [\"transformers\", \"CLIPImageProcessor\"], \"image_encoder\": null, "
              "\"requires_safety_checker\": false"));
  put (fixture, "scheduler/scheduler_config.json",
       "{\"_class_name\": \"DDIMScheduler\", \"beta_start\": 0.00085, \"set_alpha_to_one\": true, \"clip_sample\": "
       "false}");
  model = open_good (fixture);
  g_assert_false (model->scheduler.is_pndm);
  g_assert_cmpstr (model->scheduler.class_name, ==, "DDIMScheduler");
  g_assert_cmpfloat (model->scheduler.beta_start, ==, 0.00085);
  g_assert_true (model->scheduler.set_alpha_to_one);
  g_assert_cmpuint (model->notices->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (model->notices, 0), ==,
                   "The folder asks for DDIMScheduler; PNDM takes its place.");
}

/* The files in the order in which they are preferred: each is taken when those before are away. */
static void
test_variants (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "w", NULL };
  static const char *const unet[] = {
    "unet/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.fp16.bin",
  };
  static const char *const text[] = {
    "text_encoder/model.safetensors",
    "text_encoder/pytorch_model.bin",
    "text_encoder/model.fp16.safetensors",
    "text_encoder/pytorch_model.fp16.bin",
  };
  g_autofree char *state_dict = g_test_build_filename (G_TEST_DIST, "data", "state-dict.bin", NULL);
  g_autofree char *link_away = NULL;
  g_autofree char *bytes = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (state_dict, &bytes, &size, NULL));
  put_weights (fixture, unet[2], names, "");
  put_weights (fixture, text[2], names, "");
  for (int i = 1; i < 4; i += 2)
    {
      g_free (test_write (fixture->folder, unet[i], bytes, size));
      g_free (test_write (fixture->folder, text[i], bytes, size));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (unet); i++)
    {
      g_autoptr (GessoModel) model = open_good (fixture);

      g_assert_cmpstr (chosen (model, model->unet_weights), ==, unet[i]);
      g_assert_cmpstr (chosen (model, model->text_weights), ==, text[i]);
      take_away (fixture, unet[i]);
      take_away (fixture, text[i]);
    }
  expect (fixture, GESSO_ERROR_MODEL_NOT_FOUND, "text_encoder",
          "model.safetensors, pytorch_model.bin, model.fp16.safetensors, pytorch_model.fp16.bin");
  link_away = g_build_filename (fixture->folder, text[1], NULL);
  g_assert_cmpint (symlink ("pytorch_model.bin", link_away), ==, 0);
  expect (fixture, GESSO_ERROR_MODEL_INVALID, text[1], "cannot be opened");
  take_away (fixture, text[1]);
  g_assert_cmpint (symlink ("gone", link_away), ==, 0);
  expect (fixture, GESSO_ERROR_MODEL_NOT_FOUND, text[1], "no file");
  put_weights (fixture, text[2], names, "");
  put_weights (fixture, unet[0], names, "");
  gesso_model_free (open_good (fixture)); /* of use all the same while another file is there */
}

static void
test_text_names (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "embeddings.token_embedding.weight", "text_model.encoder.x", NULL };
  g_autoptr (GessoModel) model = NULL;
  GessoShape shape;
  GessoDType dtype;

  put_weights (fixture, "text_encoder/model.safetensors", names, "");
  model = open_good (fixture);
  check_tensor (model->text_weights, "text_model.embeddings.token_embedding.weight", 2);
  check_tensor (model->text_weights, "text_model.encoder.x", 2);
  g_assert_false (gesso_weights_find (model->text_weights, "text_model.text_model.encoder.x", &shape, &dtype));
}

static void
test_vae_names (Fixture *fixture, gconstpointer data)
{
  static const char *const old_names[] = {
    "encoder.mid_block.attentions.0.query.weight",
    "encoder.mid_block.attentions.0.key.weight",
    "encoder.mid_block.attentions.0.value.weight",
    "encoder.mid_block.attentions.0.proj_attn.weight",
    "decoder.mid_block.attentions.0.to_q.weight",
    "decoder.mid_block.attentions.0.to_out.0.weight",
    "decoder.conv_in.weight",
    NULL,
  };
  static const char *const tails[] = { "", ",1,1" };

  for (gsize i = 0; i < G_N_ELEMENTS (tails); i++)
    {
      g_autoptr (GessoModel) model = NULL;
      float value;

      put_weights (fixture, "vae/diffusion_pytorch_model.safetensors", old_names, tails[i]);
      model = open_good (fixture);
      check_tensor (model->vae_weights, "encoder.mid_block.attentions.0.to_q.weight", 2);
      check_tensor (model->vae_weights, "encoder.mid_block.attentions.0.to_k.weight", 2);
      check_tensor (model->vae_weights, "encoder.mid_block.attentions.0.to_v.weight", 2);
      check_tensor (model->vae_weights, "encoder.mid_block.attentions.0.to_out.0.weight", 2);
      check_tensor (model->vae_weights, "decoder.mid_block.attentions.0.to_q.weight", 2);
      check_tensor (model->vae_weights, "decoder.mid_block.attentions.0.to_out.0.weight", 2);
      check_tensor (model->vae_weights, "decoder.conv_in.weight", i ? 4 : 2);
      g_assert_true (gesso_weights_read (model->vae_weights, "encoder.mid_block.attentions.0.to_v.weight", 3, 1,
                                         GESSO_DTYPE_F32, &value, &fixture->error));
      g_assert_cmpfloat (value, ==, 4);
    }
}

/* A tensor of an unreadable type is not called missing because its name is an old one: the message has that name. */
static void
test_unreadable_names (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *file;
    const char *name;
    const char *asked;
  } cases[] = {
    { "text_encoder/model.safetensors", "embeddings.token_embedding.weight",
      "text_model.embeddings.token_embedding.weight" },
    { "vae/diffusion_pytorch_model.safetensors", "decoder.mid_block.attentions.0.query.weight",
      "decoder.mid_block.attentions.0.to_q.weight" },
    { "unet/diffusion_pytorch_model.safetensors", "mid_block.attentions.0.proj_in.weight",
      "mid_block.attentions.0.proj_in.weight" },
  };
  const GessoShape shape = GESSO_SHAPE2 (2, 2);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      static const gint16 values[4];
      g_autofree char *header
          = g_strdup_printf ("{\"%s\":{\"dtype\":\"I16\",\"shape\":[2,2],\"data_offsets\":[0,8]}}", cases[i].name);
      g_autofree char *quoted = g_strdup_printf ("\"%s\"", cases[i].name);
      g_autoptr (GByteArray) file = test_safetensors (header, values, sizeof values);
      g_autoptr (GessoModel) model = NULL;
      GessoWeights *weights[3];

      g_free (test_write (fixture->folder, cases[i].file, file->data, file->len));
      model = open_good (fixture);
      weights[0] = model->text_weights;
      weights[1] = model->vae_weights;
      weights[2] = model->unet_weights;
      g_assert_false (gesso_weights_check (weights[i], cases[i].asked, &shape, &fixture->error));
      test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, cases[i].file, quoted, "type I16", NULL);
    }
}

/* proj_in as the config wants it, whatever the file has; nothing else changes. */
static void
test_unet_names (Fixture *fixture, gconstpointer data)
{
  static const char *const names[]
      = { "mid_block.attentions.0.proj_in.weight", "mid_block.attentions.0.proj_out.weight", "conv_in.weight", NULL };
  static const char *const tails[] = { "", ",1,1" };

  for (gsize i = 0; i < 4; i++)
    {
      g_autoptr (GessoModel) model = NULL;
      const gboolean linear = i / 2;

      put_weights (fixture, "unet/diffusion_pytorch_model.safetensors", names, tails[i % 2]);
      put (fixture, "unet/config.json",
           linear ? UNET (", \"cross_attention_dim\": 8, \"use_linear_projection\": true")
                  : UNET (", \"cross_attention_dim\": 8"));
      model = open_good (fixture);
      check_tensor (model->unet_weights, names[0], linear ? 2 : 4);
      check_tensor (model->unet_weights, names[1], linear ? 2 : 4);
      check_tensor (model->unet_weights, names[2], i % 2 ? 4 : 2);
    }
}

static void
test_index (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *index;
    const char *says;
    const char *also;
  } cases[] = {
    { "{}", "no \"text_encoder\"", "model_index.json" },
    { INDEX (", \"unet\": [null, null]"), "no \"unet\"", "model_index.json" },
    { INDEX (", \"unet\": [\"diffusers\", \"FlaxUNet2DConditionModel\"]"), "FlaxUNet2DConditionModel",
      "only UNet2DConditionModel" },
    { INDEX (", \"vae\": [\"diffusers\", \"AutoencoderTiny\"]"), "AutoencoderTiny", "only AutoencoderKL" },
    { INDEX (", \"text_encoder\": [\"transformers\", \"T5EncoderModel\"]"), "T5EncoderModel", "only CLIPTextModel" },
    { INDEX (", \"tokenizer\": [\"transformers\", \"T5Tokenizer\"]"), "T5Tokenizer", "only CLIPTokenizer" },
    { INDEX (", \"vae\": \"AutoencoderKL\""), "no \"vae\"", "model_index.json" },
    { INDEX (", \"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"]"), "text_encoder_2",
      "Choose another" },
    { "[", "damaged", "model_index.json" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (fixture, "model_index.json", cases[i].index);
      expect (fixture, GESSO_ERROR_MODEL_INVALID, cases[i].says, cases[i].also);
    }
  put (fixture, "model_index.json",
       INDEX (", \"tokenizer\": [\"transformers\", \"CLIPTokenizerFast\"], \"text_encoder_2\": [null, null]"));
  gesso_model_free (open_good (fixture));
}

static void
test_pipeline (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *value;
    const char *name; /* in the notice; NULL: none */
  } cases[] = {
    { "\"StableDiffusionPipeline\"", NULL },
    { "\"StableDiffusionXLPipeline\"", "StableDiffusionXLPipeline" },
    { "\"StableDiffusionInstructPix2PixPipeline\"", "StableDiffusionInstructPix2PixPipeline" },
    { "null", "null" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *member = g_strdup_printf ("{\"_class_name\": %s", cases[i].value);
      g_autoptr (GString) index = g_string_new (INDEX (""));
      g_autofree char *notice = g_strdup_printf ("model_index.json names the pipeline %s; it is run as "
                                                 "StableDiffusionPipeline.",
                                                 cases[i].name);
      g_autoptr (GessoModel) model = NULL;

      g_string_replace (index, "{\"_class_name\": \"StableDiffusionPipeline\"", member, 1);
      put (fixture, "model_index.json", index->str);
      model = open_good (fixture);
      g_assert_cmpuint (model->notices->len, ==, cases[i].name ? 1 : 0);
      if (cases[i].name)
        g_assert_cmpstr (g_ptr_array_index (model->notices, 0), ==, notice);
    }
}

static void
test_missing (Fixture *fixture, gconstpointer data)
{
  static const char *const files[]
      = { "text_encoder/config.json", "unet/config.json", "vae/config.json", "scheduler/scheduler_config.json" };
  g_autofree char *nowhere = g_build_filename (fixture->folder, "nowhere", NULL);
  g_autofree char *part = g_build_filename (fixture->folder, "unet", NULL);
  g_autofree char *file = g_build_filename (fixture->folder, "vae", "diffusion_pytorch_model.safetensors", NULL);
  g_autofree char *cache = g_build_filename (fixture->folder, "cache", NULL);
  g_autofree char *snapshots = g_build_filename (cache, "snapshots", NULL);

  g_assert_null (gesso_model_open (nowhere, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_NOT_FOUND, nowhere, "no folder", NULL);
  g_assert_null (gesso_model_open (file, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_NOT_FOUND, file, "is a file", "converted", NULL);
  g_assert_null (gesso_model_open (part, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_NOT_FOUND, part, "folder above", NULL);
  g_assert_cmpint (g_mkdir_with_parents (snapshots, 0700), ==, 0);
  g_assert_null (gesso_model_open (cache, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_NOT_FOUND, snapshots, "download cache", NULL);
  g_assert_null (gesso_model_open (snapshots, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_NOT_FOUND, "model_index.json", "diffusers", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (fixture->folder, files[i], NULL);
      g_autofree char *aside = g_strconcat (path, ".aside", NULL);

      g_assert_cmpint (g_rename (path, aside), ==, 0);
      expect (fixture, GESSO_ERROR_MODEL_NOT_FOUND, files[i], "ownload");
      g_assert_cmpint (g_rename (aside, path), ==, 0);
    }
  take_away (fixture, "tokenizer/vocab.json");
  expect (fixture, GESSO_ERROR_MODEL_NOT_FOUND, "tokenizer", "vocab.json");
}

static void
test_fit (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *file;
    const char *bad;
    const char *says;
    const char *good;
  } cases[] = {
    { "text_encoder/config.json", TEXT (", \"max_position_embeddings\": 76"), "\"max_position_embeddings\" is 76",
      TEXT ("") },
    { "text_encoder/config.json", TEXT (", \"vocab_size\": 513"), "\"vocab_size\" is 513", TEXT ("") },
    { "text_encoder/config.json", TEXT (", \"hidden_size\": 16"), "\"hidden_size\" is 16", TEXT ("") },
    { "vae/config.json", VAE (", \"latent_channels\": 8"), "\"latent_channels\" is 8", VAE ("") },
    { "unet/config.json", UNET (", \"cross_attention_dim\": 8, \"in_channels\": 3"), "\"in_channels\" is 3",
      UNET (", \"cross_attention_dim\": 8") },
    { "unet/config.json", UNET (", \"cross_attention_dim\": 8, \"out_channels\": 8"), "\"out_channels\" is 8",
      UNET (", \"cross_attention_dim\": 8") },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (fixture, cases[i].file, cases[i].bad);
      expect (fixture, GESSO_ERROR_MODEL_INVALID, "do not fit", cases[i].says);
      put (fixture, cases[i].file, cases[i].good);
    }
  put (fixture, "text_encoder/config.json", TEXT (", \"vocab_size\": 514"));
  gesso_model_free (open_good (fixture));
}

/* An error of any part reaches the caller. */
static void
test_bad_parts (Fixture *fixture, gconstpointer data)
{
  static const char *const weights[] = { "vae/diffusion_pytorch_model.safetensors",
                                         "unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors" };
  static const char *const configs[]
      = { "scheduler/scheduler_config.json", "vae/config.json", "unet/config.json", "text_encoder/config.json" };

  for (gsize i = 0; i < G_N_ELEMENTS (weights); i++)
    {
      put (fixture, weights[i], "too short");
      expect (fixture, GESSO_ERROR_MODEL_INVALID, weights[i], "Download it again");
    }
  for (gsize i = 0; i < G_N_ELEMENTS (configs); i++)
    {
      put (fixture, configs[i], "{");
      expect (fixture, GESSO_ERROR_MODEL_INVALID, configs[i], "damaged");
    }
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  g_cancellable_cancel (cancellable);
  g_assert_null (gesso_model_open (fixture->folder, cancellable, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_CANCELLED, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/folder/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("open", test_open);
  ADD ("names", test_names);
  ADD ("other-scheduler", test_other_scheduler);
  ADD ("variants", test_variants);
  ADD ("text-names", test_text_names);
  ADD ("vae-names", test_vae_names);
  ADD ("unet-names", test_unet_names);
  ADD ("unreadable-names", test_unreadable_names);
  ADD ("index", test_index);
  ADD ("pipeline", test_pipeline);
  ADD ("missing", test_missing);
  ADD ("fit", test_fit);
  ADD ("bad-parts", test_bad_parts);
  ADD ("cancelled", test_cancelled);
#undef ADD
  return g_test_run ();
}
