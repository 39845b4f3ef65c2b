#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Teaches the decoder of a finished starter what its U-Net draws: outlines.py MODEL [--out FOLDER] [--drawings]

Some of what looks rough is the decoder's: with the latents of drawn pictures themselves, small stars come out as blobs.
So it goes on learning: at first from these latents, mostly of crops that show a part of an object; then half of them are
what the U-Net makes of such a picture with noise on it, at the guidance that it is made for, with its errors in them,
while what is to come out is the picture, with even outlines and flat grounds. The encoder stays, so the latents stay what
they are, and nothing else of the model has to learn again. In the last half an adversary tells sharp edges from soft ones
(vae.py).

FOLDER/model is MODEL with the decoder so taught. With --drawings it draws what is to be learnt from and ends, so that
another process can begin to learn meanwhile; without, it draws what lacks when it is needed.
"""

import argparse
import functools
import pathlib
import time

import torch
from diffusers import DDIMScheduler

import data
import drawing
import folder as folders
import sources
import starter
import training
import vae as vaes

SEED = 9
STEPS = 12000
# How many pictures, and of how many of them the U-Net makes something itself, SHARD at a time. The share of the steps
# after which that is learnt from, and of a step's pictures.
PICTURES, OWN, SHARD = 12000, 3000, 500
OWN_FROM, OWN_SHARE = 0.4, 0.5
# Of so many steps, those between which a drawing begins, with noise on a picture: the latest of them keeps what the
# picture says of outlines, the earliest hardly more than where and what things are.
SAMPLING, BEGUN, BATCH, GUIDANCE = 25, (8, 17), 20, 7.5
# Crops are of latent cells; the share of those of pictures with an object that shows a part of it; one step in three and
# the last seventh are of whole pictures.
CELLS, AT_OBJECTS = vaes.CROP // starter.FACTOR, 0.85


@functools.cache
def scene_of(index):
    return data.scene_at("train", sources.SEED, index)[0]


@functools.cache
def picture(index):
    """A training picture as a uint8 tensor [3, H, W], drawn once and kept."""
    return torch.from_numpy(drawing.picture(scene_of(index))).permute(2, 0, 1).contiguous()


@torch.no_grad()
def drawn(model, latents, tokens, begun, step_random):
    """What the U-Net makes of pictures' latents with noise on them, from step `begun` of SAMPLING on."""
    # DDIM cuts predicted pictures off at 1 unless told otherwise, which is meant for pixels.
    scheduler = DDIMScheduler.from_config(model.scheduler.config, clip_sample=False)
    scheduler.set_timesteps(SAMPLING)
    device = model.unet.device
    empty = model.tokenizer([""], padding="max_length", max_length=starter.TOKENS, return_tensors="pt").input_ids
    text = model.text_encoder(torch.cat([empty.expand_as(tokens), tokens]).to(device)).last_hidden_state
    times = scheduler.timesteps[begun:]
    latents = scheduler.add_noise(latents, torch.randn(latents.shape, generator=step_random), times[:1]).to(device)
    for time_now in times:
        blank, captioned = model.unet(torch.cat([latents, latents]), time_now, text).sample.chunk(2)
        latents = scheduler.step(blank + GUIDANCE * (captioned - blank), time_now, latents).prev_sample
    return latents.cpu()


class Own:
    """The U-Net's drawings of the first OWN pictures, each shard made when it is asked for and not yet there, in a folder
    that is named after the model's weights."""

    def __init__(self, folder, model, source, say):
        self.folder = folder / f"drawings-{model.fingerprint()}"
        self.model, self.source, self.say = model, source, say
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, number):
        return self.folder / f"{number:04}.pt"

    def make(self, number):
        begun, made = time.monotonic(), []
        for first in range(number * SHARD, (number + 1) * SHARD, BATCH):
            step_random = training.generator(SEED + 1, first)
            start = int(torch.randint(*BEGUN, (1,), generator=step_random))
            made.append(drawn(self.model, self.source.latents[first:first + BATCH],
                              self.source.tokens[first:first + BATCH, 0].long(), start, step_random))
        training.save(self.path(number), torch.cat(made))
        self.say(f"drew {SHARD} pictures in {training.readable(time.monotonic() - begun)}, "
                 f"shard {number + 1} of {OWN // SHARD}")

    def make_all(self):
        for number in range(OWN // SHARD):
            if not self.path(number).exists():
                self.make(number)

    @functools.cached_property
    def latents(self):
        self.make_all()
        return torch.cat([training.load(self.path(number)) for number in range(OWN // SHARD)])


def corner(scene, step_random):
    """Where a crop begins, in cells, x and y: mostly so that some point of an object's box is in its middle."""
    cells = starter.LATENTS - CELLS
    x, y, kind, which = torch.rand(4, generator=step_random).tolist()
    if not scene.objects or kind >= AT_OBJECTS:
        return int(x * (cells + 1)), int(y * (cells + 1))
    thing = scene.objects[int(which * len(scene.objects))]
    middles = (middle + (2 * chance - 1) * thing.radius for middle, chance in ((thing.x, x), (thing.y, y)))
    return tuple(min(max(round(middle * starter.LATENTS - CELLS / 2), 0), cells) for middle in middles)


def batch(latents, own, whole, step_random):
    """(latents, pictures) of one step: a few whole ones, or more crops of whole latent cells. `own`: the U-Net's
    drawings, or None where they are not yet learnt from."""
    count = vaes.WHOLE if whole else vaes.CROPS
    chosen = torch.randint(0, len(latents), (count,), generator=step_random).tolist()
    seen, shown = [], []
    for index in chosen:
        of = latents
        if own is not None and float(torch.rand(1, generator=step_random)) < OWN_SHARE:
            index, of = index % len(own), own
        x, y = (0, 0) if whole else corner(scene_of(index), step_random)
        cells = starter.LATENTS if whole else CELLS
        seen.append(of[index][:, y:y + cells, x:x + cells])
        x, y, edge = (length * starter.FACTOR for length in (x, y, cells))
        shown.append(picture(index)[:, y:y + edge, x:x + edge])
    return torch.stack(seen), vaes.to_range(torch.stack(shown))


def train(arguments, out):
    steps, device, model = arguments.steps, arguments.device, folders.Model(arguments.model, arguments.device)
    settings = {"seed": SEED, "rate": vaes.RATE["decoder"], "noise": vaes.NOISE, "own": [OWN, OWN_FROM, OWN_SHARE, *BEGUN],
                "pictures": PICTURES, "objects": AT_OBJECTS, "world": data.fingerprint(), "model": model.fingerprint(),
                "steps": steps}
    if not arguments.drawings and training.finished(out, steps, settings):
        return
    source = sources.Drawn(model.vae, model.tokenizer, PICTURES)
    if arguments.drawings:
        Own(out, model, source, print).make_all()
        return
    lesson = vaes.DecoderLesson(folders.load_part(arguments.model, "vae").float(), steps, arguments.bf16, device)
    run = training.Run(out, steps, lesson.parts, settings)
    own, scale = Own(out, model, source, run.say), lesson.vae.config.scaling_factor
    for step in run:
        step_random = training.generator(SEED, step)
        latents, true = batch(source.latents, own.latents if step >= steps * OWN_FROM else None,
                              vaes.is_whole(step, steps), step_random)
        lesson.learn(run, step, (latents / scale).to(device), true.to(device), step_random)
    with lesson.average:
        folders.write_with_vae(arguments.model, out / "model", lesson.vae)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, help="default: outlines in the cache folder")
    parser.add_argument("--drawings", action="store_true", help="draw what is to be learnt from, and no more")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--bf16", action="store_true", help="products in bfloat16: quicker where the processor has them")
    training.add_device(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train(arguments, arguments.out or training.cache_folder("outlines"))


if __name__ == "__main__":
    main()
