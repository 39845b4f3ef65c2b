#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The full-size networks with weights from formula.py: make-full-size.py [PART...], a PART being configs, formula,
text-v1, text-v2, vae or unet-NAME. Writes into tests/reference/data/full; needs 8 GiB, one part at a time.
"""

import os
import sys
import time

import numpy
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

import formula
import tiny_tokenizer

FULL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/reference/data/full")
LATENTS_SEED, TEXT_SEED, DECODE_SEED, TIMESTEP = 101, 102, 103, 501
STRIDE, FIRST_ROW, FIRST_COLUMN = 8, 3, 5
POSITIONS = [0, 1, 2, 5, 10, 20, 40, 76]
CROSS, UP_CROSS, DOWN, UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D", "DownBlock2D", "UpBlock2D"


def unet_config(version, layers, levels, mid="absent"):
    """As the family publishes it; `version`: of the file (0.2.2: SD 1.4, 0.15.0: BK-SDM, 0.10.0.dev0: the v2)."""
    second = version == "0.10.0.dev0"
    config = {
        "_class_name": "UNet2DConditionModel", "_diffusers_version": version, "act_fn": "silu",
        "attention_head_dim": [5, 10, 20, 20][:levels] if second else 8,
        "block_out_channels": [320, 640, 1280, 1280][:levels], "center_input_sample": False,
        "cross_attention_dim": 1024 if second else 768,
        "down_block_types": [CROSS, CROSS, CROSS, DOWN][:levels], "downsample_padding": 1, "flip_sin_to_cos": True,
        "freq_shift": 0, "in_channels": 4, "layers_per_block": layers, "mid_block_scale_factor": 1, "norm_eps": 1e-05,
        "norm_num_groups": 32, "out_channels": 4, "sample_size": 64,
        "up_block_types": [UP, UP_CROSS, UP_CROSS, UP_CROSS][4 - levels:],
    }
    if second:
        config.update(dual_cross_attention=False, num_class_embeds=None, only_cross_attention=False,
                      use_linear_projection=True)
    if version == "0.15.0":
        config.update(
            class_embed_type=None, class_embeddings_concat=False, conv_in_kernel=3, conv_out_kernel=3,
            cross_attention_norm=None, dual_cross_attention=False, encoder_hid_dim=None,
            mid_block_only_cross_attention=None, num_class_embeds=None, only_cross_attention=False,
            projection_class_embeddings_input_dim=None, resnet_out_scale_factor=1.0, resnet_skip_time_act=False,
            resnet_time_scale_shift="default", time_cond_proj_dim=None, time_embedding_act_fn=None,
            time_embedding_type="positional", timestep_post_act=None, upcast_attention=False,
            use_linear_projection=False)
    if mid != "absent":
        config["mid_block_type"] = mid
    return dict(sorted(config.items()))


UNETS = {
    "sd14": unet_config("0.2.2", 2, 4),
    "base": unet_config("0.15.0", 1, 4, "UNetMidBlock2DCrossAttn"),
    "small": unet_config("0.15.0", 1, 4, None),
    "tiny": unet_config("0.15.0", 1, 3, None),
    "sd21": unet_config("0.10.0.dev0", 2, 4),
    "v2-base": unet_config("0.10.0.dev0", 1, 4),
    "v2-small": unet_config("0.10.0.dev0", 1, 4, None),
    "v2-tiny": unet_config("0.10.0.dev0", 1, 3, None),
}
PARAMETERS = {"sd14": 859.5, "base": 579.4, "small": 482.3, "tiny": 323.4, "sd21": 865.9, "v2-base": 583.5,
              "v2-small": 485.8, "v2-tiny": 326.8}


def text_config(name):
    config = {
        "architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "bos_token_id": 0, "dropout": 0.0,
        "eos_token_id": 2, "hidden_act": "quick_gelu", "hidden_size": 768, "initializer_factor": 1.0,
        "initializer_range": 0.02, "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 77,
        "model_type": "clip_text_model", "num_attention_heads": 12, "num_hidden_layers": 12, "pad_token_id": 1,
        "projection_dim": 768, "torch_dtype": "float32", "transformers_version": "4.27.4", "vocab_size": 49408,
    }
    if name.startswith(("v2", "sd21")):
        config.update(hidden_act="gelu", hidden_size=1024, intermediate_size=4096, num_attention_heads=16,
                      num_hidden_layers=23, projection_dim=512, transformers_version="4.25.0.dev0")
    return config


def vae_config(name):
    config = {
        "_class_name": "AutoencoderKL", "_diffusers_version": UNETS[name]["_diffusers_version"], "act_fn": "silu",
        "block_out_channels": [128, 256, 512, 512], "down_block_types": ["DownEncoderBlock2D"] * 4, "in_channels": 3,
        "latent_channels": 4, "layers_per_block": 2, "out_channels": 3, "sample_size": 512,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
    }
    if name != "sd14":
        config["norm_num_groups"] = 32
        config["scaling_factor"] = 0.18215
    return dict(sorted(config.items()))


def write_configs():
    for name, config in UNETS.items():
        for part, value in (("unet", config), ("text_encoder", text_config(name)), ("vae", vae_config(name))):
            os.makedirs(f"{FULL}/{name}/{part}", exist_ok=True)
            tiny_tokenizer.write_json(f"{FULL}/{name}/{part}/config.json", value)
    tiny_tokenizer.write_json(f"{FULL}/inputs.json", {
        "latents_seed": LATENTS_SEED, "text_seed": TEXT_SEED, "decode_seed": DECODE_SEED, "timestep": TIMESTEP,
        "pixel_stride": STRIDE, "first_row": FIRST_ROW, "first_column": FIRST_COLUMN, "unets": list(UNETS),
        "tolerances": {"f32": 1e-4, "f16": 5e-3, "bf16": 2e-2}})


def write_formula():
    """Samples of formula.py, as bit patterns, for the test of its twin in C."""
    samples = [
        ("conv_in.weight", [320, 4, 3, 3], 0, 1000),
        ("conv_in.bias", [320], 0, 320),
        ("conv_norm_out.weight", [320], 7, 100),
        ("down_blocks.0.attentions.0.transformer_blocks.0.ff.net.2.weight", [320, 1280], 409000, 600),
        ("text_model.embeddings.token_embedding.weight", [49408, 768], 37945000, 344),
        ("decoder.mid_block.attentions.0.to_out.0.weight", [512, 512], 262140, 4),
        ("time_embedding.linear_1.weight", [1280, 320], 0, 1),
    ]
    result = []
    for name, shape, first, count in samples:
        bits = formula.values(name, shape, first, count).view(numpy.uint32)
        checksum = 0
        for value in bits.tolist():
            checksum = (checksum * 31 + value) & 0xFFFFFFFF
        result.append({"name": name, "shape": shape, "first": first, "count": count, "first_bits": int(bits[0]),
                       "last_bits": int(bits[-1]), "checksum": checksum})
    tiny_tokenizer.write_json(f"{FULL}/formula.json", result)


def randn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float32)


def empty(build):
    """A network without the time that torch takes for initial values."""
    with torch.device("meta"):
        module = build()
    return module.to_empty(device="cpu").eval()


def run_unet(name):
    network = empty(lambda: UNet2DConditionModel.from_config(UNETS[name]))
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    assert abs(millions - PARAMETERS[name]) < 0.1, millions
    formula.fill(network)
    latents = randn(LATENTS_SEED, 2, 4, 64, 64)
    text = randn(TEXT_SEED, 2, 77, UNETS[name]["cross_attention_dim"])
    noise = network(latents, TIMESTEP, encoder_hidden_states=text).sample
    other = network(latents[:1], TIMESTEP, encoder_hidden_states=text[1:]).sample
    print(f"unet-{name}: {millions:.1f} M, std {noise.std():.3f}, largest {noise.abs().max():.2f}, "
          f"share of the text {((other - noise[:1]).norm() / noise[:1].norm()).item():.3f}")
    save_file({"noise": noise.contiguous()}, f"{FULL}/unet-{name}.safetensors")


def run_text(version):
    config = text_config("v2-tiny" if version == "v2" else "tiny")
    encoder = empty(lambda: CLIPTextModel(CLIPTextConfig(**config)))
    prefix = "" if next(encoder.named_parameters())[0].startswith("text_model.") else "text_model."
    formula.fill(encoder, prefix)
    for module in encoder.modules():
        if hasattr(module, "position_ids"):
            module.position_ids = torch.arange(77)[None]
    words = [(i * 7919 + 320) % 49406 for i in range(40)]
    pad = 0 if version == "v2" else 49407
    ids = torch.tensor([[49406, 49407] + [pad] * 75, [49406, *words, 49407] + [pad] * 35])
    text = encoder(ids).last_hidden_state
    print(f"text-{version}: std {text.std():.3f}, rows differ by {(text[0] - text[1]).norm() / text[0].norm():.3f}")
    save_file({"tokens": ids.to(torch.int32), "positions": torch.tensor(POSITIONS, dtype=torch.int32),
               "text": text[:, POSITIONS].contiguous()}, f"{FULL}/text-{version}.safetensors")


def run_vae():
    network = empty(lambda: AutoencoderKL.from_config(vae_config("tiny")))
    formula.fill(network)
    image = network.decode(randn(DECODE_SEED, 1, 4, 64, 64)).sample
    print(f"vae: std {image.std():.3f}, largest {image.abs().max():.2f}")
    pixels = image[:, :, FIRST_ROW::STRIDE, FIRST_COLUMN::STRIDE]
    save_file({"pixels": pixels.contiguous(), "mean": image.mean((2, 3)).contiguous(),
               "deviation": image.std((2, 3), correction=0).contiguous()}, f"{FULL}/vae.safetensors")


def main():
    torch.set_grad_enabled(False)
    parts = {"configs": write_configs, "formula": write_formula, "text-v1": lambda: run_text("v1"),
             "text-v2": lambda: run_text("v2"), "vae": run_vae}
    parts.update({f"unet-{name}": lambda name=name: run_unet(name) for name in UNETS})
    os.makedirs(FULL, exist_ok=True)
    for part in sys.argv[1:] or parts:
        start = time.time()
        parts[part]()
        print(f"{part}: {time.time() - start:.0f} s", flush=True)


main()
