# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Model folders in the form in which the family is published, whatever form today's libraries would write."""

import copy
import json
import pathlib
import shutil

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel
from transformers.utils import logging as transformers_logging

import tokenizer as tokens_of

# Their warnings (a missing torchvision, casts that are meant) and bars would drown the progress lines.
for logging in (diffusers_logging, transformers_logging):
    logging.set_verbosity_error()
    logging.disable_progress_bar()

PREFIX = "text_model."
INDEX = {
    "_class_name": "StableDiffusionPipeline", "feature_extractor": [None, None], "requires_safety_checker": False,
    "safety_checker": [None, None], "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
}


def with_prefix(path):
    """Gives the tensors of a text encoder's file the published prefix."""
    tensors = load_file(path)
    tensors = {name if name.startswith(PREFIX) else PREFIX + name: value for name, value in tensors.items()}
    save_file(tensors, path, metadata={"format": "pt"})


def save_text_encoder(folder, text_encoder):
    text_encoder.save_pretrained(folder)
    with_prefix(pathlib.Path(folder) / "model.safetensors")


def in_half(module, dtype=torch.float16):
    """A copy as it goes into a file."""
    return copy.deepcopy(module).to(dtype, memory_format=torch.contiguous_format)


def write(folder, tokenizer_folder, text_encoder, unet, vae, scheduler, dtype=torch.float16):
    """A whole folder."""
    folder = pathlib.Path(folder)
    for name, module in (("unet", unet), ("vae", vae)):
        in_half(module, dtype).save_pretrained(folder / name)
    save_text_encoder(folder / "text_encoder", in_half(text_encoder, dtype))
    scheduler.save_pretrained(folder / "scheduler")
    shutil.copytree(tokenizer_folder, folder / "tokenizer", dirs_exist_ok=True)
    with open(folder / "model_index.json", "w") as file:
        json.dump(INDEX, file, indent=2)
        file.write("\n")


def stored(folder):
    """How a part's weights are stored, as arguments of from_pretrained: the half-precision variant where that is all
    there is, and the numbers' type where the file says it."""
    files = sorted(pathlib.Path(folder).glob("*.safetensors")) or sorted(pathlib.Path(folder).glob("*.bin"))
    if not files:
        raise SystemExit(f"{folder} holds no weights: neither .safetensors nor .bin files")
    half = all(".fp16." in path.name for path in files)
    plain = [path for path in files if (".fp16." in path.name) == half]
    dtype = torch.float16 if half else torch.float32
    if plain[0].suffix == ".safetensors":
        with safe_open(plain[0], "pt") as file:
            dtype = file.get_tensor(next(iter(file.keys()))).dtype
    return {"variant": "fp16" if half else None, "torch_dtype": dtype}


def load_unet(folder):
    """The U-Net of a model folder in the numbers it is stored in."""
    return UNet2DConditionModel.from_pretrained(pathlib.Path(folder) / "unet", **stored(pathlib.Path(folder) / "unet"))


class Model:
    """The parts of a folder, in float32 on a device unless said otherwise; weights that do not learn."""

    def __init__(self, folder, device="cpu", dtype=torch.float32):
        self.folder = pathlib.Path(folder)
        if not (self.folder / "unet").is_dir():
            raise SystemExit(f"{folder} is no Stable Diffusion folder: it has no unet/")

        def part(kind, name):
            variant = stored(self.folder / name)["variant"]
            module = kind.from_pretrained(self.folder / name, variant=variant)
            return module.to(device, dtype).eval().requires_grad_(False)

        self.tokenizer = tokens_of.load(self.folder / "tokenizer")
        self.text_encoder = part(CLIPTextModel, "text_encoder")
        self.vae = part(AutoencoderKL, "vae")
        self.unet = part(UNet2DConditionModel, "unet")
        self.scheduler = PNDMScheduler.from_pretrained(self.folder / "scheduler")

    def pipeline(self):
        return StableDiffusionPipeline(
            vae=self.vae, text_encoder=self.text_encoder, tokenizer=self.tokenizer, unet=self.unet,
            scheduler=self.scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
