#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Writes unicode-tables.h: what the tokenizers library takes for a letter, a number, white space, a word character,
and how it lower-cases and normalizes, asked of the library itself for every code point.

Why tables and not GLib's: the library's regular expressions, its lower-casing and its NFC each stand at another
version of Unicode, and GLib's version changes with the system. The ids must not.

    python3 make-unicode.py > unicode-tables.h

Made with Python 3.11.7 and
    tokenizers==0.23.3
"""

import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers

PINNED = "0.23.3"
CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def ranges(codes):
    """Sorted code points as [first, last] pairs; the gap of the surrogates is no gap."""
    out = []
    for c in codes:
        if out and (c == out[-1][1] + 1 or (out[-1][1] == 0xD7FF and c == 0xE000)):
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def regex_class(pattern):
    remove = normalizers.Replace(Regex(pattern), "")
    return [c for c in CODES if remove.normalize_str(chr(c)) == ""]


def after_token(token):
    """For every code point, the ids of `token` with it behind."""
    tokenizer = Tokenizer(models.BPE(vocab={"?": 0}, merges=[], unk_token="?"))
    tokenizer.add_tokens([token])
    for i in range(0, len(CODES), 20000):
        batch = CODES[i : i + 20000]
        for c, e in zip(batch, tokenizer.encode_batch([token.content + chr(c) for c in batch])):
            yield c, e.ids


def word_class():
    """A token that must be a single word is not found before a word character."""
    return [c for c, ids in after_token(AddedToken("<m>", single_word=True, normalized=False)) if 1 not in ids]


def strip_class():
    """A token that strips swallows white space."""
    return [c for c, ids in after_token(AddedToken("<m>", rstrip=True, normalized=False)) if ids == [1]]


def lower():
    """(first, last, step, delta) of one-to-one mappings. The one exception is written out in unicode.c."""
    lowercase = normalizers.Lowercase()
    pairs = []
    for c in CODES:
        text = lowercase.normalize_str(chr(c))
        if text == chr(c):
            continue
        if len(text) > 1:
            assert c == 0x130 and text == "i\u0307", hex(c)
            continue
        pairs.append((c, ord(text) - c))
    out = []
    for c, delta in pairs:
        if out:
            first, last, step, d = out[-1]
            gap = c - last
            if d == delta and gap in (1, 2) and (step == gap or first == last):
                out[-1] = (first, c, gap, d)
                continue
        out.append((c, c, 1, delta))
    return out


def normalization_class():
    """Code points that decompose, reorder or join the character before them; all others are inert under NFC except
    as the first half of a composition."""
    nfd, nfc = normalizers.NFD(), normalizers.NFC()
    out, seconds, decomposing = set(), set(), set()
    for c in CODES:
        text = nfd.normalize_str(chr(c))
        if text != chr(c):
            out.add(c)
            decomposing.add(c)
            seconds.update(text[1:])
    # A combining class other than 0 shows by moving before or after one of these (classes 1 and 240) or splitting
    # them from their base.
    for c in CODES:
        if c in out:
            continue
        s = chr(c)
        if nfd.normalize_str("\u0345" + s) != "\u0345" + s or nfd.normalize_str(s + "\u0334") != s + "\u0334":
            out.add(c)
    for s in seconds:
        out.add(ord(s))
    out.add(0x0345)  # class 240, the highest
    out.add(0x0334)  # class 1, the lowest
    return sorted(out)


def print_ranges(name, comment, codes):
    rows = ranges(codes)
    print(f"\n/* {comment} */")
    print(f"static const GessoRange {name}[] = {{")
    for i in range(0, len(rows), 5):
        print("  " + " ".join(f"{{ 0x{a:X}, 0x{b:X} }}," for a, b in rows[i : i + 5]))
    print("};")


def main():
    if tokenizers.__version__ != PINNED:
        sys.exit(f"needs tokenizers {PINNED}, this is {tokenizers.__version__}")
    space = regex_class(r"\s")
    assert space == strip_class()
    print("/* SPDX-FileCopyrightText: The Gesso authors")
    print(" * SPDX-License-Identifier: Apache-2.0")
    print(" *")
    print(f" * Made by make-unicode.py from tokenizers {PINNED}; not to be edited.")
    print(" */")
    print("\n#pragma once")
    print("\n/* clang-format off */")
    print_ranges("letter_ranges", r"\p{L} of the pre-tokenizer's regular expressions", regex_class(r"\p{L}"))
    print_ranges("number_ranges", r"\p{N}", regex_class(r"\p{N}"))
    print_ranges("space_ranges", r"\s, and what the added tokens' lstrip and rstrip take", space)
    print_ranges("word_ranges", r"\w of the added tokens' single_word", word_class())
    print_ranges("combining_ranges", "not inert under NFC", normalization_class())
    print("\n/* Lower case: every `step`-th code point from `first` to `last` moves by `delta`. */")
    print("static const GessoLowerRange lower_ranges[] = {")
    rows = lower()
    for i in range(0, len(rows), 4):
        print("  " + " ".join(f"{{ 0x{a:X}, 0x{b:X}, {s}, {d} }}," for a, b, s, d in rows[i : i + 4]))
    print("};")
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
