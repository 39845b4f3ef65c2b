#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""tools/gesso-emulated and its options: test-gesso-emulated.py TREE. TAP on standard output."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tap  # noqa: E402

TOOL = f"{sys.argv[1]}/tools/gesso-emulated"
# Arguments, whether it ends well, and what it says.
CASES = [
    (["--no-card", "devices"], True, "finds no card"),
    (["--card-memory", "96", "devices"], True, "96.0\xa0MiB"),
    (["--card-capability", "9.0", "--card-driver", "13010", "devices"], True, "compute capability 9.0, CUDA 13.1"),
    (["--no-cublaslt", "devices"], True, "own matrix products"),
    (["--card-memory"], False, "wants a value"),
]


def main():
    # The test already runs in the place that was chosen for the build.
    environment = os.environ | {"GESSO_SANDBOX": "native", "LC_ALL": "C.UTF-8"}
    report = tap.Report()
    for arguments, ends_well, says in CASES:
        done = subprocess.run([TOOL, *arguments], env=environment, capture_output=True, encoding="utf-8", check=False)
        said = done.stdout + done.stderr
        report.told((done.returncode == 0) == ends_well and says in said, " ".join(arguments), said)
    return report.end()


sys.exit(main())
