# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at a picture's pixels and says whether it shows a scene: colours, ground, shapes, places and pattern.

It never asks a network. Colours are those of the palette that lie nearest; an object is what is not ground; its shape
is the one whose outline, stretched to the same box, overlaps best; its size is that of a shape with as many pixels; a
pattern is the one that correlates best, wherever it begins.
"""

import functools
import hashlib
import itertools
import math
import pathlib

import numpy
from PIL import Image

import drawing

SIZE = drawing.SIZE
NAMES = list(drawing.COLOURS)
PALETTE = numpy.asarray([drawing.COLOURS[name] for name in NAMES], numpy.float32)
# How far a pixel may be from the ground's colours, and between which sizes in pixels an object is one.
APART, LEAST, MOST = 48.0, 60, 0.55 * SIZE * SIZE
ALIKE, OVERLAP = 0.6, 0.6


@functools.cache
def fingerprint():
    """Eight letters that change with what is written here: figures are of one checker."""
    return hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:8]


def nearest(pixels):
    """Index of the palette's nearest colour for each pixel."""
    return numpy.square(pixels[..., None, :].astype(numpy.float32) - PALETTE).sum(-1).argmin(-1)


def solid(mask):
    """Without the pixels at its edge, where colours mix."""
    padded = numpy.pad(mask, 1)
    return numpy.logical_and.reduce([padded[y:y + SIZE, x:x + SIZE] for y in range(3) for x in range(3)])


def commonest(labels, among):
    """Name of the commonest palette colour among some pixels; None if they are too few."""
    counts = numpy.bincount(labels[among], minlength=len(NAMES))
    return NAMES[counts.argmax()] if counts.sum() >= LEAST // 3 else None


def from_segment(pixels, first, second):
    """Distance of each pixel from the mixtures of two colours."""
    start, way = drawing.colour(first), drawing.colour(second) - drawing.colour(first)
    length = float(way @ way)
    along = ((pixels - start) @ way / length).clip(0, 1) if length else numpy.zeros(pixels.shape[:2])
    return numpy.sqrt(numpy.square(pixels - start - along[..., None] * way).sum(-1))


def frame():
    mask = numpy.ones((SIZE, SIZE), bool)
    mask[6:-6, 6:-6] = False
    return mask


def largest_part(mask):
    """The biggest connected part: small specks elsewhere do not move an object's box."""
    width = SIZE + 2
    left = set(numpy.flatnonzero(numpy.pad(mask, 1)).tolist())
    best = []
    while left:
        part = [left.pop()]
        for pixel in part:
            for neighbour in (pixel - 1, pixel + 1, pixel - width, pixel + width):
                if neighbour in left:
                    left.remove(neighbour)
                    part.append(neighbour)
        best = max(best, part, key=len)
    found = numpy.zeros(width * width, bool)
    found[best] = True
    return found.reshape(width, width)[1:-1, 1:-1]


@functools.cache
def outline(shape):
    """A shape's coverage cut to its box."""
    mask, _ = drawing.unit_mask(shape)
    left, top, right, bottom = drawing.box(mask > 0.5)
    return Image.fromarray(mask[top:bottom, left:right])


def shape_of(mask):
    """(name, overlap) of the shape that fits a mask best."""
    left, top, right, bottom = drawing.box(mask)
    seen = mask[top:bottom, left:right].astype(numpy.float32)
    scores = {}
    for shape in drawing.SHAPES:
        template = outline(shape)
        fitted = numpy.asarray(template.resize((right - left, bottom - top), Image.BILINEAR))
        # A template that had to be stretched out of shape fits less.
        stretch = (right - left) / (bottom - top) * template.height / template.width
        common = numpy.minimum(seen, fitted).sum() / numpy.maximum(seen, fitted).sum()
        scores[shape] = common * min(stretch, 1 / stretch)
    best = max(scores, key=scores.get)
    return best, float(scores[best])


def position_of(mask):
    left, top, right, bottom = drawing.box(mask)
    x, y = (left + right) / 2 / SIZE, (top + bottom) / 2 / SIZE
    return min(drawing.POSITIONS, key=lambda name: math.dist(drawing.POSITIONS[name], (x, y)))


def size_of(mask, thing, radii):
    """The size whose radius is nearest to that of a shape with as many pixels."""
    of_one, radius = drawing.unit_mask(thing.shape)
    seen = radius / SIZE * math.sqrt(mask.sum() / of_one.sum())
    return min(radii, key=lambda size: abs(math.log(radii[size] / seen)))


@functools.cache
def pattern_templates():
    """[(pattern, variant, scale, mask of length 1 and without mean)]."""
    found = []
    for pattern, variants in drawing.PATTERNS.items():
        if pattern == "clouds":
            continue
        scales = [""] if pattern == "gradient" else list(drawing.SCALES)
        for variant, scale in itertools.product(variants, scales):
            mask = drawing.pattern_mask(pattern, variant, scale)
            mask = mask - mask.mean()
            found.append((pattern, variant, scale, mask / numpy.linalg.norm(mask)))
    return found


@functools.cache
def pattern_spectra():
    return [numpy.conj(numpy.fft.rfft2(mask)) for *_, mask in pattern_templates()]


def share_of_first(pixels, first, second):
    """How much of the first of two colours is in each pixel, 0..1."""
    way = drawing.colour(first) - drawing.colour(second)
    return ((pixels - drawing.colour(second)) @ way / (way @ way)).clip(0, 1)


def steps_between(mask, where):
    """The mean difference of neighbours, both of them among some pixels."""
    def mean(differences, both):
        return numpy.abs(differences)[both].mean() if both.any() else 0.0
    return (mean(numpy.diff(mask, axis=0), where[1:] & where[:-1])
            + mean(numpy.diff(mask, axis=1), where[:, 1:] & where[:, :-1]))


def pattern_of(pixels, first, second, where=None):
    """((pattern, variant, scale), correlation) of what two colours make among some pixels. Wherever it begins, but a
    gradient goes from the first colour to the second."""
    where = numpy.ones((SIZE, SIZE), bool) if where is None else where
    mask, area = share_of_first(pixels, first, second), math.sqrt(max(where.mean(), 1e-6))
    centred = (mask - mask[where].mean()) * where if where.any() else mask * 0
    length = numpy.linalg.norm(centred)
    if length < 0.05 * SIZE * area:
        return ("", "", ""), 0.0
    spectrum, scores = numpy.fft.rfft2(centred / (length * area)), {}
    for (pattern, variant, scale, template), of_template in zip(pattern_templates(), pattern_spectra()):
        if pattern == "gradient":
            seen = (template - template[where].mean()) * where
            score = (centred * seen).sum() / length / max(numpy.linalg.norm(seen), 1e-6)
        else:
            score = numpy.fft.irfft2(spectrum * of_template).max()
        scores[pattern, variant, scale] = float(score)
    best = max(scores, key=scores.get)
    # Clouds have no template: they are smooth, and like nothing else.
    if scores[best] < ALIKE + 0.1 and steps_between(mask, where) < 0.09:
        return ("clouds", "", ""), 1 - scores[best]
    return best, scores[best]


def object_masks(scene, pixels, labels):
    """(mask of what is not ground, seen colour of a plain ground)."""
    ground = scene.ground
    if ground.pattern:
        return from_segment(pixels, ground.first, ground.second) > APART, None
    seen = commonest(labels, frame()) or ground.first
    return from_segment(pixels, seen, seen) > APART, seen


def ground_is_right(scene, pixels, labels, things, seen):
    ground = scene.ground
    if not ground.pattern:
        return seen == ground.first
    outside = ~things
    kept = [outside & (labels == NAMES.index(name)) for name in (ground.first, ground.second)]
    return bool(outside.mean() > 0.4 and all(mask.sum() > 0.08 * SIZE * SIZE for mask in kept))


def check_thing(thing, labels, things, alone):
    """What is right about one object: its colour, shape, position and size."""
    wanted = labels == NAMES.index(thing.colour)
    if alone:
        colour = commonest(labels, solid(things))
        mask = things
    else:
        colour = thing.colour if (solid(wanted & things)).sum() >= LEAST else None
        mask = wanted & things
    mask = largest_part(mask)
    if not LEAST <= mask.sum() <= MOST:
        return {"colour": False, "shape": False, "position": False, "size": False}
    name, overlap = shape_of(mask)
    radii = drawing.radii_at(thing.position) if alone else drawing.PAIR_RADII
    return {"colour": colour == thing.colour, "shape": name == thing.shape and overlap >= OVERLAP,
            "position": position_of(mask) == thing.position, "size": size_of(mask, thing, radii) == thing.size}


def check_pattern(ground, pixels):
    """What is right of a pattern alone: its kind; how it lies, how wide it is and, of a gradient, where it begins; its
    colours."""
    near = from_segment(pixels, ground.first, ground.second) < APART
    share = share_of_first(pixels, ground.first, ground.second)
    both = (share > 0.8).mean() > 0.08 and (share < 0.2).mean() > 0.08
    found, _ = pattern_of(pixels, ground.first, ground.second)
    backwards = found[0] != "gradient" and pattern_of(pixels, ground.second, ground.first)[0][0] == "gradient"
    kind = "gradient" if backwards else found[0]
    return {"pattern": kind == ground.pattern, "pattern as said": found == (ground.pattern, ground.variant, ground.scale),
            "pattern colours": bool(near.mean() > 0.85 and both)}


def check(scene, pixels):
    """{what: right or not} for what the scene has: pattern, whether it is as said, and its colours; or background, colour,
    shape, position and size of one object, and the pattern behind it; or background, pair (both objects right in
    colour, shape and place) and the sizes of both."""
    pixels = pixels.astype(numpy.float32)
    ground, labels = scene.ground, nearest(pixels)
    if not scene.objects:
        return check_pattern(ground, pixels)
    things, seen = object_masks(scene, pixels, labels)
    if len(scene.objects) == 1 and ground.pattern:
        # An object of a colour that the ground's two can mix is told from them by its own.
        thing = scene.objects[0]
        if from_segment(drawing.colour(thing.colour)[None, None], ground.first, ground.second)[0, 0] <= APART * 1.3:
            things = labels == NAMES.index(thing.colour)
    found = [check_thing(thing, labels, things, len(scene.objects) == 1) for thing in scene.objects]
    result = {"background": ground_is_right(scene, pixels, labels, things, seen)}
    if ground.pattern:
        behind, _ = pattern_of(pixels, ground.first, ground.second, solid(~things))
        result["pattern behind"] = behind == (ground.pattern, ground.variant, ground.scale)
    if len(found) == 1:
        return result | found[0]
    sizes = [one.pop("size") for one in found]
    return result | {"pair": all(all(one.values()) for one in found), "pair sizes": all(sizes)}
