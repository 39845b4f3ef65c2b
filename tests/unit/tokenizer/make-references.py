#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Makes data/: miniature tokenizers of CLIP's kind, and the ids that transformers gives for some hundred prompts.

    python3 make-references.py

Made with Python 3.11.7 and
    transformers==5.23.0
    tokenizers==0.23.3
    diffusers==0.42.1

Folders:
    v1     vocab.json + merges.txt in the form that Stable Diffusion 1.4 was published in; pads with <|endoftext|>
    v2     the same as Stable Diffusion 2.1 was; pads with "!"
    whole  v2 as transformers 5 saves it: tokenizer.json and tokenizer_config.json
    odd    v1 with added tokens of every kind, in added_tokens.json and in added_tokens_decoder

    rules  which file wins: in each subfolder the small files of a tokenizer folder, to be read with v1's vocabulary

FOLDER.tsv (rules/CASE/expected.tsv): a line a prompt: the text (bytes outside printable ASCII as \\ooo), the number of
its tokens, the offset of the first byte that the model does not see (-1: none; ?: the library does not tell), and the
ids up to the end token; the rest is padding.

unicode.tsv: SHA-256 of what the library makes of all code points: of the UTF-8 text of those in a class, and of what
normalization gives for each of them in order, alone and between U+0345 and U+0334, the last and the first of marks.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import unicodedata
from collections import Counter

import diffusers
import tokenizers
import transformers
from diffusers.loaders import TextualInversionLoaderMixin
from transformers import CLIPTokenizer

from prompts import PROMPTS, RULE_PROMPTS, TRAINING_TEXT, VECTOR_PROMPTS

PINNED = {"transformers": "5.23.0", "tokenizers": "0.23.3", "diffusers": "0.42.1"}
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data")
N_MERGES = 520
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_names():
    """GPT-2's printable names of the 256 bytes, in CLIP's order: "!" comes first."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    names = {b: chr(b) for b in visible}
    for b in range(256):
        if b not in names:
            names[b] = chr(256 + len(names) - len(visible))
    return names


def train(n_merges):
    """A plain byte pair encoding of TRAINING_TEXT; ties go to the pair that sorts first."""
    names = byte_names()
    words = Counter(TRAINING_TEXT.lower().split())
    words = {tuple([names[b] for b in w.encode()[:-1]] + [names[w.encode()[-1]] + "</w>"]): n for w, n in words.items()}
    merges = []
    for _ in range(n_merges):
        pairs = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        after = {}
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i : i + 2] == best:
                    out.append(word[i] + word[i + 1])
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            after[tuple(out)] = after.get(tuple(out), 0) + n
        words = after
    tokens = [*names.values(), *(n + "</w>" for n in names.values()), *("".join(m) for m in merges), START, END]
    tokens = list(dict.fromkeys(tokens))
    return {t: i for i, t in enumerate(tokens)}, merges


def added(content, **kwargs):
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, **kwargs}


def typed(content):
    return {"__type": "AddedToken", **added(content)}


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=None if name == "vocab.json" else 1)
        f.write("\n")


def write_vocab(folder, vocab, merges):
    os.makedirs(folder)
    write_json(folder, "vocab.json", vocab)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))


def config(**kwargs):
    return {
        "add_prefix_space": False,
        "bos_token": typed(START),
        "do_lower_case": True,
        "eos_token": typed(END),
        "errors": "replace",
        "model_max_length": 77,
        "pad_token": END,
        "tokenizer_class": "CLIPTokenizer",
        "unk_token": typed(END),
        **kwargs,
    }


def special(pad):
    return {"bos_token": added(START), "eos_token": added(END), "pad_token": pad, "unk_token": added(END)}


def make_folders():
    vocab, merges = train(N_MERGES)
    shutil.rmtree(DATA, ignore_errors=True)
    for name, pad in ("v1", END), ("v2", "!"):
        folder = os.path.join(DATA, name)
        write_vocab(folder, vocab, merges)
        write_json(folder, "tokenizer_config.json", config())
        write_json(folder, "special_tokens_map.json", special(pad))
    CLIPTokenizer.from_pretrained(os.path.join(DATA, "v2")).save_pretrained(os.path.join(DATA, "whole"))
    n = len(vocab)
    folder = os.path.join(DATA, "odd")
    write_vocab(folder, vocab, merges)
    write_json(folder, "added_tokens.json", {"<plain>": n, "Großes": n + 1, "ing": n + 2})
    decoder = {
        str(vocab[START]): added(START, normalized=False, special=True),
        str(vocab[END]): added(END, normalized=False, special=True),
        str(n): added("<strip>", lstrip=True, rstrip=True, normalized=False),
        str(n + 1): added("<word>", single_word=True),
        str(n + 2): added("Großes\u00a0Haus"),
        str(n + 3): added("<s", normalized=False),
        str(n + 4): added("cafe\u0301", lstrip=True, single_word=True),
    }
    write_json(folder, "tokenizer_config.json", config(added_tokens_decoder=decoder, model_max_length=20))


def escape(text):
    return "".join(chr(b) if 0x20 <= b < 0x7F and b != 0x5C else f"\\{b:03o}" for b in text.encode())


def reorders(text):
    """Whether normalization moves characters. The library's offsets do not follow them."""
    return "".join(unicodedata.normalize("NFD", c) for c in text) != unicodedata.normalize("NFD", text)


def cut_off(tokenizer, text, room):
    """Smallest start of a token beyond those that are kept."""
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    starts = [start for start, _ in offsets[room:]]
    if not starts:
        return len(offsets), -1
    return len(offsets), "?" if reorders(text) else len(text[: min(starts)].encode())


def make_references(folder, path, prompts):
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    length = min(tokenizer.model_max_length, 10**6)
    length = 77 if length == 10**6 else length  # absent: the engine's own choice, diffusers fails
    pad = tokenizer.pad_token_id
    left = tokenizer.padding_side == "left"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"# length {length} pad {pad} {'left' if left else 'right'}\n")
        for text in prompts:
            # As a pipeline does first, for textual inversions. Offsets are then those of another text.
            said = TextualInversionLoaderMixin().maybe_convert_prompt(text, tokenizer)
            ids = tokenizer(said, padding="max_length", max_length=length, truncation=True)["input_ids"]
            count, cut = cut_off(tokenizer, said, length - 2)
            cut = cut if said == text or cut == -1 else "?"
            used = min(count, length - 2) + 2
            ids, padding = (ids[length - used :], ids[: length - used]) if left else (ids[:used], ids[used:])
            assert padding == [pad] * (length - used)
            f.write(f"{escape(text)}\t{count}\t{cut}\t{' '.join(map(str, ids))}\n")


CONFIG, MAP, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
RULES = {
    "nothing": {},
    "typed": {CONFIG: config()},
    "texts": {CONFIG: config(bos_token=START, eos_token=END, unk_token=END, model_max_length=9)},
    "map-over-config": {CONFIG: config(pad_token="a</w>"), MAP: {"pad_token": "!", "eos_token": END, "unk_token": END}},
    "map-of-objects": {MAP: {"bos_token": {"content": START}, "pad_token": added("ing", normalized=False, lstrip=True)}},
    "decoder-over-map": {
        CONFIG: config(added_tokens_decoder={"0": added("!", normalized=False), "9999": added("<new>", special=True)}),
        MAP: special("!"),
        ADDED: {"<pad>": 5000},
    },
    "added-tokens": {
        CONFIG: config(mask_token=typed("<new>")),
        MAP: {**special("<pad>"), "cls_token": "<cls>"},
        ADDED: {"<pad>": 1036, "<new>": 1035, "Painting": 1034},
    },
    "split-special": {CONFIG: config(split_special_tokens=True), MAP: special("!"), ADDED: {"painting": 2000}},
    "left": {CONFIG: config(padding_side="left", model_max_length=12), MAP: special("!")},
    "extra": {CONFIG: config(extra_special_tokens=["<new>", "ing", "!"]), MAP: {"additional_special_tokens": ["<pad>"]}},
    "additional": {CONFIG: config(additional_special_tokens=["<new>"]), MAP: {"extra_special_tokens": ["<pad>", "<new>"]}},
    "own": {
        CONFIG: config(image_token="<new>", other_token=typed("<pad>"), extra_special_tokens={"image_token": "<img>"}),
        MAP: {"zed_token": added("<z>", rstrip=True)},
    },
    "older-length": {CONFIG: {"max_len": 11}},
    "no-unknown": {CONFIG: config(unk_token=None, model_max_length=None, max_len=13)},
    "vectors": {
        CONFIG: config(model_max_length=20),
        MAP: special("!"),
        ADDED: {"<cat-toy>": 1034, "<cat-toy>_1": 1035, "<cat-toy>_2": 1036, "<dog>": 1037, "<Style>": 1038,
                "<Style>_1": 1039, "<dog>_2": 1040},
    },
}


def make_unicode():
    path = os.path.join(HERE, "../../../engine/model/tokenizer/make-unicode.py")
    spec = importlib.util.spec_from_file_location("make_unicode", path)
    unicode = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unicode)
    normalizer = CLIPTokenizer.from_pretrained(os.path.join(DATA, "v1")).backend_tokenizer.normalizer
    texts = {
        "letter": map(chr, unicode.regex_class(r"\p{L}")),
        "number": map(chr, unicode.regex_class(r"\p{N}")),
        "space": map(chr, unicode.regex_class(r"\s")),
        "word": map(chr, unicode.word_class()),
        "normalized": (normalizer.normalize_str(chr(c)) for c in unicode.CODES),
        "among marks": (normalizer.normalize_str("\u0345" + chr(c) + "\u0334") for c in unicode.CODES),
    }
    with open(os.path.join(DATA, "unicode.tsv"), "w", encoding="ascii") as f:
        for name, text in texts.items():
            f.write(f"{name}\t{hashlib.sha256(''.join(text).encode()).hexdigest()}\n")


def make_rules():
    for name, files in RULES.items():
        folder = os.path.join(DATA, "rules", name)
        os.makedirs(folder)
        for file, value in files.items():
            write_json(folder, file, value)
        with tempfile.TemporaryDirectory() as whole:
            for file in [os.path.join(DATA, "v1", f) for f in ("vocab.json", "merges.txt")] + [
                os.path.join(folder, f) for f in files
            ]:
                shutil.copy(file, whole)
            prompts = VECTOR_PROMPTS if name == "vectors" else RULE_PROMPTS
            make_references(whole, os.path.join(folder, "expected.tsv"), prompts)


if __name__ == "__main__":
    found = {module.__name__: module.__version__ for module in (transformers, tokenizers, diffusers)}
    if found != PINNED:
        sys.exit(f"needs {PINNED}, this is {found}")
    make_folders()
    for folder_name in "v1", "v2", "whole", "odd":
        make_references(os.path.join(DATA, folder_name), os.path.join(DATA, folder_name + ".tsv"), PROMPTS)
    make_rules()
    make_unicode()
