# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The starter model's world in pixels: twelve colours, ten shapes, eight patterns, drawn fine and reduced.

A scene (see data.py) becomes a picture here. Shapes and patterns are coverage masks in 0..1, drawn at FINE times the
size and averaged down, so that edges are smooth and flat areas stay exactly flat.
"""

import functools
import math

import numpy
from PIL import Image, ImageDraw

SIZE = 128
FINE = 4
COLOURS = {
    "red": (220, 40, 40), "orange": (245, 140, 30), "yellow": (250, 220, 50), "green": (50, 165, 70),
    "blue": (45, 90, 220), "purple": (130, 60, 180), "pink": (245, 140, 190), "brown": (125, 75, 40),
    "black": (20, 20, 20), "white": (250, 250, 250), "grey": (135, 135, 135), "teal": (20, 160, 165),
}
SHAPES = ["circle", "square", "triangle", "star", "heart", "ring", "diamond", "cross", "moon", "arrow"]
# Of each pattern the variants that look different. The first is what is drawn where a caption says none.
PATTERNS = {
    "stripes": ["vertical", "horizontal", "diagonal"], "checkerboard": [""], "polka dots": [""],
    "gradient": ["across", "down"], "clouds": [""], "bricks": [""], "waves": [""], "zigzags": [""],
}
# Width of a band, square or brick's height in pixels: whole numbers of the VAE's 8 x 8 cells.
SCALES = {"fine": 8, "": 16, "coarse": 32}
# Of a middling object's middle. A bigger one lies nearer to the picture's, so that all of it is seen.
POSITIONS = {"centre": (0.5, 0.5), "left": (0.27, 0.5), "right": (0.73, 0.5), "top": (0.5, 0.27), "bottom": (0.5, 0.73)}
RADII = {"small": 0.15, "": 0.22, "big": 0.36}
BIG_ASIDE = 0.29
# Of each of two objects. Two big ones have no room.
PAIR_RADII = {"small": 0.13, "": 0.185, "big": 0.23}


def radii_at(position):
    """{size: radius} of a single object."""
    return RADII if position == "centre" else RADII | {"big": BIG_ASIDE}


def regular(count, radius_of, turn=0.0):
    """Points around the origin, the first straight up."""
    angles = [turn + k * 2 * math.pi / count for k in range(count)]
    return [(radius_of(k) * math.sin(a), -radius_of(k) * math.cos(a)) for k, a in enumerate(angles)]


def heart_outline():
    points = []
    for k in range(90):
        t = 2 * math.pi * k / 90
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((16 * math.sin(t) ** 3 / 16, -(y + 2.5) / 16))
    return points


def cross_outline(arm=0.34):
    corners = [(arm, -1), (arm, -arm), (1, -arm), (1, arm), (arm, arm), (arm, 1)]
    return corners + [(-x, -y) for x, y in corners]


# Outlines in units of the radius, y downwards. Circles, rings and moons are made of discs below.
OUTLINES = {
    "square": [(-0.86, -0.86), (0.86, -0.86), (0.86, 0.86), (-0.86, 0.86)],
    "triangle": [(0, -0.98), (1, 0.78), (-1, 0.78)],
    "star": regular(10, lambda k: 0.46 if k % 2 else 1.1),
    "heart": heart_outline(),
    "diamond": [(0, -1.12), (0.78, 0), (0, 1.12), (-0.78, 0)],
    "cross": cross_outline(),
    "arrow": [(0, -1.05), (0.9, -0.05), (0.36, -0.05), (0.36, 1.05), (-0.36, 1.05), (-0.36, -0.05), (-0.9, -0.05)],
}


def shape_mask(shape, x, y, radius, size=SIZE):
    """Coverage [size, size] of a shape whose middle and radius are fractions of the picture's side."""
    side = size * FINE
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)

    def disc(dx, dy, r, value):
        middle_x, middle_y, reach = (x + dx * radius) * side, (y + dy * radius) * side, r * radius * side
        draw.ellipse([middle_x - reach, middle_y - reach, middle_x + reach, middle_y + reach], fill=value)

    if shape in OUTLINES:
        draw.polygon([((x + px * radius) * side, (y + py * radius) * side) for px, py in OUTLINES[shape]], fill=255)
    else:
        disc(0, 0, 1, 255)
    if shape == "ring":
        disc(0, 0, 0.58, 0)
    elif shape == "moon":
        disc(0.48, -0.12, 0.8, 0)
    return numpy.asarray(image.reduce(FINE), numpy.float32) / 255


@functools.cache
def unit_mask(shape):
    """(coverage of a shape of radius 1, its radius in pixels)."""
    return shape_mask(shape, 0.5, 0.5, 0.4), 0.4 * SIZE


def box(mask):
    """(left, top, right, bottom) of what a mask covers, in pixels."""
    ys, xs = numpy.nonzero(mask)
    return xs.min(), ys.min(), xs.max() + 1, ys.max() + 1


@functools.cache
def bounds(shape):
    """(left, top, right, bottom) of a shape around its origin, in units of its radius."""
    mask, radius = unit_mask(shape)
    return tuple((edge - SIZE / 2) / radius for edge in box(mask > 0.5))


@functools.lru_cache(maxsize=256)
def pattern_mask(pattern, variant, scale):
    """Coverage of a pattern's first colour, always at the same place: bands, squares and gradients begin with it at the
    upper left, dots and bricks lie on the other. Clouds have their own function."""
    y, x = (numpy.mgrid[0:SIZE * FINE, 0:SIZE * FINE].astype(numpy.float32) + 0.5) / FINE
    band = SCALES[scale]
    if pattern == "stripes":
        along = {"vertical": x, "horizontal": y, "diagonal": x + y}[variant] / band
        mask = along % 2 < 1
    elif pattern == "checkerboard":
        mask = (x // band + y // band) % 2 < 1
    elif pattern == "polka dots":
        pitch = band * 2
        mask = (x % pitch - band) ** 2 + (y % pitch - band) ** 2 < (0.62 * band) ** 2
    elif pattern == "gradient":
        mask = 1 - {"across": x, "down": y}[variant] / SIZE
    elif pattern == "bricks":
        row = y // band
        gap = max(2, band / 8)
        mask = (y % band >= gap) & ((x + row % 2 * band) % (2 * band) >= gap)
    elif pattern == "waves":
        mask = ((y + band * 0.5 * numpy.sin(x * 2 * math.pi / (4 * band))) / band) % 2 < 1
    else:
        tooth = numpy.abs((x / (2 * band)) % 2 - 1) * 2 * band
        mask = ((y + tooth * 0.75) / band) % 2 < 1
    fine = mask.astype(numpy.float32).reshape(SIZE, FINE, SIZE, FINE)
    return fine.mean(axis=(1, 3))


def cloud_mask(seed):
    """Smooth noise of four octaves, stretched so that both colours appear."""
    random = numpy.random.default_rng(seed)
    total = numpy.zeros((SIZE, SIZE), numpy.float32)
    for cells in (4, 8, 16):
        noise = Image.fromarray(random.random((cells, cells), numpy.float32))
        total += numpy.asarray(noise.resize((SIZE, SIZE), Image.BICUBIC)) / cells
    low, high = numpy.quantile(total, (0.2, 0.8))
    return numpy.clip((total - low) / (high - low), 0, 1)


def colour(name):
    return numpy.asarray(COLOURS[name], numpy.float32)


def background(scene):
    """[SIZE, SIZE, 3] float32 of a scene without its objects."""
    ground = scene.ground
    if not ground.pattern:
        return numpy.broadcast_to(colour(ground.first), (SIZE, SIZE, 3))
    if ground.pattern == "clouds":
        mask = cloud_mask(ground.seed)
    else:
        mask = pattern_mask(ground.pattern, ground.variant, ground.scale)
    return blend(colour(ground.second), colour(ground.first), mask)


def blend(under, over, mask):
    return under + (over - under) * mask[..., None]


def object_mask(thing):
    return shape_mask(thing.shape, thing.x, thing.y, thing.radius)


def picture(scene):
    """The scene as uint8 [SIZE, SIZE, 3]."""
    pixels = background(scene)
    for thing in scene.objects:
        pixels = blend(pixels, colour(thing.colour), object_mask(thing))
    return numpy.asarray(pixels + 0.5, numpy.uint8)
