# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The sizes of the starter model and of its parent, in one place, and how its latents are scaled."""

from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

PICTURE, FACTOR = 128, 8
LATENTS = PICTURE // FACTOR
TOKENS = 77
TEXT_WIDTH = 128
# The last number is the width of the VAE's one attention head as well.
VAE_CHANNELS = (32, 64, 64, 64)
UNET_CHANNELS = (64, 128, 128, 128)
HEAD = 32
# Few and wide groups, 8 to 16 channels as in Stable Diffusion: a group of two channels keeps nothing of a flat area's
# colour but a sign, and colours are what is to be learnt here.
VAE_GROUPS, UNET_GROUPS = 4, 8


def new_vae():
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, sample_size=PICTURE, layers_per_block=1,
        norm_num_groups=VAE_GROUPS,
        block_out_channels=VAE_CHANNELS, down_block_types=["DownEncoderBlock2D"] * len(VAE_CHANNELS),
        up_block_types=["UpDecoderBlock2D"] * len(VAE_CHANNELS))


def new_text_encoder(tokenizer):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH, num_hidden_layers=3,
        num_attention_heads=TEXT_WIDTH // HEAD, max_position_embeddings=TOKENS, hidden_act="quick_gelu",
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))


def new_parent_unet():
    """Two layers a block and a middle block, as Stable Diffusion has them; compress.py takes the rest away."""
    levels = len(UNET_CHANNELS)
    return UNet2DConditionModel(
        sample_size=LATENTS, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=UNET_CHANNELS,
        norm_num_groups=UNET_GROUPS,
        down_block_types=["CrossAttnDownBlock2D"] * (levels - 1) + ["DownBlock2D"],
        up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * (levels - 1),
        cross_attention_dim=TEXT_WIDTH, attention_head_dim=[c // HEAD for c in UNET_CHANNELS],
        use_linear_projection=True)


def new_scheduler():
    """PNDM as the family uses it."""
    return PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True,
                         steps_offset=1, set_alpha_to_one=False)
