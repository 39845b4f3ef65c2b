#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Writes noise.json and pndm.json beside itself: torch.randn and diffusers' PNDMScheduler as the tests replay them.

Versions: tools/reference/requirements.txt.
"""

import json
import math
import os

import numpy
import torch
from diffusers import PNDMScheduler

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = [0, 1, 42, 2**31, 2**32 - 1, 2**32 + 5, 2**63 - 1]
SIZES = [*range(1, 41), 100, 1000, 4 * 13 * 7, 4 * 5 * 9, 4 * 64 * 64]
N_SHOWN = 20
N_LATENTS = 4


def noise():
    """All values up to 40; of longer ones the first and the last twenty, and the mean square of all."""
    result = []
    for seed in SEEDS:
        for n in SIZES if seed in (0, 2**63 - 1) else (3, 16, 37, 4 * 13 * 7, 4 * 64 * 64):
            values = torch.randn(n, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float32)
            shown = values if n <= 40 else torch.cat([values[:N_SHOWN], values[-N_SHOWN:]])
            result.append({"seed": seed, "n": n, "mean_square": values.double().pow(2).mean().item(),
                           "values": [float(f"{v:.7g}") for v in shown.tolist()]})
    return result


CARD = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1, "prediction_type": "epsilon",
        "timestep_spacing": "leading"}
STEPS = [1, 2, 3, 4, 5, 6, 7, 10, 13, 25, 50, 333, 499, 999, 1000]
CONFIGS = {
    "card": {},
    "card-prk": {"skip_prk_steps": False},
    "defaults": {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "skip_prk_steps": False,
                 "steps_offset": 0},
    "offset-0": {"steps_offset": 0},
    "offset-7": {"steps_offset": 7},
    "offset-negative": {"steps_offset": -3},
    "alpha-one": {"set_alpha_to_one": True},
    "velocity": {"prediction_type": "v_prediction"},
    "velocity-prk": {"prediction_type": "v_prediction", "skip_prk_steps": False, "set_alpha_to_one": True},
    "cosine": {"beta_schedule": "squaredcos_cap_v2", "steps_offset": 0},
    "trailing": {"timestep_spacing": "trailing"},
    "trailing-prk": {"timestep_spacing": "trailing", "skip_prk_steps": False},
    "linspace": {"timestep_spacing": "linspace"},
    "linspace-prk": {"timestep_spacing": "linspace", "skip_prk_steps": False, "prediction_type": "v_prediction"},
    "trained": {"num_train_timesteps": 40, "trained_betas": [0.001 + 0.0005 * i + 0.0002 * (i % 3)
                                                             for i in range(40)], "steps_offset": 0},
    "short": {"num_train_timesteps": 77, "steps_offset": 0},
}


def fake_model(latents, timestep, evaluation):
    """Depends on what a row may get wrong: the latents, the time step, and which evaluation it is."""
    waves = [math.sin(0.37 * i + 0.01 * timestep + 0.9 * evaluation) for i in range(len(latents))]
    return 0.5 * latents + torch.tensor(waves, dtype=torch.float64)


def trajectory(config, steps):
    """Evaluated time steps and latents after every evaluation (after every 50th of long ones, and the last)."""
    scheduler = PNDMScheduler(**config)
    # The table is float32 as it is; the arithmetic on it is not, so that its own rounding does not count.
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    scheduler.final_alpha_cumprod = scheduler.final_alpha_cumprod.double()
    latents = torch.tensor([1.0, -0.5, 0.25, 2.0], dtype=torch.float64)
    try:
        scheduler.set_timesteps(steps)
        rows = []
        for evaluation, timestep in enumerate(scheduler.timesteps):
            output = fake_model(latents, timestep.item(), evaluation)
            latents = scheduler.step(output, timestep, latents).prev_sample
            rows.append([float(f"{v:.8g}") for v in latents.tolist()])
    except (IndexError, ValueError) as error:
        print(f"steps {steps}: {type(error).__name__}: {error}")
        return {"steps": steps, "error": True}
    assert numpy.isfinite(rows).all()
    every = 1 if steps <= 10 else 10 if steps <= 50 else 100
    kept = [i for i in range(len(rows)) if i % every == 0 or i == len(rows) - 1]
    timesteps = scheduler.timesteps.tolist()
    shown = {"timesteps": timesteps} if steps <= 50 else {}
    return {"steps": steps, **shown, "count": checksum(timesteps), "rows": [[i, *rows[i]] for i in kept]}


def checksum(timesteps):
    """How many evaluations, and the sum of time steps times positions."""
    return [len(timesteps), sum((i % 97 + 1) * t for i, t in enumerate(timesteps))]


def counts(config):
    """The checksum for every number of steps from 1 up."""
    result = []
    for steps in range(1, config["num_train_timesteps"] + 1):
        scheduler = PNDMScheduler(**config)
        scheduler.set_timesteps(steps)
        result.append(checksum(scheduler.timesteps.tolist()))
    return result


def pndm():
    result = []
    for name, changes in CONFIGS.items():
        config = {**CARD, **changes}
        steps = sorted({s for s in STEPS if s <= config["num_train_timesteps"]} | {config["num_train_timesteps"]})
        print(name)
        entry = {"name": name, "config": config, "runs": [trajectory(config, s) for s in steps]}
        if name in ("offset-0", "trailing", "linspace"):
            entry["counts"] = counts(config)
        result.append(entry)
    return result


for name, value in (("noise", noise()), ("pndm", pndm())):
    with open(f"{HERE}/{name}.json", "w", encoding="utf-8") as file:
        lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in value)
        file.write(f"[\n{lines}\n]\n")
