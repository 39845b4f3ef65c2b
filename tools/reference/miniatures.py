# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Miniature models: the layouts of the family at a few hundred thousand parameters, and the odd ones.

Weights are random but shaped so that the models behave: the U-Net's last convolution is fitted (ridge regression) to
the noise of synthetic latents, so trajectories stay near unit variance, and the decoder's last convolution is scaled
so that pictures are neither flat nor saturated.
"""

import copy
import math
import os
import shutil

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import tiny_tokenizer

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
FILES = {"safetensors": "{}.safetensors", "fp16": "{}.fp16.safetensors", "bin": "{}.bin"}
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
CROSS, UP_CROSS = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
DOWN, UP = "DownBlock2D", "UpBlock2D"
MID = "UNetMidBlock2DCrossAttn"

PNDM = {
    "_class_name": "PNDMScheduler", "_diffusers_version": "0.7.0.dev0", "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000,
    "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None, "clip_sample": False,
}
CHANNELS = [8, 16, 24, 24]


def unet(channels=CHANNELS, layers=2, mid=MID, version=1, **more):
    n = len(channels)
    last_down = [DOWN] if n == 4 else []
    config = {
        "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.12.0.dev0", "act_fn": "silu",
        "attention_head_dim": 4, "block_out_channels": channels, "center_input_sample": False,
        "cross_attention_dim": 32, "down_block_types": [CROSS] * 3 + last_down, "downsample_padding": 1,
        "flip_sin_to_cos": True, "freq_shift": 0, "in_channels": 4, "layers_per_block": layers,
        "mid_block_scale_factor": 1, "mid_block_type": mid, "norm_eps": 1e-05, "norm_num_groups": 4,
        "out_channels": 4, "sample_size": 8, "up_block_types": [UP][:len(last_down)] + [UP_CROSS] * 3,
    }
    if version == 2:
        config.update(attention_head_dim=[1, 2, 3, 3][:n], cross_attention_dim=40, use_linear_projection=True,
                      dual_cross_attention=False, num_class_embeds=None, only_cross_attention=False,
                      upcast_attention=False)
    config.update(more)
    return {key: value for key, value in config.items() if value != "absent"}


def vae(channels=(8, 8, 16, 16), layers=1, **more):
    n = len(channels)
    config = {
        "_class_name": "AutoencoderKL", "_diffusers_version": "0.12.0.dev0", "act_fn": "silu",
        "block_out_channels": list(channels), "down_block_types": ["DownEncoderBlock2D"] * n, "in_channels": 3,
        "latent_channels": 4, "layers_per_block": layers, "norm_num_groups": 4, "out_channels": 3, "sample_size": 64,
        "scaling_factor": 0.18215, "up_block_types": ["UpDecoderBlock2D"] * n,
    }
    config.update(more)
    return {key: value for key, value in config.items() if value != "absent"}


def text(version=1, **more):
    config = {
        "architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "bos_token_id": 0, "dropout": 0.0,
        "eos_token_id": 2, "hidden_act": "quick_gelu", "hidden_size": 32, "initializer_factor": 1.0,
        "initializer_range": 0.02, "intermediate_size": 128, "layer_norm_eps": 1e-05,
        "max_position_embeddings": 77, "model_type": "clip_text_model", "num_attention_heads": 4,
        "num_hidden_layers": 2, "pad_token_id": 1, "torch_dtype": "float32", "vocab_size": 604,
    }
    if version == 2:
        config.update(hidden_act="gelu", hidden_size=40, intermediate_size=160, num_attention_heads=5,
                      num_hidden_layers=3)
    config.update(more)
    return config


def model(unet_config, vae_config=None, text_config=None, scheduler=None, dtype="f16", **form):
    """`form`: container (safetensors, bin, fp16), tokenizer (published, json), prefix, vae_names (new, matrices,
    convolutions), pad."""
    cross = unet_config["cross_attention_dim"]
    version = 2 if cross == 40 else 1
    return {
        "unet": unet_config, "vae": vae_config or vae(), "text": text_config or text(version),
        "scheduler": {**PNDM} if scheduler is None else scheduler, "dtype": dtype,
        "container": "safetensors", "tokenizer": "published", "prefix": True, "vae_names": "new",
        "pad": "!" if version == 2 else tiny_tokenizer.END, **form,
    }


def scheduler(**more):
    config = {**PNDM, **more}
    return {key: value for key, value in config.items() if value != "absent"}


MICRO = dict(channels=[8, 16], layers=1, down_block_types=[CROSS, DOWN], up_block_types=[UP, UP_CROSS],
             cross_attention_dim=16)
MICRO_VAE = vae((4, 8), 1)
MICRO_TEXT = text(hidden_size=16, intermediate_size=40, num_hidden_layers=1)

MODELS = {
    # The eight architectures of the family.
    "sd14": model(unet(), vae(layers=2)),
    "v2-tiny": model(unet([8, 16, 24], 1, None, 2)),
    "sd21": model(unet(version=2), dtype="bf16"),
    "base": model(unet(layers=1), container="bin", vae_names="matrices"),
    "small": model(unet(layers=1, mid=None), container="fp16"),
    "tiny": model(unet([8, 16, 24], 1, None), vae_names="convolutions", mid_block_type="absent"),
    "v2-base": model(unet(layers=1, version=2, mid_block_type="absent"), tokenizer="json", prefix=False),
    "v2-small": model(unet(layers=1, mid=None, version=2), vae((8, 16, 16), 2), container="bin"),
    # Head widths 12 and 20, three layers, a sample_size that is a list.
    "odd-heads": model(unet([24, 20], 3, down_block_types=[CROSS, CROSS], up_block_types=[UP_CROSS, UP_CROSS],
                            attention_head_dim=[2, 1], sample_size=[10, 18], cross_attention_dim=16),
                       vae((8, 12, 16), 1), MICRO_TEXT),
    # Cross-attention in the middle of the list only, another place on the way up, layers_per_block as a list.
    "odd-order": model(unet([8, 24, 16], [1, 2, 1], down_block_types=[DOWN, CROSS, DOWN],
                            up_block_types=[UP_CROSS, UP, UP], attention_head_dim=[2, 3, 4],
                            cross_attention_dim=16), vae((8, 16, 16), 1), MICRO_TEXT),
    # One level only, velocity, the Runge-Kutta start.
    "odd-single": model(unet([12], 1, down_block_types=[CROSS], up_block_types=[UP_CROSS], attention_head_dim=3,
                             cross_attention_dim=16), vae((8,), 1), MICRO_TEXT,
                        scheduler=scheduler(prediction_type="v_prediction", skip_prk_steps="absent")),
    # Values that no published config has, in the containers that are the least usual.
    "weird": model(unet([8, 16, 16], [1, 1, 1], down_block_types=[CROSS, CROSS, DOWN],
                        up_block_types=[UP, UP_CROSS, UP_CROSS], attention_head_dim=[2, 4, 4], cross_attention_dim=16,
                        act_fn="gelu", downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6,
                        transformer_layers_per_block=[2, 1, 1]),
                   vae((8, 8, 12), 1, mid_block_add_attention=False, use_quant_conv=False, use_post_quant_conv=False,
                       scaling_factor=0.5, shift_factor=None), MICRO_TEXT, container="bin", tokenizer="json",
                   prefix=False),
    # Schedulers.
    "velocity": model(unet(**MICRO), MICRO_VAE, MICRO_TEXT,
                      scheduler=scheduler(prediction_type="v_prediction"), dtype="f32"),
    "runge-kutta": model(unet(**MICRO), MICRO_VAE, MICRO_TEXT, scheduler=scheduler(skip_prk_steps=False)),
    "cosine": model(unet(**MICRO), MICRO_VAE, MICRO_TEXT, scheduler=scheduler(beta_schedule="squaredcos_cap_v2",
                                                                  set_alpha_to_one=True)),
    "trailing": model(unet(**MICRO), MICRO_VAE, MICRO_TEXT, scheduler=scheduler(
        beta_schedule="linear", beta_start=0.0001, beta_end=0.02, timestep_spacing="trailing", steps_offset=0)),
    "ddim": model(unet(**MICRO), MICRO_VAE, MICRO_TEXT, scheduler={
        "_class_name": "DDIMScheduler", "_diffusers_version": "0.8.0", "beta_end": 0.012,
        "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": False, "num_train_timesteps": 1000,
        "prediction_type": "epsilon", "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1,
        "trained_betas": None}),
}


def is_norm(name):
    return "norm" in name.split(".")[-2] or name.startswith("conv_norm")


def randomize(module, generator):
    """Uniform weights of variance 1 / fan_in, gains around 1, small biases; residual branches at half strength."""
    with torch.no_grad():
        for name, value in module.named_parameters():
            noise = torch.rand(value.shape, generator=generator) * 2 - 1
            if is_norm(name):
                value.copy_(1 + 0.3 * noise if name.endswith("weight") else 0.2 * noise)
            elif value.dim() == 1:
                value.copy_(0.1 * noise)
            elif "embedding" in name and value.dim() == 2 and "time_embedding" not in name:
                value.copy_(0.5 * noise)
            else:
                gain = 0.6 if any(part in name for part in ("conv2", "to_out", "out_proj", "fc2", "proj_out")) else 1.0
                value.copy_(noise * gain * math.sqrt(3 / value[0].numel()))


def blobs(n, shape, generator):
    """Latents as a VAE makes them: smooth patches of about unit variance."""
    height, width = shape
    coarse = torch.randn(n, 4, max(1, height // 4), max(1, width // 4), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=shape, mode="bilinear", align_corners=False)
    return smooth / smooth.std() * 0.9 + 0.3 * torch.randn(n, 4, height, width, generator=generator)


def fit_unet(network, contexts, velocity, generator):
    """Ridge regression of conv_out so that the network predicts the noise (or velocity) of noised blobs."""
    size = network.config.sample_size
    shape = (size, size) if isinstance(size, int) else tuple(size)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alphas = torch.cumprod(1 - betas, 0)
    features, targets = [], []
    hook = network.conv_out.register_forward_pre_hook(lambda module, inputs: captured.append(inputs[0]))
    with torch.no_grad():
        for t in range(1, 1000, 27):
            captured = []
            n = 6
            clean, noise = blobs(n, shape, generator), torch.randn(n, 4, *shape, generator=generator)
            a, b = alphas[t] ** 0.5, (1 - alphas[t]) ** 0.5
            context = contexts[torch.randint(len(contexts), (n,), generator=generator)]
            network(a * clean + b * noise, t, encoder_hidden_states=context)
            patches = torch.nn.functional.unfold(captured[0], 3, padding=1).transpose(1, 2)
            features.append(patches.reshape(-1, patches.shape[-1]))
            target = a * noise - b * clean if velocity else noise
            targets.append(target.permute(0, 2, 3, 1).reshape(-1, 4))
        hook.remove()
        x = torch.cat(features).double()
        x = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)
        y = torch.cat(targets).double()
        ridge = 0.02 * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
        solution = torch.linalg.solve(x.T @ x + ridge, x.T @ y).float()
        network.conv_out.weight.copy_(solution[:-1].T.reshape(network.conv_out.weight.shape))
        network.conv_out.bias.copy_(solution[-1])
        error = (x @ solution.double() - y).pow(2).mean().item()
    return error


def fit_decoder(network, generator):
    """Scales conv_out so that decoded blobs fill about two thirds of -1..1."""
    with torch.no_grad():
        latents = blobs(4, (8, 8), generator) / network.config.scaling_factor
        image = network.decode(latents).sample
        mean, deviation = image.mean((0, 2, 3)), image.std((0, 2, 3))
        out = network.decoder.conv_out
        out.weight.mul_((0.45 / deviation).reshape(-1, 1, 1, 1))
        out.bias.copy_((out.bias - mean) * 0.45 / deviation)


def old_attention_names(tensors, convolutions):
    """The VAE's attention as files before diffusers 0.11 name it."""
    result = {}
    for name, value in tensors.items():
        if ".attentions.0." in name:
            for new, old in OLD_NAMES.items():
                name = name.replace(f".{new}.", f".{old}.")
            if convolutions and value.dim() == 2:
                value = value[:, :, None, None]
        result[name] = value.contiguous()
    return result


def write_weights(folder, stem, tensors, container):
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{FILES[container].format(stem)}"
    if container == "bin":
        torch.save({name: value.clone() for name, value in tensors.items()}, path.replace("/model.", "/pytorch_model."))
    else:
        save_file(tensors, path, metadata={"format": "pt"})


def build(name, root):
    """Writes the folder `root`/`name`; the networks are built in float32 and rounded to what the file stores."""
    spec = copy.deepcopy(MODELS[name])
    folder = f"{root}/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    generator = torch.Generator("cpu").manual_seed(1000 + sorted(MODELS).index(name))
    dtype = DTYPES[spec["dtype"]]

    tiny_tokenizer.write_published(f"{folder}/tokenizer", spec["pad"], objects=name not in ("tiny", "velocity"))
    tokenizer = CLIPTokenizer.from_pretrained(f"{folder}/tokenizer")
    if spec["tokenizer"] == "json":
        shutil.rmtree(f"{folder}/tokenizer")
        tokenizer.save_pretrained(f"{folder}/tokenizer")

    encoder = CLIPTextModel(CLIPTextConfig(**spec["text"])).eval()
    randomize(encoder, generator)
    encoder.to(dtype).float()
    prompts = ["a red circle on a blue background", "the white cat in the garden", "", "mountain lake", "old man, sea"]
    ids = tokenizer(prompts, padding="max_length", truncation=True, max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        contexts = encoder(ids).last_hidden_state

    network = UNet2DConditionModel.from_config(spec["unet"]).eval()
    randomize(network, generator)
    velocity = spec["scheduler"].get("prediction_type") == "v_prediction"
    error = fit_unet(network, contexts, velocity, generator)

    autoencoder = AutoencoderKL.from_config(spec["vae"]).eval()
    randomize(autoencoder, generator)
    fit_decoder(autoencoder, generator)

    tensors = encoder.state_dict()
    tensors = {k: v for k, v in tensors.items() if "position_ids" not in k}
    bare = not next(iter(tensors)).startswith("text_model.")
    if spec["prefix"] and bare:
        tensors = {f"text_model.{k}": v for k, v in tensors.items()}
    tensors = {k: v.to(dtype).contiguous() for k, v in tensors.items()}
    if spec["prefix"]:
        tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    write_weights(f"{folder}/text_encoder", "model", tensors, spec["container"])

    tensors = {k: v.to(dtype).contiguous() for k, v in network.state_dict().items()}
    write_weights(f"{folder}/unet", "diffusion_pytorch_model", tensors, spec["container"])

    tensors = {k: v.to(dtype).contiguous() for k, v in autoencoder.state_dict().items()}
    if spec["vae_names"] != "new":
        tensors = old_attention_names(tensors, spec["vae_names"] == "convolutions")
    write_weights(f"{folder}/vae", "diffusion_pytorch_model", tensors, spec["container"])

    index = {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.12.0.dev0",
        "feature_extractor": [None, None], "requires_safety_checker": False, "safety_checker": [None, None],
        "scheduler": ["diffusers", spec["scheduler"]["_class_name"]],
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
    }
    tiny_tokenizer.write_json(f"{folder}/model_index.json", index)
    os.makedirs(f"{folder}/scheduler")
    tiny_tokenizer.write_json(f"{folder}/scheduler/scheduler_config.json", spec["scheduler"])
    for part in ("unet", "vae"):
        tiny_tokenizer.write_json(f"{folder}/{part}/config.json", spec[part])
    tiny_tokenizer.write_json(f"{folder}/text_encoder/config.json", spec["text"])
    return error


def stored_weights(folder, stem, container):
    """The file's tensors in float32, under today's names and shapes and without `text_model.`."""
    path = f"{folder}/{FILES[container].format(stem)}"
    if container == "bin":
        path = path.replace("/model.", "/pytorch_model.")
        tensors = torch.load(path, weights_only=True)
    else:
        tensors = load_file(path)
    result = {}
    for name, value in tensors.items():
        name = name.removeprefix("text_model.")
        if ".attentions.0." in name and folder.endswith("/vae"):
            for new, old in OLD_NAMES.items():
                name = name.replace(f".{old}.", f".{new}.")
            value = value.reshape(value.shape[:2])
        result[name] = value.float() if value.is_floating_point() else value
    return result
