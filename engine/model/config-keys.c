/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * THE table: every key that is read from a model's configuration files, with what diffusers 0.42 (transformers 5 for
 * the text encoder) takes when it is absent. The fallbacks are those of the constructors, not of any published model.
 *
 * Keys that no constructor knows are ignored, as are those that change nothing here: dropout, attention_dropout,
 * initializer_*, projection_dim (a text model has no projection), *_token_id, torch_dtype, force_upcast, the VAE's
 * sample_size (tiling only), the sizes of embeddings whose type is refused (addition_time_embed_dim,
 * projection_class_embeddings_input_dim, addition_embed_type_num_heads).
 */

#include "config-keys.h"
#include "../config.h"

#define MAX_CHANNELS 65536
#define MAX_HEADS 65535 /* a launch on a card has so many at most */
#define TINY 1e-12

static const GessoKeyChoice text_activations[] = {
  { "quick_gelu", GESSO_ACTIVATION_QUICK_GELU },
  { "gelu", GESSO_ACTIVATION_GELU },
  { "gelu_python", GESSO_ACTIVATION_GELU },
  { "silu", GESSO_ACTIVATION_SILU },
  { "swish", GESSO_ACTIVATION_SILU },
  { NULL, 0 },
};

static const GessoKeyChoice activations[] = {
  { "silu", GESSO_ACTIVATION_SILU },
  { "swish", GESSO_ACTIVATION_SILU },
  { "gelu", GESSO_ACTIVATION_GELU },
  { NULL, 0 },
};

static const GessoKeyChoice unet_down_blocks[]
    = { { "DownBlock2D", FALSE }, { "CrossAttnDownBlock2D", TRUE }, { NULL, 0 } };
static const GessoKeyChoice unet_up_blocks[] = { { "UpBlock2D", FALSE }, { "CrossAttnUpBlock2D", TRUE }, { NULL, 0 } };
static const GessoKeyChoice unet_mid_blocks[]
    = { { "UNetMidBlock2DCrossAttn", TRUE }, { GESSO_CHOICE_NULL, FALSE }, { NULL, 0 } };
static const GessoKeyChoice vae_down_blocks[] = { { "DownEncoderBlock2D", 0 }, { NULL, 0 } };
static const GessoKeyChoice vae_up_blocks[] = { { "UpDecoderBlock2D", 0 }, { NULL, 0 } };

static const GessoKeyChoice beta_schedules[] = {
  { "linear", GESSO_BETAS_LINEAR },
  { "scaled_linear", GESSO_BETAS_SCALED_LINEAR },
  { "squaredcos_cap_v2", GESSO_BETAS_SQUAREDCOS_CAP_V2 },
  { NULL, 0 },
};
static const GessoKeyChoice prediction_types[]
    = { { "epsilon", GESSO_PREDICTION_EPSILON }, { "v_prediction", GESSO_PREDICTION_V }, { NULL, 0 } };
static const GessoKeyChoice spacings[] = {
  { "leading", GESSO_SPACING_LEADING },
  { "trailing", GESSO_SPACING_TRAILING },
  { "linspace", GESSO_SPACING_LINSPACE },
  { NULL, 0 },
};

#define TEXT(field) G_STRUCT_OFFSET (GessoTextConfig, field)
#define UNET(field) G_STRUCT_OFFSET (GessoUnetConfig, field)
#define VAE(field) G_STRUCT_OFFSET (GessoVaeConfig, field)
#define SCHEDULER(field) G_STRUCT_OFFSET (GessoSchedulerConfig, field)

/* clang-format off */

/* What the rows are made of: key, fallback (as JSON), field, and the smallest and largest number or the choices. */
#define ROW(name, type, json, place, ...) \
  { .key = name, .kind = GESSO_KEY_##type, .fallback = json, .field = place, __VA_ARGS__ }
#define INT(name, json, place, low, high) ROW (name, INT, json, place, .min = low, .max = high)
#define REAL(name, json, place, low, high) ROW (name, REAL, json, place, .min = low, .max = high)
#define BOOL(name, json, place) ROW (name, BOOL, json, place, .max = 1)
#define CHOICE(name, json, place, list) ROW (name, CHOICE, json, place, .choices = list)
#define CHOICE_ANY_CASE(name, json, place, list) ROW (name, CHOICE, json, place, .choices = list, .ignore_case = TRUE)
#define LEVELS(name, json, place, low, high) ROW (name, LEVELS, json, place, .min = low, .max = high)
#define LEVEL_INTS(name, json, place, low, high) ROW (name, LEVEL_INTS, json, place, .min = low, .max = high)
#define LEVEL_CHOICES(name, json, place, list) ROW (name, LEVEL_CHOICES, json, place, .choices = list)
#define SAME_INT(name, json, place, low, high) ROW (name, SAME_INT, json, place, .min = low, .max = high)
#define SIZE(name, json, place, low, high) ROW (name, SIZE, json, place, .min = low, .max = high)
#define FIXED(name, json) ROW (name, FIXED, json, GESSO_NO_FIELD, .also = NULL)
#define FIXED_OR(name, json, other) ROW (name, FIXED, json, GESSO_NO_FIELD, .also = other)
#define EACH_FIXED(name, json) ROW (name, EACH_FIXED, json, GESSO_NO_FIELD, .also = NULL)
#define OWN(name, json) ROW (name, OWN, json, GESSO_NO_FIELD, .also = NULL)

/* text_encoder/config.json: transformers' CLIPTextConfig. */
static const GessoConfigKey text_keys[] = {
  INT ("vocab_size", "49408", TEXT (vocab_size), 1, 1 << 20),
  INT ("hidden_size", "512", TEXT (hidden_size), 1, MAX_CHANNELS),
  INT ("intermediate_size", "2048", TEXT (intermediate_size), 1, 4 * MAX_CHANNELS),
  INT ("num_hidden_layers", "12", TEXT (num_hidden_layers), 1, 256),
  INT ("num_attention_heads", "8", TEXT (num_attention_heads), 1, MAX_HEADS),
  INT ("max_position_embeddings", "77", TEXT (max_position_embeddings), 1, 4096),
  CHOICE ("hidden_act", "\"quick_gelu\"", TEXT (hidden_act), text_activations),
  REAL ("layer_norm_eps", "1e-05", TEXT (layer_norm_eps), TINY, 1),
  /* Of no constructor, but the pipeline and the loader look at them. */
  FIXED ("use_attention_mask", "false"),
  FIXED ("quantization_config", "null"),
  { .key = NULL },
};

/* unet/config.json: diffusers' UNet2DConditionModel. */
static const GessoConfigKey unet_keys[] = {
  LEVELS ("block_out_channels", "[320, 640, 1280, 1280]", UNET (block_out_channels), 1, MAX_CHANNELS),
  INT ("in_channels", "4", UNET (in_channels), 1, MAX_CHANNELS),
  INT ("out_channels", "4", UNET (out_channels), 1, MAX_CHANNELS),
  /* null: no size of its own; 64 (512 pixels) is then this engine's choice, for diffusers has none. */
  SIZE ("sample_size", "null", UNET (sample_height), 1, 8192),
  LEVEL_CHOICES ("down_block_types",
    "[\"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\", \"DownBlock2D\"]",
    UNET (down_has_attention), unet_down_blocks),
  CHOICE ("mid_block_type", "\"UNetMidBlock2DCrossAttn\"", UNET (has_mid_block), unet_mid_blocks),
  LEVEL_CHOICES ("up_block_types",
    "[\"UpBlock2D\", \"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\"]",
    UNET (up_has_attention), unet_up_blocks),
  LEVEL_INTS ("layers_per_block", "2", UNET (layers_per_block), 1, 32),
  /* Heads, despite its name; diffusers refuses a num_attention_heads in its place. */
  LEVEL_INTS ("attention_head_dim", "8", UNET (num_attention_heads), 1, MAX_HEADS),
  FIXED ("num_attention_heads", "null"),
  LEVEL_INTS ("transformer_layers_per_block", "1", UNET (transformer_layers), 1, 32),
  SAME_INT ("cross_attention_dim", "1280", UNET (cross_attention_dim), 1, MAX_CHANNELS),
  BOOL ("use_linear_projection", "false", UNET (use_linear_projection)),
  INT ("norm_num_groups", "32", UNET (norm_num_groups), 1, MAX_CHANNELS),
  REAL ("norm_eps", "1e-05", UNET (norm_eps), TINY, 1),
  BOOL ("flip_sin_to_cos", "true", UNET (flip_sin_to_cos)),
  REAL ("freq_shift", "0", UNET (freq_shift), -1000, 1000),
  CHOICE_ANY_CASE ("act_fn", "\"silu\"", UNET (act_fn), activations),
  INT ("downsample_padding", "1", UNET (downsample_padding), 0, 1),
  BOOL ("upcast_attention", "false", UNET (upcast_attention)),
  FIXED ("mid_block_scale_factor", "1"),
  FIXED ("center_input_sample", "false"),
  EACH_FIXED ("only_cross_attention", "false"),
  FIXED_OR ("mid_block_only_cross_attention", "null", "false"),
  FIXED ("reverse_transformer_layers_per_block", "null"),
  FIXED ("dual_cross_attention", "false"),
  FIXED_OR ("cross_attention_norm", "null", "false"),
  FIXED_OR ("attention_type", "\"default\"", "null"),
  FIXED ("encoder_hid_dim", "null"),
  FIXED ("encoder_hid_dim_type", "null"),
  FIXED ("class_embed_type", "null"),
  FIXED ("num_class_embeds", "null"),
  FIXED ("class_embeddings_concat", "false"),
  FIXED ("addition_embed_type", "null"),
  FIXED ("resnet_time_scale_shift", "\"default\""),
  FIXED ("resnet_skip_time_act", "false"),
  FIXED ("resnet_out_scale_factor", "1.0"),
  FIXED ("time_embedding_type", "\"positional\""),
  OWN ("time_embedding_dim", "null"),
  FIXED ("time_embedding_act_fn", "null"),
  FIXED ("timestep_post_act", "null"),
  FIXED ("time_cond_proj_dim", "null"),
  FIXED ("conv_in_kernel", "3"),
  FIXED ("conv_out_kernel", "3"),
  FIXED ("quantization_config", "null"),
  { .key = NULL },
};

/* vae/config.json: diffusers' AutoencoderKL. */
static const GessoConfigKey vae_keys[] = {
  LEVELS ("block_out_channels", "[64]", VAE (block_out_channels), 1, MAX_CHANNELS),
  LEVEL_CHOICES ("down_block_types", "[\"DownEncoderBlock2D\"]", GESSO_NO_FIELD, vae_down_blocks),
  LEVEL_CHOICES ("up_block_types", "[\"UpDecoderBlock2D\"]", GESSO_NO_FIELD, vae_up_blocks),
  /* Pictures are RGB. */
  INT ("in_channels", "3", VAE (in_channels), 3, 3),
  INT ("out_channels", "3", VAE (out_channels), 3, 3),
  INT ("latent_channels", "4", VAE (latent_channels), 1, 1024),
  INT ("layers_per_block", "1", VAE (layers_per_block), 1, 32),
  INT ("norm_num_groups", "32", VAE (norm_num_groups), 1, MAX_CHANNELS),
  CHOICE_ANY_CASE ("act_fn", "\"silu\"", VAE (act_fn), activations),
  REAL ("scaling_factor", "0.18215", VAE (scaling_factor), 1e-6, 1e6),
  BOOL ("use_quant_conv", "true", VAE (use_quant_conv)),
  BOOL ("use_post_quant_conv", "true", VAE (use_post_quant_conv)),
  BOOL ("mid_block_add_attention", "true", VAE (mid_block_add_attention)),
  /* The pipeline of these models looks at none of the three, so a folder that sets them is meant for another. */
  FIXED_OR ("shift_factor", "null", "0"),
  FIXED ("latents_mean", "null"),
  FIXED ("latents_std", "null"),
  FIXED ("quantization_config", "null"),
  { .key = NULL },
};

/* scheduler/scheduler_config.json: diffusers' PNDMScheduler. When PNDM stands in for another scheduler, the keys of
 * the same name count, as in PNDMScheduler.from_config(). steps_offset: see config-scheduler.c. */
static const GessoConfigKey scheduler_keys[] = {
  INT ("num_train_timesteps", "1000", SCHEDULER (num_train_timesteps), 1, 10000),
  REAL ("beta_start", "0.0001", SCHEDULER (beta_start), TINY, 0.999999),
  REAL ("beta_end", "0.02", SCHEDULER (beta_end), TINY, 0.999999),
  CHOICE ("beta_schedule", "\"linear\"", SCHEDULER (beta_schedule), beta_schedules),
  OWN ("trained_betas", "null"),
  BOOL ("skip_prk_steps", "false", SCHEDULER (skip_prk_steps)),
  BOOL ("set_alpha_to_one", "false", SCHEDULER (set_alpha_to_one)),
  CHOICE ("prediction_type", "\"epsilon\"", SCHEDULER (prediction_type), prediction_types),
  CHOICE ("timestep_spacing", "\"leading\"", SCHEDULER (timestep_spacing), spacings),
  { .key = NULL },
};

/* clang-format on */

const GessoConfigTable gesso_text_keys = { text_keys, GESSO_NO_FIELD };
const GessoConfigTable gesso_unet_keys = { unet_keys, UNET (n_levels) };
const GessoConfigTable gesso_vae_keys = { vae_keys, VAE (n_levels) };
const GessoConfigTable gesso_scheduler_keys = { scheduler_keys, GESSO_NO_FIELD };
