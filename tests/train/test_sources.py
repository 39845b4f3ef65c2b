# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of where training pictures come from: drawn ones, and folders of images that strangers made."""

import argparse
import json
import unittest

import numpy
import torch
from miniatures import MODELS, PARENTS, WithFolder, called, captioned_images
from PIL import Image

import compress
import data
import distill
import folder as folders
import reworded
import sources
import training
import wording

BOM = b"\xef\xbb\xbf"


def model(**how):
    return folders.Model(MODELS / PARENTS[1], **how)


class Drawn(WithFolder):
    def drawn(self, parts, count=5, **more):
        self.said = []
        return sources.Drawn(parts.vae, parts.tokenizer, count, say=self.said.append, **more)

    def test_latents_and_their_key_are_the_same_in_every_precision(self):
        self.patch(sources, "SHARD", 3)
        exact = self.drawn(model())
        key = exact.folder.name
        parts = model(device="cpu:0", dtype=torch.bfloat16)
        for number in range(2):
            exact.path(number).unlink()
        other = self.drawn(parts)
        self.assertEqual(other.folder.name, key)
        self.assertTrue(torch.equal(exact.latents, other.latents))
        self.assertEqual(key, f"train-2-{data.fingerprint()}-95e999b3-d943016c-0.18215")
        # Another world is another key: pictures of before are not taken for it.
        self.patch(data, "fingerprint", lambda: "0" * 8)
        self.assertNotEqual(self.drawn(model(), count=2).folder.name, key)

    def test_numbers_of_large_vocabularies_are_kept(self):
        self.patch(sources, "SHARD", 2)

        def tokenizer(captions, max_length, **_):
            return argparse.Namespace(input_ids=torch.full((len(captions), max_length), 49407))

        tokenizer.model_max_length = 77
        _, tokens, heard = sources.Drawn(model().vae, tokenizer, 2, say=lambda _: None).batch(training.generator(0, 0), 2)
        self.assertEqual({*tokens.flatten().tolist(), *heard.flatten().tolist()}, {49407})

    def heard(self, **shares):
        """Captions as they are, and as a student hears them, of ten drawn pictures."""
        self.patch(sources, "SHARD", 10)
        rows = []

        def tokenizer(captions, max_length, **_):
            rows.append(captions)
            return argparse.Namespace(input_ids=torch.zeros(len(captions), max_length, dtype=torch.long))

        tokenizer.model_max_length = 77
        sources.Drawn(model().vae, tokenizer, 10, say=lambda _: None, **shares)
        return rows

    def test_shares_of_captions_are_heard_in_other_words_and_with_unknown_ones(self):
        self.patch(reworded, "reworded", lambda _rng, text: f"({text})")
        self.patch(wording, "with_unknown_words", lambda _rng, text: f"{text}, 4k")
        texts, heard = self.heard()
        self.assertEqual(heard, texts)
        self.assertEqual(len(texts), 10 * sources.WORDINGS)
        self.assertEqual(self.heard(others=1)[1], [f"({text})" for text in texts])
        self.assertEqual(self.heard(unknown=1), [texts, [f"{text}, 4k" for text in texts]])
        self.assertEqual(self.heard(unknown=1, others=1)[1], [f"({text}), 4k" for text in texts])
        some = [number for number, text in enumerate(self.heard(others=0.5)[1]) if text.startswith("(")]
        self.assertTrue(10 < len(some) < 30, some)

    def test_shares_of_a_batch_have_what_is_asked_for(self):
        self.patch(sources, "SHARD", 40)
        scenes = [data.scene_at("train", sources.SEED, index)[0] for index in range(40)]
        patterned, paired = (sum(map(bool, has)) / 40 for has in ([scene.ground.pattern for scene in scenes],
                                                                  [len(scene.objects) == 2 for scene in scenes]))

        def share(of, **shares):
            drawn = self.drawn(model(), count=40, **shares)
            # A picture's number in the place of its latents says which were chosen.
            drawn.latents = torch.arange(40)
            chosen = drawn.batch(training.generator(0, 0), 1000)[0].tolist()
            return sum(bool(of(scenes[number])) for number in chosen) / 1000

        def has_pattern(scene):
            return scene.ground.pattern

        def has_two(scene):
            return len(scene.objects) == 2

        for of, shares, wanted in ((has_pattern, {}, patterned), (has_pattern, {"patterns": 1.0}, 1),
                                   (has_pattern, {"patterns": 0.5}, 0.5 + 0.5 * patterned),
                                   (has_two, {"pairs": 0.5}, 0.5 + 0.5 * paired), (has_two, {"pairs": 1.0}, 1),
                                   (has_two, {"pairs": 1.0, "patterns": 0.3}, 0.7)):
            with self.subTest(of=of.__name__, shares=shares):
                self.assertAlmostEqual(share(of, **shares), wanted, delta=0.05)
        with self.assertRaisesRegex(SystemExit, "of 1 drawn pictures none has (a pattern|two objects), and a share of 0.5"):
            self.drawn(model(), count=1, patterns=0.5, pairs=0.5)

    def test_in_order_is_everything_once(self):
        self.patch(sources, "SHARD", 3)
        drawn = self.drawn(model())
        latents, tokens = zip(*drawn.in_order(2))
        self.assertTrue(torch.equal(torch.cat(latents), drawn.latents))
        self.assertEqual([len(some) for some in tokens], [2, 2, 1])

    def test_a_vae_in_other_numbers_can_encode(self):
        self.patch(sources, "SHARD", 2)
        parts = model()
        parts.vae.to(torch.bfloat16)
        latents = self.drawn(parts, count=2).latents
        self.assertEqual((latents.dtype, latents.device.type), (torch.float32, "cpu"))
        self.assertEqual(parts.vae.dtype, torch.bfloat16)

    def test_pictures_go_to_the_device_of_the_vae(self):
        """A device without numbers, which every torch has, stands for one that this machine lacks."""
        vae = model().vae.to("meta")
        with self.assertRaisesRegex(NotImplementedError, "meta tensor"):
            sources.encoded(vae, torch.zeros(1, 3, 16, 16))

    def test_progress_says_how_many_are_encoded_and_how_long_it_takes(self):
        self.patch(sources, "SHARD", 3)
        self.drawn(model(), count=5)
        self.assertEqual(self.said[0], "encoding pictures 0 to 3 of 6")
        self.assertRegex(self.said[1], r"^encoding pictures 3 to 6 of 6, 0 min \d\d s left$")
        self.drawn(model(), count=5)
        self.assertEqual(self.said, [])


class Metadata(WithFolder):
    def table(self, name, content):
        for form in ("jsonl", "csv"):
            (self.folder / f"metadata.{form}").unlink(missing_ok=True)
        Image.new("RGB", (8, 8)).save(self.folder / "a.png")
        (self.folder / name).write_bytes(content)
        return self.folder

    def test_a_byte_order_mark_is_no_letter(self):
        row = {"file_name": "a.png", "text": "a star"}
        for name, content in (("metadata.csv", b"file_name,text\na.png,a star\n"),
                              ("metadata.jsonl", json.dumps(row).encode() + b"\n")):
            for mark in (b"", BOM):
                with self.subTest(name=name, mark=mark):
                    found = sources.captioned_files(self.table(name, mark + content))
                    self.assertEqual(found, [(self.folder / "a.png", "a star")])

    def test_lines_end_as_json_has_it(self):
        row = json.dumps({"file_name": "a.png", "text": "one\u2028two"}, ensure_ascii=False).encode()
        found = sources.captioned_files(self.table("metadata.jsonl", row + b"\r\n\r\n" + row))
        self.assertEqual([text for _, text in found], ["one\u2028two"] * 2)

    def test_what_is_wrong_is_said_with_file_and_line(self):
        good = '{"file_name": "a.png", "text": "x"}\n'
        for wrong, words in (
            ('{"file_name": "a.png"}', "no text"), ('{"file_name": "a.png", "text": null}', "no text"),
            ('{"file_name": "a.png", "text": 3}', "one string"), ('{"file_name": 3, "text": "x"}', "one string"),
            ('{"file_name": "a.png", "text": ["x", "y"]}', "one string"),
            ('{"file_name": "a.png", "text": "\\ud800"}', "one string"),
            ('{"text": "x"}', "no file_name"), ("[1]", "every row needs"), ('{"file_name": "a.png"', "no JSON"),
            ('{"file_name": "b.png", "text": "x"}', "remove the row"),
            ('{"file_name": "", "text": "x"}', "remove the row"),
            (f'{{"file_name": "{"b" * 3000}", "text": "x"}}', "remove the row"),
        ):
            with self.subTest(wrong=wrong), self.assertRaises(SystemExit) as ended:
                sources.captioned_files(self.table("metadata.jsonl", (good + wrong + "\n").encode()))
            self.assertIn("metadata.jsonl, line 2: ", ended.exception.code)
            self.assertIn(words, ended.exception.code)
        for wrong, words in ((b"a.png\n", "no text"), (b"a.png,\xff\n", "UTF-8"), (b"b.png,x\n", "remove the row"),
                             (b"a.png," + b"x" * 200_000, "no CSV")):
            with self.subTest(wrong=wrong[:20]), self.assertRaises(SystemExit) as ended:
                sources.captioned_files(self.table("metadata.csv", b"file_name,text\na.png,x\n" + wrong))
            self.assertIn("metadata.csv, line 3: ", ended.exception.code)
            self.assertIn(words, ended.exception.code)
        for content in (b"", b"file_name,text\n"):
            with self.assertRaisesRegex(SystemExit, "has no row"):
                sources.captioned_files(self.table("metadata.csv", content))

    def test_an_image_that_cannot_be_read_is_named_and_what_was_learnt_is_kept(self):
        pictures = captioned_images(self.folder / "pictures", "csv")
        parts = model()
        source = sources.Folder(parts.vae, parts.tokenizer, pictures, 64)
        whole = (pictures / "1.png").read_bytes()
        for content in (whole[:len(whole) // 2], b"no image", b"", whole[:40] + b"\0" * 40 + whole[80:]):
            (pictures / "1.png").write_bytes(content)
            with self.assertRaisesRegex(SystemExit, r"1\.png cannot be read.* remove its row"):
                source.image(pictures / "1.png", False)
        compress.compress("tiny", MODELS / PARENTS[1], self.folder / "student")
        with self.assertRaisesRegex(SystemExit, r"1\.png cannot be read"):
            called(distill, MODELS / PARENTS[1], self.folder / "student", "--data", pictures, "--side", 64,
                   "--steps", 50, "--batch", 1, "--out", self.folder / "out", "--device", "cpu")
        kept = training.load(self.folder / "out" / "checkpoint.pt")
        # The first step that chooses the picture is the one that was not done.
        chosen = [torch.randint(0, 3, (1,), generator=training.generator(distill.SEED, step)) for step in range(50)]
        self.assertEqual(kept["step"], chosen.index(1))


class Images(WithFolder):
    def picture(self, image, **how):
        """uint8 pixels [8, 8, 3] of an image as a network sees it."""
        path = self.folder / "image.png"
        image.save(path, **how)
        (self.folder / "metadata.csv").write_text("file_name,text\nimage.png,x\n")
        seen = sources.Folder(None, None, self.folder, 8).image(path, False)
        return seen.permute(1, 2, 0).add(1).mul(127.5).round().numpy().astype(numpy.uint8)

    def test_as_the_camera_was_held(self):
        pixels = numpy.zeros((8, 8, 3), numpy.uint8)
        pixels[:4] = 255
        image = Image.fromarray(pixels)
        for orientation, wanted in ((1, pixels), (3, pixels[::-1]), (6, pixels.transpose(1, 0, 2)[:, ::-1])):
            exif = Image.Exif()
            exif[0x0112] = orientation
            self.assertTrue(numpy.array_equal(self.picture(image, exif=exif), wanted), orientation)
        self.assertTrue(numpy.array_equal(self.picture(image, exif=b"Exif\0\0no such thing"), pixels))

    def test_what_is_transparent_is_white(self):
        pixels = numpy.zeros((8, 8, 4), numpy.uint8)
        pixels[:4, :, 0] = pixels[:4, :, 3] = 255
        image = Image.fromarray(pixels)
        seen = self.picture(image)
        self.assertEqual((seen[0, 0].tolist(), seen[7, 7].tolist()), ([255, 0, 0], [255, 255, 255]))
        seen = self.picture(image.convert("LA"))
        self.assertEqual((seen[0, 0].tolist(), seen[7, 7].tolist()), ([76] * 3, [255] * 3))
        palette = Image.new("P", (8, 8))
        palette.putpalette([9, 9, 9, 0, 0, 0])
        self.assertEqual(self.picture(palette, transparency=0)[0, 0].tolist(), [255] * 3)
        self.assertEqual(self.picture(palette)[0, 0].tolist(), [9] * 3)
        plain = Image.new("RGB", (8, 8), (1, 2, 3))
        self.assertEqual(self.picture(plain, transparency=(1, 2, 3))[0, 0].tolist(), [255] * 3)

    def test_a_thin_picture_is_cut_before_it_grows(self):
        pixels = numpy.zeros((30000, 3, 3), numpy.uint8)
        pixels[14998:15001] = 255
        resized = []
        whole = Image.Image.resize
        self.patch(Image.Image, "resize", lambda image, size, *more, **how: resized.append(size) or
                   whole(image, size, *more, **how))
        self.assertEqual(int(self.picture(Image.fromarray(pixels)).min()), 255)
        self.assertEqual(resized, [(8, 8)])

    def test_levels_without_a_white_are_refused(self):
        for image, name, words in (
            (Image.fromarray(numpy.full((8, 8), 0.5, numpy.float32)), "image.tiff", "mode is F; save it"),
            (Image.fromarray(numpy.full((8, 8), 70000, numpy.int32)), "image.tiff", "more than 16 bits; save it"),
            (Image.new("LAB", (8, 8)), "image.tiff", "mode is LAB; save it"),
        ):
            image.save(self.folder / name)
            (self.folder / "metadata.csv").write_text(f"file_name,text\n{name},x\n")
            with self.subTest(words=words), self.assertRaisesRegex(SystemExit, f"image.tiff cannot be read.*{words}"):
                sources.Folder(None, None, self.folder, 8).image(self.folder / name, False)

    def test_grey_of_16_bits_keeps_its_levels(self):
        levels = numpy.arange(64, dtype=numpy.uint16).reshape(8, 8) * 1024
        image = Image.fromarray(levels)
        wanted = numpy.repeat((levels / 257 + 0.5).astype(numpy.uint8)[..., None], 3, 2)
        self.assertTrue(numpy.array_equal(self.picture(image), wanted))
        turned = Image.Exif()
        turned[0x0112] = 3
        self.assertTrue(numpy.array_equal(self.picture(image, exif=turned), wanted[::-1, ::-1]))
        path = self.folder / "image.tiff"
        Image.fromarray(levels.astype(">u2")).save(path)
        seen = sources.Folder(None, None, self.folder, 8).image(path, False)
        self.assertTrue(numpy.array_equal(seen.permute(1, 2, 0).add(1).mul(127.5).round().numpy(), wanted))


if __name__ == "__main__":
    unittest.main()
