#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes and their captions, each a function of (split, seed, index): data.py [--split S] [--count N] SHEET.png

The splits share no content: one scene in twenty, chosen by a hash of what it says (not of where exactly it lies), is
left to `test`; `train` never sees these combinations.
"""

import argparse
import dataclasses
import functools
import hashlib
import itertools
import json
import random
import sys
import zlib

import numpy
from PIL import Image

import drawing
import training
import wording

HELD_OUT = 20
# Shares of pictures: patterns alone; of the others: two objects; patterned grounds behind one object.
PATTERN_SHARE, PAIR_SHARE, PATTERNED_GROUND_SHARE = 0.25, 0.3, 0.15
# From an object to the picture's edge or to the other object's half, if there is room.
MARGIN = 0.015
# Of the left or upper one, and the other. Half of pairs are two middling ones.
PAIR_SIZES = [("small", ""), ("", "small"), ("big", ""), ("", "big"), ("small", "big"), ("big", "small"),
              ("small", "small")]


@dataclasses.dataclass(frozen=True)
class Ground:
    """A plain colour (`first`), or a pattern of two."""
    first: str
    pattern: str = ""
    second: str = ""
    variant: str = ""
    scale: str = ""
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Thing:
    """An object; `position` and `size` are the words' keys, x, y and radius where its origin lies exactly."""
    shape: str
    colour: str
    size: str
    position: str
    x: float
    y: float
    radius: float


@dataclasses.dataclass(frozen=True)
class Scene:
    ground: Ground
    objects: tuple = ()


def content(scene):
    """What decides the split: shapes, colours and patterns, whatever their sizes and places."""
    ground = scene.ground
    key = [ground.pattern, *sorted([ground.first, ground.second])]
    for thing in sorted(scene.objects, key=lambda t: (t.shape, t.colour)):
        key += [thing.shape, thing.colour]
    return json.dumps(key)


def is_held_out(scene):
    return zlib.crc32(content(scene).encode()) % HELD_OUT == 0


def random_ground(rng, patterned):
    """A pattern whose colours are named in turn begins with the first: with the words the picture is known, but for
    clouds. A network that may choose where stripes begin sees in noise neither their direction nor their width."""
    first, second = rng.sample(list(drawing.COLOURS), 2)
    if not patterned:
        return Ground(first)
    pattern, variant = rng.choice([(pattern, variant) for pattern, of in drawing.PATTERNS.items() for variant in of])
    scales = [""] if pattern in ("gradient", "clouds") else ["", "", "", "fine", "coarse"]
    return Ground(first, pattern, second, variant, rng.choice(scales), rng.getrandbits(32))


def within(middle, before, after, low, high):
    """Where an origin lies so that what reaches from `before` to `after` around it has its middle at `middle`, or as near
    to it as it may be between `low` and `high`, where it fits between these."""
    reach = (after - before) / 2
    return min(max(middle, low + reach), high - reach) - (before + after) / 2


def placed(rng, shape, colour, size, position, radius, half=None):
    """A thing of that radius. `half`: the axis, 0 or 1, along which it has but its half of the picture."""
    left, top, right, bottom = (edge * radius for edge in drawing.bounds(shape))
    origin = []
    for axis, (before, after) in enumerate(((left, right), (top, bottom))):
        middle = drawing.POSITIONS[position][axis]
        low, high = (0.0, 1.0) if axis != half else (0.0, 0.5) if middle < 0.5 else (0.5, 1.0)
        origin.append(within(middle + rng.uniform(-0.03, 0.03), before, after, low + MARGIN, high - MARGIN))
    return Thing(shape, colour, size, position, *origin, radius)


def random_pair(rng):
    ground = random_ground(rng, False)
    colours = rng.sample([name for name in drawing.COLOURS if name != ground.first], 2)
    places, axis = (("left", "right"), 0) if rng.random() < 0.75 else (("top", "bottom"), 1)
    sizes = ("", "") if rng.random() < 0.5 else rng.choice(PAIR_SIZES)
    return Scene(ground, tuple(placed(rng, rng.choice(drawing.SHAPES), colour, size, place,
                                      drawing.PAIR_RADII[size] * rng.uniform(0.95, 1.05), axis)
                               for colour, size, place in zip(colours, sizes, places)))


def random_single(rng):
    ground = random_ground(rng, rng.random() < PATTERNED_GROUND_SHARE)
    colours = [name for name in drawing.COLOURS if name not in (ground.first, ground.second)]
    size, position = rng.choice(list(drawing.RADII)), rng.choice(["centre", *drawing.POSITIONS])
    return Scene(ground, (placed(rng, rng.choice(drawing.SHAPES), rng.choice(colours), size, position,
                                 drawing.radii_at(position)[size] * rng.uniform(0.92, 1.08)),))


def random_scene(rng):
    if rng.random() < PATTERN_SHARE:
        return Scene(random_ground(rng, True))
    return random_pair(rng) if rng.random() < PAIR_SHARE else random_single(rng)


def scene_at(split, seed, index):
    """The scene of (split, seed, index), and a generator for whatever else is drawn for it."""
    rng = random.Random(f"{split} {seed} {index}")
    while True:
        scene = random_scene(rng)
        if is_held_out(scene) == (split == "test"):
            return scene, rng


def sample(split, seed, index):
    """(scene, caption). The picture is drawing.picture (scene)."""
    scene, rng = scene_at(split, seed, index)
    return scene, wording.caption(scene, rng)


def tables(module):
    """{name: value} of a module's constants; sets in an order that is always the same."""
    return {name: sorted(value) if isinstance(value, (set, frozenset)) else value
            for name, value in sorted(vars(module).items()) if name.isupper()}


@functools.cache
def fingerprint():
    """Eight letters that change with how scenes, captions and pictures are made: with every table, shape and pattern, and
    with what is made of them."""
    sums = hashlib.sha256(repr([tables(module) for module in (drawing, wording, sys.modules[__name__])]).encode())
    for shape in drawing.SHAPES:
        sums.update(drawing.unit_mask(shape)[0].tobytes())
    for pattern, variants in drawing.PATTERNS.items():
        for variant, scale in itertools.product(variants, drawing.SCALES):
            mask = drawing.cloud_mask(1) if pattern == "clouds" else drawing.pattern_mask(pattern, variant, scale)
            sums.update(mask.tobytes())
    for index in range(40):
        scene, rng = scene_at("train", 0, index)
        captions = [wording.caption(scene, rng, complete) for complete in (True, False)]
        sums.update(repr((scene, captions)).encode() + drawing.picture(scene).tobytes())
    return sums.hexdigest()[:8]


def contact_sheet(pictures, columns, zoom=1):
    """uint8 pictures of one size side by side, with a thin grey line between."""
    rows = [pictures[i:i + columns] for i in range(0, len(pictures), columns)]
    height, width = pictures[0].shape[:2]
    sheet = numpy.full((len(rows) * (height + 2), columns * (width + 2), 3), 96, numpy.uint8)
    for r, row in enumerate(rows):
        for c, pixels in enumerate(row):
            sheet[r * (height + 2):][:height, c * (width + 2):][:, :width] = pixels
    image = Image.fromarray(sheet)
    return image.resize((image.width * zoom, image.height * zoom), Image.NEAREST)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sheet", type=training.new_file)
    parser.add_argument("--split", choices=["train", "test"], default="train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    arguments = parser.parse_args()
    if arguments.count < 1:
        parser.error(f"--count {arguments.count}: at least one picture is needed for a sheet")
    pictures = []
    for index in range(arguments.count):
        scene, caption = sample(arguments.split, arguments.seed, index)
        pictures.append(drawing.picture(scene))
        print(f"{index:3} {caption}")
    contact_sheet(pictures, 8).save(arguments.sheet)


if __name__ == "__main__":
    main()
