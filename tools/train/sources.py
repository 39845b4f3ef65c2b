# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Where training pictures come from, as latents and tokens: drawn ones, encoded once; or a folder of captioned images.

Both kinds have `batch (step_random, count)`, which gives scaled latents [count, 4, h, w] and twice token ids [count, 77]:
of the captions, and of the captions as a student hears them, in other words or with words among them that mean nothing.
"""

import copy
import csv
import io
import json
import os
import pathlib
import random
import sys
import time

import numpy
import torch
from PIL import Image, ImageOps

import data
import drawing
import folder as folders
import reworded
import tokenizer as tokens_of
import training
import wording

SEED = 2
SHARD = 500
WORDINGS = 4


def picture_tensor(scene):
    """A scene as the VAE sees it: float32 [3, H, W] in -1..1."""
    return torch.from_numpy(drawing.picture(scene)).permute(2, 0, 1).float().div(127.5).sub(1)


@torch.no_grad()
def encoded(vae, pictures):
    """Scaled latents of pictures, on the CPU: the mean; what a sample adds to it is less than an 8-bit level."""
    latents = vae.encode(pictures.to(vae.device)).latent_dist.mean * vae.config.scaling_factor
    return latents.cpu()


class Drawn:
    """`count` drawn pictures of a split with several wordings each, encoded once for each encoder, in shards. What is kept
    is float32 and encoded so, wherever the VAE is and whatever it is in.

    The share `patterns` of a batch is chosen among those with a pattern, alone or behind an object; of the others the share
    `pairs` among those with two objects; the rest among all. The share `others` of captions is heard in other words, as far
    as they are neither in capitals nor before a full stop, the share `unknown` with unknown ones."""

    def __init__(self, vae, tokenizer, count, split="train", seed=SEED, say=print, pairs=0.0, unknown=0.0, others=0.0,
                 patterns=0.0):
        vae = vae if vae.dtype == torch.float32 else copy.deepcopy(vae).float()
        encoder = "-".join(folders.fingerprint(part) for part in (vae.encoder, vae.quant_conv))
        key = f"{split}-{seed}-{data.fingerprint()}-{encoder}-{vae.config.scaling_factor}"
        self.folder = training.cache_folder("latents") / key
        self.folder.mkdir(exist_ok=True)
        self.count, self.split, self.seed, self.vae, self.say = count, split, seed, vae, say
        numbers = range(-(-count // SHARD))
        self.missing = [number for number in numbers if not self.path(number).exists()]
        self.spent = []
        shards = [self.shard(number) for number in numbers]
        self.latents = torch.cat([latents for latents, _ in shards])[:count]
        captions = [caption for _, captions in shards for caption in captions][:count]
        texts = [text for caption in captions for text in caption]
        rng = random.Random(seed)
        # Without a share no random number is taken: what is heard with unknown words is then what it always was.
        heard = [reworded.reworded(rng, text) if others and rng.random() < others else text for text in texts]
        heard = [wording.with_unknown_words(rng, text) if rng.random() < unknown else text for text in heard]
        self.tokens, self.heard = (tokens_of.tokens(tokenizer, texts).to(torch.int32).reshape(count, WORDINGS, -1)
                                   for texts in (texts, heard))
        wanted = (("two objects", pairs, lambda scene: len(scene.objects) == 2),
                  ("a pattern", patterns, lambda scene: scene.ground.pattern))
        scenes = [data.scene_at(split, seed, index)[0] for index in range(count)] if pairs or patterns else []
        self.shares = [(self.those(scenes, what, share, has_it), share) for what, share, has_it in wanted if share]

    def those(self, scenes, what, share, has_it):
        """Which pictures have what a share of a batch is to have."""
        found = torch.tensor([index for index, scene in enumerate(scenes) if has_it(scene)])
        if not len(found):
            sys.exit(f"of {self.count} drawn pictures none has {what}, and a share of {share} is to have: draw more")
        return found

    def path(self, number):
        return self.folder / f"{number:04}.pt"

    def shard(self, number):
        path = self.path(number)
        if not path.exists():
            self.encode(number)
        stored = training.load(path)
        return stored["latents"], stored["captions"]

    def encode(self, number):
        """Shards are always whole, however few pictures of the last are asked for now."""
        begun, done, total = time.monotonic(), len(self.spent), len(self.missing)
        left = f", {training.readable(sum(self.spent) / done * (total - done))} left" if done else ""
        self.say(f"encoding pictures {done * SHARD} to {(done + 1) * SHARD} of {total * SHARD}{left}")
        latents, captions = [], []
        for index in range(number * SHARD, (number + 1) * SHARD):
            scene, rng = data.scene_at(self.split, self.seed, index)
            latents.append(encoded(self.vae, picture_tensor(scene)[None]))
            captions.append([wording.caption(scene, rng, complete=True) for _ in range(WORDINGS)])
        training.save(self.path(number), {"latents": torch.cat(latents), "captions": captions})
        self.spent.append(time.monotonic() - begun)

    def in_order(self, count):
        """(latents, tokens) of all pictures, `count` at a time."""
        phrase = torch.arange(self.count) % WORDINGS
        tokens = self.tokens[torch.arange(self.count), phrase].long()
        return zip(self.latents.split(count), tokens.split(count))

    def batch(self, step_random, count):
        chosen = torch.randint(0, self.count, (count,), generator=step_random)
        for those, share in self.shares:
            others = those[torch.randint(0, len(those), (count,), generator=step_random)]
            chosen = torch.where(torch.rand(count, generator=step_random) < share, others, chosen)
        phrase = torch.randint(0, WORDINGS, (count,), generator=step_random)
        return self.latents[chosen], self.tokens[chosen, phrase].long(), self.heard[chosen, phrase].long()


def decoded(path):
    """A text file's content, with or without a byte order mark."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = wrong.object.count(b"\n", 0, wrong.start) + 1
        sys.exit(f"{path}, line {line}: not UTF-8; save the file in that encoding")


def json_rows(path, lines):
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as wrong:
                sys.exit(f"{path}, line {number}: no JSON ({wrong}); mend the line or remove it")


def csv_rows(path, lines):
    reader = csv.DictReader(lines)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as wrong:
        sys.exit(f"{path}, line {reader.reader.line_num}: no CSV ({wrong}); mend the line or remove it")


def is_text(value):
    """JSON can hold halves of characters, which no tokenizer takes."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def captioned_files(folder):
    """[(image file, caption)] of metadata.jsonl or metadata.csv beside the images: columns file_name and text. What is
    wrong with a row ends the program now, not hours later when the row is chosen."""
    folder = pathlib.Path(folder)
    path = next((path for path in (folder / "metadata.jsonl", folder / "metadata.csv") if path.exists()), None)
    if not path:
        sys.exit(f"{folder} has neither metadata.jsonl nor metadata.csv: one is needed, with file_name and text")
    rows = (json_rows if path.suffix == ".jsonl" else csv_rows)(path, io.StringIO(decoded(path), newline=""))
    found = []
    for line, row in rows:
        for key in ("file_name", "text"):
            if not isinstance(row, dict) or row.get(key) is None:
                sys.exit(f"{path}, line {line}: every row needs file_name and text; this one has no {key}: {row}")
            if not is_text(row[key]):
                sys.exit(f"{path}, line {line}: {key} has to be one string, and is {row[key]!r}")
        image = folder / row["file_name"]
        if not os.path.isfile(image):
            sys.exit(f"{path}, line {line}: there is no file {image}; put it there or remove the row")
        found.append((image, row["text"]))
    if not found:
        sys.exit(f"{path} has no row: every image needs one, with file_name and text")
    return found


def upright(image):
    """As the camera was held. What EXIF says is left aside where it cannot be read."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow's readers of EXIF raise all kinds, and the picture itself was read before.
        return image


# What Pillow calls the kinds of images that can be shown, whose levels have a white.
PICTURES = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}
SIXTEEN_BITS = 65535


def as_rgb(image):
    """An image of any kind in 8 bits a channel, on white where it is transparent; ValueError where its levels say
    nothing of what is white."""
    if image.mode.startswith("I"):
        # Grey in 16 bits, which Pillow cuts off at 255 otherwise. Its transparency is a level.
        levels = numpy.asarray(image).astype(numpy.float64)
        if levels.min() < 0 or levels.max() > SIXTEEN_BITS:
            raise ValueError("it has levels of more than 16 bits; save it with 8 or 16")
        clear = levels == image.info.get("transparency", -1)
        levels = numpy.where(clear, 255, levels / 257 + 0.5).clip(0, 255)
        return Image.fromarray(levels.astype(numpy.uint8)).convert("RGB")
    if image.mode not in PICTURES:
        raise ValueError(f"its mode is {image.mode}; save it as RGB or grey, with 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


class Folder:
    """Captioned images, cut to a square in the middle and encoded as they are needed, on the VAE's device."""

    def __init__(self, vae, tokenizer, folder, side, flip=False):
        self.vae, self.tokenizer, self.side, self.flip = vae, tokenizer, side, flip
        self.files = captioned_files(folder)

    def read(self, path):
        try:
            with Image.open(path) as opened:
                opened.load()
                return as_rgb(upright(opened))
        except Exception as wrong:  # Pillow raises SyntaxError, struct.error and others for damaged files.
            sys.exit(f"{path} cannot be read, or is damaged or cut off ({wrong}); mend it, or remove its row from "
                     "the metadata and give the same command again")

    def image(self, path, mirrored):
        image = self.read(path)
        edge = min(image.size)
        left, top = ((length - edge) // 2 for length in image.size)
        image = image.crop((left, top, left + edge, top + edge)).resize((self.side, self.side), Image.LANCZOS)
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
