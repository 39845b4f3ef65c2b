# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of tools/train/trajectories.py and of how distill.py learns from it."""

import pathlib
import tempfile
import unittest
import unittest.mock

import torch
from miniatures import MODELS, PARENTS, captioned_images, tool

import denoising
import folder as folders
import training
import trajectories

PICTURES = torch.randn((6, 4, 8, 8), generator=torch.Generator().manual_seed(1))


class Source:
    """Six latents with token ids of their own, in turn."""

    def __init__(self):
        self.next = 0

    def batch(self, _step_random, count):
        chosen = torch.arange(self.next, self.next + count) % len(PICTURES)
        self.next += count
        tokens = chosen[:, None].expand(count, 77).clone()
        return PICTURES[chosen], tokens, tokens + 100


class Trajectories(unittest.TestCase):
    def drawings(self, prediction, count=12, **more):
        model = folders.Model(MODELS / PARENTS[1])
        model.scheduler.register_to_config(prediction_type=prediction)
        return trajectories.Trajectories(denoising.Task(model.scheduler, model.tokenizer), count, **more)

    def steps(self, drawings, source, n, count=4):
        """Lets them do what is right where that is known, and nothing where it is not."""
        for step in range(n):
            step_random = training.generator(7, step)
            which, latents, *_ = drawings.batch(source, step_random, count)
            drawings.advance(which, drawings.corrected(which, torch.zeros_like(latents)), source, step_random)
            yield which

    def test_who_says_what_is_right_draws_the_picture(self):
        for prediction in ("epsilon", "v_prediction"):
            drawings, source, ended = self.drawings(prediction), Source(), 0
            for which in self.steps(drawings, source, 80):
                last = which[(drawings.stages[which] == trajectories.STEPS - 1) & drawings.known[which]]
                ended += len(last)
                # The last time's noise, a twentieth of a picture, is still to come off.
                difference = drawings.latents[last] - drawings.kept(drawings.times[[-1]]).sqrt() * drawings.pictures[last]
                self.assertLess(float(difference.abs().amax()) if len(last) else 0.0, 0.2)
            self.assertGreater(ended, 5)

    def test_begun_with_noise_a_picture_is_not_known(self):
        drawings, source = self.drawings("epsilon"), Source()
        for _ in self.steps(drawings, source, 80):
            # A teacher has to say what is right there: the aim is what it is.
            aim = torch.full_like(drawings.latents, 5.0)
            kept = (drawings.corrected(torch.arange(drawings.count), aim) == aim).flatten(1).all(1)
            self.assertTrue(torch.equal(kept, ~drawings.known))
        self.assertTrue(drawings.known.any() and not drawings.known.all())
        self.assertTrue(torch.equal(drawings.heard, drawings.tokens + 100))

    def test_without_a_teacher_every_picture_is_known(self):
        drawings, ended = self.drawings("epsilon", all_known=True), 0
        for which in self.steps(drawings, Source(), 80):
            ended += int((drawings.stages[which] == trajectories.STEPS - 1).sum())
            self.assertTrue(drawings.known.all())
            self.assertGreaterEqual(int(drawings.stages.min()), trajectories.KNOWN)
        self.assertGreater(ended, 5)

    def test_a_source_that_ends_the_program_moves_nothing(self):
        drawings = self.drawings("epsilon")
        which = next(self.steps(drawings, Source(), 1))
        drawings.stages[which[0]] = trajectories.STEPS - 1
        before = {name: value.clone() for name, value in drawings.state_dict().items()}
        source = unittest.mock.Mock(batch=unittest.mock.Mock(side_effect=SystemExit("damaged")))
        with self.assertRaises(SystemExit):
            drawings.advance(which, torch.zeros(4, *PICTURES.shape[1:]), source, training.generator(7, 1))
        for name, value in drawings.state_dict().items():
            self.assertTrue(torch.equal(value, before[name]), name)

    def test_goes_on_where_it_was(self):
        one, other = self.drawings("epsilon"), self.drawings("epsilon")
        for _ in self.steps(one, Source(), 3):
            pass
        other.load_state_dict({name: value.clone() for name, value in one.state_dict().items()})
        for ours, theirs in zip(*(drawings.batch(None, training.generator(7, 9), 4) for drawings in (one, other))):
            self.assertTrue(torch.equal(ours, theirs))

    def test_a_resumed_run_is_the_same_to_the_bit(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            pictures = captioned_images(folder / "pictures", "jsonl")
            model = MODELS / PARENTS[1]

            def run(out, steps, *more):
                tool("distill.py", model, model, "--data", pictures, "--side", 64, "--steps", steps, "--batch", 4,
                     "--out", folder / out, "--device", "cpu", "--pictures-every", 0, "--prompt", "a",
                     "--guidance", 2, 7.5, "--trajectories", 0.5, *more)

            for more in ((), ("--from-pictures",)):
                ends = [folder / f"{name}{len(more)}" for name in ("whole", "parts")]
                run(ends[0], 4, *more)
                run(ends[1], 2, *more)
                run(ends[1], 4, *more)
                whole, parts = (training.load(end / "checkpoint.pt")["parts"] for end in ends)
                self.assertTrue(torch.equal(whole["drawings"]["latents"], parts["drawings"]["latents"]))
                for key, value in whole["student"].items():
                    self.assertTrue(torch.equal(value, parts["student"][key]), key)


if __name__ == "__main__":
    unittest.main()
