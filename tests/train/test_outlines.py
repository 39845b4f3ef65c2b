#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of outlines.py, which teaches a finished model's decoder what its U-Net draws."""

import filecmp
import unittest
import unittest.mock

import torch
from diffusers import DDIMScheduler
from miniatures import TOP, WithFolder, called

import data
import folder as folders
import outlines
import sources
import starter
import training
import vae as vaes

STARTER = TOP / "models" / "starter"
CAPTION = "a red star on blue"


class Drawings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = folders.Model(STARTER)

    def test_they_are_what_the_pipeline_draws(self):
        """Begun with nothing but noise, by DDIM of as many steps, at the same guidance."""
        random, shape = training.generator(1, 2), (2, 4, starter.LATENTS, starter.LATENTS)
        tokens = outlines.sources.tokens_of.tokens(self.model.tokenizer, [CAPTION] * 2)
        made = outlines.drawn(self.model, torch.zeros(shape), tokens, 0, random)
        pipeline = self.model.pipeline()
        pipeline.set_progress_bar_config(disable=True)
        pipeline.scheduler = DDIMScheduler.from_config(self.model.scheduler.config, clip_sample=False)
        scheduler = pipeline.scheduler
        scheduler.set_timesteps(outlines.SAMPLING)
        noise = torch.randn(shape, generator=training.generator(1, 2))
        begun = scheduler.add_noise(torch.zeros(shape), noise, scheduler.timesteps[:1])
        wanted = pipeline([CAPTION] * 2, num_inference_steps=outlines.SAMPLING, guidance_scale=outlines.GUIDANCE,
                          latents=begun, output_type="latent").images
        self.assertLess(float((made - wanted).abs().max()), 1e-3)

    def test_begun_late_they_keep_the_picture(self):
        scene, _ = data.scene_at("train", 0, 1)
        latents = sources.encoded(self.model.vae, sources.picture_tensor(scene)[None])
        tokens = outlines.sources.tokens_of.tokens(self.model.tokenizer, [CAPTION])
        late, early = (float((outlines.drawn(self.model, latents, tokens, begun, training.generator(1, 1)) - latents)
                             .square().mean()) for begun in (outlines.SAMPLING - 2, 1))
        self.assertLess(late, 0.1)
        self.assertGreater(early, 5 * late)


class Batches(unittest.TestCase):
    def test_pictures_are_those_of_the_latents(self):
        """Crops are cut at the same place: latents that say where they lie come beside pixels of that place."""
        places = torch.arange(starter.LATENTS, dtype=torch.float32)
        latents = torch.stack([*torch.meshgrid(places, places, indexing="ij")] * 2).expand(6, -1, -1, -1)
        own = latents[:3] + 100
        for whole, cells in ((False, outlines.CELLS), (True, starter.LATENTS)):
            kinds = set()
            for step in range(12):
                seen, true = outlines.batch(latents, own if step % 2 else None, whole, training.generator(2, step))
                self.assertEqual(seen.shape[-2:], (cells, cells))
                self.assertEqual(true.shape[-2:], (cells * starter.FACTOR,) * 2)
                for one, pixels in zip(seen, true):
                    kinds.add((step % 2, bool(one[0, 0, 0] >= 100)))
                    y, x = (int(one[axis, 0, 0]) % 100 * starter.FACTOR for axis in (0, 1))
                    edge = cells * starter.FACTOR
                    cut = vaes.to_range(torch.stack([outlines.picture(index)[:, y:y + edge, x:x + edge] for index in range(6)]))
                    self.assertTrue((cut == pixels).flatten(1).all(1).any())
            self.assertEqual(kinds, {(0, False), (1, False), (1, True)})

    def test_most_crops_show_a_part_of_an_object(self):
        small = data.placed(data.random.Random(0), "star", "red", "small", "left", 0.15)
        scene, edge = data.Scene(data.Ground("blue"), (small,)), outlines.CELLS / starter.LATENTS
        corners = [outlines.corner(scene, training.generator(3, step)) for step in range(200)]
        self.assertTrue(all(0 <= place <= starter.LATENTS - outlines.CELLS for corner in corners for place in corner))
        shown = [all(begun / starter.LATENTS <= middle <= begun / starter.LATENTS + edge
                     for begun, middle in zip(corner, (small.x, small.y))) for corner in corners]
        self.assertGreater(sum(shown) / len(shown), outlines.AT_OBJECTS)
        self.assertGreater(len(set(corners)), 20)


class Taught(WithFolder):
    def setUp(self):
        super().setUp()
        for owner, values in ((outlines, {"PICTURES": 4, "OWN": 4, "SHARD": 2, "BATCH": 2, "BEGUN": (22, 24)}),
                              (sources, {"SHARD": 2}), (vaes, {"CROPS": 2, "WHOLE": 1})):
            for name, value in values.items():
                self.patch(owner, name, value)

    def teach(self, out, *more):
        called(outlines, STARTER, "--out", out, "--steps", 4, "--device", "cpu", *more)

    def test_only_the_decoder_changes_and_resumed_to_the_bit(self):
        whole, parts = self.folder / "whole", self.folder / "parts"
        self.teach(whole)
        with unittest.mock.patch.object(training.Run, "measure", lambda run, **_: run.stop()):
            with self.assertRaises(SystemExit):
                self.teach(parts)
        self.assertEqual(training.load(parts / "checkpoint.pt")["step"], 1)
        self.teach(parts)
        made, weights = whole / "model", "vae/diffusion_pytorch_model.safetensors"
        self.assertTrue(filecmp.cmp(made / weights, parts / "model" / weights, shallow=False))
        changed = [path.relative_to(STARTER) for path in sorted(STARTER.rglob("*")) if path.is_file()
                   and not filecmp.cmp(path, made / path.relative_to(STARTER), shallow=False)]
        self.assertEqual([str(path) for path in changed if path.suffix != ".json"], [weights])
        before, now = (folders.Model(folder).vae for folder in (STARTER, made))
        self.assertEqual(before.config.scaling_factor, now.config.scaling_factor)
        moved = {name.split(".")[0] for name, value in before.state_dict().items()
                 if not torch.equal(value, now.state_dict()[name])}
        self.assertEqual(moved, {"decoder", "post_quant_conv"})
        with unittest.mock.patch.object(training, "Run", side_effect=AssertionError("it is finished")):
            self.teach(whole)

    def test_drawings_are_made_once(self):
        out = self.folder / "out"
        self.teach(out, "--drawings")
        self.assertFalse((out / "model").exists())
        drawings = out / f"drawings-{folders.Model(STARTER).fingerprint()}"
        self.assertEqual(len(list(drawings.iterdir())), 2)
        with unittest.mock.patch.object(outlines, "drawn", side_effect=AssertionError("they are there")):
            self.teach(out)
        self.assertTrue((out / "model").exists())


if __name__ == "__main__":
    unittest.main()
