# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at a picture's pixels and says whether it shows a scene: colours, ground, shapes, places and pattern.

It never asks a network. Colours are those of the palette that lie nearest; an object is what is not ground; its shape
is the one whose outline, stretched to the same box, overlaps best; a pattern is the one that correlates best, wherever
it begins.
"""

import functools
import math

import numpy
from PIL import Image

import drawing

SIZE = drawing.SIZE
NAMES = list(drawing.COLOURS)
PALETTE = numpy.asarray([drawing.COLOURS[name] for name in NAMES], numpy.float32)
# How far a pixel may be from the ground's colours, and between which sizes in pixels an object is one.
APART, LEAST, MOST = 48.0, 60, 0.55 * SIZE * SIZE
ALIKE, OVERLAP = 0.6, 0.6


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


def box(mask):
    ys, xs = numpy.nonzero(mask)
    return xs.min(), ys.min(), xs.max() + 1, ys.max() + 1


@functools.cache
def outline(shape):
    """A shape's coverage cut to its box."""
    mask = drawing.shape_mask(shape, 0.5, 0.5, 0.4)
    left, top, right, bottom = box(mask > 0.5)
    return Image.fromarray(mask[top:bottom, left:right])


def shape_of(mask):
    """(name, overlap) of the shape that fits a mask best."""
    left, top, right, bottom = box(mask)
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
    left, top, right, bottom = box(mask)
    x, y = (left + right) / 2 / SIZE, (top + bottom) / 2 / SIZE
    return min(drawing.POSITIONS, key=lambda name: math.dist(drawing.POSITIONS[name], (x, y)))


@functools.cache
def pattern_spectra():
    """{pattern: spectra of its variants and scales, of length 1 and without mean}; gradients as pictures."""
    spectra = {}
    for pattern, variants in drawing.PATTERNS.items():
        if pattern == "clouds":
            continue
        scales = [""] if pattern == "gradient" else list(drawing.SCALES)
        masks = [drawing.pattern_mask(pattern, variant, scale, 0) for variant in variants for scale in scales]
        masks = [(mask - mask.mean()) / numpy.linalg.norm(mask - mask.mean()) for mask in masks]
        spectra[pattern] = masks if pattern == "gradient" else [numpy.conj(numpy.fft.rfft2(mask)) for mask in masks]
    return spectra


def share_of_first(pixels, first, second):
    """How much of the first of two colours is in each pixel, 0..1."""
    way = drawing.colour(first) - drawing.colour(second)
    return ((pixels - drawing.colour(second)) @ way / (way @ way)).clip(0, 1)


def pattern_of(pixels, first, second):
    """(name, correlation) of the pattern that two colours make."""
    mask = share_of_first(pixels, first, second)
    centred = mask - mask.mean()
    length = numpy.linalg.norm(centred)
    if length < 0.05 * SIZE:
        return None, 0.0
    spectrum = numpy.fft.rfft2(centred / length)
    scores = {}
    for pattern, templates in pattern_spectra().items():
        if pattern == "gradient":
            scores[pattern] = max(abs(float((centred / length * template).sum())) for template in templates)
        else:
            scores[pattern] = max(float(numpy.fft.irfft2(spectrum * template).max()) for template in templates)
    best = max(scores, key=scores.get)
    if scores[best] >= ALIKE + 0.1:
        return best, scores[best]
    # Clouds have no template: they are smooth, and like nothing else.
    steps = numpy.abs(numpy.diff(mask, axis=0)).mean() + numpy.abs(numpy.diff(mask, axis=1)).mean()
    return ("clouds", 1 - scores[best]) if steps < 0.09 else (best, scores[best])


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


def check_thing(thing, pixels, labels, things, alone):
    """What is right about one object: its colour, shape and position."""
    wanted = labels == NAMES.index(thing.colour)
    if alone:
        colour = commonest(labels, solid(things))
        mask = things
    else:
        colour = thing.colour if (solid(wanted & things)).sum() >= LEAST else None
        mask = wanted & things
    mask = largest_part(mask)
    if not LEAST <= mask.sum() <= MOST:
        return {"colour": False, "shape": False, "position": False}
    name, overlap = shape_of(mask)
    return {"colour": colour == thing.colour, "shape": name == thing.shape and overlap >= OVERLAP,
            "position": position_of(mask) == thing.position}


def check(scene, pixels):
    """{what: right or not} for what the scene has: pattern and its colours; or background, colour, shape and position
    of one object; or background and pair (both objects right in colour, shape and place)."""
    pixels = pixels.astype(numpy.float32)
    ground, labels = scene.ground, nearest(pixels)
    if not scene.objects:
        near = from_segment(pixels, ground.first, ground.second) < APART
        share = share_of_first(pixels, ground.first, ground.second)
        both = (share > 0.8).mean() > 0.08 and (share < 0.2).mean() > 0.08
        return {"pattern": pattern_of(pixels, ground.first, ground.second)[0] == ground.pattern,
                "pattern colours": bool(near.mean() > 0.85 and both)}
    things, seen = object_masks(scene, pixels, labels)
    if len(scene.objects) == 1 and ground.pattern:
        # An object of a colour that the ground's two can mix is told from them by its own.
        thing = scene.objects[0]
        if from_segment(drawing.colour(thing.colour)[None, None], ground.first, ground.second)[0, 0] <= APART * 1.3:
            things = labels == NAMES.index(thing.colour)
    found = [check_thing(thing, pixels, labels, things, len(scene.objects) == 1) for thing in scene.objects]
    result = {"background": ground_is_right(scene, pixels, labels, things, seen)}
    if len(found) == 1:
        return result | found[0]
    return result | {"pair": all(all(one.values()) for one in found)}
