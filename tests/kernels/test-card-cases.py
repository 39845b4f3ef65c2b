#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What the command line says where there is no card, or one that cannot do it: test-card-cases.py GESSO DRIVER MODEL.

"cuda" is refused with the reason and leaves no file, "auto" paints on the CPU and tells why. TAP on standard output.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tap  # noqa: E402

gesso, driver, model = sys.argv[1:4]
# Name, what the machine is like, and what a message must say.
CASES = [
    ("no-driver", {"GESSO_CUDA_DRIVER": "/nonexistent/libcuda.so"}, ["/nonexistent/libcuda.so"]),
    ("no-card", {"GESSO_EMULATION_DEVICES": "0"}, ["finds no card"]),
    ("old-driver", {"GESSO_EMULATION_DRIVER_VERSION": "12040"}, ["CUDA 12.4"]),
    ("old-card", {"GESSO_EMULATION_CAPABILITY": "7.5"}, ["compute capability 7.5"]),
    ("small-card", {"GESSO_EMULATION_MEMORY": "8"}, ["This needs", "may be used"]),
]
report = tap.Report()


def run(machine, *arguments):
    environment = os.environ | {"GESSO_CUDA_DRIVER": driver, "GESSO_CUBLASLT": "none", "GESSO_CUDA_TUNING": "off",
                                "LC_ALL": "C.UTF-8"} | machine
    return subprocess.run([gesso, *arguments], env=environment, capture_output=True, encoding="utf-8")


def paint(machine, device, path, model=model):
    return run(machine, "generate", "--model", model, "--device", device, "--prompt", "a red circle", "--seed", "1",
               "--steps", "1", "--width", "16", "--height", "16", "--output", path)


def check(folder, name, machine, words):
    path = f"{folder}/{name}.png"
    done = paint(machine, "cuda", path)
    report.told(done.returncode == 1 and all(word in done.stderr for word in words) and not os.path.exists(path),
                f"{name}-cuda-is-refused", done.stderr)
    done = paint(machine, "auto", path)
    report.told(done.returncode == 0 and all(word in done.stderr for word in words) and os.path.exists(path),
                f"{name}-auto-takes-the-cpu", done.stderr)
    done = run(machine, "devices")
    cuda = next((line for line in done.stdout.splitlines() if line.startswith("cuda:")), "")
    expected = "cannot be used" in cuda and words[0] in cuda if name != "small-card" else "8.0\xa0MiB" in cuda
    report.told(done.returncode == 0 and expected and "cpu:" in done.stdout, f"{name}-devices", done.stdout)


def check_damaged(folder):
    """All steps are queued before the first one's latents could be looked at: the end tells."""
    damaged = f"{folder}/damaged"
    shutil.copytree(model, damaged)
    weights = Path(damaged) / "unet" / "diffusion_pytorch_model.safetensors"
    contents = weights.read_bytes()
    header = 8 + int.from_bytes(contents[:8], "little")
    # All bits set is no number in any floating type.
    weights.write_bytes(contents[:header] + b"\xff" * (len(contents) - header))
    done = paint({}, "cuda", f"{folder}/damaged.png", damaged)
    says = "unet/diffusion_pytorch_model.safetensors: these weights give values that are no numbers"
    report.told(done.returncode == 1 and says in done.stderr and not os.path.exists(f"{folder}/damaged.png"),
                "damaged-weights", done.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="gesso-card-") as folder:
        for case in CASES:
            check(folder, *case)
        done = paint({}, "auto", f"{folder}/card.png")
        report.told(done.returncode == 0 and os.path.exists(f"{folder}/card.png") and "not used" not in done.stderr,
                    "a-card-is-taken", done.stderr)
        done = run({}, "devices")
        report.told("cuda: Gesso's emulation" in done.stdout, "a-card-is-named", done.stdout)
        check_damaged(folder)
    return report.end()


sys.exit(main())
