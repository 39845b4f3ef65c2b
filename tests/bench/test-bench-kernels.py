#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What tools/bench kernels prints: test-bench-kernels.py BENCH ARCHITECTURE... . TAP on standard output.

Its tables hold together, with a disassembler's listing and without one. The figures are those of this build.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tap  # noqa: E402

bench, architectures = sys.argv[1], {f"sm_{name}" for name in sys.argv[2:]}
CARDS = ("RTX 3060", "RTX 4090", "A100", "H100")
PLANS = 3
# Two products in a loop, an exponential that is jumped over, and two ways, of which the shorter counts as always.
LOOP = ["LDSM.16.M88.4 R4, [R2]", "HMMA.16816.F32 R8, R4, R6, R8", "@P0 BRA 0x140", "MUFU.EX2 R1, R1",
        "HMMA.16816.F32 R12, R4, R7, R12", "@P1 BRA 0x1a0", "FADD R1, R1, R2", "FADD R1, R1, R2", "FADD R1, R1, R2",
        "BRA 0x1b0", "FMUL R1, R1, R2", "@P2 BRA 0x100"]
report = tap.Report()


def listing(kernels):
    """As cuobjdump prints them, for all architectures."""
    lines = []
    for architecture in sorted(architectures):
        lines.append(f"arch = {architecture}")
        for kernel in kernels:
            lines.append(f"\t\tFunction : {kernel}")
            lines += [f"        /*{0x100 + 16 * i:04x}*/                   {text} ;    /* 0x0 */" for i, text in enumerate(LOOP)]
    return "\n".join(lines) + "\n"


def run(disassembler):
    done = subprocess.run([bench], env=os.environ | {"GESSO_CUOBJDUMP": str(disassembler)}, capture_output=True,
                          encoding="utf-8", check=False)
    report.case(done.returncode == 0, "it ends well", done.stderr)
    return done.stdout


def rows(text):
    """Of each plan the rows of its table: what, its figures as floats (times, launches, GFLOP, MB, then by card the floor,
    the roofline and ours)."""
    for plan in text.split("ESTIMATE in ms; nothing of this was measured")[1:]:
        found = {}
        for line in plan.split("\n\n")[0].splitlines():
            match = re.match(r"([a-z_0-9]+)((?: +[\d.]+)+)$", line)
            if match:
                found[match[1]] = [float(number) for number in match[2].split()]
        yield found


def holds_together(table):
    """Nothing is quicker than its roofline, and the last row is the sum of the others."""
    columns = list(zip(*(figures for name, figures in table.items() if name != "all")))
    total = table["all"]
    ordered = all(floor <= roof + 1e-3 and roof <= ours + 1e-3 for figures in table.values()
                  for floor, roof, ours in zip(figures[4::3], figures[5::3], figures[6::3]))
    sums = all(abs(sum(columns[i]) - total[i]) <= 2e-3 * len(table) for i in (0, 1, *range(4, len(total))))
    return ordered and sums and len(total) == 4 + 3 * len(CARDS)


def check_tables(text):
    tables = list(rows(text))
    report.case(len(tables) == PLANS and all(map(holds_together, tables)), "floor, roofline and estimate", text[-3000:])
    for card in CARDS:
        lists = re.findall(rf"^{card}: what loses most against the roofline, in ms \(ESTIMATE\)\n.*\n((?:.+\n?)+)", text,
                           re.MULTILINE)
        ten = [found.strip().splitlines() for found in lists]
        report.case(len(ten) == PLANS and all(len(lines) == 10 for lines in ten), f"ten operations, {card}", ten)


def check_resources(text):
    found = re.findall(r"^(\w+) +(sm_\w+) +(\d+) +(\d+) +(\d+) +(\d+)%", text, re.MULTILINE)
    report.case({line[1] for line in found} == architectures, "all architectures", sorted({line[1] for line in found}))
    spilling = [line for line in found if line[4] != "0"]
    report.case(len(found) > 50 * len(architectures) and not spilling, "no spills", spilling or len(found))
    for kernel in ("attention_40x128_f16", "conv2d_128x128_f16", "linear_64x64_f16"):
        line = re.search(rf"^{kernel} +sm_\w+ +.*%  (\d+ KiB, [\d.]+ M)$", text, re.MULTILINE)
        report.case(line is not None, f"bytes and operations of {kernel}", text[:300])


def main():
    with tempfile.TemporaryDirectory(prefix="gesso-bench-") as folder:
        plain = run(Path(folder) / "nothing")
        check_resources(plain)
        check_tables(plain)
        report.case("no disassembler" in plain and "leaves them out" in plain, "it says what is missing", plain[-3000:])
        # A linear product alone: of the others nothing is known.
        disassembler = Path(folder) / "cuobjdump"
        printed = Path(folder) / "listing"
        printed.write_text(listing(["linear_128x128_f16"]), encoding="utf-8")
        disassembler.write_text(f"#!/bin/sh\ncat '{printed}'\n", encoding="utf-8")
        disassembler.chmod(0o755)
        mixed = run(disassembler)
        mix = re.findall(r"^linear_128x128_f16 +(sm_\w+) +2 +10 +5 +1 +1 +2\.5$", mixed, re.MULTILINE)
        shown = re.findall(r"^linear_128x128_f16 .*[0-9]$", mixed, re.MULTILINE)
        report.case(set(mix) == architectures, "instructions of a loop", shown)
        check_tables(mixed)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
