# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The task of a U-Net: latents with noise of a random time, what should be seen in them, and how much a step weighs."""

import torch
from diffusers import DDPMScheduler


class Task:
    """Makes the noisy latents of a step.

    `offset`: offset noise, a random constant per picture and channel that is added to the noise, by this share. Without
    it a network reads a picture's mean colour through the noise of even the last time, instead of from the text.
    `snr_limit`: min-SNR weights, an error of the picture weighs min(SNR, limit) to the power `snr_power`; None: every
    time's noise weighs the same. With a power of 1, as min-SNR has it, what is decided under much noise, which is the
    composition, hardly weighs. `dropout`: share of captions replaced by the empty one, for guidance. `late`: times are
    drawn with a density that grows with this power of the time; 0: all alike. Where things lie is decided in the last
    fifth of the times, before anything can be seen.
    """

    def __init__(self, scheduler, tokenizer, offset=0.0, snr_limit=None, snr_power=1.0, dropout=0.0, late=0.0):
        config = dict(scheduler.config)
        self.target = config.get("prediction_type", "epsilon")
        if self.target not in ("epsilon", "v_prediction"):
            raise SystemExit(f"scheduler_config.json: prediction_type {self.target} is none that can be trained here")
        self.noiser = DDPMScheduler.from_config(scheduler.config)
        self.offset, self.dropout = offset, dropout
        self.snr_limit, self.snr_power, self.late = snr_limit, snr_power, late
        self.empty = tokenizer([""], padding="max_length", max_length=tokenizer.model_max_length,
                               return_tensors="pt").input_ids[0]

    def drop_captions(self, tokens, step_random):
        dropped = torch.rand(len(tokens), generator=step_random) < self.dropout
        return torch.where(dropped[:, None], self.empty, tokens)

    def noisy(self, latents, step_random):
        """(noisy latents, times, target, weights [count, 1, 1, 1]) on the latents' device."""
        count, channels = latents.shape[:2]
        times = self.times(count, step_random)
        noise = torch.randn(latents.shape, generator=step_random)
        if self.offset:
            noise = noise + self.offset * torch.randn((count, channels, 1, 1), generator=step_random)
        noise, times = noise.to(latents), times.to(latents.device)
        seen = self.noiser.add_noise(latents, noise, times)
        target = noise if self.target == "epsilon" else self.noiser.get_velocity(latents, noise, times)
        return seen.contiguous(memory_format=torch.channels_last), times, target, self.weights(times).to(latents)

    def times(self, count, step_random):
        """int64 [count] below the scheduler's number of times."""
        last = self.noiser.config.num_train_timesteps
        if not self.late:
            return torch.randint(0, last, (count,), generator=step_random)
        # The inverse of the distribution's integral, u = (time / last)^(late + 1).
        share = torch.rand(count, generator=step_random, dtype=torch.float64) ** (1 / (1 + self.late))
        return (share * last).long().clamp(max=last - 1)

    def weights(self, times):
        if self.snr_limit is None:
            return torch.ones(len(times), 1, 1, 1)
        kept = self.noiser.alphas_cumprod[times.cpu()]
        ratio = kept / (1 - kept)
        limited = ratio.clamp(max=self.snr_limit) ** self.snr_power
        # Velocity's error is noise's times the ratio and one.
        return (limited / (ratio if self.target == "epsilon" else ratio + 1))[:, None, None, None]


def weighted_error(made, target, weights):
    return ((made.float() - target.float()).square() * weights).mean()


@torch.no_grad()
def held_out_error(unet, text_encoder, source, scheduler, tokenizer, count=20):
    """Plain mean squared error of the noise of all pictures of a source, each at one time, the same whenever it is asked
    for."""
    task, total = Task(scheduler, tokenizer), 0.0
    for number, (latents, tokens) in enumerate(source.in_order(count)):
        seen, times, target, weights = task.noisy(latents.to(unet.device), torch.Generator().manual_seed(number))
        text = text_encoder(tokens.to(unet.device)).last_hidden_state
        total += float(weighted_error(unet(seen, times, text).sample, target, weights)) * len(latents)
    return total / source.count
