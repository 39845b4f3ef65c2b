# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Model folders in the form in which the family is published, whatever form today's libraries would write."""

import contextlib
import copy
import hashlib
import json
import pathlib
import shutil
import zipfile

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel
from transformers.utils import logging as transformers_logging

import tokenizer as tokens_of
import training

# Their warnings (a missing torchvision, casts that are meant) and bars would drown the progress lines.
for logging in (diffusers_logging, transformers_logging):
    logging.set_verbosity_error()
    logging.disable_progress_bar()

PREFIX = "text_model."
KINDS = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
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


def save_text_encoder(folder, text_encoder, variant=None):
    text_encoder.save_pretrained(folder, variant=variant)
    for path in pathlib.Path(folder).glob("*.safetensors"):
        with_prefix(path)


def in_half(module, dtype=torch.float16):
    """A copy as it goes into a file."""
    return copy.deepcopy(module).to(dtype, memory_format=torch.contiguous_format)


def write(folder, tokenizer_folder, text_encoder, unet, vae, scheduler, dtype=torch.float16):
    """A whole folder."""
    with training.whole_folder(folder) as part:
        for name, module in (("unet", unet), ("vae", vae)):
            in_half(module, dtype).save_pretrained(part / name)
        save_text_encoder(part / "text_encoder", in_half(text_encoder, dtype))
        scheduler.save_pretrained(part / "scheduler")
        shutil.copytree(tokenizer_folder, part / "tokenizer")
        with open(part / "model_index.json", "w") as file:
            json.dump(INDEX, file, indent=2)
            file.write("\n")


def fingerprint(module):
    """Eight letters that change with a module's weights, not with whether they are stored in half precision."""
    sums = hashlib.sha256()
    for name, value in module.state_dict().items():
        sums.update(name.encode() + value.detach().half().cpu().contiguous().numpy().tobytes())
    return sums.hexdigest()[:8]


def is_half(path):
    """Whether a file is of the half-precision variant, whole or one of several, in old and new spelling."""
    return ".fp16." in path.name or ".fp16-" in path.name


def numbers_of(path):
    """The type of the numbers in a file of weights: that of its first tensor that holds any. Old text encoders begin with
    positions, which are whole numbers."""
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            return next(value.dtype for value in map(file.get_tensor, file.keys()) if value.is_floating_point())
    # Files that are no archives are those of torch before 1.6, and cannot be looked at without being read.
    weights = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    return next(value.dtype for value in weights.values() if value.is_floating_point())


def stored(folder):
    """How a part's weights are stored, as arguments of from_pretrained: the half-precision variant where that is all
    there is, .bin files where none of the other kind are as plain, and the numbers' type."""
    files = sorted(path for kind in ("*.safetensors", "*.bin") for path in pathlib.Path(folder).glob(kind))
    if not files:
        raise SystemExit(f"{folder} holds no weights: neither .safetensors nor .bin files")
    first = min(files, key=lambda path: (is_half(path), path.suffix == ".bin", path.name))
    return {"variant": "fp16" if is_half(first) else None, "use_safetensors": first.suffix == ".safetensors",
            "torch_dtype": numbers_of(first)}


def load_part(folder, name):
    """A part of a model folder in the numbers it is stored in."""
    folder = pathlib.Path(folder) / name
    return KINDS[name].from_pretrained(folder, **stored(folder))


def load_unet(folder):
    return load_part(folder, "unet")


@contextlib.contextmanager
def changed(original, folder, name):
    """Where to write the part `name` of `folder`, which is as `original` otherwise."""
    original = pathlib.Path(original)
    with training.whole_folder(folder) as whole:
        shutil.copytree(original, whole, ignore=lambda at, _: [name] if pathlib.Path(at) == original else [])
        yield whole / name


def write_with_unet(original, folder, unet):
    """The folder `original` with another U-Net, in the numbers and under the variant's name that its own is stored in:
    a folder of which some parts are a variant and some are not is one that diffusers does not load."""
    how = stored(pathlib.Path(original) / "unet")
    with changed(original, folder, "unet") as part:
        in_half(unet, how["torch_dtype"]).save_pretrained(part, variant=how["variant"])


def write_with_vae(original, folder, vae):
    """The folder `original` with another VAE, likewise."""
    how = stored(pathlib.Path(original) / "vae")
    with changed(original, folder, "vae") as part:
        in_half(vae, how["torch_dtype"]).save_pretrained(part, variant=how["variant"])


def write_with_text_encoder(original, folder, text_encoder):
    """The folder `original` with another text encoder, likewise."""
    how = stored(pathlib.Path(original) / "text_encoder")
    with changed(original, folder, "text_encoder") as part:
        save_text_encoder(part, in_half(text_encoder, how["torch_dtype"]), how["variant"])


class Model:
    """The parts of a folder, in float32 on a device unless said otherwise; weights that do not learn. The VAE is in
    float32 always: latents are kept on disk under a name that is made of its weights, the same on every device."""

    def __init__(self, folder, device="cpu", dtype=torch.float32):
        self.folder = pathlib.Path(folder)
        for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
            if not (self.folder / name).is_dir():
                raise SystemExit(f"{folder} is no Stable Diffusion folder: it has no {name}/")

        # Of parts that will not be what is stored: a run goes on on another device, in other numbers.
        self.fingerprints = {}

        def part(name, dtype=dtype):
            module = load_part(folder, name).float()
            if dtype != torch.float32:
                self.fingerprints[name] = fingerprint(module)
            return module.to(device, dtype).eval().requires_grad_(False)

        self.tokenizer = tokens_of.load(self.folder / "tokenizer")
        self.text_encoder = part("text_encoder")
        self.vae = part("vae", torch.float32)
        self.unet = part("unet")
        self.scheduler = PNDMScheduler.from_pretrained(self.folder / "scheduler")

    def fingerprint(self, *names):
        """Of what is stored, whatever numbers it is in now: of these parts, or of all."""
        return "-".join(self.fingerprints.get(name) or fingerprint(getattr(self, name)) for name in names or KINDS)

    def pipeline(self):
        return StableDiffusionPipeline(
            vae=self.vae, text_encoder=self.text_encoder, tokenizer=self.tokenizer, unet=self.unet,
            scheduler=self.scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
