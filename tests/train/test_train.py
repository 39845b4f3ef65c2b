# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of tools/train, on miniatures; run-tests.py starts all, or python3 -m unittest discover tests/train."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import numpy
import torch
from diffusers import UNet2DConditionModel
from miniatures import MODELS, PARENTS, TOP, TRAIN, captioned_images, tool

import checker
import compress
import data
import denoising
import distill
import drawing
import folder as folders
import grow
import tokenizer as tokens_of
import training
import wording

CROSS, UP_CROSS = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
# Parameters of the card's U-Nets: version, rule, millions.
FULL_SIZE = [(1, "base", 579.4), (1, "small", 482.3), (1, "tiny", 323.4), (2, "base", 583.5), (2, "small", 485.8),
             (2, "tiny", 326.8)]


def full_size_parent(version):
    """Without numbers: only shapes."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=64, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2,
            down_block_types=[CROSS] * 3 + ["DownBlock2D"], up_block_types=["UpBlock2D"] + [UP_CROSS] * 3,
            attention_head_dim=8 if version == 1 else (5, 10, 20, 20),
            cross_attention_dim=768 if version == 1 else 1024,
            use_linear_projection=version == 2)


class Pictures(unittest.TestCase):
    def test_the_world_is_as_large_as_is_said(self):
        self.assertEqual(len(drawing.COLOURS), 12)
        self.assertGreaterEqual(len(drawing.SHAPES), 8)
        self.assertGreaterEqual(len(drawing.PATTERNS), 7)
        scenes = [data.scene_at("train", 0, index)[0] for index in range(3000)]
        things = [thing for scene in scenes for thing in scene.objects]
        self.assertEqual({thing.shape for thing in things}, set(drawing.SHAPES))
        self.assertEqual({thing.colour for thing in things}, set(drawing.COLOURS))
        self.assertEqual({scene.objects[0].position for scene in scenes if len(scene.objects) == 1},
                         {"left", "right", "top", "bottom", "centre"})
        for count in range(3):
            grounds = {scene.ground.pattern for scene in scenes if len(scene.objects) == count}
            self.assertLessEqual(set(drawing.PATTERNS) if count < 2 else {""}, grounds)

    def test_one_scene_has_many_wordings(self):
        for index in range(20):
            scene, rng = data.scene_at("train", 0, index)
            captions = {wording.caption(scene, rng, complete=True) for _ in range(60)}
            self.assertGreater(len(captions), 20, captions)
            self.assertTrue(any(caption != caption.lower() for caption in captions))

    def test_same_index_same_picture(self):
        one, other = (data.sample("train", 3, 17) for _ in range(2))
        self.assertEqual(one, other)
        self.assertNotEqual(one, data.sample("train", 4, 17))

    def test_splits_share_no_content(self):
        train = {data.content(data.scene_at("train", 0, i)[0]) for i in range(400)}
        test = {data.content(data.scene_at("test", 0, i)[0]) for i in range(400)}
        self.assertFalse(train & test)

    def test_flat_areas_are_exact(self):
        scene = data.Scene(data.Ground("teal"), (data.Thing("ring", "pink", "", "centre", 0.5, 0.5, 0.2),))
        pixels = drawing.picture(scene)
        self.assertEqual(tuple(pixels[0, 0]), drawing.COLOURS["teal"])
        self.assertEqual(tuple(pixels[64, 64]), drawing.COLOURS["teal"])
        self.assertEqual(tuple(pixels[64, 64 + 20]), drawing.COLOURS["pink"])

    def test_objects_lie_apart_inside_the_picture_and_where_they_are_said_to_be(self):
        seen = set()
        for index in range(1500):
            scene, _ = data.scene_at("train", 2, index)
            covered = sum(drawing.object_mask(thing) > 0 for thing in scene.objects)
            # A big star's or diamond's tip may leave the half of the picture that it has beside another object.
            self.assertLess(int(numpy.sum(covered > 1)), 60, scene)
            for thing in scene.objects:
                mask = drawing.object_mask(thing)
                edges = [mask[0], mask[-1], mask[:, 0], mask[:, -1]]
                self.assertLess(sum(float(edge.sum()) for edge in edges), 1 if len(scene.objects) == 1 else 16, thing)
                self.assertEqual(checker.position_of(mask > 0.5), thing.position)
                seen.add((len(scene.objects), thing.size, thing.position))
        self.assertEqual({(n, size) for n, size, _ in seen}, {(n, size) for n in (1, 2) for size in drawing.RADII})
        self.assertEqual(len({place for n, size, place in seen if (n, size) == (1, "big")}), len(drawing.POSITIONS))

    def test_what_is_said_of_a_pattern_is_the_picture(self):
        """But for clouds, of which there are many, the same words mean the same pixels."""
        pictures = {}
        for index in range(4000):
            scene, rng = data.scene_at("train", 3, index)
            if not scene.objects and scene.ground.pattern != "clouds":
                ground = data.dataclasses.replace(scene.ground, seed=0)
                self.assertEqual(pictures.setdefault(wording.pattern_phrase(rng, ground), ground), ground)
        self.assertLess(len(set(pictures.values())), len(pictures))

    def test_every_part_of_the_world_is_in_its_fingerprint(self):
        whole = data.fingerprint()
        self.addCleanup(data.fingerprint.cache_clear)
        pattern_mask, unit_mask = drawing.pattern_mask, drawing.unit_mask

        def other_pattern(*asked):
            return pattern_mask(*asked) * (0.5 if asked == ("zigzags", "", "coarse") else 1)

        def other_shape(shape):
            mask, radius = unit_mask(shape)
            return mask * (0.5 if shape == "arrow" else 1), radius

        for owner, name, value in ((drawing, "pattern_mask", other_pattern), (drawing, "unit_mask", other_shape),
                                   (drawing, "BIG_ASIDE", 0.3), (wording, "ADJECTIVES", ["nice"]),
                                   (data, "PAIR_SIZES", [("", "")])):
            data.fingerprint.cache_clear()
            with self.subTest(name=name), unittest.mock.patch.object(owner, name, value):
                self.assertNotEqual(data.fingerprint(), whole)
        data.fingerprint.cache_clear()
        self.assertEqual(data.fingerprint(), whole)

    def test_the_fingerprint_is_the_same_in_every_process(self):
        """Python hashes words otherwise in each, so sets come in another order."""
        for seed in "12":
            said = subprocess.run([sys.executable, "-B", "-c", "import data; print(data.fingerprint())"], cwd=TRAIN,
                                  env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True)
            self.assertEqual(said.stdout.strip(), data.fingerprint())

    def test_held_out_words_are_in_no_caption(self):
        heard = " ".join(word for word in wording.STRANGERS_WORDS if word not in wording.HELD_OUT_WORDS).split()
        captions = {word for index in range(2000) for word in data.sample("train", 5, index)[1].lower().split()}
        self.assertLess(set(wording.HELD_OUT_WORDS), set(wording.STRANGERS_WORDS))
        self.assertFalse(set(wording.HELD_OUT_WORDS) & (captions | set(heard)))

    def test_complete_captions_name_every_colour(self):
        for index in range(200):
            scene, rng = data.scene_at("test", 1, index)
            caption = wording.caption(scene, rng, complete=True).lower()
            for name in {scene.ground.first, scene.ground.second, *(t.colour for t in scene.objects)} - {""}:
                words = set(wording.COLOUR_WORDS.get(name, [name]))
                self.assertTrue(any(word in caption for word in words), (name, caption))


class Checker(unittest.TestCase):
    def test_drawn_pictures_are_right(self):
        right, total = {}, {}
        for index in range(300):
            scene, _ = data.scene_at("test", 9, index)
            for what, good in checker.check(scene, drawing.picture(scene)).items():
                right[what], total[what] = right.get(what, 0) + good, total.get(what, 0) + 1
        for what, count in total.items():
            self.assertGreaterEqual(right[what] / count, 0.99, what)

    def test_other_scenes_are_wrong(self):
        """The picture of another scene of the same kind must not pass: that share is what guessing would reach."""
        singles = [scene for scene, _ in (data.scene_at("test", 9, i) for i in range(300)) if len(scene.objects) == 1]
        patterns = [scene for scene, _ in (data.scene_at("test", 9, i) for i in range(300)) if not scene.objects]
        for scenes, whats in ((singles, ("colour", "shape", "background")), (patterns, ("pattern",))):
            pairs = list(zip(scenes, scenes[1:]))
            for what in whats:
                passed = sum(checker.check(one, drawing.picture(other))[what] for one, other in pairs)
                self.assertLess(passed / len(pairs), 0.35, what)

    def wrong(self, scene, other):
        """What is wrong with the picture of another scene."""
        return {what for what, good in checker.check(scene, drawing.picture(other)).items() if not good}

    def test_how_a_pattern_lies_is_seen(self):
        ground, thing = data.Ground("red", "stripes", "white", "vertical"), data.Thing("star", "blue", "", "centre", 0.5, 0.5,
                                                                                       0.22)
        for change in ({"variant": "horizontal"}, {"variant": "diagonal"}, {"scale": "fine"}, {"scale": "coarse"}):
            other = data.dataclasses.replace(ground, **change)
            with self.subTest(change=change):
                self.assertEqual(self.wrong(data.Scene(ground), data.Scene(other)), {"pattern as said"})
                self.assertEqual(self.wrong(data.Scene(ground, (thing,)), data.Scene(other, (thing,))), {"pattern behind"})
        one, other = (data.Ground(*colours[:1], "gradient", *colours[1:], variant="across")
                      for colours in (("red", "white"), ("white", "red")))
        self.assertEqual(self.wrong(data.Scene(one), data.Scene(other)), {"pattern as said"})
        down = data.dataclasses.replace(one, variant="down")
        self.assertEqual(self.wrong(data.Scene(one), data.Scene(down)), {"pattern as said"})

    def test_sizes_are_seen(self):
        for shape in drawing.SHAPES:
            for place in ("centre", "right"):
                things = {size: data.Thing(shape, "blue", size, place, *drawing.POSITIONS[place], radius)
                          for size, radius in drawing.radii_at(place).items()}
                for one in things.values():
                    for other in things.values():
                        wrong = self.wrong(data.Scene(data.Ground("white"), (one,)), data.Scene(data.Ground("white"), (other,)))
                        self.assertEqual("size" in wrong, one is not other, (one, other))
        left, right = (data.Thing("ring", colour, "", place, *drawing.POSITIONS[place], drawing.PAIR_RADII[""])
                       for colour, place in (("blue", "left"), ("red", "right")))
        small = data.dataclasses.replace(right, radius=drawing.PAIR_RADII["small"])
        ground = data.Ground("white")
        self.assertEqual(self.wrong(data.Scene(ground, (left, right)), data.Scene(ground, (left, small))), {"pair sizes"})

    def test_noise_and_grey_are_wrong(self):
        noise = numpy.random.default_rng(0).integers(0, 256, (drawing.SIZE, drawing.SIZE, 3), numpy.uint8)
        for pixels in (noise, numpy.full_like(noise, 128)):
            for index in range(40):
                found = checker.check(data.scene_at("test", 9, index)[0], pixels)
                self.assertFalse(found.get("shape") or found.get("pattern") or found.get("pair"))


class Compress(unittest.TestCase):
    def test_full_size_counts_and_shapes(self):
        for version, rule, millions in FULL_SIZE:
            with self.subTest(version=version, rule=rule):
                parent = full_size_parent(version)
                with torch.device("meta"):
                    student = UNet2DConditionModel.from_config(compress.student_config(rule, parent.config))
                weights = parent.state_dict()
                for name, value in student.state_dict().items():
                    self.assertEqual(value.shape, weights[compress.parents_name(rule, name)].shape, name)
                self.assertAlmostEqual(training.parameter_count(student) / 1e6, millions, delta=0.06)

    def test_kept_blocks_keep_their_weights(self):
        for version, name in PARENTS.items():
            parent = folders.load_unet(MODELS / name)
            student = compress.compressed("base", parent).state_dict()
            weights = parent.state_dict()
            for ours, theirs in (("up_blocks.1.resnets.1.conv1.weight", "up_blocks.1.resnets.2.conv1.weight"),
                                 ("down_blocks.2.resnets.0.conv1.weight", "down_blocks.2.resnets.0.conv1.weight"),
                                 ("mid_block.resnets.1.conv2.bias", "mid_block.resnets.1.conv2.bias")):
                self.assertTrue(torch.equal(student[ours], weights[theirs]), (version, ours))

    def test_refuses_what_it_cannot_do(self):
        with tempfile.TemporaryDirectory() as folder:
            ended = tool("compress.py", "small", MODELS / "small", pathlib.Path(folder) / "x", check=False)
            self.assertNotEqual(ended.returncode, 0)
            self.assertIn("layers_per_block", ended.stderr)


class Grow(unittest.TestCase):
    @torch.no_grad()
    def test_a_grown_parent_does_what_its_student_does(self):
        for version, name in PARENTS.items():
            with self.subTest(version=version):
                old = folders.load_unet(MODELS / name).float()
                student = compress.compressed("small", old)
                parent = grow.grown("small", student, UNet2DConditionModel.from_config(old.config))
                seen, text = torch.randn(2, 4, 16, 16), torch.randn(2, 77, student.config.cross_attention_dim)
                ours, theirs = (unet.eval()(seen, torch.tensor([3, 800]), text).sample for unet in (student, parent))
                self.assertLess(float((ours - theirs).norm() / ours.norm()), 1e-6)


class Weights(unittest.TestCase):
    def test_of_the_pictures_error(self):
        """Noise's weight times noise over signal is that of the picture's error: min(SNR, limit) to the power."""
        model = folders.Model(MODELS / PARENTS[1])
        times = torch.tensor([5, 300, 700, 990])
        for power in (1.0, 0.5):
            task = denoising.Task(model.scheduler, model.tokenizer, snr_limit=5.0, snr_power=power)
            kept = task.noiser.alphas_cumprod[times]
            ratio = kept / (1 - kept)
            picture = task.weights(times).flatten() * ratio
            self.assertTrue(torch.allclose(picture, ratio.clamp(max=5) ** power, rtol=1e-5))


class Times(unittest.TestCase):
    def test_late_ones_are_drawn_as_often_as_is_said(self):
        """With a density that grows with the power P of the time, a share of 0.8^(P + 1) lies below 0.8 of the times."""
        model = folders.Model(MODELS / PARENTS[1])
        for power in (0.0, 1.0, 2.0):
            task = denoising.Task(model.scheduler, model.tokenizer, late=power)
            times = task.times(20000, training.generator(0, 0))
            self.assertEqual((times.dtype, int(times.min()) >= 0, int(times.max())), (torch.int64, True, 999))
            self.assertAlmostEqual(float((times < 800).float().mean()), 0.8 ** (power + 1), delta=0.01)


class Starter(unittest.TestCase):
    def test_the_text_encoder_hears_every_kind_of_word(self):
        """What one word changes in a caption's state has to be loud enough for a U-Net, at the end token and behind it. An
        encoder that learns beside a U-Net forgets what moves no loss: so it once was with places."""
        model = folders.Model(TOP / "models" / "starter")
        caption = "a small red circle on the left on a blue background"
        for word, other in (("small", "big"), ("red", "green"), ("circle", "star"), ("left", "right"),
                            ("left", "top"), ("blue", "white")):
            tokens = tokens_of.tokens(model.tokenizer, [caption, caption.replace(word, other)])
            with torch.no_grad():
                one, two = model.text_encoder(tokens).last_hidden_state
            end = int((tokens[0] == tokens[0, -1]).int().argmax())
            with self.subTest(word=word, other=other):
                self.assertGreater(float((one - two)[end].norm()), 2.5)
                self.assertGreater(float((one - two)[-1].norm()), 1.0)


class Distill(unittest.TestCase):
    def student(self, version, rule, folder):
        tool("compress.py", rule, MODELS / PARENTS[version], folder / "student")
        return MODELS / PARENTS[version], folder / "student"

    def test_every_rule_and_version_runs(self):
        for (version, rule), form in zip(((1, "base"), (1, "tiny"), (2, "small"), (2, "tiny")), ("jsonl", "csv") * 2):
            with self.subTest(version=version, rule=rule), tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                pictures = captioned_images(folder / "pictures", form)
                parent, student = self.student(version, rule, folder)
                tool("distill.py", parent, student, "--data", pictures, "--side", 64, "--steps", 3, "--batch", 2,
                     "--accumulate", 2, "--out", folder / "out", "--device", "cpu", "--prompt", "a red circle")
                before, after = (folders.load_unet(path).state_dict() for path in (student, folder / "out" / "model"))
                self.assertTrue(any(not torch.equal(before[key], after[key]) for key in before))
                self.assertTrue((folder / "out" / "pictures.png").exists())

    def test_the_ends_of_stages_are_what_is_compared(self):
        whole = [(f"{way}_blocks.{stage}", f"{way}_blocks.{stage}") for way in ("down", "up") for stage in range(4)]
        # The innermost stage is gone: the last one left no longer scales down, and the way up begins a stage later.
        tiny = [("down_blocks.0", "down_blocks.0"), ("down_blocks.1", "down_blocks.1"),
                ("down_blocks.2.attentions.0", "down_blocks.2.attentions.1"),
                ("up_blocks.0", "up_blocks.1"), ("up_blocks.1", "up_blocks.2"), ("up_blocks.2", "up_blocks.3")]
        for version in PARENTS:
            with torch.device("meta"):
                parent = full_size_parent(version)
                for rule, pairs in (("base", whole), ("small", whole), ("tiny", tiny)):
                    student = UNet2DConditionModel.from_config(compress.student_config(rule, parent.config))
                    self.assertEqual(distill.stage_ends(student, parent), pairs, rule)

    def test_the_errors_are_those_of_the_card(self):
        """Noise against noise, output against the teacher's output, and the ends of all stages against the teacher's: as
        counted here from what both say."""
        model = folders.Model(MODELS / PARENTS[1])
        student = compress.compressed("small", model.unet)
        task = denoising.Task(model.scheduler, model.tokenizer)
        tokens = torch.stack([task.empty.flip(0), task.empty.roll(3)])
        latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
        pairs = distill.stage_ends(student, model.unet)
        ends = [distill.Features(unet, names) for unet, names in zip((student, model.unet), zip(*pairs))]
        arguments = argparse.Namespace(precision="f32", output=1.0, feature=1.0, caption_share=1.0)
        with torch.no_grad():
            found = distill.losses(arguments, (latents, tokens, tokens), model, student, task, (*ends, pairs),
                                   training.generator(0, 0))
        kept, expected = {}, {}
        for whose, unet in (("student", student), ("teacher", model.unet)):
            for stage in (*unet.down_blocks, *unet.up_blocks):
                stage.register_forward_hook(lambda _module, _inputs, made, whose=whose: kept.setdefault(whose, []).append(
                    made[0] if isinstance(made, tuple) else made))
        step_random = training.generator(0, 0)
        task.drop_captions(tokens, step_random)
        seen, times, noise, _ = task.noisy(latents, step_random)
        with torch.no_grad():
            text = model.text_encoder(tokens).last_hidden_state
            made, taught = student(seen, times, text).sample, model.unet(seen, times, text).sample
        expected["noise"], expected["output"] = (made - noise).square().mean(), (made - taught).square().mean()
        expected["feature"] = sum((ours - theirs).square().mean() for ours, theirs in zip(kept["student"], kept["teacher"],
                                                                                        strict=True))
        self.assertEqual(found.keys(), expected.keys())
        for name, value in expected.items():
            self.assertGreater(float(value), 1e-4, name)
            self.assertAlmostEqual(float(found[name]) / float(value), 1, delta=1e-4, msg=name)

    def test_a_caption_share_tempers_the_caption_alone(self):
        """Of what a caption changes the share is aimed at; without a caption the aim is the noise, as ever."""
        model, student = folders.Model(MODELS / PARENTS[1]), folders.load_unet(MODELS / PARENTS[1]).float()
        aims = {}

        def recorded(made, target, weights):
            aims[share] = target
            return made.mean()

        arguments = argparse.Namespace(precision="f32", output=0.0, feature=0.0)
        task = denoising.Task(model.scheduler, model.tokenizer)
        tokens = torch.stack([task.empty, task.empty.flip(0)])
        with unittest.mock.patch.object(denoising, "weighted_error", recorded):
            for share in (1.0, 0.25, 0.0):
                arguments.caption_share = share
                distill.losses(arguments, (torch.zeros(2, 4, 8, 8), tokens, tokens), model, student, task, None,
                               training.generator(0, 0))
        self.assertTrue(torch.equal(aims[1.0][0], aims[0.25][0]))
        self.assertFalse(torch.allclose(aims[1.0][1], aims[0.0][1]))
        self.assertTrue(torch.allclose(aims[0.25][1], torch.lerp(aims[0.0][1], aims[1.0][1], 0.25), atol=1e-5))

    def test_guidance_is_compared_after_it_was_applied(self):
        """A student that changes, for a caption, a third of what its teacher does agrees at three times the guidance."""
        model, student = folders.Model(MODELS / PARENTS[1]), folders.load_unet(MODELS / PARENTS[1]).float()

        def less(seen, times, text):
            captioned, blank = student(seen, times, text).sample.chunk(2)
            return argparse.Namespace(sample=torch.cat([torch.lerp(blank, captioned, 1 / 3), blank]))

        task = denoising.Task(model.scheduler, model.tokenizer)
        tokens = torch.stack([task.empty.flip(0), task.empty.roll(3)])
        batch = torch.randn(2, 4, 8, 8), tokens, tokens
        for ours, agree in ((6.0, True), (2.0, False)):
            arguments = argparse.Namespace(precision="f32", guidance=[2.0, ours], from_pictures=False)
            with torch.no_grad():
                found = distill.guidance_losses(arguments, batch, model, less, task, training.generator(0, 0))
            self.assertLess(float(found["output"]), 1e-10)
            self.assertEqual(float(found["guided"]) < 1e-9, agree, found)

    def test_without_a_teacher_the_pictures_say_what_is_right(self):
        """A student of whom 6 acts as 2 knows its pictures where it says them at a guidance of 3, and its own drawings
        where 6 leads to them. Without a caption the pictures are asked for as they are."""
        model = folders.Model(MODELS / PARENTS[1])
        task = denoising.Task(model.scheduler, model.tokenizer)
        tokens = torch.stack([task.empty.flip(0), task.empty.roll(3)])
        pictures, noise, wrong = torch.randn(3, 2, 4, 8, 8, generator=training.generator(1, 0))
        task.noisy = lambda latents, _: (latents, torch.tensor([300, 700]), noise, torch.ones(2, 1, 1, 1))
        drawings = unittest.mock.Mock(
            batch=lambda *_: (torch.tensor([1]), wrong[:1], torch.tensor([41]), tokens[:1], tokens[:1]),
            corrected=lambda which, _: wrong[which])
        # What guidance makes of the three, of which the last is a drawing, and of them without a caption.
        aims, blank = torch.cat([noise, wrong[1:]]), torch.cat([noise + 0.5, pictures[:1]])
        for guidances, agree in (((3.0, 3.0, 6.0), True), ((6.0, 6.0, 6.0), False), ((3.0, 3.0, 3.0), False)):
            shares = 1 / torch.tensor(guidances)[:, None, None, None]
            made = argparse.Namespace(sample=torch.cat([torch.lerp(blank, aims, shares), blank]))
            arguments = argparse.Namespace(precision="f32", guidance=[2.0, 6.0], from_pictures=True, batch=3,
                                           trajectories=0.34)
            with unittest.mock.patch.object(model, "unet", device=torch.device("cpu"), side_effect=AssertionError):
                found = distill.guidance_losses(arguments, (pictures, tokens, tokens), model, lambda *_: made, task,
                                                training.generator(0, 0), drawings, None)
            self.assertAlmostEqual(float(found["noise"]), 0.25, places=5)
            self.assertEqual(float(found["guided"]) < 1e-9, agree, found)
            advanced = drawings.advance.call_args[0][1]
            self.assertEqual(torch.allclose(advanced, aims[2:], atol=1e-4), guidances[2] == 6)

    def test_resumes_to_the_bit(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            pictures = captioned_images(folder / "pictures", "jsonl")
            parent, student = self.student(1, "small", folder)

            def run(out, steps):
                tool("distill.py", parent, student, "--data", pictures, "--side", 64, "--steps", steps, "--batch", 2,
                     "--out", folder / out, "--device", "cpu", "--pictures-every", 0, "--prompt", "a")

            run("whole", 4)
            run("parts", 2)
            run("parts", 4)
            whole, parts = (training.load(folder / out / "checkpoint.pt")["parts"] for out in ("whole", "parts"))
            for key, value in whole["student"].items():
                self.assertTrue(torch.equal(value, parts["student"][key]), key)
            for one, other in zip(whole["average"]["weights"], parts["average"]["weights"]):
                self.assertTrue(torch.equal(one, other))


if __name__ == "__main__":
    unittest.main()
