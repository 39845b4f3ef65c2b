# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""A CLIP vocabulary of about 600 entries, with the files that published models and new transformers have."""

import collections
import json
import os

START, END = "<|startoftext|>", "<|endoftext|>"
N_MERGES = 90
TEXT = """
a photo of a red circle on a blue background, the white cat sits in the garden, an oil painting of a small house
by the river in the evening light, green and yellow stripes on black, portrait of a woman with a hat, highly detailed
a mountain lake at sunrise with trees, watercolor, the old man and the sea, a bowl of fruit on the table
"""


def byte_characters():
    """GPT-2's printable stand-in of every byte, in the order in which CLIP's vocabulary begins."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]


def learn_merges(words, limit=None):
    """Byte pair encoding of {word: count}: the merges in order, at most `limit`; without one until every word is whole."""
    pieces = {word: (*word[:-1], word[-1] + "</w>") for word in words}
    merges = []
    while limit is None or len(merges) < limit:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(pieces[word], pieces[word][1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for word, parts in pieces.items():
            joined, i = [], 0
            while i < len(parts):
                if parts[i:i + 2] == best:
                    joined.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    joined.append(parts[i])
                    i += 1
            pieces[word] = tuple(joined)
    return merges


def vocabulary(merges):
    characters = byte_characters()
    entries = characters + [c + "</w>" for c in characters] + [a + b for a, b in merges] + [START, END]
    return {entry: i for i, entry in enumerate(entries)}


def tiny_merges():
    return learn_merges(collections.Counter(TEXT.lower().replace(",", " ").split()), N_MERGES)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.write("\n")


def added_token(content, normalized):
    return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False}


def write_published(folder, pad, objects, merges=None):
    """vocab.json and merges.txt, as Stable Diffusion is published; `objects`: tokens as objects, not strings."""
    os.makedirs(folder, exist_ok=True)
    merges = merges or tiny_merges()
    write_json(f"{folder}/vocab.json", vocabulary(merges))
    with open(f"{folder}/merges.txt", "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    bos, eos, unk = (added_token(t, True) if objects else t for t in (START, END, END))
    write_json(f"{folder}/special_tokens_map.json",
               {"bos_token": bos, "eos_token": eos, "pad_token": pad, "unk_token": unk})
    write_json(f"{folder}/tokenizer_config.json", {
        "add_prefix_space": False,
        "bos_token": {"__type": "AddedToken", **added_token(START, True)},
        "do_lower_case": True,
        "eos_token": {"__type": "AddedToken", **added_token(END, True)},
        "errors": "replace",
        "model_max_length": 77,
        "pad_token": END if pad == END else pad,
        "tokenizer_class": "CLIPTokenizer",
        "unk_token": {"__type": "AddedToken", **added_token(END, True)},
    })
