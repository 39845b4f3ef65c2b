# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What every long computation here needs: a device, a place for checkpoints, steps that survive a kill, averaged weights.

A step's random numbers come from a generator seeded with (seed, step), so that a run that was killed and resumed goes
on exactly as if nothing had happened.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import sys
import time

import torch
from diffusers.models.attention_processor import AttnProcessor

PAUSE = "GESSO_TRAIN_PAUSE"
REPORT_SECONDS = 120


def add_device(parser):
    """The option --device: the first CUDA device where there is one."""
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu",
                        help="what computes: cpu, cuda or cuda:1 (default: %(default)s)")


def new_file(text):
    """An argument that names a file to write: what is wrong with its folder is said before hours of work."""
    path = pathlib.Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path}: there is no folder {path.parent}; make it first")
    return path


def cache_folder(name):
    """${XDG_CACHE_HOME:-~/.cache}/gesso/train/NAME, made if it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(base) / "gesso" / "train" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save(path, content):
    """torch.save that leaves either the old file or the whole new one."""
    path = pathlib.Path(path)
    unfinished = path.with_name(path.name + ".part")
    torch.save(content, unfinished)
    os.replace(unfinished, path)


@contextlib.contextmanager
def whole_folder(path):
    """Where to build the folder `path`, beside it: what is killed in between leaves none that looks finished."""
    path = pathlib.Path(path)
    unfinished = path.with_name(path.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    yield unfinished
    shutil.rmtree(path, ignore_errors=True)
    os.replace(unfinished, path)


def load(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def check_settings(path, stored, settings):
    """Ends the program where a checkpoint is not one of this run. What is not set is as what was not there yet when the
    run began: a new argument does not refuse the runs of before."""
    keys = [key for key in [*settings, *(key for key in stored if key not in settings)]
            if (stored.get(key) or None) != (settings.get(key) or None)]
    if keys:
        changes = ", ".join(f"{key} was {stored.get(key)!r} and is {settings.get(key)!r}" for key in keys)
        sys.exit(f"{path} was made with other settings: {changes}. Move its folder away, write to another one, or start "
                 "with the settings it has.")


def finished(folder, steps, settings, made="model"):
    """Whether a run has ended and written what it makes, FOLDER/model: such a step is passed over. A model that is older
    than the checkpoint is that of an earlier end, before the run was made longer."""
    path, model = pathlib.Path(folder) / "checkpoint.pt", pathlib.Path(folder) / made
    if not path.exists() or not model.exists():
        return False
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    check_settings(path, state["settings"], settings)
    done = state["step"] >= steps and model.stat().st_mtime >= path.stat().st_mtime
    if done:
        print(f"{folder} is finished: {state['step']} steps", flush=True)
    return done


def is_at_its_end(path):
    """Whether a checkpoint is that of the last step."""
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return state["step"] >= state["settings"]["steps"]


def generator(seed, step):
    """The random numbers of one step, the same on every device: always drawn on the CPU."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def readable(seconds):
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {int(seconds) % 60:02} s"


def decaying(step, steps, warm_up=200, floor=0.01):
    """Share of the learning rate: up in a line, then down in a line to almost nothing at the end."""
    return min(1, (step + 1) / warm_up) * max(floor, 1 - step / steps)


def parameter_count(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def half(device, wanted):
    """Products in bfloat16 where wanted; weights and what is made of the results stay float32."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=wanted)


def plain_attention(unet):
    """Attention as two products: on a CPU and for so few positions its backward pass is quicker than torch's own."""
    if unet.device.type == "cpu":
        unet.set_attn_processor(AttnProcessor())


def set_rate(optimiser, rate):
    for group in optimiser.param_groups:
        group["lr"] = rate


def learn(parameters, optimiser, loss, rate):
    """One step of an optimiser on parameters, their gradient cut to length 1."""
    parameters = list(parameters)
    set_rate(optimiser, rate)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()


class Average:
    """Exponential moving average of modules' weights, faster at the beginning. The modules may be of any device."""

    def __init__(self, modules, decay):
        self.modules, self.decay, self.count = modules, decay, 0
        self.weights = [parameter.detach().clone() for parameter in self.parameters()]

    def parameters(self):
        return [parameter for module in self.modules for parameter in module.parameters()]

    @torch.no_grad()
    def update(self):
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        torch._foreach_lerp_(self.weights, self.parameters(), 1 - decay)

    @torch.no_grad()
    def swap(self):
        """Exchanges the modules' weights and the average; a second call undoes the first."""
        for parameter, weight in zip(self.parameters(), self.weights):
            kept = parameter.detach().clone()
            parameter.copy_(weight)
            weight.copy_(kept)

    def __enter__(self):
        self.swap()

    def __exit__(self, *_):
        self.swap()

    def state_dict(self):
        return {"count": self.count, "weights": self.weights}

    @torch.no_grad()
    def load_state_dict(self, state):
        self.count = state["count"]
        for weight, stored in zip(self.weights, state["weights"], strict=True):
            weight.copy_(stored)


class Patience:
    """Tells when it is time again: `first` seconds after the beginning, then after twice as long each time, but never
    longer than `most`. A run that goes wrong does so early, and a short one is to be seen and kept as well."""

    def __init__(self, most, first=5):
        self.most, self.wait, self.since = most, min(first, most), time.monotonic()

    @property
    def ended(self):
        return time.monotonic() - self.since > self.wait

    def again(self):
        self.wait, self.since = min(2 * self.wait, self.most), time.monotonic()


class Run:
    """Iterates over the steps that are left: for step in Run (...).

    `parts` (name: module, optimiser or Average) are restored from FOLDER/checkpoint.pt before the first step and
    written there every `interval` seconds, more often at first, after the last step, and on SIGTERM or SIGINT, which then
    end the program.
    While the file that the environment variable GESSO_TRAIN_PAUSE names exists, no step begins. `settings` is what a
    resumed run must have in common with the one that wrote the checkpoint. Every `report_every` steps, where they are
    slow every REPORT_SECONDS, more often at first, and after the last it says how far it is. Every `sample_every` steps,
    if not 0, `sample` is called with their number, after the checkpoint is written: where it fails, nothing is lost.
    """

    def __init__(self, folder, steps, parts, settings, interval=300, report_every=100, sample=None, sample_every=0):
        self.folder, self.steps, self.parts, self.settings = pathlib.Path(folder), steps, parts, settings
        self.interval, self.report_every = interval, report_every
        self.sample, self.sample_every = sample, sample_every
        self.path = self.folder / "checkpoint.pt"
        self.step, self.stopped, self.means, self.log = 0, False, {}, None
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self.restore()

    def restore(self):
        state = load(self.path)
        check_settings(self.path, state["settings"], self.settings)
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
        self.step, self.means = state["step"], state["means"]
        self.say(f"resumed at step {self.step} of {self.steps}")

    def write(self):
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        save(self.path, {"settings": self.settings, "step": self.step, "means": self.means, "parts": parts})

    def say(self, text):
        """A line for whoever watches, and for FOLDER/log.txt."""
        print(text, flush=True)
        with open(self.folder / "log.txt", "a") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def measure(self, **values):
        """Running means of figures (tensors or numbers), said every `report_every` steps."""
        for name, value in values.items():
            value = float(value)
            mean = self.means.get(name, value)
            self.means[name] = mean + (value - mean) * max(0.01, 1 / (self.step + 1))

    def stop(self, *_):
        self.stopped = True

    @property
    def ended(self):
        return self.step >= self.steps

    def wait_while_paused(self):
        """Returns the seconds it waited."""
        begun = time.monotonic()
        while not self.stopped and os.environ.get(PAUSE) and os.path.exists(os.environ[PAUSE]):
            time.sleep(1)
        return time.monotonic() - begun

    def __iter__(self):
        handlers = [(number, signal.signal(number, self.stop)) for number in (signal.SIGTERM, signal.SIGINT)]
        begun, first, to_write, to_say = time.monotonic(), self.step, Patience(self.interval), Patience(REPORT_SECONDS)
        while not self.ended and not self.stopped:
            begun += self.wait_while_paused()
            if self.stopped:
                break
            yield self.step
            self.step += 1
            if self.step % self.report_every == 0 or self.ended or to_say.ended:
                to_say.again()
                pace = (time.monotonic() - begun) / (self.step - first)
                figures = " ".join(f"{name} {value:.4f}" for name, value in self.means.items())
                self.say(f"step {self.step} of {self.steps}, {figures}, {pace:.2f} s a step, "
                         f"{readable(pace * (self.steps - self.step))} left")
            sampled = bool(self.sample_every) and self.step % self.sample_every == 0
            if sampled or to_write.ended:
                self.write()
                to_write.again()
            if sampled:
                self.sample(self.step)
        self.write()
        for number, handler in handlers:
            signal.signal(number, handler)
        if self.stopped and not self.ended:
            self.say(f"stopped at step {self.step}; the same command goes on from there")
            sys.exit(3)
