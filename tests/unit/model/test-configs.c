/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Configuration files: what absent keys become, what is read, and what is said about values the engine cannot do.
 */

#include "model/configs.h"
#include "support.h"

#include <string.h>

typedef enum
{
  TEXT,
  UNET,
  VAE,
  SCHEDULER,
} Part;

typedef union
{
  GessoTextConfig text;
  GessoUnetConfig unet;
  GessoVaeConfig vae;
  GessoSchedulerConfig scheduler;
} Config;

static gboolean
read_text (Part part, const char *text, Config *config, GError **error)
{
  char *folder = test_folder_new ();
  g_autofree char *path = test_write_text (folder, "config.json", text);
  gboolean success = FALSE;

  switch (part)
    {
    case TEXT:
      success = gesso_text_config_read (path, NULL, &config->text, error);
      break;
    case UNET:
      success = gesso_unet_config_read (path, NULL, &config->unet, error);
      break;
    case VAE:
      success = gesso_vae_config_read (path, NULL, &config->vae, error);
      break;
    case SCHEDULER:
      success = gesso_scheduler_config_read (path, "PNDMScheduler", NULL, &config->scheduler, error);
      break;
    }
  test_folder_remove (folder);
  return success;
}

static Config
read_good (Part part, const char *text)
{
  g_autoptr (GError) error = NULL;
  Config config;

  g_assert_true (read_text (part, text, &config, &error));
  g_assert_no_error (error);
  return config;
}

static void
test_text_defaults (void)
{
  const Config config = read_good (TEXT, "{}");

  g_assert_cmpint (config.text.vocab_size, ==, 49408);
  g_assert_cmpint (config.text.hidden_size, ==, 512);
  g_assert_cmpint (config.text.intermediate_size, ==, 2048);
  g_assert_cmpint (config.text.num_hidden_layers, ==, 12);
  g_assert_cmpint (config.text.num_attention_heads, ==, 8);
  g_assert_cmpint (config.text.max_position_embeddings, ==, 77);
  g_assert_cmpint (config.text.hidden_act, ==, GESSO_ACTIVATION_QUICK_GELU);
  g_assert_cmpfloat (config.text.layer_norm_eps, ==, 1e-5);
}

static void
test_text_read (void)
{
  Config config = read_good (TEXT, "{\"vocab_size\": 100, \"hidden_size\": 64, \"intermediate_size\": 128, "
                                   "\"num_hidden_layers\": 3, \"num_attention_heads\": 4, "
                                   "\"max_position_embeddings\": 80, \"hidden_act\": \"gelu\", "
                                   "\"layer_norm_eps\": 1e-06, \"dropout\": 0.5, \"_commit_hash\": null}");

  g_assert_cmpint (config.text.vocab_size, ==, 100);
  g_assert_cmpint (config.text.hidden_size, ==, 64);
  g_assert_cmpint (config.text.intermediate_size, ==, 128);
  g_assert_cmpint (config.text.num_hidden_layers, ==, 3);
  g_assert_cmpint (config.text.num_attention_heads, ==, 4);
  g_assert_cmpint (config.text.max_position_embeddings, ==, 80);
  g_assert_cmpint (config.text.hidden_act, ==, GESSO_ACTIVATION_GELU);
  g_assert_cmpfloat (config.text.layer_norm_eps, ==, 1e-6);
  /* Of a whole CLIP. */
  config = read_good (TEXT, "{\"hidden_size\": 1, \"text_config\": {\"hidden_size\": 24}, \"vision_config\": {}}");
  g_assert_cmpint (config.text.hidden_size, ==, 24);
}

static void
test_unet_defaults (void)
{
  static const int channels[] = { 320, 640, 1280, 1280 };
  const Config config = read_good (UNET, "{}");
  const GessoUnetConfig *unet = &config.unet;

  g_assert_cmpint (unet->in_channels, ==, 4);
  g_assert_cmpint (unet->out_channels, ==, 4);
  g_assert_cmpint (unet->sample_height, ==, 64);
  g_assert_cmpint (unet->sample_width, ==, 64);
  g_assert_cmpint (unet->n_levels, ==, 4);
  for (int i = 0; i < 4; i++)
    {
      g_assert_cmpint (unet->block_out_channels[i], ==, channels[i]);
      g_assert_cmpint (unet->down_has_attention[i], ==, i < 3);
      g_assert_cmpint (unet->up_has_attention[i], ==, i > 0);
      g_assert_cmpint (unet->layers_per_block[i], ==, 2);
      g_assert_cmpint (unet->num_attention_heads[i], ==, 8);
      g_assert_cmpint (unet->transformer_layers[i], ==, 1);
    }
  g_assert_true (unet->has_mid_block);
  g_assert_cmpint (unet->cross_attention_dim, ==, 1280);
  g_assert_false (unet->use_linear_projection);
  g_assert_cmpint (unet->norm_num_groups, ==, 32);
  g_assert_cmpfloat (unet->norm_eps, ==, 1e-5);
  g_assert_true (unet->flip_sin_to_cos);
  g_assert_cmpfloat (unet->freq_shift, ==, 0);
  g_assert_cmpint (unet->act_fn, ==, GESSO_ACTIVATION_SILU);
  g_assert_cmpint (unet->downsample_padding, ==, 1);
  g_assert_false (unet->upcast_attention);
}

/* Two levels, so that the lists are short. */
#define UNET2                                                                                                          \
  "\"block_out_channels\": [32, 64], \"norm_num_groups\": 8, \"attention_head_dim\": [2, 4], "                         \
  "\"down_block_types\": [\"DownBlock2D\", \"CrossAttnDownBlock2D\"], "                                                \
  "\"up_block_types\": [\"CrossAttnUpBlock2D\", \"UpBlock2D\"]"

static void
test_unet_read (void)
{
  Config config = read_good (UNET, "{" UNET2 ", \"in_channels\": 5, \"out_channels\": 6, \"sample_size\": [96, 64], "
                                   "\"mid_block_type\": null, \"layers_per_block\": [1, 3], "
                                   "\"transformer_layers_per_block\": [2, 1], \"cross_attention_dim\": [48, 48], "
                                   "\"use_linear_projection\": true, \"norm_eps\": 1e-6, "
                                   "\"flip_sin_to_cos\": false, \"freq_shift\": 1, \"act_fn\": \"GELU\", "
                                   "\"downsample_padding\": 0, \"upcast_attention\": true, "
                                   "\"only_cross_attention\": [false, false], \"time_embedding_dim\": 128, "
                                   "\"mid_block_only_cross_attention\": false, \"dropout\": 0.1, "
                                   "\"mid_block_scale_factor\": 1.0, \"unknown\": {\"a\": [1]}}");
  const GessoUnetConfig *unet = &config.unet;

  g_assert_cmpint (unet->n_levels, ==, 2);
  g_assert_cmpint (unet->block_out_channels[1], ==, 64);
  g_assert_cmpint (unet->in_channels, ==, 5);
  g_assert_cmpint (unet->out_channels, ==, 6);
  g_assert_cmpint (unet->sample_height, ==, 96);
  g_assert_cmpint (unet->sample_width, ==, 64);
  g_assert_false (unet->down_has_attention[0]);
  g_assert_true (unet->down_has_attention[1]);
  g_assert_true (unet->up_has_attention[0]);
  g_assert_false (unet->up_has_attention[1]);
  g_assert_false (unet->has_mid_block);
  g_assert_cmpint (unet->layers_per_block[0], ==, 1);
  g_assert_cmpint (unet->layers_per_block[1], ==, 3);
  g_assert_cmpint (unet->num_attention_heads[0], ==, 2);
  g_assert_cmpint (unet->num_attention_heads[1], ==, 4);
  g_assert_cmpint (unet->transformer_layers[0], ==, 2);
  g_assert_cmpint (unet->transformer_layers[1], ==, 1);
  g_assert_cmpint (unet->cross_attention_dim, ==, 48);
  g_assert_true (unet->use_linear_projection);
  g_assert_cmpint (unet->norm_num_groups, ==, 8);
  g_assert_cmpfloat (unet->norm_eps, ==, 1e-6);
  g_assert_false (unet->flip_sin_to_cos);
  g_assert_cmpfloat (unet->freq_shift, ==, 1);
  g_assert_cmpint (unet->act_fn, ==, GESSO_ACTIVATION_GELU);
  g_assert_cmpint (unet->downsample_padding, ==, 0);
  g_assert_true (unet->upcast_attention);

  /* Heads of a level without attention are nobody's business. */
  config = read_good (UNET, "{" UNET2 ", \"attention_head_dim\": [5, 16], \"num_attention_heads\": null}");
  g_assert_cmpint (unet->num_attention_heads[0], ==, 5);
  g_assert_cmpint (unet->num_attention_heads[1], ==, 16);
}

static void
test_unet_old_size (void)
{
  static const struct
  {
    const char *keys;
    int height;
  } cases[] = {
    { "\"sample_size\": 32, \"_diffusers_version\": \"0.8.0.dev0\"", 64 },
    { "\"sample_size\": 32, \"_diffusers_version\": \"0.2.2\"", 64 },
    { "\"sample_size\": 32, \"_diffusers_version\": \"0.9.0.dev0\"", 32 },
    { "\"sample_size\": 32, \"_diffusers_version\": \"0.11.1\"", 32 },
    { "\"sample_size\": 32, \"_diffusers_version\": \"1.2.0\"", 32 },
    { "\"sample_size\": 32, \"_diffusers_version\": \"mine\"", 32 },
    { "\"sample_size\": 32, \"_diffusers_version\": 0.8", 32 },
    { "\"sample_size\": 32", 32 },
    { "\"sample_size\": 96, \"_diffusers_version\": \"0.8.0\"", 96 },
    { "\"sample_size\": [32, 32], \"_diffusers_version\": \"0.8.0\"", 32 },
    { "\"sample_size\": null, \"_diffusers_version\": \"0.8.0\"", 64 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("{%s}", cases[i].keys);
      const Config config = read_good (UNET, text);

      g_assert_cmpint (config.unet.sample_height, ==, cases[i].height);
      g_assert_cmpint (config.unet.sample_width, ==, cases[i].height);
    }
}

static void
test_vae_defaults (void)
{
  const Config config = read_good (VAE, "{}");

  g_assert_cmpint (config.vae.in_channels, ==, 3);
  g_assert_cmpint (config.vae.out_channels, ==, 3);
  g_assert_cmpint (config.vae.latent_channels, ==, 4);
  g_assert_cmpint (config.vae.n_levels, ==, 1);
  g_assert_cmpint (config.vae.block_out_channels[0], ==, 64);
  g_assert_cmpint (config.vae.layers_per_block, ==, 1);
  g_assert_cmpint (config.vae.norm_num_groups, ==, 32);
  g_assert_cmpint (config.vae.act_fn, ==, GESSO_ACTIVATION_SILU);
  g_assert_cmpfloat (config.vae.scaling_factor, ==, 0.18215);
  g_assert_true (config.vae.use_quant_conv);
  g_assert_true (config.vae.use_post_quant_conv);
  g_assert_true (config.vae.mid_block_add_attention);
}

static void
test_vae_read (void)
{
  const Config config = read_good (
      VAE, "{\"block_out_channels\": [8, 16], \"down_block_types\": [\"DownEncoderBlock2D\", "
           "\"DownEncoderBlock2D\"], \"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"], "
           "\"latent_channels\": 16, \"layers_per_block\": 2, \"norm_num_groups\": 4, \"act_fn\": \"swish\", "
           "\"scaling_factor\": 1, \"use_quant_conv\": false, \"use_post_quant_conv\": false, "
           "\"mid_block_add_attention\": false, \"shift_factor\": 0.0, \"force_upcast\": true, "
           "\"sample_size\": 512}");

  g_assert_cmpint (config.vae.n_levels, ==, 2);
  g_assert_cmpint (config.vae.block_out_channels[1], ==, 16);
  g_assert_cmpint (config.vae.latent_channels, ==, 16);
  g_assert_cmpint (config.vae.layers_per_block, ==, 2);
  g_assert_cmpint (config.vae.norm_num_groups, ==, 4);
  g_assert_cmpfloat (config.vae.scaling_factor, ==, 1);
  g_assert_false (config.vae.use_quant_conv);
  g_assert_false (config.vae.use_post_quant_conv);
  g_assert_false (config.vae.mid_block_add_attention);
}

static void
test_scheduler_defaults (void)
{
  Config config = read_good (SCHEDULER, "{}");

  g_assert_cmpstr (config.scheduler.class_name, ==, "PNDMScheduler");
  g_assert_true (config.scheduler.is_pndm);
  g_assert_cmpint (config.scheduler.num_train_timesteps, ==, 1000);
  g_assert_cmpfloat (config.scheduler.beta_start, ==, 0.0001);
  g_assert_cmpfloat (config.scheduler.beta_end, ==, 0.02);
  g_assert_cmpint (config.scheduler.beta_schedule, ==, GESSO_BETAS_LINEAR);
  g_assert_null (config.scheduler.trained_betas);
  g_assert_false (config.scheduler.skip_prk_steps);
  g_assert_false (config.scheduler.set_alpha_to_one);
  g_assert_cmpint (config.scheduler.prediction_type, ==, GESSO_PREDICTION_EPSILON);
  g_assert_cmpint (config.scheduler.timestep_spacing, ==, GESSO_SPACING_LEADING);
  g_assert_cmpint (config.scheduler.steps_offset, ==, 1);
  gesso_scheduler_config_clear (&config.scheduler);
}

/* Another scheduler's file: PNDM takes over what it says; where it says nothing of the offset, PNDM's own 0 counts. */
static void
test_scheduler_of_others (void)
{
  static const struct
  {
    const char *text;
    int steps_offset;
  } cases[] = { { "{}", 0 }, { "{\"steps_offset\": 0}", 1 }, { "{\"steps_offset\": 1}", 1 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char *folder = test_folder_new ();
      g_autofree char *path = test_write_text (folder, "config.json", cases[i].text);
      g_autoptr (GError) error = NULL;
      GessoSchedulerConfig config;

      g_assert_true (gesso_scheduler_config_read (path, "DPMSolverMultistepScheduler", NULL, &config, &error));
      g_assert_no_error (error);
      g_assert_false (config.is_pndm);
      g_assert_cmpint (config.steps_offset, ==, cases[i].steps_offset);
      gesso_scheduler_config_clear (&config);
      test_folder_remove (folder);
    }
}

static void
test_scheduler_read (void)
{
  /* "-Infinity" is what the configs of some other schedulers hold. */
  Config config = read_good (
      SCHEDULER, "{\"lambda_min_clipped\": -Infinity, \"a\": Infinity, \"b\": NaN, \"num_train_timesteps\": 3, "
                 "\"beta_start\": 0.00085, \"beta_end\": 0.012, "
                 "\"beta_schedule\": \"scaled_linear\", \"skip_prk_steps\": true, "
                 "\"set_alpha_to_one\": true, \"prediction_type\": \"v_prediction\", "
                 "\"timestep_spacing\": \"trailing\", \"steps_offset\": 0}");

  g_assert_cmpint (config.scheduler.num_train_timesteps, ==, 3);
  g_assert_cmpfloat (config.scheduler.beta_start, ==, 0.00085);
  g_assert_cmpfloat (config.scheduler.beta_end, ==, 0.012);
  g_assert_cmpint (config.scheduler.beta_schedule, ==, GESSO_BETAS_SCALED_LINEAR);
  g_assert_true (config.scheduler.skip_prk_steps);
  g_assert_true (config.scheduler.set_alpha_to_one);
  g_assert_cmpint (config.scheduler.prediction_type, ==, GESSO_PREDICTION_V);
  g_assert_cmpint (config.scheduler.timestep_spacing, ==, GESSO_SPACING_TRAILING);
  g_assert_cmpint (config.scheduler.steps_offset, ==, 1);
  gesso_scheduler_config_clear (&config.scheduler);

  config = read_good (SCHEDULER, "{\"num_train_timesteps\": 3, \"trained_betas\": [0.1, 0.25, 0.5], "
                                 "\"beta_schedule\": \"squaredcos_cap_v2\", \"timestep_spacing\": \"linspace\"}");
  g_assert_cmpint (config.scheduler.beta_schedule, ==, GESSO_BETAS_TRAINED);
  g_assert_cmpfloat (config.scheduler.trained_betas[1], ==, 0.25);
  g_assert_cmpint (config.scheduler.timestep_spacing, ==, GESSO_SPACING_LINSPACE);
  gesso_scheduler_config_clear (&config.scheduler);
}

/* null is what diffusers takes for false wherever it only asks whether a value is true; not for the default. */
static void
test_null_for_false (void)
{
  Config config
      = read_good (UNET, "{\"upcast_attention\": null, \"use_linear_projection\": null, \"flip_sin_to_cos\": null, "
                         "\"center_input_sample\": null, \"dual_cross_attention\": null, "
                         "\"class_embeddings_concat\": null, \"resnet_skip_time_act\": null, "
                         "\"mid_block_only_cross_attention\": false, \"cross_attention_norm\": false, "
                         "\"attention_type\": null}");

  g_assert_false (config.unet.upcast_attention);
  g_assert_false (config.unet.use_linear_projection);
  g_assert_false (config.unet.flip_sin_to_cos);
  config = read_good (VAE, "{\"use_quant_conv\": null, \"mid_block_add_attention\": null}");
  g_assert_false (config.vae.use_quant_conv);
  g_assert_true (config.vae.use_post_quant_conv);
  g_assert_false (config.vae.mid_block_add_attention);
  config = read_good (SCHEDULER, "{\"set_alpha_to_one\": null, \"skip_prk_steps\": true, \"steps_offset\": null}");
  g_assert_false (config.scheduler.set_alpha_to_one);
  gesso_scheduler_config_clear (&config.scheduler);
  read_good (TEXT, "{\"use_attention_mask\": null}");
}

/* Every value that is refused: the message names file, key and value. */
static void
test_refusals (void)
{
  static const struct
  {
    Part part;
    const char *key;
    const char *value;
    const char *says;
  } cases[] = {
    { TEXT, "vocab_size", "0", "1 to 1048576" },
    { TEXT, "vocab_size", "\"49408\"", "whole number" },
    { TEXT, "hidden_size", "768.0", "whole number" },
    { TEXT, "hidden_size", "99999999999999999999", "out of range" },
    { TEXT, "hidden_size", "null", "whole number" },
    { TEXT, "num_attention_heads", "7", "hidden_size" },
    { TEXT, "num_attention_heads", "true", "whole number" },
    { TEXT, "hidden_act", "\"relu\"", "quick_gelu, gelu" },
    { TEXT, "hidden_act", "\"GELU\"", "quick_gelu, gelu" },
    { TEXT, "hidden_act", "null", "quick_gelu, gelu" },
    { TEXT, "layer_norm_eps", "0", "out of range" },
    { TEXT, "layer_norm_eps", "-1e-05", "out of range" },
    { TEXT, "layer_norm_eps", "\"1e-5\"", "is not the number" },
    { TEXT, "layer_norm_eps", "1e999", "out of range" },
    { TEXT, "use_attention_mask", "true", "only false" },
    { TEXT, "quantization_config", "{}", "only null" },
    { UNET, "block_out_channels", "[]", "1 to 8 numbers" },
    { UNET, "block_out_channels", "320", "1 to 8 numbers" },
    { UNET, "block_out_channels", "[32, 32, 32, 32, 32, 32, 32, 32, 32]", "1 to 8 numbers" },
    { UNET, "block_out_channels", "[32, 32, 32, 131072]", "1 to 65536" },
    { UNET, "block_out_channels", "[32, 32, 32, \"32\"]", "whole number" },
    { UNET, "sample_size", "[64]", "[height, width]" },
    { UNET, "sample_size", "0", "out of range" },
    { UNET, "sample_size", "[64, 64.5]", "whole number" },
    { UNET, "sample_size", "\"64\"", "whole number" },
    { UNET, "down_block_types", "[\"DownBlock2D\"]", "block_out_channels" },
    { UNET, "down_block_types", "\"DownBlock2D\"", "list" },
    { UNET, "down_block_types", "[\"DownBlock2D\", \"AttnDownBlock2D\", \"DownBlock2D\", \"DownBlock2D\"]",
      "only DownBlock2D, CrossAttnDownBlock2D" },
    { UNET, "up_block_types", "[\"UpBlock2D\", \"UpBlock2D\", \"UpBlock2D\", null]",
      "only UpBlock2D, CrossAttnUpBlock2D" },
    { UNET, "mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"", "only UNetMidBlock2DCrossAttn, null" },
    { UNET, "mid_block_type", "\"null\"", "only UNetMidBlock2DCrossAttn, null" },
    { UNET, "layers_per_block", "[2, 2]", "block_out_channels" },
    { UNET, "layers_per_block", "0", "out of range" },
    { UNET, "layers_per_block", "[2, 2, 2, \"2\"]", "whole number" },
    { UNET, "attention_head_dim", "7", "does not divide" },
    { UNET, "attention_head_dim", "null", "whole number" },
    { UNET, "num_attention_heads", "8", "only null" },
    { UNET, "num_attention_heads", "[8, 8, 8, 8]", "only null" },
    { UNET, "transformer_layers_per_block", "[[1], [1], [1], [1]]", "whole number" },
    { UNET, "transformer_layers_per_block", "1.5", "whole number" },
    { UNET, "cross_attention_dim", "[768, 768, 768, 1024]", "differ" },
    { UNET, "cross_attention_dim", "[768]", "block_out_channels" },
    { UNET, "use_linear_projection", "1", "true or false" },
    { UNET, "norm_num_groups", "null", "whole number" },
    { UNET, "norm_num_groups", "33", "block_out_channels" },
    { UNET, "norm_eps", "2", "out of range" },
    { UNET, "flip_sin_to_cos", "0", "true or false" },
    { UNET, "freq_shift", "\"0\"", "is not the number" },
    { UNET, "freq_shift", "160", "frequencies" },
    { UNET, "act_fn", "\"mish\"", "only silu, swish, gelu" },
    { UNET, "downsample_padding", "2", "0 to 1" },
    { UNET, "mid_block_scale_factor", "2", "only 1" },
    { UNET, "center_input_sample", "true", "only false" },
    { UNET, "only_cross_attention", "true", "only false" },
    { UNET, "only_cross_attention", "null", "only false" },
    { UNET, "only_cross_attention", "[false, false, false, true]", "only false" },
    { UNET, "only_cross_attention", "[false]", "block_out_channels" },
    { UNET, "mid_block_only_cross_attention", "true", "only null" },
    { UNET, "reverse_transformer_layers_per_block", "[1, 1, 1, 1]", "only null" },
    { UNET, "dual_cross_attention", "true", "only false" },
    { UNET, "cross_attention_norm", "\"layer_norm\"", "only null" },
    { UNET, "attention_type", "\"gated\"", "only \"default\"" },
    { UNET, "encoder_hid_dim", "1024", "only null" },
    { UNET, "encoder_hid_dim_type", "\"text_proj\"", "only null" },
    { UNET, "class_embed_type", "\"timestep\"", "only null" },
    { UNET, "num_class_embeds", "10", "only null" },
    { UNET, "class_embeddings_concat", "true", "only false" },
    { UNET, "addition_embed_type", "\"text_time\"", "only null" },
    { UNET, "resnet_time_scale_shift", "\"scale_shift\"", "only \"default\"" },
    { UNET, "resnet_skip_time_act", "true", "only false" },
    { UNET, "resnet_out_scale_factor", "1.41", "only 1.0" },
    { UNET, "time_embedding_type", "\"fourier\"", "only \"positional\"" },
    { UNET, "time_embedding_dim", "512", "four times" },
    { UNET, "time_embedding_act_fn", "\"silu\"", "only null" },
    { UNET, "timestep_post_act", "\"silu\"", "only null" },
    { UNET, "time_cond_proj_dim", "256", "only null" },
    { UNET, "conv_in_kernel", "1", "only 3" },
    { UNET, "conv_out_kernel", "\"3\"", "only 3" },
    { UNET, "quantization_config", "{\"quant_method\": \"bitsandbytes\"}", "only null" },
    { VAE, "block_out_channels", "[60]", "norm_num_groups" },
    { VAE, "down_block_types", "[\"AttnDownEncoderBlock2D\"]", "only DownEncoderBlock2D" },
    { VAE, "up_block_types", "[\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"]", "block_out_channels" },
    { VAE, "in_channels", "4", "only 3" },
    { VAE, "out_channels", "1", "only 3" },
    { VAE, "latent_channels", "-4", "out of range" },
    { VAE, "layers_per_block", "[1]", "whole number" },
    { VAE, "norm_num_groups", "null", "whole number" },
    { VAE, "act_fn", "\"relu\"", "only silu, swish, gelu" },
    { VAE, "scaling_factor", "0", "out of range" },
    { VAE, "scaling_factor", "null", "is not the number" },
    { VAE, "use_quant_conv", "\"true\"", "true or false" },
    { VAE, "shift_factor", "0.1", "only null" },
    { VAE, "latents_mean", "[0, 0, 0, 0]", "only null" },
    { VAE, "latents_std", "[1, 1, 1, 1]", "only null" },
    { SCHEDULER, "num_train_timesteps", "0", "1 to 10000" },
    { SCHEDULER, "beta_start", "0", "out of range" },
    { SCHEDULER, "beta_end", "1", "out of range" },
    { SCHEDULER, "beta_schedule", "\"sigmoid\"", "only linear, scaled_linear, squaredcos_cap_v2" },
    { SCHEDULER, "trained_betas", "[0.1]", "1000" },
    { SCHEDULER, "trained_betas", "\"linear\"", "1000" },
    { SCHEDULER, "skip_prk_steps", "0", "true or false" },
    { SCHEDULER, "set_alpha_to_one", "1", "true or false" },
    { SCHEDULER, "prediction_type", "\"sample\"", "only epsilon, v_prediction" },
    { SCHEDULER, "timestep_spacing", "\"karras\"", "only leading, trailing, linspace" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"%s\": %s}", cases[i].key, cases[i].value);
      g_autofree char *quoted = g_strdup_printf ("\"%s\"", cases[i].key);
      g_autoptr (GError) error = NULL;
      Config config;

      g_assert_false (read_text (cases[i].part, text, &config, &error));
      test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "config.json", quoted, cases[i].says, NULL);
      if (cases[i].part == SCHEDULER)
        gesso_scheduler_config_clear (&config.scheduler);
    }
}

static void
test_value_in_message (void)
{
  g_autoptr (GError) error = NULL;
  Config config;

  g_assert_false (read_text (UNET, "{\"act_fn\": \"mish\"}", &config, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "config.json", "the value \"mish\" of \"act_fn\"",
                   "Choose another", NULL);
  g_assert_false (read_text (UNET, "{\"attention_head_dim\": 7}", &config, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "the value 7 of \"attention_head_dim\"", NULL);
  /* A long one is cut, between characters. */
  g_assert_false (read_text (
      UNET, "{\"act_fn\": \"ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé\"}", &config, &error));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "é… of", NULL);
}

static void
test_trained_betas_element (void)
{
  g_autoptr (GError) error = NULL;
  Config config;

  g_assert_false (
      read_text (SCHEDULER, "{\"num_train_timesteps\": 2, \"trained_betas\": [0.5, 1.5]}", &config, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "1.5", "trained_betas", "between 0 and 1", NULL);
  gesso_scheduler_config_clear (&config.scheduler);
}

static void
test_too_many_blocks (void)
{
  g_autoptr (GError) error = NULL;
  Config config;

  g_assert_false (
      read_text (UNET, "{\"layers_per_block\": 32, \"transformer_layers_per_block\": 32}", &config, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "config.json", "layers_per_block", "thousand blocks", NULL);
}

static void
test_no_object (void)
{
  static const struct
  {
    const char *text;
    const char *says;
  } cases[] = {
    { "", "not an object" },
    { "[1]", "not an object" },
    { "{\"a\": }", "damaged" },
    { "{\"a\": NoN}", "damaged" },
    { "{\"act_fn\": \"silu\"", "damaged" },
    { "{} {}", "not an object" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      Config config;

      g_assert_false (read_text (UNET, cases[i].text, &config, &error));
      test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "config.json", cases[i].says, "Download it again", NULL);
    }
}

static void
test_large_file (void)
{
  g_autofree char *text = g_strnfill (9 << 20, ' ');
  g_autoptr (GError) error = NULL;
  Config config;

  g_assert_false (read_text (UNET, text, &config, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "config.json", "too many", NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/configs/text/defaults", test_text_defaults);
  g_test_add_func ("/configs/text/read", test_text_read);
  g_test_add_func ("/configs/unet/defaults", test_unet_defaults);
  g_test_add_func ("/configs/unet/read", test_unet_read);
  g_test_add_func ("/configs/unet/old-size", test_unet_old_size);
  g_test_add_func ("/configs/unet/too-many-blocks", test_too_many_blocks);
  g_test_add_func ("/configs/vae/defaults", test_vae_defaults);
  g_test_add_func ("/configs/vae/read", test_vae_read);
  g_test_add_func ("/configs/scheduler/defaults", test_scheduler_defaults);
  g_test_add_func ("/configs/scheduler/read", test_scheduler_read);
  g_test_add_func ("/configs/scheduler/scheduler-of-others", test_scheduler_of_others);
  g_test_add_func ("/configs/scheduler/trained-betas", test_trained_betas_element);
  g_test_add_func ("/configs/refusals", test_refusals);
  g_test_add_func ("/configs/null-for-false", test_null_for_false);
  g_test_add_func ("/configs/value-in-message", test_value_in_message);
  g_test_add_func ("/configs/no-object", test_no_object);
  g_test_add_func ("/configs/large-file", test_large_file);
  return g_test_run ();
}
