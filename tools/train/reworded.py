# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Captions in other words: in words and forms that no caption of wording.py has, and which mean the same.

A network learns pictures by the words of wording.py. What else people call these things, the text encoder learns by
itself, from pairs of sentences (strangers.py), for which nothing has to be drawn; a finished student may hear how it
passes them on (distill.py --reworded).
"""

import hashlib
import random
import re

import data
import drawing
import wording

SHAPES = {
    "circle": ["sphere", "disk", "round", "circular shape", "round shape"], "square": ["rectangle", "cube", "block"],
    "triangle": ["triangular shape", "pyramid"], "star": ["five-pointed star", "star shape", "starlet"],
    "heart": ["love heart", "heart shape", "valentine"], "ring": ["donut", "doughnut", "circle outline", "hollow circle"],
    "diamond": ["lozenge", "gem", "kite"], "cross": ["plus", "plus symbol", "cross shape"],
    "moon": ["half moon", "crescent shape", "lunar crescent"], "arrow": ["pointer", "arrow sign", "arrow shape"],
}
COLOURS = {
    "red": ["crimson", "scarlet", "bright red"], "orange": ["tangerine", "bright orange"], "yellow": ["lemon", "bright yellow"],
    "green": ["emerald", "grass green"], "blue": ["navy", "royal blue", "azure"], "purple": ["lavender", "lilac", "indigo"],
    "pink": ["magenta", "rose", "fuchsia"], "brown": ["chestnut", "dark brown"], "black": ["jet black", "pitch black"],
    "white": ["snow white", "pure white"], "grey": ["silver", "greyish"], "teal": ["cyan", "aqua", "blue-green"],
}
SIZES = {"small": ["mini", "miniature", "wee", "small-sized"], "big": ["giant", "enormous", "massive", "gigantic"],
         "medium": ["medium-sized", "middle-sized"]}
PLACES = {
    "left": ["to the left", "on the left-hand side", "in the left half", "at left", "near the left edge", "left side"],
    "right": ["to the right", "on the right-hand side", "in the right half", "at right", "near the right edge", "right side"],
    "top": ["in the upper half", "near the top", "at the upper edge", "up top", "at the very top"],
    "bottom": ["in the lower half", "near the bottom", "at the lower edge", "down at the bottom", "at the very bottom"],
    "centre": ["in the very middle", "at the center", "at the centre", "centered", "centred"],
}
# How two things lie: what wording.py says, and what is said as well.
BETWEEN = {" to the left of ": [" at the left of ", " on the left side of "],
           " to the right of ": [" at the right of ", " on the right side of "],
           " above ": [" atop ", " higher than ", " and below it "], " below ": [" beneath ", " underneath ", " lower than "],
           " and ": [" & ", " alongside ", " as well as ", " together with ", " followed by "]}
# Of a pattern: what stands before a noun such as "background", or alone; and other nouns.
PATTERN_ADJECTIVES = {"stripes": ["striped", "stripy", "stripey"], "checkerboard": ["checkered", "chequered", "checked"],
                      "polka dots": ["polka dot", "dotted", "spotted", "polka-dotted"], "clouds": ["cloudy", "cloud"],
                      "bricks": ["brick"], "waves": ["wavy", "wave"], "zigzags": ["zig-zag", "zig zag", "chevron", "zigzagged"],
                      "gradient": ["gradient", "gradated"]}
PATTERN_NOUNS = {"stripes": ["bands", "strips", "streaks"], "checkerboard": ["checkers", "chess board", "checker board"],
                 "polka dots": ["polkadots", "polka-dots", "spots pattern"], "clouds": ["cloudy sky", "mist", "fluffy clouds"],
                 "bricks": ["brickwork", "wall of bricks", "brick texture"], "waves": ["ripples", "undulating lines"],
                 "zigzags": ["chevrons", "zig-zags", "zig zags"], "gradient": ["gradation", "ombre", "blend", "transition"]}
AFTER_ADJECTIVES = ["", "", "pattern", "pattern", "background", "texture", "design", "backdrop"]
DIRECTIONS = {"vertical": ["upright", "vertically running"], "horizontal": ["sideways", "horizontally running"],
              "diagonal": ["slanting", "oblique", "tilted", "angled"],
              "from left to right": ["left-to-right", "going from left to right"],
              "from top to bottom": ["top-to-bottom", "going from top to bottom", "downwards"]}
SCALES = {"thin": ["skinny", "slim"], "narrow": ["skinny", "slim"], "wide": ["fat", "chunky"], "thick": ["fat", "chunky"],
          "broad": ["fat", "bold"], "coarse": ["large-scale"], "fine": ["tiny"]}

NAMED = {word: name for name in drawing.COLOURS for word in wording.COLOUR_WORDS.get(name, [name])}
SHAPED = {word: shape for shape, words in wording.SHAPE_WORDS.items() for word in words}
SIZED = {word: size or "medium" for size, words in wording.SIZE_WORDS.items() for word in words if word}
PATTERNED = {word: kind for kind, words in wording.PATTERN_WORDS.items() for word in words}
# Places with their preposition: "left" by itself may be part of "left of".
PLACED = {word: place for place, words in wording.POSITION_WORDS.items() for word in words if " " in word}


def any_of(words):
    """A pattern for one of some words; of two that begin alike the longer one."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


COLOUR, SHAPE, PATTERN = any_of(NAMED), any_of(SHAPED), any_of(PATTERNED)
GROUND = rf"(?:on|over|against|with|in front of) (?:an? )?({COLOUR})(?: background| ground)?"


def article(word):
    return "an" if word[0] in "aeiou" else "a"


def table(words, others):
    """A rule that takes another word for one of a table's; words that have no others stay."""
    known = [word for word, name in words.items() if name in others]
    return rf"(?<!polka )\b(?:{any_of(known)})\b(?! (?:side )?of\b)", lambda rng, found: rng.choice(others[words[found[0]]])


def other_pattern(rng, found):
    kind = PATTERNED[found[1]]
    if rng.random() < 0.35:
        return rng.choice(PATTERN_NOUNS[kind])
    # Without a noun only at the end: "striped on white" is no one's wording.
    return wording.joined(rng.choice(PATTERN_ADJECTIVES[kind]), rng.choice(AFTER_ADJECTIVES if found.end() == len(
        found.string) else AFTER_ADJECTIVES[2:]))


def other_object(rng, found):
    shade, shape = found[1], found[2]
    return rng.choice([f"{shape} in {shade}", f"{shape} that is {shade}", f"{shape} which is {shade}", f"{shape} coloured {shade}",
                       f"{shade} coloured {shape}", f"{shade}-colored {shape}"])


def other_ground(rng, found):
    shade = found[1]
    a = article(shade)
    return rng.choice([f"on {a} {shade} backdrop", f"on a plain {shade} background", f"on a solid {shade} background",
                       f"with {shade} behind it", f"on {shade} paper", f"on {a} {shade} canvas", f"and {shade} background",
                       f"set against {shade}", f", background {shade}", f"on {a} {shade} surface", f"on a background of {shade}",
                       f"and the background is {shade}", f"; {shade} background", f"surrounded by {shade}"])


def ground_first(rng, found):
    what, shade = found[1], found[2]
    return rng.choice([f"{shade} background, {what}", f"{shade} background with {what}", f"{article(shade)} {shade} background and "
                       f"{what}", f"on {article(shade)} {shade} background, {what}", f"{shade} background: {what}",
                       f"background: {shade}, {what}", f"against {shade}, {what}"])


# Forms first, then words: a word that wording.py does not have is in no form.
RULES = [
    (rf"^(.+?),? {GROUND}$", ground_first), (rf"\b{GROUND}$", other_ground), (rf"\b({COLOUR}) ({SHAPE})\b", other_object),
    (any_of(BETWEEN), lambda rng, found: rng.choice(BETWEEN[found[0]])), (rf"\b({PATTERN})\b", other_pattern),
    table({word: word for word in DIRECTIONS}, DIRECTIONS), table({word: word for word in SCALES}, SCALES),
    table(SHAPED, SHAPES), table(NAMED, COLOURS), table(SIZED, SIZES), table(PLACED, PLACES),
]


def reworded(rng, caption):
    """A caption of wording.py in other words here and there; itself where there are none. Best before capitals and full
    stops: what is in capitals is not known, nor what stands before a full stop."""
    chosen = set(rng.sample(range(len(RULES)), rng.choice([2, 3, 4, 6])))
    for number, (pattern, other) in enumerate(RULES):
        if number in chosen:
            caption = re.sub(pattern, lambda found, other=other: other(rng, found), caption, count=1)
    caption = re.sub(r"\ban? (?=(\w+))", lambda found: f"{article(found[1])} ", caption)
    return caption.replace(" ,", ",").replace(" ;", ";")


def fingerprint():
    """Eight letters that change with what is said."""
    said = []
    for index in range(400):
        scene, rng = data.scene_at("train", 0, index)
        said.append(reworded(rng, wording.plain_caption(scene, random.Random(index), complete=True)))
    return hashlib.sha256(repr(said).encode()).hexdigest()[:8]
