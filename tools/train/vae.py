#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Trains the starter's VAE: vae.py joint, then vae.py decoder.

`joint` trains encoder and decoder on crops, the last seventh on whole pictures. `decoder` then holds the encoder still,
so that the latents stay what they are while the U-Net is already trained on them, and goes on with the decoder alone:
on whole pictures in the end, and with an adversary that knows flat areas and sharp edges from soft ones.

The latents' noise is the same everywhere (NOISE) and is what a sample from the encoder's distribution has: the
logarithm of its variance is a constant of the last convolution. It teaches the decoder to forgive a U-Net's small
errors.
"""

import argparse
import functools
import math
import re

import torch
from diffusers import AutoencoderKL
from torch import nn

import data
import drawing
import starter
import training

PICTURES = 12000
SEED = 1
CROP, CROPS, WHOLE = 64, 6, 2
NOISE = 0.05
STEPS = {"joint": 4200, "decoder": 4000}
RATE = {"joint": 7e-4, "decoder": 5e-4}
# Share of the decoder's steps after which the adversary begins, and its weight.
ADVERSARY_FROM, ADVERSARY_WEIGHT = 0.5, 0.02
# With --bf16, the share of the decoder's steps after which everything is float32 again.
FULL_FROM = 0.85


@functools.cache
def picture(index):
    """A training picture as a uint8 tensor [3, H, W], drawn once and kept."""
    scene, _ = data.scene_at("train", SEED, index)
    return torch.from_numpy(drawing.picture(scene)).permute(2, 0, 1).contiguous()


def to_range(pixels):
    """uint8 pictures as the network sees them: -1..1."""
    return pixels.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)


def batch(step_random, whole):
    """Pictures of one step: a few whole ones, or more crops of whole latent cells."""
    indices = torch.randint(0, PICTURES, (WHOLE if whole else CROPS,), generator=step_random).tolist()
    if whole:
        return to_range(torch.stack([picture(index) for index in indices]))
    places = (starter.PICTURE - CROP) // starter.FACTOR + 1
    corners = torch.randint(0, places, (len(indices), 2), generator=step_random) * starter.FACTOR
    return to_range(torch.stack([picture(index)[:, y:y + CROP, x:x + CROP]
                                 for index, (y, x) in zip(indices, corners.tolist())]))


def differences(pictures):
    return pictures[..., 1:] - pictures[..., :-1], pictures[..., 1:, :] - pictures[..., :-1, :]


def distance(made, true):
    """Absolute and squared error of the pixels, absolute error of their differences: edges count more than areas."""
    error = made - true
    across, down = differences(error)
    return error.abs().mean() + error.square().mean() + 0.5 * (across.abs().mean() + down.abs().mean())


# Convolutions on the way that no residual connection spans.
TRUNK = re.compile(r".*(conv_in|conv_out|conv_shortcut|samplers\.0\.conv|quant_conv)")


def keep_signal(vae):
    """Weights of a size that neither shrinks nor drowns the signal in biases: with torch's own, colours fade to a
    twentieth on the way from pixels to pixels, and 600 steps teach less than 75 do from here."""
    for name, module in vae.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear" if TRUNK.fullmatch(name) else "relu")
            nn.init.zeros_(module.bias)
            if name.endswith("conv2"):
                module.weight.data.mul_(0.2)


def new_vae():
    """The VAE as its training begins, with the constant variance of its latents in place."""
    torch.manual_seed(SEED)
    vae = starter.new_vae()
    keep_signal(vae)
    channels = vae.config.latent_channels
    with torch.no_grad():
        nn.init.orthogonal_(vae.quant_conv.weight[:channels])
        vae.quant_conv.weight[channels:] = 0
        vae.quant_conv.bias[channels:] = 2 * math.log(NOISE)
    return vae.to(memory_format=torch.channels_last)


def adversary():
    """Judges patches of some 20 pixels, from the picture and its differences."""
    torch.manual_seed(SEED + 1)
    layers, width = [], 3
    for wider, stride in ((32, 1), (48, 2), (64, 2)):
        layers += [nn.Conv2d(width, wider, 3, stride, 1), nn.LeakyReLU(0.2)]
        width = wider
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 3, 1, 1)).to(memory_format=torch.channels_last)


def encode(vae, pictures):
    return vae.encode(pictures).latent_dist.mean


def noisy(latents, step_random):
    return latents + NOISE * torch.randn(latents.shape, generator=step_random).to(latents.device)


def train_joint(folder, steps, bf16, device):
    # Its latents' scale is measured at the end, once: a parent may be learning in it already.
    if training.finished(folder, steps, settings("joint", steps), "vae"):
        return
    vae = new_vae().to(device)
    optimiser = torch.optim.AdamW(vae.parameters(), betas=(0.9, 0.99), weight_decay=0, fused=True)
    average = training.Average([vae], 0.998)
    parts = {"vae": vae, "optimiser": optimiser, "average": average}
    run = training.Run(folder, steps, parts, settings("joint", steps))
    run.say(f"VAE of {training.parameter_count(vae):,} parameters")
    for step in run:
        step_random = training.generator(SEED, step)
        true = batch(step_random, step > steps * 6 / 7).to(device)
        with training.half(device, bf16):
            latents = encode(vae, true)
            made = vae.decode(noisy(latents, step_random)).sample
        latents, made = latents.float(), made.float()
        # A weak pull to zero; against it stands the noise, so the latents find a scale near 1.
        loss = distance(made, true) + 1e-3 * latents.square().mean()
        training.learn(vae.parameters(), optimiser, loss, RATE["joint"] * training.decaying(step, steps))
        average.update()
        run.measure(loss=loss.detach(), error=(made.detach() - true).abs().mean() * 127.5)
    finish(run, vae, average)


class DecoderLesson:
    """Teaches a VAE's decoder what pictures lie behind latents, the encoder held still, in `steps` steps; in the last half
    with an adversary. `parts` is what a run has to keep of it."""

    def __init__(self, vae, steps, bf16, device):
        self.steps, self.bf16, self.device = steps, bf16, device
        self.vae = vae.requires_grad_(False).to(device, memory_format=torch.channels_last)
        self.learning = [*vae.post_quant_conv.parameters(), *vae.decoder.parameters()]
        for parameter in self.learning:
            parameter.requires_grad_(True)
        self.judge = adversary().to(device)
        self.optimiser = torch.optim.AdamW(self.learning, betas=(0.9, 0.99), weight_decay=0, fused=True)
        self.judge_optimiser = torch.optim.AdamW(self.judge.parameters(), lr=2e-4, betas=(0.5, 0.9), weight_decay=0,
                                                 fused=True)
        self.average = training.Average([vae], 0.998)
        self.parts = {"vae": vae, "optimiser": self.optimiser, "average": self.average, "judge": self.judge,
                      "judge optimiser": self.judge_optimiser}

    def half(self, step):
        """Products in bfloat16 where wanted, but for the last steps."""
        return training.half(self.device, self.bf16 and step < self.steps * FULL_FROM)

    def learn(self, run, step, latents, true, step_random):
        """A step: of latents as the encoder gives them, and the pictures that they are to become."""
        with self.half(step):
            made = self.vae.decode(noisy(latents, step_random)).sample.float()
        loss = distance(made, true)
        if step > self.steps * ADVERSARY_FROM:
            loss = loss - ADVERSARY_WEIGHT * self.judge(made).mean()
        training.learn(self.learning, self.optimiser, loss, RATE["decoder"] * training.decaying(step, self.steps))
        if step > self.steps * (ADVERSARY_FROM - 0.05):
            doubt = (1 - self.judge(true)).relu().mean() + (1 + self.judge(made.detach())).relu().mean()
            training.learn(self.judge.parameters(), self.judge_optimiser, doubt, 2e-4)
            run.measure(judge=doubt.detach())
        self.average.update()
        run.measure(loss=loss.detach(), error=(made.detach() - true).abs().mean() * 127.5)


def is_whole(step, steps):
    """Whether a step of the decoder is of whole pictures."""
    return step % 3 == 2 or step > steps * 6 / 7


def train_decoder(folder, joint, steps, bf16, device):
    if training.finished(folder, steps, settings("decoder", steps), "vae"):
        return
    vae = new_vae().to(device)
    state = joint / "checkpoint.pt"
    if not state.exists():
        raise SystemExit(f"{state} is not there: run `vae.py joint` first")
    first = training.Average([vae], 0)
    first.load_state_dict(training.load(state)["parts"]["average"])
    first.swap()
    del first
    lesson = DecoderLesson(vae, steps, bf16, device)
    run = training.Run(folder, steps, lesson.parts, settings("decoder", steps))
    for step in run:
        step_random = training.generator(SEED + 1, step)
        true = batch(step_random, is_whole(step, steps)).to(device)
        with torch.no_grad(), lesson.half(step):
            latents = encode(vae, true)
        lesson.learn(run, step, latents, true, step_random)
    finish(run, vae, lesson.average)


def settings(stage, steps):
    return {"stage": stage, "steps": steps, "world": data.fingerprint(),
            "seed": SEED, "pictures": PICTURES, "channels": list(starter.VAE_CHANNELS),
            "rate": RATE[stage], "noise": NOISE, "groups": starter.VAE_GROUPS}


def finish(run, vae, average):
    with average:
        measure(run.folder, vae, run.say)


@torch.no_grad()
def measure(folder, vae, say=print, count=32):
    """Writes the scale of the latents and the VAE as diffusers keeps it; says the error on held-out pictures."""
    scenes = [data.scene_at("test", SEED, index)[0] for index in range(count)]
    true = to_range(torch.stack([torch.from_numpy(drawing.picture(scene)).permute(2, 0, 1) for scene in scenes]))
    true = true.to(vae.device)
    latents = encode(vae, true)
    made = vae.decode(latents).sample.clamp(-1, 1)
    say(f"held-out: mean absolute error {(made - true).abs().mean() * 127.5:.2f} of 255, latents' deviation "
        f"{latents.std():.3f}, by channel {[round(float(s), 2) for s in latents.std((0, 2, 3))]}")
    vae.register_to_config(scaling_factor=round(1 / float(latents.std()), 5))
    pair = torch.cat([true, made], 2).add(1).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    data.contact_sheet(list(pair), 8).save(folder / "pictures.png")
    with training.whole_folder(folder / "vae") as part:
        vae.save_pretrained(part)


def load_scale(state):
    """The scaling factor that was measured when a finished stage was written as a folder."""
    return AutoencoderKL.load_config(state.parent / "vae")["scaling_factor"]


def load_average(state):
    """The VAE of a checkpoint, with its averaged weights."""
    vae = new_vae()
    average = training.Average([vae], 0)
    average.load_state_dict(training.load(state)["parts"]["average"])
    average.swap()
    return vae.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=["joint", "decoder", "show"], help="show: measures the newest checkpoint")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--bf16", action="store_true", help="products in bfloat16: quicker where the processor has them")
    training.add_device(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    joint, decoder = training.cache_folder("vae-joint"), training.cache_folder("vae-decoder")
    if arguments.stage == "joint":
        train_joint(joint, arguments.steps or STEPS["joint"], arguments.bf16, arguments.device)
    elif arguments.stage == "decoder":
        train_decoder(decoder, joint, arguments.steps or STEPS["decoder"], arguments.bf16, arguments.device)
    else:
        folder = decoder if (decoder / "checkpoint.pt").exists() else joint
        measure(folder, load_average(folder / "checkpoint.pt"))


if __name__ == "__main__":
    main()
