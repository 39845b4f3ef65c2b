# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of what the steps of a training leave where they are killed, fail, are called again or find a variant."""

import contextlib
import io
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from miniatures import MODELS, PARENTS, TOP, TRAIN, WithFolder, called, captioned_images

import average
import compress
import data
import distill
import folder as folders
import parent as parents
import publish
import starter
import text as texts
import tokenizer as tokens_of
import training
import vae as vaes

PARENT = MODELS / PARENTS[1]


class Fault(Exception):
    """What a test throws where a kill or a defect would strike."""


def fail(*_arguments, **_more):
    raise Fault


class Killed(WithFolder):
    def test_a_student_is_there_as_a_whole_or_not_at_all(self):
        student = self.folder / "student"
        with unittest.mock.patch.object(UNet2DConditionModel, "save_pretrained", fail), self.assertRaises(Fault):
            compress.compress("small", PARENT, student)
        self.assertFalse(student.exists())
        compress.compress("small", PARENT, student)
        folders.Model(student)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["student"])

    def test_a_model_folder_is_there_as_a_whole_or_not_at_all(self):
        model, path = folders.Model(PARENT), self.folder / "model"
        parts = PARENT / "tokenizer", model.text_encoder, model.unet, model.vae
        with self.assertRaises(Fault):
            folders.write(path, *parts, unittest.mock.Mock(save_pretrained=fail))
        self.assertFalse(path.exists())
        folders.write(path, *parts, model.scheduler)
        folders.Model(path)

    def test_a_tokenizer_is_there_as_a_whole_or_not_at_all(self):
        self.patch(tokens_of, "CAPTIONS", 20)
        written, write_json = [], tokens_of.tiny_tokenizer.write_json

        def fail_at_the_second(path, value):
            written.append(path)
            if len(written) == 2:
                raise Fault
            write_json(path, value)

        with unittest.mock.patch.object(tokens_of.tiny_tokenizer, "write_json", fail_at_the_second):
            with self.assertRaises(Fault):
                tokens_of.prepared()
        whole = tokens_of.prepared()
        self.assertEqual(sorted(path.name for path in whole.iterdir()),
                         ["merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json"])
        # What an earlier release left half-made.
        (whole / "tokenizer_config.json").unlink()
        self.assertTrue((tokens_of.prepared() / "tokenizer_config.json").exists())


class Distill(WithFolder):
    def setUp(self):
        super().setUp()
        self.pictures, self.out = captioned_images(self.folder / "pictures", "jsonl"), self.folder / "out"
        compress.compress("tiny", PARENT, self.folder / "student")

    def distill(self, *more, steps=2, device="cpu"):
        called(distill, PARENT, self.folder / "student", "--data", self.pictures, "--side", 64, "--steps", steps,
               "--batch", 1, "--out", self.out, "--prompt", "a", "--device", device, *more)

    def step(self):
        return training.load(self.out / "checkpoint.pt")["step"]

    def test_bf16_beside_a_student_in_float32_draws(self):
        """With a device that is not called "cpu" the parent is in bfloat16, as on CUDA."""
        self.distill("--precision", "bf16", "--pictures-every", 1, steps=1, device="cpu:0")
        for name in ("step-000001.png", "pictures.png"):
            self.assertTrue((self.out / name).exists(), name)

    def test_drawn_pictures_are_encoded_beside_a_parent_in_bf16(self):
        self.patch(distill.sources, "SHARD", 3)
        called(distill, PARENT, self.folder / "student", "--pictures", 3, "--steps", 1, "--batch", 1, "--out", self.out,
               "--prompt", "a", "--device", "cpu:0", "--precision", "bf16")
        self.assertEqual(self.step(), 1)

    def test_a_picture_that_fails_loses_no_step(self):
        with unittest.mock.patch.object(distill, "draw", fail), self.assertRaises(Fault):
            self.distill("--pictures-every", 2, steps=3)
        self.assertEqual(self.step(), 2)
        kept = training.load(self.out / "checkpoint.pt")["parts"]["student"]
        self.distill("--pictures-every", 2, steps=3)
        self.assertEqual(self.step(), 3)
        # To the bit what it would be if nothing had failed.
        resumed = training.load(self.out / "checkpoint.pt")["parts"]["student"]
        shutil.rmtree(self.out)
        self.distill("--pictures-every", 2, steps=3)
        for name, value in training.load(self.out / "checkpoint.pt")["parts"]["student"].items():
            self.assertTrue(torch.equal(value, resumed[name]), name)
        self.assertTrue(any(not torch.equal(value, kept[name]) for name, value in resumed.items()))

    def test_a_finished_run_is_passed_over(self):
        self.distill(steps=1)
        weights = self.out / "model" / "unet" / "diffusion_pytorch_model.safetensors"
        before = weights.stat().st_mtime_ns
        with unittest.mock.patch.object(training, "Run", fail):
            self.distill(steps=1)
            self.distill("--checkpointing", steps=1)
            with self.assertRaisesRegex(SystemExit, r"other settings: rate was 0\.0003 and is 1\.0\. Move its folder away"):
                self.distill("--rate", 1, steps=1)
        self.assertEqual(weights.stat().st_mtime_ns, before)
        # A longer run killed before it wrote its model has an older one there.
        with unittest.mock.patch.object(folders, "write_with_unet", fail), self.assertRaises(Fault):
            self.distill(steps=2)
        self.assertEqual((self.step(), weights.stat().st_mtime_ns), (2, before))
        self.distill(steps=2)
        self.assertGreater(weights.stat().st_mtime_ns, before)
        shutil.rmtree(self.out / "model")
        self.distill(steps=2)
        self.assertTrue(weights.exists())

    def test_other_weights_at_the_same_place_are_noticed(self):
        self.distill(steps=1)
        unet = folders.load_unet(self.folder / "student")
        next(unet.parameters()).data += 1
        unet.save_pretrained(self.folder / "student" / "unet")
        with self.assertRaisesRegex(SystemExit, "other settings: student was '[0-9a-f]{8}' and is"):
            self.distill(steps=2)

    def test_another_device_goes_on_with_the_same_run(self):
        """There the parent is in bfloat16."""
        self.distill("--precision", "bf16", steps=1)
        self.distill("--precision", "bf16", steps=2, device="cpu:0")
        self.assertEqual(self.step(), 2)

    def test_the_length_of_a_falling_rate_is_a_setting(self):
        self.distill("--falling", steps=1)
        with self.assertRaisesRegex(SystemExit, "steps was 1 and is 2"):
            self.distill("--falling", steps=2)

    def test_a_short_run_is_in_the_log(self):
        self.distill(steps=1)
        self.assertRegex((self.out / "log.txt").read_text(), r"step 1 of 1, noise \d")

    def test_slow_steps_are_told_of(self):
        self.patch(training, "REPORT_SECONDS", 0)
        self.distill(steps=3)
        self.assertEqual((self.out / "log.txt").read_text().count(" of 3, noise"), 3)

    def test_who_cannot_be_a_student_is_refused(self):
        for other, key in ((2, "cross_attention_dim"), (1, "block_out_channels")):
            with self.subTest(key=key), unittest.mock.patch.object(training, "Run", fail):
                student = self.folder / f"student-{other}"
                compress.compress("tiny", MODELS / PARENTS[other], student)
                if key == "block_out_channels":
                    config = student / "unet" / "config.json"
                    unet = folders.load_unet(student)
                    wider = UNet2DConditionModel.from_config({**unet.config, "block_out_channels": [
                        2 * channels for channels in unet.config.block_out_channels]})
                    wider.save_pretrained(config.parent)
                with self.assertRaisesRegex(SystemExit, f"is no student of .*has {key} .*compress.py"):
                    called(distill, PARENT, student, "--data", self.pictures, "--out", self.out, "--device", "cpu")

    def test_another_parents_student_is_refused(self):
        """Of the same shapes: a student is written with its own folder's VAE, text encoder and tokenizer."""
        other, student = self.folder / "other", self.folder / "others-student"
        encoder = folders.load_part(PARENT, "text_encoder")
        next(encoder.parameters()).data += 1
        folders.write_with_text_encoder(PARENT, other, encoder)
        compress.compress("tiny", other, student)
        vocabulary = self.folder / "student" / "tokenizer" / "vocab.json"
        for teacher, taught, words in ((PARENT, student, "text_encoder has other weights"),
                                       (PARENT, self.folder / "student", "tokenizer has other words")):
            if words.startswith("tokenizer"):
                vocabulary.write_text(vocabulary.read_text().replace('"!"', '"zqx"', 1))
            with (self.subTest(words=words), unittest.mock.patch.object(training, "Run", fail),
                  self.assertRaisesRegex(SystemExit, f"{words}; make one of that parent with compress.py")):
                called(distill, teacher, taught, "--data", self.pictures, "--out", self.out, "--device", "cpu")

    def test_a_run_is_known_by_the_name_of_its_pictures(self):
        """On another machine they lie elsewhere."""
        self.distill(steps=1)
        (self.folder / "elsewhere").mkdir()
        self.pictures = self.pictures.rename(self.folder / "elsewhere" / self.pictures.name)
        self.distill(steps=2)
        self.pictures = self.pictures.rename(self.folder / "others")
        with self.assertRaisesRegex(SystemExit, "data was 'pictures' and is 'others'"):
            self.distill(steps=3)

    def test_gradients_of_a_step_are_the_mean_of_its_batches_at_a_constant_rate(self):
        seen, factors, first = [], itertools.count(1), None

        def losses(_arguments, _batch, _parent, student, *_):
            nonlocal first
            first = next(student.parameters())
            return {"noise": first.sum() * next(factors)}

        def kept(parameters, _length):
            seen.append(first.grad.clone())

        rates = []
        step = torch.optim.AdamW.step

        def stepped(optimiser, *rest):
            rates.extend(group["lr"] for group in optimiser.param_groups)
            return step(optimiser, *rest)

        with (unittest.mock.patch.object(distill, "losses", losses), unittest.mock.patch.object(torch.optim.AdamW, "step", stepped),
              unittest.mock.patch.object(torch.nn.utils, "clip_grad_norm_", kept)):
            self.distill("--accumulate", 3, "--rate", 1e-3, steps=2)
        for gradient, mean in zip(seen, (2.0, 5.0), strict=True):
            self.assertTrue(torch.allclose(gradient, torch.full_like(gradient, mean)))
        self.assertEqual(rates, [1e-3, 1e-3])

    def test_what_is_written_is_the_average_of_the_weights(self):
        self.distill("--rate", 1e-2, steps=3)
        parts = training.load(self.out / "checkpoint.pt")["parts"]
        made = folders.load_unet(self.out / "model")
        for (name, value), weight in zip(made.named_parameters(), parts["average"]["weights"], strict=True):
            self.assertTrue(torch.equal(value, weight.to(value.dtype)), name)
        self.assertTrue(any(not torch.equal(value, parts["student"][name].to(value.dtype))
                            for name, value in made.named_parameters()))

    def test_killed_for_real_it_goes_on(self):
        """By SIGKILL it loses what was done since the last checkpoint, by SIGTERM nothing."""
        def begin():
            return subprocess.Popen([sys.executable, "-B", TRAIN / "distill.py", PARENT, self.folder / "student", "--data",
                                     self.pictures, "--side", "64", "--steps", "1000000", "--batch", "1", "--out", self.out,
                                     "--pictures-every", "0", "--device", "cpu"], stdout=subprocess.PIPE, text=True)

        def wait(condition):
            for _ in range(1200):
                if condition():
                    return
                time.sleep(0.1)
            self.fail("it took too long")

        checkpoint = self.out / "checkpoint.pt"
        with begin() as run:
            wait(checkpoint.exists)
            run.kill()
        killed_at = self.step()
        self.assertGreater(killed_at, 0)
        with begin() as run:
            said = next(line for line in run.stdout if "resumed" in line)
            time.sleep(1)
            run.terminate()
            rest = run.stdout.read()
        self.assertEqual(said, f"resumed at step {killed_at} of 1000000\n")
        self.assertEqual(run.returncode, 3)
        self.assertGreater(self.step(), killed_at)
        self.assertIn(f"stopped at step {self.step()}; the same command goes on from there", rest)

    def test_a_folder_without_a_part_is_named(self):
        shutil.copytree(PARENT, self.folder / "parent")
        shutil.rmtree(self.folder / "parent" / "scheduler")
        with self.assertRaisesRegex(SystemExit, "no Stable Diffusion folder: it has no scheduler/"):
            folders.Model(self.folder / "parent")

    def test_arguments_that_would_be_passed_over_are_refused(self):
        for more, words in ((("--trajectories", 0.5), "needs --guidance"), (("--from-pictures",), "needs --guidance"),
                            (("--pairs", 0.5), "leave them out"), (("--reworded", 0.5), "leave them out"),
                            (("--patterns", 0.5), "leave them out"),
                            (("--reworded", 1.5), "between 0 and 1"),
                            (("--guidance", 2, 7, "--from-pictures"), "give {} twice".format(self.folder / "student")),
                            (("--guidance", 0, 7), "above 0"), (("--guidance", 2, -1), "above 0"),
                            (("--guidance", 2, 7, "--feature", 0), "--feature does nothing with --guidance"),
                            (("--guidance", 2, 7, "--noise", 0), "--noise does nothing with --guidance"),
                            (("--guidance", 2, 7, "--caption-share", 0.3), "--caption-share does nothing"),
                            (("--guidance", 2, 7, "--dropout", 0), "--dropout does nothing"),
                            (("--pictures", 5), "leave them out"), (("--accumulate", 0), "at least 1 is needed"),
                            (("--dropout", 1.5), "between 0 and 1"),
                            (("--guidance", 2, 7, "--trajectories", 1), "neither none nor all"),
                            (("--guidance", 2, 7, "--trajectories", 0.5), "neither none nor all")):
            with (self.subTest(more=more), contextlib.redirect_stderr(io.StringIO()) as said,
                  self.assertRaises(SystemExit)):
                self.distill(*more)
            self.assertIn(words, said.getvalue())

    def test_a_variant_in_several_files_is_found(self):
        """As diffusers names them today, and as it did."""
        for form in ("{}.fp16-00001-of-00002", "{}-00001-of-00002.fp16"):
            path = self.folder / (form.format("diffusion_pytorch_model") + ".safetensors")
            shutil.copy(PARENT / "unet" / "diffusion_pytorch_model.safetensors", path)
            self.assertEqual(folders.stored(self.folder)["variant"], "fp16")
            path.unlink()

    def test_weights_of_every_form_are_loaded_and_stay_in_their_numbers(self):
        model = folders.load_unet(PARENT)
        for dtype in (torch.float32, torch.float16):
            for form in ({"safe_serialization": False}, {"safe_serialization": False, "max_shard_size": "100KB"},
                         {"max_shard_size": "100KB"}):
                with self.subTest(dtype=dtype, form=form), tempfile.TemporaryDirectory(dir=self.folder) as place:
                    parent, student = pathlib.Path(place) / "parent", pathlib.Path(place) / "student"
                    shutil.copytree(PARENT, parent)
                    shutil.rmtree(parent / "unet")
                    model.to(dtype).save_pretrained(parent / "unet", **form)
                    self.assertTrue(list((parent / "unet").glob("*.bin*" if "safe_serialization" in form else "*-of-*")))
                    compress.compress("tiny", parent, student)
                    made = folders.load_unet(student)
                    self.assertEqual(made.dtype, dtype)
                    self.assertEqual(folders.fingerprint(made), folders.fingerprint(compress.compressed("tiny", model)))

    def test_of_a_plain_file_and_a_variant_the_plain_one_is_taken(self):
        """Whatever kind of file each is: a student that has the variant alone cannot be loaded as its parent can."""
        model, place = folders.load_unet(PARENT), self.folder / "both" / "unet"
        model.to(torch.float16).save_pretrained(place, variant="fp16")
        model.to(torch.float32).save_pretrained(place, safe_serialization=False)
        self.assertEqual(folders.stored(place), {"variant": None, "use_safetensors": False, "torch_dtype": torch.float32})
        self.assertEqual(folders.load_unet(place.parent).dtype, torch.float32)

    def test_a_variant_keeps_its_name(self):
        original = self.folder / "variant"
        shutil.copytree(PARENT, original)
        for path in list(original.glob("*/*.safetensors")):
            path.rename(path.with_name(path.stem + ".fp16.safetensors"))
        student = self.folder / "student"
        shutil.rmtree(student)
        compress.compress("tiny", original, student)
        self.distill(steps=1)
        for made in (student, self.out / "model"):
            self.assertEqual([path.name for path in made.glob("unet/*.safetensors")],
                             ["diffusion_pytorch_model.fp16.safetensors"])
            StableDiffusionPipeline.from_pretrained(made, variant="fp16", local_files_only=True)


class Parent(WithFolder):
    def test_a_finished_parent_is_passed_over(self):
        """Its model may be the better one that `--write` has made since, with a newer decoder."""
        out = training.cache_folder("parent")
        self.patch(tokens_of, "CAPTIONS", 20)
        model = folders.Model(TOP / "models" / "starter")
        self.patch(parents, "trained_vae", lambda start: model.vae)
        self.patch(parents, "trained_text_encoder", lambda tokenizer: model.text_encoder)
        self.patch(starter, "UNET_CHANNELS", (32, 32, 32, 32))
        self.patch(parents.sources, "SHARD", 2)
        self.patch(parents.denoising, "held_out_error", lambda *_: 0.0)
        drawn = parents.sources.Drawn
        self.patch(parents.sources, "Drawn", lambda vae, tokenizer, count, *more, **named: drawn(
            vae, tokenizer, min(count, 2), *more, **named))
        called(parents, "--steps", 1, "--pictures", 2, "--batch", 1)
        config = out / "model" / "unet" / "config.json"
        before = config.stat().st_mtime_ns
        self.patch(training, "Run", fail)
        called(parents, "--steps", 1, "--pictures", 2, "--batch", 1)
        self.assertEqual(config.stat().st_mtime_ns, before)


class Beginnings(WithFolder):
    def test_vae_and_text_encoder_learn_go_on_and_are_finished(self):
        """On a device that is not called "cpu", as CUDA is not."""
        self.patch(vaes, "PICTURES", 4)
        self.patch(vaes, "CROPS", 1)
        self.patch(vaes, "WHOLE", 1)
        measure = vaes.measure
        self.patch(vaes, "measure", lambda *arguments: measure(*arguments, count=2))
        self.patch(texts, "BATCH", 2)
        self.patch(texts, "held_out", lambda *_: "all")
        self.patch(tokens_of, "CAPTIONS", 20)
        for module, arguments, folder in ((vaes, ["joint"], "vae-joint"), (vaes, ["decoder"], "vae-decoder"),
                                          (texts, [], "text")):
            state = training.cache_folder(folder) / "checkpoint.pt"
            with unittest.mock.patch.object(training.Run, "measure", lambda run, **_: run.stop()), self.assertRaises(SystemExit):
                called(module, *arguments, "--steps", 2, "--device", "cpu:0")
            self.assertFalse(training.is_at_its_end(state))
            called(module, *arguments, "--steps", 2, "--device", "cpu:0")
            self.assertTrue(training.is_at_its_end(state))
            if module is vaes:
                before = state.stat().st_mtime_ns
                with unittest.mock.patch.object(vaes, "measure", fail):
                    called(module, *arguments, "--steps", 2, "--device", "cpu")
                self.assertEqual(state.stat().st_mtime_ns, before)
        # Another world is another training.
        self.patch(data, "fingerprint", lambda: "other")
        for module, arguments in ((vaes, ["joint"]), (texts, [])):
            with self.assertRaisesRegex(SystemExit, "world was '[0-9a-f]{8}' and is 'other'"):
                called(module, *arguments, "--steps", 2, "--device", "cpu")


class TrainStarter(WithFolder):
    """With a Python that only writes down what it is asked to do."""

    behaviour = ""

    def start(self, *arguments):
        python, self.log = self.folder / "python", self.folder / "log"
        python.write_text(f'#!/bin/sh\necho "$@" >> "{self.log}"\n{self.behaviour}')
        python.chmod(0o755)
        self.log.unlink(missing_ok=True)
        arguments = [str(python) if argument == "PYTHON" else argument for argument in arguments]
        return subprocess.run([TRAIN / "train-starter", *arguments], capture_output=True, text=True, check=False)

    def test_options_may_stand_anywhere(self):
        model = str(TOP / "models" / "starter")
        for arguments in (("PYTHON", "--from", model), ("--from", model, "PYTHON")):
            ended = self.start(*arguments)
            self.assertEqual(ended.returncode, 0, ended.stderr)
            asked = self.log.read_text()
            self.assertIn(f"text.py --from {model}", asked)
            self.assertNotIn("vae.py", asked)
        stale = pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "gesso" / "train" / "small" / "unet"
        stale.mkdir(parents=True)
        self.assertEqual(self.start("PYTHON").returncode, 0)
        self.assertFalse(stale.exists())
        asked = self.log.read_text()
        self.assertIn("compress.py small", asked)
        self.check_the_last_steps(asked.replace(str(TRAIN) + "/", "").splitlines())
        self.assertNotIn("--from ", asked)
        self.assertIn("evaluate.py", asked.splitlines()[-1])

    def check_the_last_steps(self, asked):
        """What is shipped comes of a chain of steps whose arguments distill.py accepts."""
        cache = pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "gesso" / "train"
        runs = [line.split() for line in asked if line.startswith("distill.py")]
        for run in runs:
            with unittest.mock.patch.object(sys, "argv", run):
                distill.parse()
        self.assertIn(f"outlines.py {cache}/steady/model --out {cache}/outlines", asked)
        for before, name in (("distilled", "onward"), ("onward", "stronger"), ("stronger", "steady"), ("outlines", "shipped")):
            run = next(run for run in runs if str(cache / name) in run)
            self.assertEqual(run[1:3], [str(cache / before / "model")] * 2)
        self.assertIn(f"evaluate.py {cache}/{publish.SHIPPED}/model", asked[-1])

    def test_the_parent_gets_both_cores_when_the_decoder_is_finished(self):
        beside = """case "$*" in
          */vae.py\\ decoder*) until grep -q began "{log}"; do sleep 0.01; done ;;
          */parent.py\\ --bf16) trap 'echo ended >> "{log}"; exit {code}' TERM; echo began >> "{log}"
            i=0; while [ $i -lt 1000 ]; do sleep 0.01; i=$((i + 1)); done ;;
        esac
        """
        half = {"GESSO_TRAIN_BF16": "1"}
        for code, ends_well in ((3, True), (143, True), (1, False)):
            with self.subTest(code=code), unittest.mock.patch.dict(os.environ, half):
                self.behaviour = beside.format(log=self.folder / "log", code=code)
                self.assertEqual(self.start("PYTHON").returncode == 0, ends_well)
                asked = [line.replace(str(TRAIN) + "/", "") for line in self.log.read_text().splitlines()]
                after = asked[asked.index("ended"):]
                self.assertEqual("parent.py --threads 2 --bf16" in after, ends_well)
                self.assertEqual("parent.py --write" in after, ends_well)

    def test_what_it_does_not_know_is_rejected(self):
        for arguments in (("--from",), ("PYTHON", "--from"), ("--from", str(self.folder), "PYTHON"), ("--form", "x"),
                          ("PYTHON", "PYTHON"), ("PYTHON", "extra"), ("no-such-python",)):
            with self.subTest(arguments=arguments):
                ended = self.start(*arguments)
                self.assertEqual((ended.returncode, self.log.exists()), (2, False))
                self.assertIn("usage: train-starter [--from MODEL] [PYTHON]", ended.stderr)
        ended = self.start("--help")
        self.assertEqual((ended.returncode, ended.stderr, self.log.exists()), (0, "", False))
        self.assertIn("usage: train-starter", ended.stdout)


class Average(WithFolder):
    def test_weights_are_the_mean_and_the_rest_is_the_last_ones(self):
        other, mean = self.folder / "other", self.folder / "mean"
        unet = folders.load_unet(PARENT).float()
        with torch.no_grad():
            for value in unet.parameters():
                value.add_(0.5)
        folders.write_with_unet(PARENT, other, unet)
        called(average, PARENT, other, mean)
        before = folders.load_unet(PARENT).state_dict()
        for key, value in folders.load_unet(mean).state_dict().items():
            self.assertEqual(value.dtype, before[key].dtype)
            self.assertTrue(torch.allclose(value.float(), before[key].float() + 0.25, atol=2e-3), key)
        folders.Model(mean)

    def test_other_shapes_are_refused(self):
        compress.compress("small", PARENT, self.folder / "student")
        with self.assertRaises(SystemExit):
            called(average, PARENT, self.folder / "student", self.folder / "mean")
        self.assertFalse((self.folder / "mean").exists())


if __name__ == "__main__":
    unittest.main()
