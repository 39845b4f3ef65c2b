#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The trial of the trial: test-gpu-trial.py EMULATED-DRIVER NAME=PROGRAM... packs what tools/gpu-trial packs, with the
look-alike of the driver in place of the real one, and starts it in an empty environment: every stage in miniature, then
each way in which a machine may disappoint. TAP on standard output.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "tools" / "lib"), str(TOP / "tools" / "trial")]

import pack_trial  # noqa: E402
import table  # noqa: E402

# Stands in for a tool that no machine without a card has.
SANITIZER = """#!/bin/sh
while [ "${1#--}" != "$1" ]; do shift 2; done
exec "$@"
"""


class Machine:
    """A place with Python, a driver and nothing else."""

    def __init__(self, folder, driver):
        self.folder = folder
        self.carried = folder / "carried"
        self.tools = folder / "tools"
        self.driver = driver
        self.tools.mkdir()
        (self.tools / "compute-sanitizer").write_text(SANITIZER, encoding="utf-8")
        (self.tools / "compute-sanitizer").chmod(0o755)

    def start(self, results, *arguments, **environment):
        command = [str(self.carried / "run"), "--miniature", "--results", str(self.folder / results),
                   "--scratch", str(self.folder / "scratch"), *arguments]
        settings = {"PATH": f"{self.tools}:/usr/bin:/bin", "GESSO_CUDA_DRIVER": str(self.driver),
                    "GESSO_CUDA_PATIENCE": "600", "GESSO_PYTHON": sys.executable,
                    # Times of the look-alike mean nothing, and what the machine of the test has is not carried.
                    "GESSO_CUDA_TUNING": "off", "GESSO_CUBLASLT": "none",
                    "TMPDIR": str(self.folder), **environment}
        return subprocess.Popen(command, cwd="/", env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def run(self, results, *arguments, **environment):
        process = self.start(results, *arguments, **environment)
        said = process.communicate()[0]
        return process.returncode, said, self.read(results)

    def read(self, results):
        """Stage -> what its JSON holds, of those that there are."""
        found = {}
        for path in sorted((self.folder / results).glob("?.json")):
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def wait_for(self, results, letter, status):
        """Until an item of a stage has this status; False after a minute."""
        for _ in range(1200):
            with contextlib.suppress(OSError, ValueError):
                items = self.read(results).get(letter, {}).get("items", {})
                if any(item["status"] == status for item in items.values()):
                    return True
            time.sleep(0.05)
        return False


class Report:
    def __init__(self):
        self.n, self.n_failed = 0, 0

    def check(self, name, right, *said):
        self.n += 1
        self.n_failed += not right
        if not right:
            for line in "\n".join(map(str, said)).splitlines()[-60:]:
                print(f"# {line}")
        print(f"{'ok' if right else 'not ok'} {self.n} {name}", flush=True)


def statuses(records):
    return {letter: record["status"] for letter, record in records.items()}


def check_stages(machine, report):
    code, said, records = machine.run("all")
    report.check("all-stages", code == 0 and len(records) == 6 and set(statuses(records).values()) == {"passed"},
                 said, statuses(records), {name: item for record in records.values() for name, item in
                                           record["items"].items() if item["status"] not in ("passed", "not here")})
    items = {letter: record.get("items", {}) for letter, record in records.items()}
    step = items.get("c", {}).get("v2-small, gesso, networks", {}).get("step", {})
    picture = items.get("c", {}).get("v2-small, gesso, picture", {})
    report.check("times", step.get("seconds", 0) > 0 and picture.get("picture_seconds", 0) > 0 and
                 picture.get("open_and_first_step_seconds", 0) > 0 and picture.get("memory_bytes", 0) > 0,
                 items.get("c"))
    profiled = items.get("f", {}).get("v2-small, each operation", {})
    report.check("operations", len(profiled.get("step", {}).get("operations", ())) > 20, profiled)
    said = (machine.folder / "all" / "table.txt").read_text(encoding="utf-8")
    report.check("table", "step with guidance" in said and "6 stages passed, 0 did not" in said, said)
    code, said, again = machine.run("all")
    report.check("nothing-twice", code == 0 and all(again[letter]["items"] == record["items"]
                                                    for letter, record in records.items()), said)


def check_table(report):
    """Ratios and targets, of times that no machine has measured."""
    items = {"v2-small, gesso, networks": {"status": "passed", "step": {"seconds": 0.008}, "decode": {"seconds": 0.02}},
             "v2-small, gesso, picture": {"status": "passed", "picture_seconds": 0.3, "memory_bytes": 2 * 10**9,
                                          "open_and_first_step_seconds": 0.7},
             "v2-small, diffusers, eager": {"status": "passed", "step_seconds": 0.032, "picture_seconds": 0.9},
             "v2-small, diffusers, compiled": {"status": "passed", "step_seconds": 0.012}}
    said = table.text({"c": {"title": "times", "status": "passed", "items": items}})
    lines = [" ".join(line.split()) for line in said.splitlines()]
    report.check("ratios", "v2-small step with guidance 8.000 ms eager 32.000 4.00 channels-last - compiled 12.000 1.50"
                 in lines, said)
    report.check("targets", "v2-small 25 steps, end to end 300.000 ms at most 250.000: not met" in lines and
                 "v2-small step with guidance 1.50 times torch.compile's speed, above 1: met" in lines and
                 any(line.startswith("v2-small memory, context apart 1.863 GiB") and line.endswith(": met")
                     for line in lines), said)


def check_libraries(machine, report):
    """Every library that a program is linked with is found among those that are carried, and nowhere else."""
    with tempfile.TemporaryDirectory(dir=machine.folder) as name:
        subprocess.run(["tar", "-xf", machine.carried / "carried.tar.xz", "-C", name], check=True)
        folder = Path(name).resolve()
        loader = next((folder / "lib").glob("ld-linux*"))
        strangers, n = [], 0
        for program in sorted((folder / "bin").iterdir()):
            said = subprocess.run([loader, "--library-path", folder / "lib", "--list", program], env={},
                                  capture_output=True, text=True)
            lines = [line for line in said.stdout.splitlines() if "=>" in line]
            n += len(lines)
            strangers += [line for line in lines if str(folder) not in line.split("=>")[1]] + said.stderr.splitlines()
        report.check("carries-every-library", n > 5 and not strangers, *strangers)


def check_failures(machine, report):
    for name, status, settings in (
            ("no-card", "no device", {"GESSO_EMULATION_DEVICES": "0"}),
            ("no-driver", "no device", {"GESSO_CUDA_DRIVER": "/nowhere/libcuda.so.1"}),
            ("old-card", "no device", {"GESSO_EMULATION_CAPABILITY": "7.5"}),
            ("old-driver", "old driver", {"GESSO_EMULATION_DRIVER_VERSION": "11000"})):
        code, said, records = machine.run(name, "--stages", "ac", **settings)
        report.check(name, code == 1 and statuses(records) == {"a": status, "c": status} and
                     records["a"]["device"]["error"]["message"] in said, said, records)
    code, said, records = machine.run("small", "--stages", "c", GESSO_EMULATION_MEMORY="0")
    picture = records["c"]["items"]["v2-small, gesso, picture"]
    report.check("out-of-memory", code == 1 and records["c"]["status"] == picture["status"] == "out of memory" and
                 picture["error"]["code"] == "OUT_OF_MEMORY", said, records)
    code, said, records = machine.run("failing", "--stages", "f", GESSO_EMULATION_FAIL="400",
                                      GESSO_EMULATION_FAIL_FOR_GOOD="1")
    profiled = records["f"]["items"]["v2-small, each operation"]
    report.check("lost-card", code == 1 and profiled["status"] == "failed" and profiled["error"]["code"] == "DEVICE",
                 said, records)


def check_cut_off(machine, report):
    """A stage that runs out of time, one that is told to end, one that is killed: each goes on where it was."""
    code, said, records = machine.run("late", "--stages", "a", "--seconds", "0.3")
    report.check("out-of-time", code == 1 and records["a"]["status"] == "cut off", said, records)

    process = machine.start("told", "--stages", "a")
    begun = machine.wait_for("told", "a", "passed") and machine.wait_for("told", "a", "running")
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[0]
    record = machine.read("told")["a"]
    report.check("told-to-end", begun and process.returncode == 130 and record["status"] == "cut off", said, record)

    process = machine.start("killed", "--stages", "a")
    begun = machine.wait_for("killed", "a", "running")
    process.kill()
    process.communicate()
    report.check("killed", begun and machine.read("killed")["a"]["status"] == "running", machine.read("killed"))

    kept = {name: item for name, item in record["items"].items() if item["status"] == "passed"}
    code, said, records = machine.run("told", "--stages", "a")
    items = records["a"]["items"]
    report.check("goes-on", code == 0 and records["a"]["status"] == "passed" and kept and
                 all(items[name] == item for name, item in kept.items()), said, records)


def main():
    driver = Path(sys.argv[1])
    programs = {name: Path(program) for name, program in (argument.split("=", 1) for argument in sys.argv[2:])}
    report = Report()
    print("TAP version 14")
    with tempfile.TemporaryDirectory(prefix="gesso-gpu-trial-", ignore_cleanup_errors=True) as name:
        machine = Machine(Path(name), driver)
        pack_trial.pack(machine.carried, programs, [driver], fast=True)
        check_table(report)
        check_libraries(machine, report)
        check_stages(machine, report)
        check_failures(machine, report)
        check_cut_off(machine, report)
    print(f"1..{report.n}")
    return 1 if report.n_failed else 0


if __name__ == "__main__":
    os.environ.pop("GESSO_FULL", None)
    sys.exit(main())
