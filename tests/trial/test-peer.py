#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The other side of the trial on the CPU: test-peer.py MODEL-FOLDER MAKE-FULL-MODEL. Whether it draws in every way, and
takes the folders of full size that are made for a trial. Runs with GESSO_PYTHON, or this Python, where that has torch and
diffusers; with GESSO_FULL also the ways that compile, which take minutes. TAP on standard output.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PYTHON = os.environ.get("GESSO_PYTHON", sys.executable)
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tools" / "trial")]

import peer  # noqa: E402
import tap  # noqa: E402


# What of them is loaded: PROGRAM FOLDER-OF-PEER FOLDER-OF-MODEL. Of a U-Net on the meta device only names and shapes count.
LOAD = """
import sys
sys.path.insert(0, sys.argv[1])
import torch, diffusers, peer
peer.load(torch, diffusers.UNet2DConditionModel, sys.argv[2] + "/unet", "meta")
peer.load(torch, diffusers.AutoencoderKL, sys.argv[2] + "/vae", "meta")
"""


def check_made(report, maker):
    for name in ("v2-tiny", "v2-small", "sd14"):
        with tempfile.TemporaryDirectory(prefix="gesso-peer-") as folder:
            subprocess.run([maker, name, folder, "--empty"], check=True)
            said = subprocess.run([PYTHON, "-B", "-c", LOAD, TOP / "tools" / "trial", folder], capture_output=True, text=True,
                                  check=False)
            report.case(said.returncode == 0, f"takes-a-made-{name}", said.stderr)


def main():
    found = subprocess.run([PYTHON, "-c", "import torch, diffusers"], capture_output=True, check=False)
    if found.returncode != 0:
        print("1..0 # SKIP there is no torch, or no diffusers")
        return 0
    ways = [way for way in peer.WAYS if way not in peer.MODES or os.environ.get("GESSO_FULL")]
    report = tap.Report()
    for way in ways:
        command = [PYTHON, "-B", TOP / "tools" / "trial" / "peer.py", sys.argv[1], "--device", "cpu", "--way", way,
                   "--size", "64", "--rounds", "1", "--repeats", "2", "--steps", "2"]
        said = subprocess.run(command, capture_output=True, text=True, check=False,
                              env={**os.environ, "OMP_NUM_THREADS": "1"})
        times = json.loads((said.stdout.splitlines() or ["{}"])[-1])
        right = said.returncode == 0 and all(times.get(f"{what}_seconds", 0) > 0 for what in
                                             ("step", "decode", "picture"))
        report.case(right, way, said.stdout + said.stderr)
    check_made(report, sys.argv[2])
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
