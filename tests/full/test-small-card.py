#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Stable Diffusion 1.4 as large as it is on small cards, which are emulated: test-small-card.py GESSO MAKE-FULL-MODEL
DRIVER. The picture is small, as nothing else here is quick; what the card must hold is mostly weights. TAP on standard
output; takes minutes and 4 GB of temporary space.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tap  # noqa: E402

gesso, maker, driver = sys.argv[1:4]
report = tap.Report()


def run(memory, command, model, *options):
    """`gesso COMMAND` on a card of `memory` MiB."""
    environment = os.environ | {"GESSO_CUDA_DRIVER": driver, "GESSO_CUBLASLT": driver, "GESSO_CUDA_TUNING": "off",
                                "GESSO_CUDA_PATIENCE": "86400", "GESSO_EMULATION_MEMORY": str(memory), "LC_ALL": "C.UTF-8"}
    return subprocess.run([gesso, command, "--model", model, "--device", "cuda", *options], env=environment,
                          capture_output=True, encoding="utf-8")


def plan(memory, model, side):
    done = run(memory, "plan", model, "--width", str(side), "--height", str(side))
    if done.returncode != 0:
        raise SystemExit(f"Bail out! {done.stderr}")
    return done.stdout


def mebibytes(text, label):
    number, unit = re.search(rf"{label}: ([0-9.]+)\s([KMG])iB", text).groups()
    return float(number) * {"K": 2**-10, "M": 1, "G": 2**10}[unit]


def paint(folder, model, memory):
    """The pixels of a small picture, as the PNG holds them."""
    path = f"{folder}/{memory}.png"
    done = run(memory, "generate", model, "--prompt", "a red circle", "--seed", "7", "--steps", "1", "--width", "64",
               "--height", "64", "--output", path)
    if done.returncode != 0:
        raise SystemExit(f"Bail out! {done.stderr}")
    with open(path, "rb") as file:
        return file.read()


def main():
    with tempfile.TemporaryDirectory(prefix="gesso-small-card-") as folder:
        model = f"{folder}/sd14"
        os.mkdir(model)
        subprocess.run([maker, "sd14", model], check=True)
        large = plan(4096, model, 512)
        least = mebibytes(large, "Least memory, parts in turn")
        report.told("Does not fit" not in large and least < 0.9 * 4096, "4-gib-has-room-for-512", f"{least:.0f} MiB at least")

        refused = run(1024, "generate", model, "--prompt", "x", "--output", f"{folder}/none.png")
        report.told(refused.returncode == 1 and len(re.findall(r"[0-9.]+\s[MG]iB", refused.stderr)) >= 2
                    and not os.path.exists(f"{folder}/none.png"), "1-gib-is-refused", refused.stderr.strip())

        resident = mebibytes(plan(2048, model, 64), "Peak memory with everything resident")
        report.told(resident > 0.9 * 2048, "2-gib-cannot-hold-all", f"{resident:.0f} MiB with everything resident")
        report.told(paint(folder, model, 4096) == paint(folder, model, 2048), "same-picture-by-turns", "4 GiB and 2 GiB")
    return report.end()


sys.exit(main())
