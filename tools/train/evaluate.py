#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Says how well models draw what they are asked: evaluate.py MODEL... [--count 500] [--sheet FILE.png]

For each folder: the error of the noise on held-out pictures; the share of held-out captions whose picture, drawn with
PNDM 25 at guidance 7.5 (or another), is right in the eyes of checker.py; and how far the attention of a shape's word
overlaps with the object that was drawn. The captions name every colour, so that each picture can be right or wrong.
"""

import argparse
import collections
import json

import numpy
import torch
from diffusers.models.attention_processor import AttnProcessor

import attribution
import checker
import data
import denoising
import drawing
import folder as folders
import sources
import tokenizer as tokens_of
import wording

SEED = 5
BATCH = 10
STRANGERS = ["blue star", "A BIG RED HEART.", "stripes, black and white", "circle red on green",
             "a red xylophone circle on white", "yellow moon", "Orange and purple checkerboard!",
              "small green arrow, top"]


def asked(index):
    """A held-out scene and a complete caption of it."""
    scene, rng = data.scene_at("test", SEED, index)
    return scene, wording.caption(scene, rng, complete=True)


@torch.no_grad()
def draw(pipeline, captions, seeds, guidance, recorder):
    """uint8 pictures [H, W, 3] of 25 steps; the recorder holds their attention."""
    recorder.total = None
    noise = [torch.Generator().manual_seed(seed) for seed in seeds]
    images = pipeline(captions, num_inference_steps=25, guidance_scale=guidance, generator=noise,
                      output_type="np").images
    return [numpy.asarray(image * 255 + 0.5, numpy.uint8) for image in images]


def word_positions(tokenizer, caption, words):
    """Where in a caption's tokens the first of some words stands; none if it is written otherwise."""
    ids = tokens_of.tokens(tokenizer, [caption])[0].tolist()
    for word in sorted(words, key=len, reverse=True):
        wanted = tokenizer(word, add_special_tokens=False).input_ids
        for start in range(len(ids) - len(wanted) + 1):
            if ids[start:start + len(wanted)] == wanted:
                return list(range(start, start + len(wanted)))
    return []


def attention_overlap(tokenizer, scene, caption, picture, maps):
    """Overlap of the shape's word with the one object as it was drawn; None where there is none to compare."""
    if len(scene.objects) != 1:
        return None
    thing = scene.objects[0]
    positions = word_positions(tokenizer, caption, set(wording.SHAPE_WORDS[thing.shape]))
    mask = checker.nearest(picture) == checker.NAMES.index(thing.colour)
    if not positions or mask.sum() < checker.LEAST:
        return None
    return attribution.overlap(attribution.word_map(maps, positions), torch.from_numpy(checker.largest_part(mask)))


def recording(model, recorder, wanted):
    """Whether the U-Net's cross-attention is recorded from now on: it takes six times as long."""
    for name, module in model.unet.named_modules():
        if name.endswith("attn2"):
            module.set_processor(recorder if wanted else AttnProcessor())


def semantic(model, arguments, say):
    """{what: share that is right}, the count of captions and, if wanted, the mean overlap of attention."""
    count = arguments.count
    pipeline = model.pipeline()
    pipeline.set_progress_bar_config(disable=True)
    recorder = attribution.Recorder(drawing.SIZE)
    right, total, overlaps, shown = collections.Counter(), collections.Counter(), [], []
    for first in range(0, count, BATCH):
        indices = range(first, min(first + BATCH, count))
        scenes, captions = zip(*(asked(index) for index in indices))
        attention = first < arguments.attention
        recording(model, recorder, attention)
        pictures = draw(pipeline, list(captions), indices, arguments.guidance, recorder)
        for number, (scene, caption, picture) in enumerate(zip(scenes, captions, pictures)):
            for what, good in checker.check(scene, picture).items():
                right[what] += good
                total[what] += 1
            if attention:
                maps = recorder.total[number].cpu()
                overlaps.append(attention_overlap(model.tokenizer, scene, caption, picture, maps))
        shown += pictures[:64 - len(shown)]
        say(f"{indices[-1] + 1} of {count}: " + ", ".join(f"{what} {right[what] / total[what]:.3f}" for what in total))
    overlaps = [value for value in overlaps if value is not None]
    shown += draw(pipeline, STRANGERS, range(len(STRANGERS)), arguments.guidance, recorder)
    if arguments.sheet:
        data.contact_sheet(shown, 8).save(arguments.sheet)
    figures = {what: right[what] / total[what] for what in total} | {"captions": count}
    return figures | ({"attention": sum(overlaps) / len(overlaps)} if overlaps else {})


def evaluate(path, arguments):
    model = folders.Model(path, arguments.device)
    held_out = sources.Drawn(model.vae, model.tokenizer, 1000, "test")
    figures = {"noise": denoising.held_out_error(model.unet, model.text_encoder, held_out, model.scheduler,
                                                 model.tokenizer)}
    figures |= semantic(model, arguments, lambda text: print(f"{path}: {text}", flush=True))
    return {what: round(value, 4) for what, value in figures.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="+")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--attention", type=int, default=500, metavar="COUNT",
                        help="of how many captions the overlap of attention is measured, which takes six times as long")
    parser.add_argument("--sheet", help="the last model's first pictures and some strangers' prompts")
    parser.add_argument("--json", help="write the figures there")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    figures = {path: evaluate(path, arguments) for path in arguments.model}
    for path, values in figures.items():
        print(path, json.dumps(values))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
