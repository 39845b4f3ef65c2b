# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Drawings under way, as a student makes them itself: the noisy latents that it meets, with its own errors in them.

A picture with noise on it never shows a network what its errors lead to, and guidance multiplies them. Learning where
one's own decisions lead is what imitation learning calls DAgger (Ross, Gordon and Bagnell 2011).
"""

import torch

STEPS = 25
# From the step of this number on a picture with noise on it says which picture it is.
KNOWN = 9


class Trajectories:
    """`count` drawings of `STEPS` DDIM steps each. A step of training takes some of them, learns from where they are, and
    takes each a step further with what the student said there, so that they cost nothing. What is finished begins again
    with another caption: half of them with noise, the others late, with noise on a picture. Of these it is known what
    should come out, whatever the student has made of them since; with `all_known` every one begins so."""

    def __init__(self, task, count, all_known=False):
        self.task, self.count, self.late = task, count, 1.0 if all_known else 0.5
        self.first = KNOWN if all_known else 0
        last = task.noiser.config.num_train_timesteps
        # As the samplers space them: the last time first, one past the multiples of the stride.
        self.times = torch.arange(STEPS - 1, -1, -1) * (last // STEPS) + 1
        self.latents = self.pictures = self.known = self.stages = self.tokens = self.heard = None

    def state_dict(self):
        return {name: getattr(self, name) for name in ("latents", "pictures", "known", "stages", "tokens", "heard")}

    def load_state_dict(self, state):
        for name, value in state.items():
            setattr(self, name, value)

    def new(self, source, step_random, stages):
        """What begins at some stages."""
        pictures, tokens, heard = source.batch(step_random, len(stages))
        pictures, noise = pictures.float().cpu(), torch.randn(pictures.shape, generator=step_random)
        noisy = self.task.noiser.add_noise(pictures, noise, self.times[stages])
        return {"latents": torch.where((stages > 0)[:, None, None, None], noisy, noise), "pictures": pictures,
                "known": stages >= KNOWN, "stages": stages, "tokens": tokens, "heard": heard}

    def batch(self, source, step_random, count):
        """(which, latents, times, tokens, tokens as the student hears them) of `count` of them."""
        if self.latents is None:
            stages = torch.randint(self.first, STEPS, (self.count,), generator=step_random)
            self.load_state_dict(self.new(source, step_random, stages))
        which = torch.randperm(self.count, generator=step_random)[:count]
        return which, self.latents[which], self.times[self.stages[which]], self.tokens[which], self.heard[which]

    def kept(self, times):
        """The picture's share of the variance."""
        return self.task.noiser.alphas_cumprod[times.clamp(min=0)][:, None, None, None]

    def corrected(self, which, aim):
        """What the student should say: `aim`, but where the picture is known, that which leads there."""
        now, seen, picture = self.kept(self.times[self.stages[which]]), self.latents[which], self.pictures[which]
        noise = (seen - now.sqrt() * picture) / (1 - now).sqrt()
        if self.task.target != "epsilon":
            noise = now.sqrt() * noise - (1 - now).sqrt() * picture
        return torch.where(self.known[which][:, None, None, None].to(aim.device), noise.to(aim), aim)

    def advance(self, which, predicted, source, step_random):
        """Takes those a step of DDIM (Song, Meng and Ermon 2020, eq. 12 without noise) further. What takes the place of
        finished ones is there before anything moves, since a source may end the program."""
        ended, begun = which[self.stages[which] == STEPS - 1], {}
        if len(ended):
            late = torch.randint(KNOWN, STEPS - 1, (len(ended),), generator=step_random)
            stages = torch.where(torch.rand(len(ended), generator=step_random) < self.late, late, 0)
            begun = self.new(source, step_random, stages)
        times = self.times[self.stages[which]]
        now, then = self.kept(times), self.kept(times - (self.times[0] - self.times[1]))
        seen, predicted = self.latents[which], predicted.float().cpu()
        if self.task.target == "epsilon":
            noise = predicted
            picture = (seen - (1 - now).sqrt() * noise) / now.sqrt()
        else:
            noise = now.sqrt() * predicted + (1 - now).sqrt() * seen
            picture = now.sqrt() * seen - (1 - now).sqrt() * predicted
        self.latents[which] = then.sqrt() * picture + (1 - then).sqrt() * noise
        self.stages[which] += 1
        for name, value in begun.items():
            getattr(self, name)[ended] = value
