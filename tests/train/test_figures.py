# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of evaluate.py, whose figures are kept as they come, of attribution.py, and of publish.py, which states them."""

import contextlib
import io
import json
import pathlib
import shutil
import unittest

import torch
from miniatures import MODELS, PARENTS, WithFolder, called
from PIL import Image

import attribution
import data
import drawing
import evaluate
import folder as folders
import publish
import training

OLD = {"noise": 0.03, "colour": 0.9, "background": 0.9, "shape": 0.5, "position": 0.5, "pattern": 0.5,
       "pattern colours": 0.5, "pair": 0.1, "captions": 500}


class Killed(Exception):
    """What ends a measurement in the middle."""


class Evaluate(WithFolder):
    """With true pictures in the place of drawn ones, and wrong ones for captions with unknown words."""

    def setUp(self):
        super().setUp()
        self.drawn, self.limit = [], None
        self.patch(evaluate, "draw", self.draw)
        self.patch(evaluate, "HELD_OUT", 4)
        self.patch(evaluate.sources, "SHARD", 4)
        self.patch(evaluate.denoising, "held_out_error", lambda *_: 0.25)
        self.json = self.folder / "figures.json"
        self.models = []
        for name in ("one", "two"):
            shutil.copytree(MODELS / PARENTS[1], self.folder / name)
            self.models.append(str(self.folder / name))

    def draw(self, _pipeline, captions, seeds, _guidance, recorder):
        if self.limit is not None and len(self.drawn) >= self.limit:
            raise Killed
        self.drawn += zip(seeds, captions)
        recorder.sums = {drawing.SIZE: torch.ones(len(captions), 77, drawing.SIZE, drawing.SIZE)}
        pictures = []
        for seed, caption in zip(seeds, captions):
            scene, right = evaluate.asked(seed)
            scene = scene if caption == right else data.scene_at("test", 99, seed)[0]
            pictures.append(drawing.picture(scene))
        return pictures

    def evaluate(self, *more, models=None, limit=None):
        self.drawn, self.limit = [], limit
        called(evaluate, *(models or self.models), "--count", 24, "--attention", 10, "--threads", 1, "--device", "cpu",
               "--json", self.json, *more)
        return json.loads(self.json.read_text())

    def test_unknown_words_are_measured_beside_the_same_captions_without(self):
        found = self.evaluate("--unknown", 15, models=self.models[:1])[self.models[0]]
        self.assertGreater(found["everything"], 0.95)
        self.assertLess(found["unknown words"], 0.2)
        self.assertEqual((found["unknown captions"], found["captions"]), (15, 24))
        self.assertGreater(found["without unknown words"], 0.9)
        self.assertEqual(evaluate.unknown_asked(3), evaluate.unknown_asked(3))
        again = [caption for seed, caption in self.drawn if seed == 3]
        self.assertEqual(again, [evaluate.asked(3)[1], evaluate.unknown_asked(3)[1]])
        self.assertNotEqual(*again)
        self.assertNotIn("unknown words", self.evaluate(models=self.models[:1])[self.models[0]])

    def test_other_words_are_measured_beside_the_same_captions(self):
        found = self.evaluate("--unknown", 4, "--reworded", 12, models=self.models[:1])[self.models[0]]
        self.assertEqual((found["unknown captions"], found["reworded captions"]), (4, 12))
        self.assertGreater(found["without other words"], 0.9)
        drawn = self.drawn[-12:]
        self.assertEqual(drawn, [(index, evaluate.reworded_asked(index)[1]) for index in range(12)])
        self.assertEqual([evaluate.reworded_asked(index)[0] for index in range(12)],
                         [evaluate.asked(index)[0] for index in range(12)])

    def test_without_a_file_a_killed_call_goes_on_as_well(self):
        def measured(limit=None):
            self.drawn, self.limit = [], limit
            called(evaluate, *self.models, "--count", 24, "--attention", 0, "--threads", 1, "--device", "cpu")
            return len(self.drawn)

        with self.assertRaises(Killed):
            measured(24 + 10)
        self.assertEqual(measured(), 24 + 14)
        self.assertEqual(list(training.cache_folder("figures").iterdir()), [])

    def test_a_killed_call_goes_on_and_a_finished_one_does_nothing(self):
        sheet = self.folder / "sheet.png"
        whole = self.evaluate("--unknown", 12, "--sheet", sheet)
        self.assertFalse((self.folder / "figures.json.part").exists())
        pictures = Image.open(sheet).tobytes()
        for path in (self.json, sheet):
            path.unlink()
        # In the second model: the first one's figures are there already.
        with self.assertRaises(Killed):
            self.evaluate("--unknown", 12, "--sheet", sheet, limit=24 + 12 + 20)
        self.assertEqual(json.loads(self.json.read_text()), {self.models[0]: whole[self.models[0]]})
        self.assertEqual(self.evaluate("--unknown", 12, "--sheet", sheet), whole)
        # What was left, and the first pictures again, for the sheet.
        self.assertEqual([seed for seed, _ in self.drawn], [*range(20, 24), *range(12), *range(20), *range(8)])
        self.assertEqual(Image.open(sheet).tobytes(), pictures)
        self.assertEqual(sorted(path.name for path in self.folder.glob("figures*")), ["figures.json"])
        self.assertEqual(self.evaluate("--unknown", 12, "--sheet", sheet), whole)
        self.assertEqual(self.drawn, [])
        # Other weights, another number of captions or another guidance are measured anew; another sheet is drawn.
        unet = folders.load_unet(self.models[0])
        next(unet.parameters()).data += 1
        unet.save_pretrained(self.folder / "one" / "unet")
        self.evaluate("--unknown", 12, "--sheet", sheet)
        self.assertEqual(len(self.drawn), 24 + 12)
        self.evaluate("--unknown", 12, "--sheet", sheet, "--guidance", 2)
        self.assertEqual(len(self.drawn), 2 * (24 + 12) + 8)


    def test_figures_of_other_models_stay_in_the_file(self):
        self.evaluate(models=self.models[:1])
        self.assertEqual(list(self.evaluate(models=self.models[1:])), self.models)
        # But not of weights that are no longer there, when a call is ended before it has measured them anew.
        for model in self.models:
            unet = folders.load_unet(model)
            next(unet.parameters()).data += 1
            unet.save_pretrained(pathlib.Path(model) / "unet")
        with self.assertRaises(Killed):
            self.evaluate(limit=24 + 5)
        self.assertEqual(list(json.loads(self.json.read_text())), self.models[:1])

    def test_where_nothing_can_be_written_is_said_at_once(self):
        for option in ("--json", "--sheet"):
            with contextlib.redirect_stderr(io.StringIO()) as said, self.assertRaises(SystemExit):
                called(evaluate, *self.models, option, self.folder / "missing" / "file")
            self.assertIn(f"there is no folder {self.folder}/missing; make it first", said.getvalue())
        self.assertEqual(self.drawn, [])


class Drawing(WithFolder):
    def test_models_of_other_sizes_draw_what_the_checker_looks_at(self):
        """With and without guidance, whose absence leaves a batch one half."""
        self.patch(evaluate, "HELD_OUT", 2)
        self.patch(evaluate.sources, "SHARD", 2)
        for version, guidance in ((1, 7.5), (2, 1)):
            file = self.folder / f"{version}.json"
            called(evaluate, MODELS / PARENTS[version], "--count", 2, "--attention", 2, "--guidance", guidance, "--threads", 1,
                   "--device", "cpu", "--json", file)
            self.assertEqual(json.loads(file.read_text())[str(MODELS / PARENTS[version])]["captions"], 2)


class Attribution(unittest.TestCase):
    SIDE = 16

    def recorded(self, guided):
        """Of a layer whose upper left quarter looks at the second of three tokens and whose rest at the first."""
        recorder = attribution.Recorder(self.SIDE, guided)
        shares = torch.zeros(2, 8, 8, 3)
        shares[..., 0] = 1
        shares[-1, :4, :4] = torch.tensor([0.0, 1.0, 0.0])
        if guided:
            shares[0] = 1 / 3
        # Two heads that look alike; a layer of fewer positions looks at the first everywhere.
        recorder.add(shares.reshape(2, 1, 64, 3).expand(2, 2, 64, 3).reshape(4, 64, 3), 2)
        recorder.add(torch.tensor([0.1, 0.0, 0.0]).expand(2, 16, 3), 1)
        return recorder.maps()[-1]

    def test_a_word_is_where_it_is_looked_at(self):
        mask = torch.zeros(self.SIDE, self.SIDE)
        mask[:8, :8] = 1
        for guided in (False, True):
            total = self.recorded(guided)
            self.assertEqual(tuple(total.shape), (3, self.SIDE, self.SIDE))
            self.assertGreater(attribution.overlap(attribution.word_map(total, [1]), mask), 0.85)
            self.assertLess(attribution.overlap(attribution.word_map(total, [0]), mask), 0.1)

    def test_words_are_found_and_compared_with_what_was_drawn(self):
        model = folders.Model(MODELS / PARENTS[1])
        thing = data.Thing("star", "red", "", "left", 0.3, 0.5, 0.22)
        scene = data.Scene(data.Ground("blue"), (thing,))
        picture = drawing.picture(scene).astype("float32")
        caption = "a red star on a blue background on the left"
        maps = torch.zeros(77, drawing.SIZE, drawing.SIZE)
        for word, seen in (("red", drawing.object_mask(thing)), ("star", 1 - drawing.object_mask(thing))):
            for position in evaluate.word_positions(model.tokenizer, caption, {word}):
                maps[position] = torch.from_numpy(seen)
        found, = evaluate.attention_overlaps(model.tokenizer, scene, caption, picture, maps)
        self.assertGreater(found["attention of colours"], 0.9)
        self.assertLess(found["attention"], 0.1)
        self.assertEqual(evaluate.attention_overlaps(model.tokenizer, data.Scene(scene.ground), caption, picture, maps), [])
        # What was not drawn in its colour was not looked at.
        empty = drawing.picture(data.Scene(scene.ground)).astype("float32")
        self.assertEqual(evaluate.attention_overlaps(model.tokenizer, scene, caption, empty, maps),
                         [{"attention": 0.0, "attention of colours": 0.0}])

    def test_of_two_objects_each_has_its_own_words(self):
        model = folders.Model(MODELS / PARENTS[1])
        things = (data.Thing("star", "red", "", "left", 0.3, 0.5, 0.18), data.Thing("star", "green", "", "right", 0.7, 0.5, 0.18))
        scene = data.Scene(data.Ground("blue"), things)
        maps = torch.zeros(77, drawing.SIZE, drawing.SIZE)
        caption = "a red star and a green star on blue"
        for thing in things:
            for position in evaluate.word_positions(model.tokenizer, caption, {thing.colour}):
                maps[position] = torch.from_numpy(drawing.object_mask(thing))
        picture = drawing.picture(scene).astype("float32")
        found = evaluate.attention_overlaps(model.tokenizer, scene, caption, picture, maps)
        # Which "star" is which one's cannot be told.
        self.assertEqual([list(overlaps) for overlaps in found], 2 * [["attention of colours"]])
        self.assertGreater(min(overlaps["attention of colours"] for overlaps in found), 0.9)


class Clock(unittest.TestCase):
    def test_what_is_left_takes_as_long_as_what_was_done(self):
        clock = evaluate.Clock(50)
        clock.add(10, 10.0)
        clock.add(20, 20.0)
        self.assertEqual(clock.left(), "0 min 20 s")


class Publish(WithFolder):
    def publish(self, figures, *more):
        table = {}
        for step, values in figures.items():
            path = self.folder / "steps" / step / "model"
            if not path.exists():
                shutil.copytree(MODELS / PARENTS[1], path)
            table[str(path)] = values
        (self.folder / "figures.json").write_text(json.dumps(table))
        Image.new("RGB", (8, 8)).save(self.folder / "sheet.png")
        called(publish, self.folder / "figures.json", self.folder / "sheet.png", self.folder / "published", *more)
        lines = (self.folder / "published" / "README.md").read_text().splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("| | U-Net"))
        return lines[start:]

    def test_figures_of_before_are_stated_as_they_were(self):
        card = self.publish(dict.fromkeys(publish.PROMISED, OLD))
        self.assertNotIn("verything", "\n".join(card))
        self.assertEqual(len(card), 2 + len(publish.PROMISED))
        self.assertNotIn("\\*", "\n".join(card))
        self.assertIn("| not measured | 500 |", card[-1])
        folders.load_unet(self.folder / "published")

    def test_few_captions_are_marked(self):
        new = OLD | {"everything": 0.6, "unknown words": 0.4, "without unknown words": 0.65, "unknown captions": 100,
                     "attention": 0.5, "attention of colours": 0.25, "measured": {"attention": 100}}
        card = self.publish(dict.fromkeys(publish.PROMISED, OLD | {"captions": 300}) | {publish.SHIPPED: new})
        parent, shipped = card[2], card[1 + len(publish.PROMISED)]
        self.assertIn(r"| 0.0300 | 90.0% \* |", parent)
        self.assertIn(r"| 300 \* |", parent)
        self.assertIn("| 0.0300 | 90.0% | 90.0% |", shipped)
        self.assertIn(r"| 60.0% | 40.0% (of 100; 65.0% without) \* | 0.50 \* | 0.25 \* | 500 |", shipped)
        self.assertEqual(card[-1][:2], r"\*")
        self.assertIn("500 captions", card[-1])

    def test_goals_are_said_by_the_figures(self):
        values = dict.fromkeys(publish.GOALS, 0.99)
        self.assertTrue(publish.goals(values).endswith("All are met."))
        self.assertIn("Not met: shape (84.9%) and two objects both right (10.0%).",
                      publish.goals(values | {"shape": 0.849, "pair": 0.1}))

    def test_figures_of_other_weights_are_refused(self):
        for weights, words in (("none", "measure it again"), (folders.Model(MODELS / PARENTS[1]).fingerprint(), "")):
            rows = dict.fromkeys(publish.PROMISED, OLD | {"measured": {"weights": weights}})
            if words:
                with self.assertRaisesRegex(SystemExit, words):
                    self.publish(rows)
            else:
                self.publish(rows)

    def test_other_models_are_left_aside_and_one_step_is_one_folder(self):
        self.publish(dict.fromkeys(publish.PROMISED, OLD) | {"another": OLD})
        table = {f"{self.folder}/{place}/parent": OLD for place in ("one", "two")}
        with self.assertRaisesRegex(SystemExit, "both the step parent"):
            publish.by_step(table)

    def test_a_missing_row_is_refused(self):
        some = {"parent": OLD, publish.SHIPPED: OLD}
        with self.assertRaisesRegex(SystemExit, "small, retrained and distilled"):
            self.publish(some)
        self.assertFalse((self.folder / "published").exists())
        self.assertEqual(len(self.publish(some, "--partial")), 2 + 2)
        with self.assertRaisesRegex(SystemExit, publish.SHIPPED):
            self.publish({"parent": OLD}, "--partial")


if __name__ == "__main__":
    unittest.main()
