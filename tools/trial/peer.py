# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The other side of the trial: diffusers in fp16 on a model folder. peer.py FOLDER --way WAY prints one JSON object:
median seconds of a step with guidance (the U-Net alone, a batch of two) and of decoding one picture, each several times
in a row as Gesso's are, and of 25 steps with the scheduler and decoding, all warm; and the most memory that torch had,
the context apart. Text features are made up: no text encoder is timed or held, which is in its favour.
"""

import argparse
import importlib.metadata
import itertools
import json
import mmap
import os
import re
import statistics
import sys
import time
from functools import partial

if os.environ.get("GESSO_TRIAL_SITE"):
    sys.path.append(os.environ["GESSO_TRIAL_SITE"])

STEPS = 25
ROUNDS = 10
REPEATS = 5
# Of calls before any that counts: a card that idles has a fifth of its clock.
WARM_SECONDS = 0.5
# Ways that compile the U-Net, by torch.compile's mode. The decoder is that of channels-last: called once where the
# U-Net is 25 times, it is not worth its minutes of compiling.
MODES = {"compiled": "max-autotune", "reduce-overhead": "reduce-overhead"}
WAYS = ("eager", "channels-last", *MODES)
CLASSES = ("UNet2DConditionModel", "AutoencoderKL", "PNDMScheduler")
# What the diffusers that is carried asks for.
OLDEST_PYTHON = (3, 11)
DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64"}


def report(**found):
    print(json.dumps(found), flush=True)


def import_libraries():
    """torch and diffusers with what is used of it, which it imports when first asked for it."""
    import torch
    import diffusers
    for name in CLASSES:
        getattr(diffusers, name)
    return torch, diffusers


def is_met(requirement):
    """Whether there is such a package, and of a version as asked for where that can be told."""
    try:
        version = importlib.metadata.version(re.match(r"[\w.-]+", requirement)[0])
    except importlib.metadata.PackageNotFoundError:
        return False
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return True
    return Requirement(requirement).specifier.contains(version, prereleases=True)


def explain(error):
    """What torch and diffusers lack, and what to do about it."""
    while error.__cause__:
        error = error.__cause__
    # What diffusers would have tried is for those who develop it.
    said = " ".join(str(error).split("\nTry: ")[0].split())[:500] or repr(error)
    if sys.version_info < OLDEST_PYTHON:
        return (f"{said}. This is Python {sys.version.split()[0]}: let GESSO_PYTHON name one of "
                f"{'.'.join(map(str, OLDEST_PYTHON))} or newer that has torch and transformers")
    try:
        diffusers = f"diffusers=={importlib.metadata.version('diffusers')}"
        # What only some of its uses ask for has a condition.
        asked = [name for name in importlib.metadata.requires("diffusers") or () if ";" not in name]
    except importlib.metadata.PackageNotFoundError:
        diffusers, asked = "diffusers", ["diffusers"]
    lacking = [name for name in ("torch", *asked, "packaging") if not is_met(name)]
    listed = f" Lacking: {', '.join(lacking)}." if lacking else ""
    return (f"{said}.{listed} {sys.executable} -m pip install torch {diffusers} brings it; or let GESSO_PYTHON name a "
            "Python that has it")


def read_tensors(torch, path):
    """A safetensors file, whose package need not be there."""
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    length = int.from_bytes(mapped[:8], "little")
    for name, entry in json.loads(mapped[8:8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = getattr(torch, DTYPES[entry["dtype"]])
        count = (end - begin) // dtype.itemsize
        yield name, torch.frombuffer(mapped, dtype=dtype, count=count,
                                     offset=8 + length + begin).reshape(entry["shape"])


def load(torch, kind, folder, device):
    """A network with the folder's weights, in fp16."""
    with open(f"{folder}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    with torch.device("meta"):
        network = kind.from_config(config)
    network = network.to(torch.float16).to_empty(device=device).eval()
    files = [name for name in sorted(os.listdir(folder)) if name.endswith((".safetensors", ".bin"))]
    if files[0].endswith(".bin"):
        weights = torch.load(f"{folder}/{files[0]}", weights_only=True)
    else:
        weights = dict(read_tensors(torch, f"{folder}/{files[0]}"))
    network.load_state_dict(weights)
    return network


class Side:
    def __init__(self, torch, diffusers, options):
        self.torch, self.options = torch, options
        self.device = options.device
        side = options.size // 8
        self.unet = self.lay_out(load(torch, diffusers.UNet2DConditionModel, f"{options.folder}/unet", self.device))
        self.vae = None
        if not options.only_step:
            self.vae = self.lay_out(load(torch, diffusers.AutoencoderKL, f"{options.folder}/vae", self.device))
        width = self.unet.config.cross_attention_dim
        channels = self.unet.config.in_channels
        generator = torch.Generator("cpu").manual_seed(7)
        self.latents = torch.randn(options.images, channels, side, side, generator=generator).to(self.device).half()
        self.text = torch.randn(2 * options.images, 77, width, generator=generator).to(self.device).half()
        # A tensor, as the scheduler gives it: a number would be sent to the card, and compiled for, each time.
        self.timestep = torch.tensor(501, device=self.device)
        self.doubled = self.double(self.latents)
        self.scheduler = diffusers.PNDMScheduler.from_pretrained(f"{options.folder}/scheduler")
        if options.way in MODES:
            # What is made at the first use exists before anything is compiled.
            self.step()
            self.unet.forward = torch.compile(self.unet.forward, mode=MODES[options.way], fullgraph=True)

    def lay_out(self, network):
        if self.options.way == "eager":
            return network
        return network.to(memory_format=self.torch.channels_last)

    def double(self, latents):
        doubled = self.torch.cat([latents] * 2)
        if self.options.way != "eager":
            doubled = doubled.contiguous(memory_format=self.torch.channels_last)
        return doubled

    def predict(self, doubled, timestep):
        return self.unet(doubled, timestep, encoder_hidden_states=self.text, return_dict=False)[0]

    def step(self):
        return self.predict(self.doubled, self.timestep)

    def decode(self, latents):
        return self.vae.decode(latents / self.vae.config.scaling_factor, return_dict=False)[0]

    def picture(self):
        self.scheduler.set_timesteps(self.options.steps, device=self.device)
        latents = self.latents * self.scheduler.init_noise_sigma
        for timestep in self.scheduler.timesteps:
            negative, positive = self.predict(self.double(latents), timestep).chunk(2)
            noise = negative + 7.5 * (positive - negative)
            latents = self.scheduler.step(noise, timestep, latents, return_dict=False)[0]
        pixels = self.decode(latents[:1])
        return ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(self.torch.uint8).cpu()

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def median(self, function, rounds, repeats=1):
        """Seconds of one call, `repeats` of them between two waits."""
        end = time.perf_counter() + (WARM_SECONDS if self.device == "cuda" else 0)
        for call in itertools.count(1):
            function()
            if call >= min(3, rounds):
                self.wait()
                if time.perf_counter() >= end:
                    break
        seconds = []
        for _ in range(rounds):
            begin = time.perf_counter()
            for _ in range(repeats):
                function()
            self.wait()
            seconds.append((time.perf_counter() - begin) / repeats)
        return statistics.median(seconds)


def measure(torch, side, options, found):
    """Adds the figures, and reports as it goes: who is cut off has said what was known. The step's come first, closest to
    what Gesso took before."""
    found["step_seconds"] = side.median(side.step, options.rounds, options.repeats)
    if options.only_step:
        return
    report(**found)
    found["decode_seconds"] = side.median(partial(side.decode, side.latents[:1]), options.rounds, options.repeats)
    report(**found)
    if options.device == "cuda":
        # What was taken to try algorithms is not what pictures need.
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    found["picture_seconds"] = side.median(side.picture, max(1, options.rounds // 3))
    if options.device == "cuda":
        found["memory_bytes"] = torch.cuda.max_memory_reserved()
        found["memory_allocated_bytes"] = torch.cuda.max_memory_allocated()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--way", choices=WAYS, default="eager")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--only-step", action="store_true")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    try:
        torch, diffusers = import_libraries()
    except Exception as error:  # whatever ails them, a package that is too old or a library that does not load
        report(status="not here", why=explain(error))
        return 0
    torch.set_grad_enabled(False)
    torch.backends.cudnn.benchmark = True
    # Nobody adapts these models, and with peft each call goes through all layers, which torch.compile cannot follow.
    diffusers.utils.USE_PEFT_BACKEND = False
    try:
        begin = time.perf_counter()
        side = Side(torch, diffusers, options)
        found = {"torch": torch.__version__, "diffusers": diffusers.__version__}
        # With it all is compiled.
        side.step()
        side.wait()
        found["warm_up_seconds"] = time.perf_counter() - begin
        if options.way in MODES:
            # A mode that is to record its kernels and does not would be an easy one to beat.
            found["cudagraph_skips"] = torch._dynamo.utils.counters["inductor"]["cudagraph_skips"]
        report(**found)
        measure(torch, side, options, found)
    except torch.OutOfMemoryError as error:
        report(error={"code": "OUT_OF_MEMORY", "message": str(error)[:500]})
        return 1
    except (RuntimeError, AssertionError) as error:
        # torch has no driver, no card, or one that it cannot use.
        report(error={"code": "DEVICE", "message": str(error)[:500]})
        return 1
    report(**found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
