# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Captions that leave something out ("blue star", "red stripes", "a heart"), and the whole ones that are meant by them.

A network that may choose a colour itself draws something between all of them where it cannot decide, which is mottled.
So what nobody names is always the same.
"""

import dataclasses
import re

import wording

# A ground: the first that stands out from all objects.
GROUNDS = {"white": {"white", "yellow"}, "blue": {"blue"}, "black": {"black"}}
# An object's colour, the first that its ground has not.
SHADES = {"heart": ["red", "white"], "star": ["yellow", "red"], "moon": ["yellow", "white"]}
OTHER_SHADES = ["blue", "red", "green"]
# A pattern's two colours, and its second one where only the first is named, or another if that is the first.
PATTERNS = {"clouds": ("white", "blue"), "bricks": ("brown", "grey"), "polka dots": ("red", "white"),
            "gradient": ("blue", "white")}
OTHER_PATTERNS = ("black", "white")
SECONDS = {"clouds": ["blue", "white"], "bricks": ["grey", "white"]}
OTHER_SECONDS = ["white", "black"]


def ground_of(colours):
    """What lies behind objects of these colours."""
    colours = set(colours)
    return next(ground for ground, near in GROUNDS.items() if not near & colours)


def shade_of(shape, colours):
    """The colour of a shape on a ground of these colours."""
    return next(shade for shade in SHADES.get(shape, OTHER_SHADES) + OTHER_SHADES if shade not in colours)


def second_of(pattern, first, thing=""):
    """The second colour of a pattern behind a thing of some colour."""
    return next(second for second in SECONDS.get(pattern, OTHER_SECONDS) + OTHER_SECONDS + OTHER_SHADES
                if second not in (first, thing))


def without_colour(caption, colour):
    """The caption, but that it does not say this colour."""
    said = re.sub(rf" ?\b{colour}\b", "", caption, count=1).strip()
    return re.sub(r"\b([aA]) (?=[aeiou])", r"\1n ", said)


def pattern_phrases(rng, ground, thing=""):
    """(what is said, what is meant) of a pattern: one colour is named or none. In front of it may be a thing of some
    colour, which it has not."""
    kind = ground.pattern
    word, scale, variant = wording.pattern_words(rng, ground, 0.5)
    (first, second), named = PATTERNS.get(kind, OTHER_PATTERNS), ""
    if rng.random() < 0.6 or thing in (first, second):
        first, named = ground.first, wording.colour_word(rng, ground.first)
        second = second_of(kind, first, thing)
    shade = named or first
    if kind == "gradient":
        return wording.joined(named, word), f"{shade} to {second} {word}"
    if kind in wording.DIRECTED:
        return wording.joined(scale, named, word), wording.joined(scale, shade, word, "on", second)
    return wording.joined(scale, named, variant, word), wording.joined(scale, shade, "and", second, variant, word)


def pattern_alone(rng, ground):
    said, meant = pattern_phrases(rng, ground)
    if said.split()[-1] in wording.SINGULAR and rng.random() < 0.5:
        return f"a {said}", f"a {meant}"
    return said, meant


def on_pattern(rng, scene):
    """An object, all of it named, in front of a pattern that is not."""
    thing = scene.objects[0]
    said, meant = pattern_phrases(rng, scene.ground, thing.colour)
    noun = wording.joined(wording.with_article(rng, wording.noun_phrase(rng, thing)),
                          rng.choice(wording.POSITION_WORDS[thing.position]))
    where = rng.choice(["on", "on", "in front of", "over"])
    return f"{noun} {where} {said}", f"{noun} {where} {meant}"


def shortened(rng, scene):
    """(caption that leaves something out, the caption that is meant), both in one wording."""
    if not scene.objects:
        return pattern_alone(rng, scene.ground)
    if scene.ground.pattern and rng.random() < 0.5:
        return on_pattern(rng, scene)
    thing = scene.objects[0]
    nameless = len(scene.objects) == 1 and rng.random() < 0.35
    if nameless and not scene.ground.pattern and rng.random() < 0.5:
        # The ground is named, the object's colour is not.
        colour = shade_of(thing.shape, [scene.ground.first])
        meant = wording.plain_caption(dataclasses.replace(scene, objects=(dataclasses.replace(thing, colour=colour),)),
                                      rng, complete=True)
        return without_colour(meant, colour), meant
    if nameless:
        scene = dataclasses.replace(scene, objects=(dataclasses.replace(thing, colour=shade_of(thing.shape, [])),))
    meant = wording.plain_caption(scene, rng, complete=True, ground=False)
    said = without_colour(meant, scene.objects[0].colour) if nameless else meant
    return said, f"{meant} on {ground_of(thing.colour for thing in scene.objects)}"
