#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of models/starter: that it has the published form, and that it draws what it is asked."""

import json
import unittest

import numpy
import torch
from diffusers import PNDMScheduler, StableDiffusionPipeline
from miniatures import TOP
from safetensors import safe_open

import attribution
import checker
import data
import drawing
import evaluate
import folder as folders
import publish
import starter

STARTER = TOP / "models" / "starter"
FIRST, COUNT, GUIDANCE = 2000, 40, 7.5


def thing(shape, colour, size=""):
    return data.Thing(shape, colour, size, "centre", *drawing.POSITIONS["centre"], drawing.RADII[size])


class Form(unittest.TestCase):
    def test_diffusers_loads_it_as_it_is(self):
        pipeline = StableDiffusionPipeline.from_pretrained(STARTER, local_files_only=True)
        self.assertIsInstance(pipeline.scheduler, PNDMScheduler)
        self.assertEqual(pipeline.unet.config.sample_size * pipeline.vae_scale_factor, drawing.SIZE)
        self.assertEqual(pipeline.tokenizer.model_max_length, starter.TOKENS)

    def test_it_is_the_small_layout_in_sizes_that_kernels_like(self):
        config = folders.load_unet(STARTER).config
        self.assertEqual((config.layers_per_block, config.mid_block_type), (1, None))
        # What diffusers calls so is the number of heads in this family.
        for channels, heads in zip(config.block_out_channels, config.attention_head_dim, strict=True):
            self.assertEqual(channels % 32, 0)
            self.assertIn(channels // heads, (32, 64))

    def test_weights_are_halves_under_the_published_names(self):
        for path in STARTER.glob("*/*.safetensors"):
            with safe_open(path, "pt") as file:
                names = list(file.keys())
                self.assertEqual({file.get_tensor(name).dtype for name in names}, {torch.float16}, path)
            if path.parent.name == "text_encoder":
                self.assertTrue(all(name.startswith("text_model.") for name in names))
        for name in ("vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"):
            self.assertTrue((STARTER / "tokenizer" / name).is_file(), name)

    def test_it_is_small_and_says_nothing_of_where_it_was_made(self):
        self.assertLessEqual(publish.size_of(STARTER), publish.LIMIT)
        for path in STARTER.glob("*/config.json"):
            self.assertNotIn("_name_or_path", json.loads(path.read_text()))

    def test_the_card_is_complete(self):
        card = (STARTER / "README.md").read_text()
        self.assertNotRegex(card, "@[A-Z]+@")
        for row in (publish.ROWS[step] for step in publish.PROMISED):
            self.assertEqual(card.count(f"| {row} | "), 1, row)


class Pictures(unittest.TestCase):
    """By the checker; captions from beyond those of evaluate.py's figures."""

    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(2)
        cls.pipeline = folders.Model(STARTER).pipeline()
        cls.pipeline.set_progress_bar_config(disable=True)

    def draw(self, captions, first_seed=0):
        pictures = []
        for begin in range(0, len(captions), evaluate.BATCH):
            some = captions[begin:begin + evaluate.BATCH]
            seeds = range(first_seed + begin, first_seed + begin + len(some))
            pictures += evaluate.draw(self.pipeline, some, seeds, GUIDANCE, attribution.Recorder(drawing.SIZE))
        return pictures

    def test_it_draws_what_it_is_asked(self):
        scenes, captions = zip(*map(evaluate.asked, range(FIRST, FIRST + COUNT)))
        found = [checker.check(*pair) for pair in zip(scenes, self.draw(list(captions)))]
        for what, share in (("background", 0.85), ("colour", 0.85)):
            answers = [one[what] for one in found if what in one]
            self.assertGreaterEqual(numpy.mean(answers), share, what)
        self.assertGreaterEqual(numpy.mean([all(one.values()) for one in found]), 0.5)

    def test_strangers_are_understood(self):
        def object_on(ground, *things):
            return data.Scene(data.Ground(ground), things)

        stripes = data.Scene(data.Ground("black", "stripes", "white", variant="vertical"))
        wanted = {
            "blue star": object_on("white", thing("star", "blue")),
            "A BIG RED HEART.": object_on("white", thing("heart", "red", "big")),
            "stripes, black and white": stripes,
            "circle red on green": object_on("green", thing("circle", "red")),
            "a red flurbish circle on white": object_on("white", thing("circle", "red")),
            "yellow doughnut, blue background": object_on("blue", thing("ring", "yellow")),
            "black and white vertical striped background": stripes,
            "a square that is green, on a white backdrop": object_on("white", thing("square", "green")),
        }
        pictures = self.draw(list(wanted))
        right = {caption: checker.check(scene, picture) for (caption, scene), picture in zip(wanted.items(), pictures)}
        wrong = {caption: found for caption, found in right.items() if not all(found.values())}
        self.assertLessEqual(len(wrong), 1, wrong)

    def test_flat_areas_are_flat(self):
        """A frame of a picture whose object lies in the middle, in levels of 255."""
        captions = [f"a small {colour} circle on a {ground} background"
                    for colour, ground in (("red", "white"), ("white", "blue"), ("yellow", "black"), ("black", "green"))]
        for caption, picture in zip(captions, self.draw(captions)):
            frame = numpy.concatenate([picture[:20].reshape(-1, 3), picture[-20:].reshape(-1, 3)]).astype(float)
            with self.subTest(caption=caption):
                self.assertLess(frame.std(0).max(), 5)


if __name__ == "__main__":
    unittest.main()
