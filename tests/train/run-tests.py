#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of this folder with GESSO_PYTHON, or this Python, where that has what tools/train needs. TAP on
standard output."""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PYTHON = os.environ.get("GESSO_PYTHON", sys.executable)
sys.path.insert(0, str(TOP / "tests"))

import tap  # noqa: E402


def main():
    found = subprocess.run([PYTHON, "-c", "import torch, diffusers, transformers, PIL"], capture_output=True, check=False)
    if found.returncode != 0:
        print("1..0 # SKIP there is no Python with what tools/train needs")
        return 0
    said = subprocess.run([PYTHON, "-B", "-m", "unittest", "discover", "-v", "-s", "tests/train"], cwd=TOP,
                          capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    report = tap.Report()
    report.told(said.returncode == 0, "unittest", said.stderr)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
