# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Captions: the same scene in the many words that a stranger may use.

What a caption leaves out is a default: an object in the middle, of middling size, vertical stripes, a gradient from left
to right. Colours and grounds are left out in unsaid.py alone. Order, articles, capitals and full stops vary; now and
then a word without meaning is thrown in, so that an unknown one does no harm.
"""

import string

import drawing

COLOUR_WORDS = {"grey": ["grey", "grey", "gray"], "purple": ["purple", "purple", "purple", "violet"],
                "teal": ["teal", "teal", "turquoise"]}
SHAPE_WORDS = {
    "circle": ["circle", "circle", "circle", "disc", "ball", "dot"], "square": ["square", "square", "square", "box"],
    "triangle": ["triangle"], "star": ["star"], "heart": ["heart"], "ring": ["ring", "ring", "ring", "hoop"],
    "diamond": ["diamond", "diamond", "diamond", "rhombus"], "cross": ["cross", "cross", "cross", "plus sign"],
    "moon": ["moon", "moon", "crescent", "crescent moon"], "arrow": ["arrow"],
}
SIZE_WORDS = {"small": ["small", "small", "little", "tiny"], "big": ["big", "big", "large", "huge"],
              "": [""] * 5 + ["medium"]}
POSITION_WORDS = {
    "left": ["on the left", "on the left", "at the left", "on the left side", "left"],
    "right": ["on the right", "on the right", "at the right", "on the right side", "right"],
    "top": ["at the top", "at the top", "on top", "on the top", "top"],
    "bottom": ["at the bottom", "at the bottom", "on the bottom", "bottom"],
    "centre": [""] * 12 + ["in the middle", "in the centre", "in the center", "in the center"],
}
PATTERN_WORDS = {
    "stripes": ["stripes", "stripes", "stripes", "lines", "bars", "stripe pattern"],
    "checkerboard": ["checkerboard", "checkerboard", "chessboard", "checks", "checkered pattern", "squares"],
    "polka dots": ["polka dots", "polka dots", "dots", "spots"],
    "gradient": ["gradient", "gradient", "colour gradient", "color gradient", "fade"],
    "clouds": ["clouds", "clouds", "cloud", "smoke", "fog"],
    "bricks": ["bricks", "bricks", "brick wall", "brick pattern"],
    "waves": ["waves", "waves", "wavy lines", "wavy stripes"],
    "zigzags": ["zigzags", "zigzag", "zigzag lines", "zigzag pattern"],
}
# The first colour is the dots', the bricks', the clouds'; in the other patterns both weigh the same, and the first that
# is named comes first.
DIRECTED = ("polka dots", "bricks", "clouds")
# Patterns whose word stands alone with an article.
SINGULAR = {"checkerboard", "chessboard", "gradient", "colour gradient", "color gradient", "fade", "brick wall",
            "stripe pattern", "checkered pattern", "brick pattern", "zigzag pattern", "zigzag", "cloud"}
VARIANT_WORDS = {"vertical": ["vertical"], "horizontal": ["horizontal"],
                 "diagonal": ["diagonal", "diagonal", "slanted"]}
SCALE_WORDS = {"stripes": {"fine": ["thin", "narrow", "fine"], "coarse": ["wide", "thick", "broad"]}}
OTHER_SCALE_WORDS = {"fine": ["small", "fine", "tiny"], "coarse": ["big", "large", "coarse"]}
WAYS = {"across": ["from left to right", "left to right", "horizontal"],
        "down": ["from top to bottom", "top to bottom", "vertical"]}
OPENINGS = ["a picture of", "an image of", "a drawing of", "draw", "paint", "a painting of", "picture of",
            "please draw", "i want", "there is", "show me"]
ADJECTIVES = ["nice", "simple", "beautiful", "clean", "flat", "bright", "lovely", "single"]
SYLLABLES = ["ba", "cor", "del", "fi", "gru", "hel", "jo", "kam", "lu", "mon", "ne", "pra", "qui", "ros", "sta", "tru",
             "ver", "wi", "xen", "yo", "zu", "ing", "er", "ant", "s"]


# What people ask of larger models.
STRANGERS_WORDS = [
    "high quality", "highly detailed", "best quality", "masterpiece", "4k", "8k", "hd", "photo", "photo of", "photorealistic",
    "realistic", "digital art", "vector art", "clip art", "minimalist", "artstation", "trending", "cartoon", "anime",
    "watercolor", "oil painting", "3d render", "sketch", "logo", "icon", "shiny", "glowing", "glossy", "metallic", "wooden",
    "golden", "magic", "cute", "happy", "funny", "dark", "light", "soft", "sharp", "sharp focus", "studio lighting",
    "cinematic", "dramatic", "professional", "elegant", "modern", "vintage", "retro", "abstract", "geometric", "colorful",
    "pretty", "perfect", "amazing", "detailed", "intricate", "smooth", "fancy", "strange", "new", "old", "my", "some",
    "could you", "for me", "thanks", "wallpaper", "poster", "in space", "at night", "with", "and", "very", "really",
]


# Left to evaluation. No caption has a word of them, nor has what is heard in training.
HELD_OUT_WORDS = ["masterpiece", "photorealistic", "minimalist", "anime", "sketch", "glossy", "golden", "funny", "cinematic",
                  "elegant", "retro", "geometric", "amazing", "fancy", "thanks", "at night"]


def joined(*words):
    return " ".join(word for word in words if word)


def with_article(rng, phrase, share=0.75):
    """Most people write the article, some do not; a few write "one" or "the"."""
    if rng.random() > share:
        return phrase
    article = "an" if phrase[0] in "aeiou" else "a"
    return joined(rng.choice([article] * 12 + ["the", "one"]), phrase)


def colour_word(rng, name):
    return rng.choice(COLOUR_WORDS.get(name, [name]))


def noun_phrase(rng, thing, name_colour=True):
    size = rng.choice(SIZE_WORDS[thing.size])
    shade = colour_word(rng, thing.colour) if name_colour else ""
    adjective = rng.choice(ADJECTIVES) if rng.random() < 0.05 else ""
    shape = rng.choice(SHAPE_WORDS[thing.shape])
    if rng.random() < 0.04:
        return joined(adjective, size, shape, shade)
    return joined(shade, size, shape) if rng.random() < 0.08 else joined(adjective, size, shade, shape)


def pattern_words(rng, ground, variant_share):
    """A pattern's name, its scale and its direction; "" where there is none to be said. The direction that is drawn where
    none is named is said in that share of cases."""
    kind = ground.pattern
    word = rng.choice(PATTERN_WORDS[kind])
    scale = rng.choice(SCALE_WORDS.get(kind, OTHER_SCALE_WORDS).get(ground.scale, [""]))
    variant = rng.choice(VARIANT_WORDS.get(ground.variant, [""]))
    default = drawing.PATTERNS[kind][0]
    return word, scale, "" if ground.variant == default and rng.random() >= variant_share else variant


def pattern_phrase(rng, ground, article=True):
    """A pattern in words, with its two colours."""
    kind = ground.pattern
    word, scale, variant = pattern_words(rng, ground, 0.6)
    first, second = colour_word(rng, ground.first), colour_word(rng, ground.second)
    directed = kind in DIRECTED
    if kind == "gradient":
        way = rng.choice(WAYS[ground.variant]) if ground.variant == "down" or rng.random() < 0.4 else ""
        if way in ("horizontal", "vertical") and rng.random() < 0.6:
            word, way = joined(way, word), ""
        fades = [f"{first} to {second} {word}", f"{word} from {first} to {second}", f"{first} and {second} {word}",
                 f"{word}, {first} to {second}"]
        return joined(rng.choice(fades), way)
    pattern = joined(scale, variant, word)
    single = article and word in SINGULAR and rng.random() < 0.6
    a = "a " if single else ""
    plain = [f"{a}{joined(scale, first)} and {joined(second, variant, word)}", f"{a}{pattern} in {first} and {second}",
             f"{pattern}, {first} and {second}", f"{joined(scale, variant, first)} and {second} {word}",
             f"a pattern of {first} and {second} {pattern}" if article else f"{first} and {second} {pattern}",
             f"{first} {second} {pattern}"]
    if directed:
        plain += [f"{joined(scale, first, word)} on {second}", f"{joined(scale, first, word)} on a {second} background",
                  f"{second} background with {joined(scale, first, word)}"] if article else [
                      f"{joined(scale, first, word)} on {second}"]
    return rng.choice(plain)


def ground_phrase(rng, ground):
    """ "on a blue background" and its like."""
    if ground.pattern:
        pattern = pattern_phrase(rng, ground, article=False)
        return rng.choice([f"on {pattern}", f"on {pattern}", f"in front of {pattern}", f"over {pattern}",
                           f"with {pattern} behind it", f"on a background of {pattern}"])
    shade = colour_word(rng, ground.first)
    article = "an" if shade[0] in "aeiou" else "a"
    return rng.choice([f"on {article} {shade} background"] * 4 + [f"on {shade}"] * 4 + [
        f"in front of {article} {shade} background", f"on {shade} background", f"with {article} {shade} background",
        f"{shade} background", f", {shade} background", f"over {shade}", f"against {shade}", f"on {shade} ground"])


def single_phrase(rng, scene, complete, ground=True):
    thing, behind = scene.objects[0], scene.ground
    position = rng.choice(POSITION_WORDS[thing.position])
    name_ground, name_colour = complete or rng.random() < 0.88, complete or rng.random() < 0.97
    name_ground = name_ground and ground
    noun = noun_phrase(rng, thing, name_colour)
    where = ground_phrase(rng, behind) if name_ground else ""
    style = rng.random()
    if style < 0.05 and name_ground and not behind.pattern:
        shade = colour_word(rng, behind.first)
        return joined(with_article(rng, f"{shade} background"), "with", with_article(rng, noun), position)
    if style < 0.08 and position:
        return joined(f"{position},", with_article(rng, noun), where)
    noun = with_article(rng, noun)
    return joined(noun, where, position) if style < 0.6 else joined(noun, position, where)


def pair_phrase(rng, scene, complete, ground=True):
    """Two objects, the left or upper one first unless the words say otherwise."""
    first, second = scene.objects
    one, other = with_article(rng, noun_phrase(rng, first)), with_article(rng, noun_phrase(rng, second))
    where = ground_phrase(rng, scene.ground) if ground and (complete or rng.random() < 0.88) else ""
    if first.position == "left":
        middle = rng.choice([f"{one} and {other}"] * 8 + [
            f"{one} next to {other}", f"{one} beside {other}", f"{one} with {other}", f"{one}, {other}",
            f"{one} to the left of {other}", f"{one} left of {other}", f"{other} to the right of {one}",
            f"{one} on the left and {other} on the right", f"{other} on the right and {one} on the left"])
    else:
        middle = rng.choice([f"{one} above {other}"] * 4 + [f"{other} below {one}"] * 2 + [
            f"{one} over {other}", f"{other} under {one}", f"{one} on top of {other}",
            f"{one} at the top and {other} at the bottom"])
    return joined(middle, where)


def with_noise(rng, text):
    """Openings, capitals, full stops and words that mean nothing, as strangers add them."""
    if rng.random() < 0.08:
        text = f"{rng.choice(OPENINGS)} {text}"
    if rng.random() < 0.06:
        words = text.split()
        for _ in range(rng.choice([1, 1, 2])):
            words.insert(rng.randrange(len(words) + 1), "".join(rng.choices(SYLLABLES, k=rng.choice([1, 2, 2, 3]))))
        text = " ".join(words)
    if rng.random() < 0.08:
        text += rng.choice([".", ".", "!"])
    text = text.replace(" ,", ",")
    style = rng.random()
    return text.capitalize() if style < 0.06 else text.upper() if style < 0.08 else text


def with_unknown_words(rng, text, held_out=False):
    """What strangers add to a caption and nothing here can draw: before it, within it or behind it. `held_out`: only words
    that are left to evaluation."""
    known = HELD_OUT_WORDS if held_out else [word for word in STRANGERS_WORDS if word not in HELD_OUT_WORDS]

    def word():
        if rng.random() < 0.6:
            return rng.choice(known)
        return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 10)))

    style = rng.random()
    if style < 0.15:
        return joined(*(word() for _ in range(rng.randint(1, 3))), text)
    if style < 0.45 and text:
        words = text.split()
        for _ in range(rng.choice([1, 1, 1, 2])):
            words.insert(rng.randrange(len(words)), word())
        return " ".join(words)
    groups = (joined(*(word() for _ in range(rng.randint(1, 3)))) for _ in range(rng.choice([1, 1, 2, 3])))
    return ", ".join([text.rstrip(".!"), *groups])


def plain_caption(scene, rng, complete=False, ground=True):
    """What the scene says, in one of its wordings; `complete`: with the colour of everything, but of what is behind
    objects where `ground` is false."""
    if not scene.objects:
        return pattern_phrase(rng, scene.ground)
    return (single_phrase if len(scene.objects) == 1 else pair_phrase)(rng, scene, complete, ground)


def caption(scene, rng, complete=False):
    return with_noise(rng, plain_caption(scene, rng, complete))
