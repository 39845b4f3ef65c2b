#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Says how well models draw what they are asked: evaluate.py MODEL... [--count 500] [--sheet FILE.png]

For each folder: the error of the noise on held-out pictures; the share of held-out captions whose picture, drawn at 128 x
128 with PNDM 25 at guidance 7.5 (or another), is right in the eyes of checker.py; and how far the attention of a shape's
word, and of a colour's, overlaps with the object that was drawn, 0 where none was. The captions name every colour, so
that each picture can be right or wrong. "everything" is the share of pictures in which all that was asked is right; with
--unknown COUNT and --reworded COUNT it is measured once more for so many of the captions, with words added that mean
nothing, and in other words.

The file of --json is written after each model, and what is measured of the next one is kept beside it, without --json in
the cache folder: the same command goes on where it was ended, and with --json passes over the models it has finished.
"""

import argparse
import hashlib
import json
import os
import random
import time

import numpy
import torch
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image, PngImagePlugin

import attribution
import checker
import data
import denoising
import drawing
import folder as folders
import reworded
import sources
import tokenizer as tokens_of
import training
import wording

SEED = 5
BATCH = 10
# Pictures for the error of the noise, and how many of the drawn ones are shown in a sheet.
HELD_OUT, SHOWN = 1000, 64
SHEET_NOTE = "measured"
# Figures of how far attention overlaps with an object: that of its shape's word, and of its colour's.
ATTENTION = ("attention", "attention of colours")
# What the figures of captions that are drawn again are called.
AGAIN = {"unknown": "unknown words", "reworded": "other words"}
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
    recorder.clear()
    noise = [torch.Generator().manual_seed(seed) for seed in seeds]
    images = pipeline(captions, num_inference_steps=25, guidance_scale=guidance, generator=noise, width=drawing.SIZE,
                      height=drawing.SIZE, output_type="np").images
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


def attention_overlaps(tokenizer, scene, caption, picture, maps):
    """[{figure: overlap}] of the words for each object with it as it was drawn, 0 where none of its colour was. Words that
    two objects have in common are left out: which is which one's is not looked for."""
    found = []
    for thing in scene.objects:
        mask = checker.nearest(picture) == checker.NAMES.index(thing.colour)
        mask = torch.from_numpy(checker.largest_part(mask)) if mask.sum() >= checker.LEAST else None
        words_of = wording.SHAPE_WORDS[thing.shape], wording.COLOUR_WORDS.get(thing.colour, [thing.colour])
        overlaps = {}
        for name, attribute, words in zip(ATTENTION, ("shape", "colour"), words_of):
            shared = sum(getattr(other, attribute) == getattr(thing, attribute) for other in scene.objects) > 1
            positions = [] if shared else word_positions(tokenizer, caption, set(words))
            if positions:
                overlaps[name] = 0.0 if mask is None else attribution.overlap(attribution.word_map(maps, positions), mask)
        found.append(overlaps)
    return found


def recording(model, recorder, wanted):
    """Whether the U-Net's cross-attention is recorded from now on."""
    for name, module in model.unet.named_modules():
        if name.endswith("attn2"):
            module.set_processor(recorder if wanted else AttnProcessor())


def batches(done, count):
    return [range(first, min(first + BATCH, count)) for first in range(done, count, BATCH)]


def unknown_asked(index):
    """The same scene as `asked`, and its caption with words among it that mean nothing."""
    scene, caption = asked(index)
    return scene, wording.with_unknown_words(random.Random(f"unknown {SEED} {index}"), caption, held_out=True)


def reworded_asked(index):
    """The same scene as `asked`, and its caption in other words, which no caption of pictures has."""
    scene, rng = data.scene_at("test", SEED, index)
    caption = wording.plain_caption(scene, rng, complete=True)
    return scene, reworded.reworded(random.Random(f"reworded {SEED} {index}"), caption)


ASKED = {"plain": asked, "unknown": unknown_asked, "reworded": reworded_asked}


def measured(model, arguments):
    """What decides a model's figures: they are kept, finished or not, together with this."""
    count = arguments.count
    return {"weights": model.fingerprint(), "world": data.fingerprint(), "checker": checker.fingerprint(),
            "guidance": arguments.guidance, "count": count, "attention": min(arguments.attention, count),
            **({"other words": reworded.fingerprint()} if arguments.reworded else {}),
            **{kind: min(getattr(arguments, kind), count) for kind in AGAIN}}


def stored_json(path):
    """The object that an earlier call left, if it did and it can be read."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def save_json(path, content):
    """Leaves either the old file or the whole new one."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(new, path)


class Measurement:
    """What was found of one model so far, kept after every batch, by folder and by what decides the figures, so that a
    killed call goes on: in FILE.part where figures are wanted in a file, else in the cache folder."""

    def __init__(self, path, of, file):
        self.path, self.of = path, of
        self.key = json.dumps([path, of])
        if file:
            self.part = file.with_name(file.name + ".part")
        else:
            self.part = training.cache_folder("figures") / f"{hashlib.sha256(self.key.encode()).hexdigest()[:8]}.part"
        self.found = {"right": {}, "total": {}, "overlaps": [], "whole": [], **{kind: [] for kind in AGAIN}}
        self.found |= stored_json(self.part).get(self.key, {})

    def keep(self):
        save_json(self.part, stored_json(self.part) | {self.key: self.found})

    def forget(self):
        """To be called when the figures are written."""
        others = {key: found for key, found in stored_json(self.part).items() if key != self.key}
        if others:
            save_json(self.part, others)
        else:
            self.part.unlink(missing_ok=True)

    def left(self):
        """[(which captions, with attention?, indices)], a batch each."""
        plain = [("plain", indices[0] < self.of["attention"], indices)
                 for indices in batches(len(self.found["whole"]), self.of["count"])]
        return plain + [(kind, False, indices) for kind in AGAIN
                        for indices in batches(len(self.found[kind]), self.of[kind])]

    def add(self, scene, picture):
        found = checker.check(scene, picture)
        for what, good in found.items():
            self.found["right"][what] = self.found["right"].get(what, 0) + bool(good)
            self.found["total"][what] = self.found["total"].get(what, 0) + 1
        self.found["whole"].append(all(found.values()))

    def shares(self):
        found = self.found
        shares = {what: found["right"][what] / found["total"][what] for what in found["total"]}
        if found["whole"]:
            shares["everything"] = sum(found["whole"]) / len(found["whole"])
        for kind, name in AGAIN.items():
            if count := len(found[kind]):
                shares |= {name: sum(found[kind]) / count, f"without {name}": sum(found["whole"][:count]) / count,
                           f"{kind} captions": count}
        return shares

    def figures(self):
        """{what: share that is right}, the error of the noise, counts of captions and the mean overlap of attention."""
        figures = {"noise": self.found["noise"]} | self.shares() | {"captions": self.of["count"]}
        for name in ATTENTION:
            overlaps = [overlap[name] for overlap in self.found["overlaps"] if name in overlap]
            if overlaps:
                figures[name] = sum(overlaps) / len(overlaps)
        return {what: round(value, 4) for what, value in figures.items()} | {"measured": self.of}


class Clock:
    """Says how long the rest of some pictures takes, from what the batches of this call took."""

    def __init__(self, to_do):
        self.to_do, self.done, self.spent = to_do, 0, 0.0

    def add(self, count, seconds):
        self.done += count
        self.spent += seconds

    def left(self):
        return training.readable(self.spent / self.done * (self.to_do - self.done))


def semantic(model, pipeline, measurement, clock, say):
    """Draws what is left to draw and looks at it; {index: picture} of the first of them."""
    recorder, shown = attribution.Recorder(drawing.SIZE, measurement.of["guidance"] > 1), {}
    found = measurement.found
    for batch in measurement.left():
        begun = time.monotonic()
        kind, attention, indices = batch
        scenes, captions = zip(*map(ASKED[kind], indices))
        recording(model, recorder, attention)
        pictures = draw(pipeline, list(captions), indices, measurement.of["guidance"], recorder)
        if kind in AGAIN:
            found[kind] += [all(checker.check(*pair).values()) for pair in zip(scenes, pictures)]
        maps = recorder.maps().cpu() if attention else None
        for number, (scene, caption, picture) in enumerate(zip(scenes, captions, pictures) if kind == "plain" else ()):
            measurement.add(scene, picture)
            if attention:
                found["overlaps"] += attention_overlaps(model.tokenizer, scene, caption, picture, maps[number])
            if indices[number] < SHOWN:
                shown[indices[number]] = picture
        measurement.keep()
        clock.add(len(indices), time.monotonic() - begun)
        done, count = indices[-1] + 1, measurement.of[kind if kind in AGAIN else "count"]
        say(f"{done} of {count}{f' with {AGAIN[kind]}' if kind in AGAIN else ''}: " + ", ".join(
            f"{what} {share:.3f}" for what, share in measurement.shares().items() if not what.endswith("captions"))
            + f", {clock.left()} left")
    return shown


def write_sheet(path, model, pipeline, of, shown):
    """The first pictures and those of strangers' prompts; draws what an earlier call had drawn. The file says of which
    weights it is."""
    recorder = attribution.Recorder(drawing.SIZE)
    recording(model, recorder, False)
    count = min(SHOWN, of["count"])
    missing = [index for index in range(count) if index not in shown]
    for indices in (missing[first:first + BATCH] for first in range(0, len(missing), BATCH)):
        captions = [asked(index)[1] for index in indices]
        shown |= zip(indices, draw(pipeline, captions, indices, of["guidance"], recorder))
    strangers = draw(pipeline, STRANGERS, range(len(STRANGERS)), of["guidance"], recorder)
    note = PngImagePlugin.PngInfo()
    note.add_text(SHEET_NOTE, json.dumps(of))
    new = path.with_name(f"{path.stem}.new{path.suffix}")
    data.contact_sheet([shown[index] for index in range(count)] + strangers, 8).save(new, pnginfo=note)
    os.replace(new, path)


def sheet_is_there(path, of):
    try:
        with Image.open(path) as sheet:
            return sheet.info.get(SHEET_NOTE) == json.dumps(of)
    except OSError:
        return False


def evaluate(measurement, model, pipeline, clock, say):
    """What is left to measure of a model; {index: picture} of the first that were drawn."""
    if "noise" not in measurement.found:
        held_out = sources.Drawn(model.vae, model.tokenizer, HELD_OUT, "test", say=say)
        measurement.found["noise"] = denoising.held_out_error(model.unet, model.text_encoder, held_out, model.scheduler,
                                                              model.tokenizer)
        measurement.keep()
    return semantic(model, pipeline, measurement, clock, say)


def evaluate_all(arguments):
    """{folder: figures}, written after each model. What earlier calls have finished is kept, of other models too."""
    file = arguments.json
    decided = {path: measured(folders.Model(path, arguments.device), arguments) for path in arguments.model}
    earlier = stored_json(file) if file else {}
    figures = {path: earlier[path] for path, of in decided.items() if earlier.get(path, {}).get("measured") == of}
    measurements = {path: Measurement(path, of, file) for path, of in decided.items()}
    clock = Clock(sum(len(indices) for path, measurement in measurements.items() if path not in figures
                      for *_, indices in measurement.left()))
    for path, measurement in measurements.items():
        def say(text, path=path):
            print(f"{path}: {text}", flush=True)

        last = path == arguments.model[-1]
        sheet = last and arguments.sheet and not sheet_is_there(arguments.sheet, measurement.of)
        if path in figures and not sheet:
            say("measured before")
            continue
        model, shown = folders.Model(path, arguments.device), {}
        pipeline = model.pipeline()
        pipeline.set_progress_bar_config(disable=True)
        if path not in figures:
            shown = evaluate(measurement, model, pipeline, clock, say)
            figures[path] = measurement.figures()
            if file:
                others = {path: values for path, values in earlier.items() if path not in decided}
                save_json(file, others | {path: figures[path] for path in decided if path in figures})
            measurement.forget()
        if sheet:
            write_sheet(arguments.sheet, model, pipeline, measurement.of, shown)
    return {path: figures[path] for path in decided}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="+")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--attention", type=int, default=500, metavar="COUNT",
                        help="of how many captions the overlap of attention is measured")
    parser.add_argument("--unknown", type=int, default=0, metavar="COUNT",
                        help="how many captions are drawn again with words added that mean nothing; 0: none")
    parser.add_argument("--reworded", type=int, default=0, metavar="COUNT",
                        help="how many captions are drawn again in words that no caption of pictures has; 0: none")
    parser.add_argument("--sheet", type=training.new_file,
                        help="the last model's first pictures and some strangers' prompts")
    parser.add_argument("--json", type=training.new_file, help="write the figures there")
    training.add_device(parser)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for path, values in evaluate_all(arguments).items():
        print(path, json.dumps(values))


if __name__ == "__main__":
    main()
