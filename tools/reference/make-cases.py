#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Runs diffusers on the miniature models and stores what every part gave: make-cases.py [NAME...].

A NAME is that of a case, an encoding or a U-Net. Writes tests/reference/data/cases.json and, for each,
tests/reference/data/cases/NAME.safetensors.
"""

import os
import sys
import warnings

import numpy
import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline
from diffusers.utils import logging
from diffusers.utils.torch_utils import randn_tensor
from safetensors.torch import load_file, save_file

import miniatures
import tiny_tokenizer

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
DATA = os.path.join(TOP, "tests/reference/data")
LONG = ("an oil painting of a small house by the river, " * 12).strip()
UNICODE = "Ein Bär über dem FLUẞ, Ελλάς Σ, 東京タワー 🦊 café naïve İstanbul"
# ||a - b|| / ||b||, absolute for noise; fraction of 8-bit values within one level.
TOLERANCES = {"text": 1e-4, "noise": 1e-5, "latents": 1e-3, "image_within_one": 0.999, "moments": 1e-4,
              "unet": 1e-5}


def case(model, prompt, negative=None, steps=25, guidance=7.5, seed=0, width=64, height=64, images=1):
    return {"model": model, "prompt": prompt, "negative_prompt": negative, "steps": steps, "guidance": guidance,
            "seed": seed, "width": width, "height": height, "images": images}


RED = "a red circle on a blue background"
CASES = {
    "sd14": case("sd14", RED),
    "v2-tiny": case("v2-tiny", "the white cat sits in the garden", seed=42),
    "sd21": case("sd21", "a mountain lake at sunrise", seed=7),
    "base": case("base", RED, seed=2**32 + 5),
    "small": case("small", "portrait of a woman with a hat", seed=2**31),
    "tiny": case("tiny", RED, seed=2**63 - 1),
    "v2-base": case("v2-base", "a bowl of fruit on the table!", seed=1),
    "v2-small": case("v2-small", "the old man and the sea", seed=3, width=64, height=32),
    "sd14-negative": case("sd14", "a small house by the river", "highly detailed portrait", seed=5),
    "sd14-wide": case("sd14", RED, seed=9, width=136, height=104, steps=10),
    "sd14-8px": case("sd14", RED, seed=11, width=8, height=8),
    "sd14-40x72": case("sd14", RED, seed=12, width=40, height=72, steps=10),
    "sd14-long-prompt": case("sd14", LONG, seed=13, steps=5),
    "sd14-empty": case("sd14", "", seed=14, steps=5),
    "sd14-batch": case("sd14", RED, "green", seed=20, steps=10, images=3),
    "v2-tiny-unicode": case("v2-tiny", UNICODE, "!!! 'tis <|endoftext|>", seed=15, steps=10),
    "v2-tiny-batch": case("v2-tiny", "yellow stripes", seed=2**32 - 2, steps=5, images=3, width=48, height=40),
    "v2-tiny-guidance-1": case("v2-tiny", RED, "blue", guidance=1.0, seed=16),
    "v2-tiny-guidance-0": case("v2-tiny", RED, guidance=0.0, seed=17, steps=7),
    "v2-tiny-guidance-negative": case("v2-tiny", RED, "blue", guidance=-2.5, seed=18, steps=7),
    "v2-tiny-guidance-1.5": case("v2-tiny", RED, guidance=1.5, seed=18, steps=7),
    "v2-small-1-step": case("v2-small", RED, steps=1, seed=21),
    "v2-small-2-steps": case("v2-small", RED, steps=2, seed=22),
    "v2-small-3-steps": case("v2-small", RED, steps=3, seed=23),
    "v2-small-4-steps": case("v2-small", RED, steps=4, seed=24),
    "tiny-50-steps": case("tiny", "green and yellow stripes", steps=50, seed=25, width=32, height=32),
    "tiny-24px": case("tiny", RED, steps=10, seed=26, width=24, height=24),
    "odd-heads": case("odd-heads", RED, seed=30, width=72, height=40),
    "odd-heads-56x88": case("odd-heads", RED, seed=31, width=56, height=88, steps=10),
    "odd-order": case("odd-order", RED, seed=32),
    "odd-order-40x72": case("odd-order", RED, seed=33, width=40, height=72, steps=10),
    "odd-single": case("odd-single", RED, seed=34, width=16, height=16),
    "odd-single-4-steps": case("odd-single", RED, seed=35, width=24, height=16, steps=4),
    "weird": case("weird", RED, seed=41, width=48, height=40),
    "velocity": case("velocity", RED, seed=36),
    "runge-kutta": case("runge-kutta", RED, seed=37),
    "cosine": case("cosine", RED, seed=38),
    "trailing": case("trailing", RED, seed=39),
    "ddim": case("ddim", RED, seed=40),
    "starter": case("starter", "a red star on a blue background", seed=1, width=128, height=128),
    "starter-stripes": case("starter", "Green and yellow diagonal stripes.", seed=2, width=128, height=128),
    "starter-pair": case("starter", "an orange heart left of a purple square on grey", "white", seed=3, width=128,
                         height=128, steps=50),
    "starter-wide": case("starter", "a big yellow moon on teal", seed=4, width=168, height=104, steps=20, guidance=5.0),
    "starter-batch": case("starter", "a pink ring on a brown background", seed=5, width=128, height=128, images=2),
}


# Pictures through the VAE's encoder: model, width, height.
ENCODINGS = {"encode-sd14": ("sd14", 64, 48), "encode-v2-small": ("v2-small", 36, 44), "encode-tiny": ("tiny", 8, 8)}
# U-Nets alone: those of these models, told the text of the case that has the model's name.
UNETS = {f"unet-{model}": model for model in ("sd14", "sd21", "base", "small", "tiny", "v2-base", "v2-small", "v2-tiny",
                                              "odd-heads", "odd-order", "odd-single", "weird", "starter")}
UNET_TIMES = [981, 501, 21]
UNET_SEED, UNET_HEIGHT, UNET_WIDTH = 50, 10, 8


def folder_of(name):
    """A miniature's folder, or that of a model that comes with Gesso."""
    folders = [f"{DATA}/models/{name}", f"{TOP}/models/{name}"]
    return next(folder for folder in folders if os.path.isdir(folder))


def load(name):
    """The folder as diffusers loads it; scheduler: PNDM made from the folder's own."""
    folder = folder_of(name)
    pipe = load_miniature(name, folder) if name in miniatures.MODELS else StableDiffusionPipeline.from_pretrained(
        folder, torch_dtype=torch.float32)
    pipe.scheduler = PNDMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    assert pipe.unet.dtype == pipe.vae.dtype == pipe.text_encoder.dtype == torch.float32
    return pipe


def load_miniature(name, folder):
    """A miniature, of which every value is known."""
    spec = miniatures.MODELS[name]
    more = {"variant": "fp16"} if spec["container"] == "fp16" else {}
    parts = (("text_encoder", "model"), ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"))
    stored = {part: miniatures.stored_weights(f"{folder}/{part}", stem, spec["container"]) for part, stem in parts}
    if spec["vae_names"] == "convolutions":
        # diffusers reads the old names, but not their 1x1 convolutions: it is given the same values as matrices.
        more["vae"] = AutoencoderKL.from_config(AutoencoderKL.load_config(f"{folder}/vae"))
        more["vae"].load_state_dict(stored["vae"])
    pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, safety_checker=None,
                                                   low_cpu_mem_usage=False, **more)
    for part, tensors in stored.items():
        loaded = {k.removeprefix("text_model."): v for k, v in getattr(pipe, part).state_dict().items()}
        unread = tensors.keys() ^ loaded.keys() - {"embeddings.position_ids"}
        assert unread <= {"embeddings.position_ids"}, f"{name}/{part}: {unread}"
        assert all(torch.equal(loaded[k], v) for k, v in tensors.items() if k in loaded), f"{name}/{part}"
    return pipe


def tokens_of(pipe, texts):
    return pipe.tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


def run(pipe, c, perturbation=0.0):
    negative = c["negative_prompt"]
    ids = tokens_of(pipe, [negative or "", c["prompt"]])
    text = pipe.text_encoder(ids).last_hidden_state
    factor = pipe.vae_scale_factor
    shape = (1, pipe.unet.config.in_channels, c["height"] // factor, c["width"] // factor)
    generators = [torch.Generator("cpu").manual_seed(c["seed"] + i) for i in range(c["images"])]
    noise = torch.cat([randn_tensor(shape, generator=g, dtype=torch.float32) for g in generators])
    more = {"latents": noise * (1 + perturbation)} if perturbation else {
        "generator": [torch.Generator("cpu").manual_seed(c["seed"] + i) for i in range(c["images"])]}
    latents = pipe(c["prompt"], negative_prompt=negative, num_images_per_prompt=c["images"], width=c["width"],
                   height=c["height"], num_inference_steps=c["steps"], guidance_scale=c["guidance"],
                   output_type="latent", **more).images
    decoded = pipe.vae.decode(latents / pipe.vae.config.scaling_factor, return_dict=False)[0]
    pictures = pipe.image_processor.postprocess(decoded, output_type="pil")
    image = torch.from_numpy(numpy.stack([numpy.asarray(p) for p in pictures]))
    return {"tokens": ids.to(torch.int32), "text": text, "noise": noise, "latents": latents, "image": image}


def encode(pipe, width, height):
    """A smooth picture of 8 bits, and what the encoder makes of pixel / 127.5 - 1: means, then log variances."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    channels = [(x * 5 + y * 2) % 256, (x * y // 3 + 40) % 256, (255 - x * 3 + y * 7) % 256]
    image = torch.stack(channels, -1)[None].to(torch.uint8)
    moments = pipe.vae.encode(image.permute(0, 3, 1, 2).float() / 127.5 - 1).latent_dist.parameters
    return {"image": image, "moments": moments}


def make_case(pipe, name):
    result = run(pipe, CASES[name])
    nudged = run(pipe, CASES[name], 1e-5)["latents"]
    latents, image = result["latents"], result["image"].float()
    sensitivity = ((nudged - latents).norm() / latents.norm() / 1e-5).item()
    saturated = ((image == 0) | (image == 255)).float().mean().item()
    print(f"{name:26} latents std {latents.std():.2f} picture mean {image.mean():.0f} std {image.std():.0f} "
          f"saturated {saturated:.3f} sensitivity {sensitivity:.1f}")
    assert torch.isfinite(latents).all() and sensitivity < 50
    assert saturated < 0.4 or CASES[name]["model"] not in miniatures.MODELS
    return result


def make_encoding(pipe, name):
    _, width, height = ENCODINGS[name]
    result = encode(pipe, width, height)
    print(f"{name:26} moments std {result['moments'].std():.2f}")
    return result


def make_unet(pipe, name):
    """The same latents for both texts, as with guidance."""
    text = load_file(f"{DATA}/cases/{UNETS[name]}.safetensors")["text"]
    generator = torch.Generator("cpu").manual_seed(UNET_SEED)
    latents = randn_tensor((1, pipe.unet.config.in_channels, UNET_HEIGHT, UNET_WIDTH), generator=generator)
    noise = torch.stack([pipe.unet(latents.repeat(2, 1, 1, 1), t, encoder_hidden_states=text).sample
                         for t in UNET_TIMES])
    share = (noise[:, 0] - noise[:, 1]).norm() / noise[:, 0].norm()
    print(f"{name:26} noise std {noise.std():.2f} share of the text {share:.3f}")
    return {"latents": latents, "times": torch.tensor(UNET_TIMES, dtype=torch.int32), "noise": noise}


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    os.makedirs(f"{DATA}/cases", exist_ok=True)
    models = {**{name: c["model"] for name, c in CASES.items()},
              **{name: model for name, (model, _, _) in ENCODINGS.items()}, **UNETS}
    loaded = {}
    for name in sys.argv[1:] or models:
        model = models[name]
        if model not in loaded:
            loaded.clear()
            loaded[model] = load(model)
        make = make_case if name in CASES else make_encoding if name in ENCODINGS else make_unet
        with torch.no_grad():
            result = make(loaded[model], name)
        save_file({k: v.contiguous() for k, v in result.items()}, f"{DATA}/cases/{name}.safetensors")
    tiny_tokenizer.write_json(f"{DATA}/cases.json", {
        "tolerances": TOLERANCES, "cases": [{"name": name, **c} for name, c in CASES.items()],
        "encodings": [{"name": name, "model": model} for name, (model, _, _) in ENCODINGS.items()],
        "unets": [{"name": name, "model": model} for name, model in UNETS.items()]})


main()
