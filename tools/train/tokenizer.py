# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The starter's CLIP-style tokenizer, learnt from its captions until every word of them is one token."""

import collections
import pathlib
import random
import re
import sys

from transformers import CLIPTokenizer

import data
import training
import wording

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "reference"))
import tiny_tokenizer  # noqa: E402

CAPTIONS = 20000


def caption_words():
    """{word: count} of captions without the words that mean nothing, and of what else strangers write."""
    rng = random.Random("tokenizer")
    words = collections.Counter()
    for index in range(CAPTIONS):
        scene, _ = data.scene_at("train", 0, index)
        words.update(re.findall("[a-z]+", wording.plain_caption(scene, rng)))
    words.update(" ".join(wording.OPENINGS + wording.ADJECTIVES).split())
    return words


def write(folder):
    """vocab.json, merges.txt, special_tokens_map.json and tokenizer_config.json, as Stable Diffusion is published."""
    merges = tiny_tokenizer.learn_merges(caption_words())
    tiny_tokenizer.write_published(str(folder), pad=tiny_tokenizer.END, objects=True, merges=merges)


def prepared():
    """The folder of the starter's tokenizer, made where it is not there yet or lacks what is written last."""
    path = training.cache_folder("tokenizer")
    if not (path / "tokenizer_config.json").exists():
        with training.whole_folder(path) as part:
            write(part)
    return path


def load(folder):
    return CLIPTokenizer.from_pretrained(folder)


def tokens(tokenizer, captions):
    """int64 [captions, as many as the model takes], as the pipeline makes them."""
    return tokenizer(captions, padding="max_length", max_length=tokenizer.model_max_length, truncation=True,
                     return_tensors="pt").input_ids
