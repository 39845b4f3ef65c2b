# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Where training pictures come from, as latents and tokens: drawn ones, encoded once; or a folder of captioned images.

Both kinds have `batch (step_random, count)`, which gives scaled latents [count, 4, h, w] and twice token ids [count, 77]:
of the captions, and of the captions as a student hears them, with words among them that mean nothing.
"""

import csv
import hashlib
import json
import pathlib
import random
import sys

import numpy
import torch
from PIL import Image

import data
import drawing
import tokenizer as tokens_of
import training
import wording

SEED = 2
SHARD = 500
WORDINGS = 4


def picture_tensor(scene):
    """A scene as the VAE sees it: float32 [3, H, W] in -1..1."""
    return torch.from_numpy(drawing.picture(scene)).permute(2, 0, 1).float().div(127.5).sub(1)


def fingerprint(module):
    """Eight letters that change with a module's weights, not with whether they are stored in half precision."""
    sums = hashlib.sha256()
    for name, value in module.state_dict().items():
        sums.update(name.encode() + value.detach().half().cpu().contiguous().numpy().tobytes())
    return sums.hexdigest()[:8]


@torch.no_grad()
def encoded(vae, pictures):
    """Scaled latents of pictures: the mean; what a sample adds to it is less than an 8-bit level."""
    return vae.encode(pictures).latent_dist.mean * vae.config.scaling_factor


class Drawn:
    """`count` drawn pictures of a split with several wordings each, encoded once for each encoder, in shards. The share
    `pairs` of a batch is chosen among those with two objects alone, the rest among all; the share `unknown` of captions
    is heard with unknown words."""

    def __init__(self, vae, tokenizer, count, split="train", seed=SEED, say=print, pairs=0.0, unknown=0.0):
        key = f"{split}-{seed}-{fingerprint(vae.encoder)}-{fingerprint(vae.quant_conv)}-{vae.config.scaling_factor}"
        self.folder = training.cache_folder("latents") / key
        self.folder.mkdir(exist_ok=True)
        self.count, self.split, self.seed, self.vae, self.say = count, split, seed, vae, say
        shards = [self.shard(number) for number in range(-(-count // SHARD))]
        self.latents = torch.cat([latents for latents, _ in shards])[:count]
        captions = [caption for _, captions in shards for caption in captions][:count]
        texts = [text for caption in captions for text in caption]
        rng = random.Random(seed)
        heard = [wording.with_unknown_words(rng, text) if rng.random() < unknown else text for text in texts]
        self.tokens, self.heard = (tokens_of.tokens(tokenizer, texts).to(torch.int16).reshape(count, WORDINGS, -1)
                                   for texts in (texts, heard))
        self.pairs = pairs
        if pairs:
            scenes = (data.scene_at(split, seed, index)[0] for index in range(count))
            self.with_two = torch.tensor([index for index, scene in enumerate(scenes) if len(scene.objects) == 2])

    def shard(self, number):
        path = self.folder / f"{number:04}.pt"
        if not path.exists():
            self.say(f"encoding pictures {number * SHARD} to {(number + 1) * SHARD} of {self.count}")
            latents, captions = [], []
            for index in range(number * SHARD, (number + 1) * SHARD):
                scene, rng = data.scene_at(self.split, self.seed, index)
                latents.append(encoded(self.vae, picture_tensor(scene)[None]))
                captions.append([wording.caption(scene, rng) for _ in range(WORDINGS)])
            training.save(path, {"latents": torch.cat(latents), "captions": captions})
        stored = training.load(path)
        return stored["latents"], stored["captions"]

    def batch(self, step_random, count):
        chosen = torch.randint(0, self.count, (count,), generator=step_random)
        if self.pairs:
            pair = self.with_two[torch.randint(0, len(self.with_two), (count,), generator=step_random)]
            chosen = torch.where(torch.rand(count, generator=step_random) < self.pairs, pair, chosen)
        phrase = torch.randint(0, WORDINGS, (count,), generator=step_random)
        return self.latents[chosen], self.tokens[chosen, phrase].long(), self.heard[chosen, phrase].long()


def captioned_files(folder):
    """[(image file, caption)] of metadata.jsonl or metadata.csv beside the images: columns file_name and text."""
    folder = pathlib.Path(folder)
    for name in ("metadata.jsonl", "metadata.csv"):
        path = folder / name
        if path.exists():
            with open(path, encoding="utf-8", newline="") as file:
                lines = name.endswith("l")
                rows = [json.loads(line) for line in file if line.strip()] if lines else [*csv.DictReader(file)]
            break
    else:
        sys.exit(f"{folder} has neither metadata.jsonl nor metadata.csv: one is needed, with file_name and text")
    missing = [row for row in rows if "file_name" not in row or "text" not in row]
    if missing or not rows:
        sys.exit(f"{path}: every row needs file_name and text; got {missing[0] if missing else 'no row at all'}")
    return [(folder / row["file_name"], row["text"]) for row in rows]


class Folder:
    """Captioned images, cut to a square in the middle and encoded as they are needed, on the VAE's device."""

    def __init__(self, vae, tokenizer, folder, side, flip=False):
        self.vae, self.tokenizer, self.side, self.flip = vae, tokenizer, side, flip
        self.files = captioned_files(folder)

    def image(self, path, mirrored):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        scale = self.side / min(image.size)
        size = [max(self.side, round(length * scale)) for length in image.size]
        left, top = ((length - self.side) // 2 for length in size)
        image = image.resize(size, Image.LANCZOS).crop((left, top, left + self.side, top + self.side))
        pixels = numpy.asarray(image)[:, ::-1] if mirrored else numpy.asarray(image)
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div(127.5).sub(1)

    def batch(self, step_random, count):
        chosen = torch.randint(0, len(self.files), (count,), generator=step_random).tolist()
        mirrored = (torch.rand(count, generator=step_random) < 0.5).tolist()
        noise_seed = int(torch.randint(0, 2**31, (1,), generator=step_random))
        pictures = torch.stack([self.image(self.files[index][0], self.flip and mirror)
                                for index, mirror in zip(chosen, mirrored)])
        with torch.no_grad():
            spread = self.vae.encode(pictures.to(self.vae.device, self.vae.dtype)).latent_dist
        # Drawn on the CPU, so that the same step gives the same latents on every device.
        chance = torch.randn(spread.mean.shape, generator=torch.Generator().manual_seed(noise_seed))
        latents = (spread.mean + spread.std * chance.to(spread.mean)) * self.vae.config.scaling_factor
        texts = [self.files[index][1] for index in chosen]
        tokens = tokens_of.tokens(self.tokenizer, texts)
        return latents.float(), tokens, tokens
