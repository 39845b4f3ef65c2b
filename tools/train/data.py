#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes and their captions, each a function of (split, seed, index): data.py [--split S] [--count N] SHEET.png

The splits share no content: one scene in twenty, chosen by a hash of what it says (not of where exactly it lies), is
left to `test`; `train` never sees these combinations.
"""

import argparse
import dataclasses
import json
import random
import zlib

import numpy
from PIL import Image

import drawing
import wording

HELD_OUT = 20
# Shares of pictures: patterns alone; of the others: two objects; patterned grounds behind one object.
PATTERN_SHARE, PAIR_SHARE, PATTERNED_GROUND_SHARE = 0.25, 0.3, 0.15


@dataclasses.dataclass(frozen=True)
class Ground:
    """A plain colour (`first`), or a pattern of two."""
    first: str
    pattern: str = ""
    second: str = ""
    variant: str = ""
    scale: str = ""
    phase: int = 0
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Thing:
    """An object; `position` and `size` are the words' keys, x, y and radius where it lies exactly."""
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


def random_ground(rng, pattern):
    first, second = rng.sample(list(drawing.COLOURS), 2)
    if not pattern:
        return Ground(first)
    scales = [""] if pattern in ("gradient", "clouds") else ["", "", "", "fine", "coarse"]
    return Ground(first, pattern, second, rng.choice(drawing.PATTERNS[pattern]), rng.choice(scales), rng.randrange(2),
                  rng.getrandbits(32))


def random_thing(rng, colours, size, position, share=1.0):
    x, y = drawing.POSITIONS[position]
    radius = drawing.RADII[size] * rng.uniform(0.92, 1.08) * share
    return Thing(rng.choice(drawing.SHAPES), rng.choice(colours), size, position, x + rng.uniform(-0.03, 0.03),
                 y + rng.uniform(-0.03, 0.03), radius)


def random_scene(rng):
    if rng.random() < PATTERN_SHARE:
        return Scene(random_ground(rng, rng.choice(list(drawing.PATTERNS))))
    if rng.random() < PAIR_SHARE:
        ground = random_ground(rng, "")
        colours = [name for name in drawing.COLOURS if name != ground.first]
        places = ("left", "right") if rng.random() < 0.75 else ("top", "bottom")
        one, other = (random_thing(rng, [name], "", place, 0.9) for name, place in zip(rng.sample(colours, 2), places))
        return Scene(ground, (one, other))
    patterned = rng.random() < PATTERNED_GROUND_SHARE
    ground = random_ground(rng, rng.choice(list(drawing.PATTERNS)) if patterned else "")
    colours = [name for name in drawing.COLOURS if name not in (ground.first, ground.second)]
    size = rng.choice(list(drawing.RADII))
    # A big object fills the picture from the middle; small and plain ones lie anywhere.
    position = "centre" if size == "big" else rng.choice(list(drawing.POSITIONS))
    return Scene(ground, (random_thing(rng, colours, size, position),))


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
    parser.add_argument("sheet")
    parser.add_argument("--split", choices=["train", "test"], default="train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    arguments = parser.parse_args()
    pictures = []
    for index in range(arguments.count):
        scene, caption = sample(arguments.split, arguments.seed, index)
        pictures.append(drawing.picture(scene))
        print(f"{index:3} {caption}")
    contact_sheet(pictures, 8).save(arguments.sheet)


if __name__ == "__main__":
    main()
