#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What kernels/compile-kernel.py makes of the compiler's words: test-compile-kernel.py COMPILE-KERNEL BUILD.

And whether the build knows the headers of the kernels' sources. TAP on standard output.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tap  # noqa: E402

compile_kernel, build = sys.argv[1:3]
# A compiler that says these words of one kernel and makes an empty image.
COMPILER = """#!/bin/sh
cat >&2 <<END
ptxas info    : Compiling entry function 'one_f16' for 'sm_86'
ptxas info    : Function properties for one_f16
    {frame} bytes stack frame, {stores} bytes spill stores, {loads} bytes spill loads
ptxas info    : Used 18 registers, used 1 barriers, 16 bytes smem, 400 bytes cmem[0]
{more}
END
while [ $# -gt 0 ]; do
  case "$1" in -o | -MF) : >"$2" ;; esac
  shift
done
exit {status}
"""
LOSS = ("ptxas info    : (C7515) Potential Performance Loss: wgmma.mma_async instructions are serialized due to non wgmma "
        "instructions defining accumulator registers of a wgmma between start and end of the pipeline stage in 'one_f16'")
# Name, bytes of stack, of spills stored and loaded, another line, the compiler's status, and what is said of it.
CASES = [
    ("all-well", 0, 0, 0, "", 0, None),
    ("spills", 8, 8, 4, "", 0, "one_f16 spills 12 bytes of registers on sm_86"),
    ("stack", 32, 0, 0, "", 0, "one_f16 has 32 bytes of stack on sm_86"),
    ("loss", 0, 0, 0, LOSS, 0, "the compiler knows of a loss: " + LOSS),
    ("error", 0, 0, 0, "", 2, "Used 18 registers"),
]
# What must be compiled anew when a header changes.
HEADERS = {"attention-plain_f16": "attention.cuh", "attention-512_bf16": "attention.cuh", "conv2d_f16": "matmul.cuh"}
report = tap.Report()


def check_words(folder, name, frame, stores, loads, more, status, says):
    compiler, image, resources = folder / "nvcc", folder / f"{name}.fatbin", folder / f"{name}.resources"
    compiler.write_text(COMPILER.format(frame=frame, stores=stores, loads=loads, more=more, status=status), encoding="utf-8")
    compiler.chmod(0o755)
    done = subprocess.run([compile_kernel, image, resources, folder / f"{name}.d", compiler, "-c"], capture_output=True,
                          encoding="utf-8", check=False)
    if says:
        ok = done.returncode != 0 and says in done.stderr and not resources.exists()
    else:
        ok = done.returncode == 0 and resources.read_text(encoding="utf-8") == "one_f16 sm_86 18 16 0\n"
    report.told(ok, name, done.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="gesso-compile-") as folder:
        for case in CASES:
            check_words(Path(folder), *case)
    for image, header in HEADERS.items():
        target = f"kernels/{image.replace('-', '_')}.fatbin"
        done = subprocess.run(["ninja", "-C", build, "-t", "deps", target], capture_output=True, encoding="utf-8",
                              check=False)
        report.told(f"kernels/{header}" in done.stdout, f"{image} needs {header}",
                    "\n".join(line for line in done.stdout.splitlines() if "kernels" in line) + done.stderr)
    return report.end()


sys.exit(main())
