#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The programs with the real kernels, as tools/gpu-trial carries them: test-on-card.py MODEL PROGRAM... . TAP on standard
output. Here there is no card: that they are built, start and say so is what can be told of them.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tap  # noqa: E402

model, programs = sys.argv[1], sys.argv[2:]
ARGUMENTS = {"trial-networks-on-card": ["times", model], "full-size-on-card": ["-p", "/full-size/vae/f16", "vae"]}


def main():
    report = tap.Report()
    for program in programs:
        name = Path(program).name
        done = subprocess.run([program, *ARGUMENTS.get(name, [])], env=os.environ | {"GESSO_CUDA_DRIVER": "none"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        report.case(done.returncode != 0 and "There is no NVIDIA driver here" in done.stdout, name, done.stdout[-1000:])
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
