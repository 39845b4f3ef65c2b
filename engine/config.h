/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a model folder says about its networks, as plain numbers. A leaf that model/ fills in and networks/ and
 * sampling/ read, so that neither needs to know the other. Names are diffusers' and transformers' own; the table
 * of keys with their defaults is in model/config-keys.c.
 */

#pragma once

#include <glib.h>

#define GESSO_MAX_LEVELS 8

/* Activations that occur in these models. QUICK_GELU is x * sigmoid (1.702 x); GELU is the exact one (erf). */
typedef enum
{
  GESSO_ACTIVATION_NONE,
  GESSO_ACTIVATION_SILU,
  GESSO_ACTIVATION_GELU,
  GESSO_ACTIVATION_QUICK_GELU,
} GessoActivation;

/* CLIP text encoder (transformers' CLIPTextConfig). */
typedef struct
{
  int vocab_size;
  int hidden_size;
  int intermediate_size;
  int num_hidden_layers;
  int num_attention_heads;
  int max_position_embeddings;
  GessoActivation hidden_act;
  double layer_norm_eps;
} GessoTextConfig;

/* U-Net (diffusers' UNet2DConditionModel). Levels are counted from the input downwards; up_* lists are in the
 * order of the file, from the bottom upwards. */
typedef struct
{
  int in_channels;
  int out_channels;
  int sample_height; /* latents; diffusers' sample_size, with the rule for old files applied */
  int sample_width;
  int n_levels;
  int block_out_channels[GESSO_MAX_LEVELS];
  gboolean down_has_attention[GESSO_MAX_LEVELS]; /* CrossAttnDownBlock2D rather than DownBlock2D */
  gboolean up_has_attention[GESSO_MAX_LEVELS];   /* CrossAttnUpBlock2D rather than UpBlock2D */
  gboolean has_mid_block;                        /* UNetMidBlock2DCrossAttn; absent key: yes, null: no */
  int layers_per_block[GESSO_MAX_LEVELS];        /* of the down blocks; the up blocks have one more, reversed */
  int num_attention_heads[GESSO_MAX_LEVELS];     /* file: attention_head_dim, a misnomer */
  int transformer_layers[GESSO_MAX_LEVELS];      /* file: transformer_layers_per_block */
  int cross_attention_dim;
  gboolean use_linear_projection;
  int norm_num_groups;
  double norm_eps;
  gboolean flip_sin_to_cos;
  double freq_shift;
  GessoActivation act_fn;
  int downsample_padding;
  gboolean upcast_attention; /* read, but no precision needs it: the softmax is in f32 here anyway */
} GessoUnetConfig;

/* VAE (diffusers' AutoencoderKL). */
typedef struct
{
  int in_channels;
  int out_channels;
  int latent_channels;
  int n_levels;
  int block_out_channels[GESSO_MAX_LEVELS];
  int layers_per_block;
  int norm_num_groups;
  GessoActivation act_fn;
  double scaling_factor;
  gboolean use_quant_conv;
  gboolean use_post_quant_conv;
  gboolean mid_block_add_attention;
} GessoVaeConfig;

typedef enum
{
  GESSO_BETAS_LINEAR,
  GESSO_BETAS_SCALED_LINEAR,
  GESSO_BETAS_SQUAREDCOS_CAP_V2,
  GESSO_BETAS_TRAINED, /* trained_betas of the file */
} GessoBetaSchedule;

typedef enum
{
  GESSO_PREDICTION_EPSILON,
  GESSO_PREDICTION_V,
} GessoPrediction;

typedef enum
{
  GESSO_SPACING_LEADING,
  GESSO_SPACING_TRAILING,
  GESSO_SPACING_LINSPACE,
} GessoSpacing;

/* Scheduler (diffusers' scheduler_config.json). */
typedef struct
{
  char *class_name; /* as in the file, for the notice; owned */
  gboolean is_pndm; /* FALSE: another scheduler's file, PNDM stands in with its betas */
  int num_train_timesteps;
  double beta_start;
  double beta_end;
  GessoBetaSchedule beta_schedule;
  double *trained_betas; /* num_train_timesteps values or NULL; owned */
  gboolean skip_prk_steps;
  gboolean set_alpha_to_one;
  GessoPrediction prediction_type;
  GessoSpacing timestep_spacing;
  int steps_offset;
} GessoSchedulerConfig;
