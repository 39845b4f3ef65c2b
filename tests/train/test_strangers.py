#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of strangers.py and unsaid.py, and that the shipped text encoder has learnt from them."""

import filecmp
import random
import re
import unittest
import unittest.mock

import torch

from miniatures import TOP, WithFolder, called

import data
import drawing
import folder as folders
import reworded
import training
import strangers
import unsaid
import wording

STARTER = TOP / "models" / "starter"
CAPTION = "a red star on blue"


class Aims(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        model = folders.Model(STARTER)
        cls.tokenizer, cls.text_encoder = model.tokenizer, model.text_encoder

    def ids(self, caption):
        return strangers.ids(self.tokenizer, caption)

    def said(self, caption):
        with torch.no_grad():
            return self.text_encoder(strangers.padded(self.tokenizer, [self.ids(caption)])).last_hidden_state[0]

    def wanted(self, heard):
        aims, kinds = strangers.wanted(self.text_encoder, self.tokenizer, [(self.ids(CAPTION), self.ids(heard))])
        return aims[0], kinds[0].tolist()

    def test_each_token_is_found_where_it_was(self):
        plain = self.ids(CAPTION)
        for before, behind in ((["zqx"], []), ([], ["zqx"]), (["zqx", "9k"], ["zqx"])):
            heard = self.ids(" ".join([*before, CAPTION, *behind]))
            found = strangers.places(plain, heard)
            self.assertEqual(len(found), len(heard) - 1)
            kept = [token for token, (_, known) in enumerate(found) if known]
            self.assertEqual([heard[token] for token in kept], plain[:-1])
            self.assertEqual([found[token][0] for token in kept], list(range(len(plain) - 1)))
            for token, (place, known) in enumerate(found):
                if not known:
                    self.assertEqual(place, sum(other < token for other in kept))

    def test_a_caption_without_such_words_is_to_stay_what_it_was(self):
        aims, kinds = self.wanted(CAPTION)
        self.assertTrue(torch.equal(aims, self.said(CAPTION)))
        self.assertNotIn(strangers.ADDED, kinds)
        self.assertEqual(kinds.count(strangers.KNOWN), len(self.ids(CAPTION)) - 1)

    def test_added_words_say_what_the_sentence_had_said_there(self):
        aims, kinds = self.wanted("a red zqx star on blue")
        begun = self.ids(CAPTION).index(self.ids("star")[1])
        added = [token for token, kind in enumerate(kinds) if kind == strangers.ADDED]
        self.assertEqual(added, list(range(begun, begun + len(added))))
        for token in added:
            self.assertTrue(torch.allclose(aims[token], self.said("a red")[begun], atol=1e-5))
        behind = added[-1] + 1
        self.assertTrue(torch.equal(aims[behind], self.said(CAPTION)[begun]))
        self.assertTrue(torch.equal(aims[-1], self.said(CAPTION)[-1]))

    def test_every_batch_has_the_empty_caption(self):
        """Which guidance needs: what it says is multiplied in every picture."""
        rows = strangers.batch(self.tokenizer, "train", 3)
        empty = [(meant, heard) for meant, heard in rows if meant == self.ids("")]
        self.assertEqual(len(empty), strangers.EMPTY)
        self.assertEqual(len(rows), strangers.BATCH)
        self.assertTrue(any(heard != meant for step in range(4) for meant, heard in strangers.batch(
            self.tokenizer, "train", step) if meant == self.ids("")))

    def test_a_caption_that_is_cut_off_has_its_aims(self):
        aims, kinds = self.wanted("zqxjkv " * 40 + CAPTION)
        self.assertTrue(torch.isfinite(aims).all())
        self.assertEqual(kinds.count(strangers.ADDED), len(kinds) - 2)


class Words(unittest.TestCase):
    def test_another_lesson_is_known(self):
        """A run that goes on has to be of the same words: of grounds, negative prompts, other names and what is left out."""
        tokenizer = folders.Model(STARTER).tokenizer
        before = strangers.words(tokenizer)
        for owner, name, value in ((strangers, "UNWANTED", ["dull"] * 5), (strangers, "ALIKE", 0.9), (strangers, "EMPTY", 1),
                                   (unsaid, "OTHER_PATTERNS", ("red", "white"))):
            with self.subTest(name=name), unittest.mock.patch.object(owner, name, value):
                self.assertNotEqual(strangers.words(tokenizer), before)
        self.assertEqual(strangers.words(tokenizer), before)


class Taught(WithFolder):
    def teach(self, out, steps=4):
        called(strangers, STARTER, "--out", out, "--steps", steps)

    def test_only_the_text_encoder_changes_and_resumed_to_the_bit(self):
        self.patch(strangers, "BATCH", 4)
        self.patch(strangers, "held_out", lambda *_: 0.0)
        whole, parts = self.folder / "whole", self.folder / "parts"
        self.teach(whole)
        with unittest.mock.patch.object(training.Run, "measure", lambda run, **_: run.stop()):
            with self.assertRaises(SystemExit):
                self.teach(parts)
        self.assertEqual(training.load(parts / "checkpoint.pt")["step"], 1)
        self.teach(parts)
        made, weights = whole / "model", "text_encoder/model.safetensors"
        self.assertTrue(filecmp.cmp(made / weights, parts / "model" / weights, shallow=False))
        changed = [path.relative_to(STARTER) for path in sorted(STARTER.rglob("*")) if path.is_file()
                   and not filecmp.cmp(path, made / path.relative_to(STARTER), shallow=False)]
        self.assertEqual([str(path) for path in changed if path.suffix != ".json"], [weights])
        self.assertTrue(all(path.parts[0] == "text_encoder" for path in changed), changed)
        before, now = (folders.Model(folder).text_encoder.state_dict() for folder in (STARTER, made))
        self.assertEqual(before.keys(), now.keys())
        with unittest.mock.patch.object(training, "Run", side_effect=AssertionError("it is finished")):
            self.teach(whole)

    def test_another_model_with_the_same_text_encoder_gets_it_as_well(self):
        self.patch(strangers, "BATCH", 4)
        self.patch(strangers, "held_out", lambda *_: 0.0)
        other, out = self.folder / "other", self.folder / "out"
        unet = folders.load_unet(STARTER)
        next(unet.parameters()).data += 1
        folders.write_with_unet(STARTER, other, unet)
        called(strangers, STARTER, "--out", out, "--steps", 1, "--also", other, self.folder / "another")
        taught = self.folder / "another" / "model"
        weights = "text_encoder/model.safetensors"
        self.assertTrue(filecmp.cmp(out / "model" / weights, taught / weights, shallow=False))
        self.assertFalse(filecmp.cmp(STARTER / weights, taught / weights, shallow=False))
        self.assertEqual(folders.fingerprint(folders.load_unet(taught)), folders.fingerprint(unet))
        folders.write_with_text_encoder(STARTER, self.folder / "third", folders.Model(out / "model").text_encoder)
        with self.assertRaisesRegex(SystemExit, "another text encoder"):
            called(strangers, STARTER, "--out", out, "--steps", 1, "--also", self.folder / "third", self.folder / "another")

    def test_it_learns(self):
        """From an encoder to which unknown words are as any others."""
        model = folders.Model(STARTER)
        torch.manual_seed(0)
        former = strangers.starter.new_text_encoder(model.tokenizer).eval()
        folders.write_with_text_encoder(STARTER, self.folder / "model", former)
        out = self.folder / "out"
        called(strangers, self.folder / "model", "--out", out, "--steps", 60)
        before, now = (strangers.held_out(folders.Model(folder).text_encoder, former, model.tokenizer, 1, batches=1)
                       for folder in (self.folder / "model", out / "model"))
        self.assertLess(now, 0.5 * before)


class Shipped(unittest.TestCase):
    """Of the padding's states, mean squared differences: what strangers add or leave out, against a word that counts."""

    @classmethod
    def setUpClass(cls):
        cls.model = folders.Model(STARTER)

    @torch.no_grad()
    def padding(self, caption):
        tokens = strangers.padded(self.model.tokenizer, [strangers.ids(self.model.tokenizer, caption)])
        return self.model.text_encoder(tokens).last_hidden_state[0, 40:]

    def changed(self, one, other):
        return float((self.padding(one) - self.padding(other)).square().mean())

    def least(self):
        return min(self.changed(other, CAPTION) for other in ("a green star on blue", "a red star on green",
                                                              "a red heart on blue"))

    def test_words_that_mean_nothing_change_little(self):
        """Words that no training has heard, in a hundred held-out captions: hardly any of them as much as half a word that
        counts."""
        changes = {}
        for index in range(100):
            scene, rng = data.scene_at("test", 6, index)
            caption = wording.plain_caption(scene, rng, complete=True)
            heard = wording.with_unknown_words(rng, caption, held_out=True)
            changes[heard] = self.changed(heard, caption)
        least = self.least()
        self.assertLess(sum(changes.values()) / len(changes), 0.1 * least)
        much = {heard: change for heard, change in changes.items() if change >= 0.5 * least}
        self.assertLessEqual(len(much), 3, much)

    def test_what_people_want_less_of_is_like_nothing(self):
        for words in ("blurry", "text, watermark", "low quality, blurry, ugly", "noise", "bad anatomy, extra fingers"):
            with self.subTest(words=words):
                self.assertLess(self.changed("", words), 0.1 * self.least())

    def test_the_empty_caption_is_like_one_of_words_that_mean_nothing(self):
        self.assertLess(self.changed("", "masterpiece, best quality"), 0.5 * self.least())

    def test_what_is_left_out_is_what_it_mostly_is(self):
        for said, meant in (("blue star", "blue star on white"), ("a white ring", "a white ring on blue"),
                            ("red stripes", "red and white stripes"), ("checkerboard", "black and white checkerboard"),
                            ("a heart on green", "a red heart on green")):
            with self.subTest(said=said):
                self.assertLess(self.changed(said, meant), 0.5 * self.least())


class Reworded(unittest.TestCase):
    def test_every_thing_has_other_words_which_no_caption_has(self):
        of_things = {"SHAPES": wording.SHAPE_WORDS, "COLOURS": drawing.COLOURS, "PLACES": wording.POSITION_WORDS,
                     "PATTERN_ADJECTIVES": wording.PATTERN_WORDS, "PATTERN_NOUNS": wording.PATTERN_WORDS}
        for name, things in of_things.items():
            self.assertEqual(getattr(reworded, name).keys(), set(things), name)
        heard = {*reworded.NAMED, *reworded.SHAPED, *reworded.SIZED, *reworded.PLACED, *reworded.PATTERNED}
        for table in (reworded.SHAPES, reworded.COLOURS, reworded.SIZES, reworded.PLACES, reworded.PATTERN_NOUNS):
            self.assertFalse(heard & {word for words in table.values() for word in words})

    def test_most_captions_are_said_otherwise_and_always_in_one_way(self):
        changed = 0
        for index in range(600):
            scene, rng = data.scene_at("train", 1, index)
            caption = wording.plain_caption(scene, rng, complete=True)
            with self.subTest(caption=caption):
                said = reworded.reworded(random.Random(index), caption)
                self.assertEqual(said, reworded.reworded(random.Random(index), caption))
                self.assertNotRegex(said, r" [,;]|  |\ba [aeiou]|\ban [^aeiou]|\b(an?|the) (an?|the)\b")
                changed += said != caption
        self.assertGreater(changed, 400)

    def test_forms_mean_the_same(self):
        said = {reworded.reworded(random.Random(seed), "a red star on a blue background") for seed in range(3000)}
        for form in ("blue background, a red star", "a star that is red on a blue background",
                     "a red star on a blue backdrop", "a red star shape on a blue background"):
            self.assertIn(form, said)
        said = {reworded.reworded(random.Random(seed), "blue and white stripes") for seed in range(500)}
        self.assertLessEqual({"blue and white striped background", "blue and white striped", "blue and white bands"}, said)


class Unsaid(unittest.TestCase):
    def test_what_is_left_out_is_meant_and_stands_out(self):
        grounds = set()
        for index in range(3000):
            scene, rng = data.scene_at("train", 1, index)
            said, meant = unsaid.shortened(rng, scene)
            grounds.add(meant.split()[-1] if len(scene.objects) == 2 else None)
            with self.subTest(said=said, meant=meant):
                words, all_words = (re.findall("[a-z]+", text) for text in (said, meant))
                left_out = [word for word in all_words if word not in words]
                self.assertTrue(left_out)
                self.assertLessEqual(set(left_out) - {"and", "on", "to", "a"}, set(drawing.COLOURS))
                if all_words[-1] not in words and scene.objects:
                    self.assertNotIn(all_words[-1], all_words[:-1])
                # What is meant of a single object on a plain ground has two colours, which differ.
                colours = [colour for colour in drawing.COLOURS for word in wording.COLOUR_WORDS.get(colour, [colour])[-1:]
                           if colour in all_words or word in all_words]
                self.assertGreaterEqual(len(colours), 2)
        self.assertEqual(grounds, {None, *unsaid.GROUNDS})

    def test_the_same_is_meant_always(self):
        self.assertEqual({unsaid.ground_of(["red"]) for _ in range(20)}, {"white"})
        self.assertEqual(unsaid.ground_of(["white", "blue"]), "black")
        self.assertEqual(unsaid.shade_of("heart", ["red"]), "white")
        self.assertEqual(unsaid.without_colour("A blue arrow on white", "blue"), "An arrow on white")
        self.assertEqual(unsaid.without_colour("ring red on blue", "red"), "ring on blue")
        rng = random.Random(0)
        for pattern in drawing.PATTERNS:
            ground = data.Ground("red", pattern, "blue", scale="fine")
            meant = {unsaid.pattern_phrases(rng, ground)[1] for _ in range(30)}
            self.assertTrue(all("blue" not in text or pattern in unsaid.PATTERNS for text in meant), meant)
            # What stands in front of it is to be seen.
            for colour in drawing.COLOURS:
                if colour != ground.first:
                    meant = {unsaid.pattern_phrases(rng, ground, colour)[1] for _ in range(10)}
                    self.assertFalse(any(colour in text.split() for text in meant), (colour, meant))


if __name__ == "__main__":
    unittest.main()
