# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs every test; what tools/check runs inside the place that sandbox.sh chose."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import build
import style

TOP = build.TOP
START = time.monotonic()
TAP_LINE = re.compile(r"^(ok|not ok)\b *\d* *(?:- )?(.*?) *(?:# *(SKIP|TODO)\b *(.*))?$", re.IGNORECASE)
SKIP_ALL = re.compile(r"^1\.\.0 *# *SKIP\b *(.*)$", re.IGNORECASE)
STAGES = ("style", "asan", "tsan", "fuzz")

# A short run of each fuzz target, and one of --full.
FUZZ_RUNS = 20_000
FUZZ_SECONDS = 20
FUZZ_RUNS_FULL = 1_000_000


def say(text):
    seconds = int(time.monotonic() - START)
    print(f"[{seconds // 60:3d}:{seconds % 60:02d}] {text}", flush=True)


class Tally:
    """What passed, failed and was skipped; a skip that tests/skips.txt does not list is a failure."""

    def __init__(self):
        self.n_passed = 0
        self.failures = []
        self.skips = []
        self.allowed = {}
        for line in (TOP / "tests" / "skips.txt").read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                name, _, reason = line.partition("  ")
                self.allowed[name.strip()] = reason.strip()

    def passed(self, count=1):
        self.n_passed += count

    def failed(self, name, detail=""):
        self.failures.append(name)
        say(f"FAILED {name}" + (f"\n{detail}" if detail else ""))

    def skipped(self, stage, name, reason):
        if self.allowed.get(name):
            self.skips.append(f"{stage} {name}: {reason or self.allowed[name]}")
        else:
            self.failed(f"{stage} {name}", f"skipped ({reason}), and tests/skips.txt does not list it with a reason")

    def count_test(self, stage, record):
        """Counts one line of meson's testlog.json: the cases of a TAP test, or the test itself."""
        name = record["name"].split(" / ")[-1]
        result = record["result"]
        output = record.get("stdout") or ""
        failed_before = len(self.failures)
        detail = "\n".join(f"    {line}" for line in (output + (record.get("stderr") or "")).splitlines()[-40:])
        n_cases = 0
        for line in output.splitlines():
            everything = SKIP_ALL.match(line)
            case = TAP_LINE.match(line)
            if everything:
                self.skipped(stage, name, everything.group(1))
                n_cases += 1
            elif case:
                status, title, directive, reason = case.groups()
                n_cases += 1
                if status == "not ok":
                    self.failed(f"{stage} {name}:{title}", detail)
                    detail = ""
                elif (directive or "").upper() == "SKIP":
                    self.skipped(stage, f"{name}:{title}", reason)
                else:
                    self.passed()
        if result == "SKIP" and n_cases == 0:
            self.skipped(stage, name, "the whole test")
        elif result not in ("OK", "SKIP", "EXPECTEDFAIL") and len(self.failures) == failed_before:
            self.failed(f"{stage} {name}", f"  {result.lower()}, exit status {record.get('returncode')}\n{detail}")
        elif result == "OK" and n_cases == 0:
            self.passed()


def meson_tests(folder):
    """Tests of a build folder: name, suites (without the project's name) and the path of the program."""
    command = ["meson", "introspect", "--tests", str(folder)]
    listing = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    for test in listing:
        suites = {suite.split(":")[-1] for suite in test["suite"]}
        yield test["name"], suites, os.path.relpath(test["cmd"][0], folder)


def run_meson_tests(tally, stage, folder, names, extra=(), environment=None, wrapper=()):
    """Runs tests by name, with a line for each, and counts them; returns meson's records of them."""
    if not names:
        tally.failed(stage, "  there is no such test")
        return []
    say(f"{stage}: {len(names)} test programs")
    command = [*wrapper, "meson", "test", "-C", str(folder), "--no-rebuild", *extra, *names]
    log = folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    with subprocess.Popen(
        command,
        cwd=TOP,
        env=dict(os.environ, **(environment or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        said = []
        for line in process.stdout:
            said.append(line)
            if re.match(r"^ *\d+/\d+ ", line):
                say(f"{stage}: {' '.join(line.split())}")
    records = []
    if log.exists():
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    for record in records:
        tally.count_test(stage, record)
    seen = {record["name"].split(" / ")[-1].split(":")[-1] for record in records}
    lost = [name for name in names if name not in seen]
    if lost:
        tally.failed(stage, "  not run: " + " ".join(lost) + "\n" + "".join(said[-20:]))
    return records


def stage_style(tally, _options):
    say("style: formatting, licences, lengths, translations")
    files = style.project_files()
    for name, check in style.CHECKS.items():
        complaints = list(check(files))
        if complaints:
            tally.failed(f"style {name}", "\n".join(f"  {complaint}" for complaint in complaints[:50]))
        else:
            tally.passed()


def build_stage(tally, stage, folder, below=None):
    """Builds a folder (of it, the programs of the source folder `below`); None when that failed."""
    say(f"{stage}: building (build/{folder})")
    try:
        return build.build(folder, below=below)
    except build.BuildError as failure:
        tally.failed(f"{stage} build", str(failure))
        return None


def stage_release(tally, options):
    """The tests as they are: all suites, or those that were named."""
    folder = build_stage(tally, "release", "release")
    if not folder:
        return
    tests = list(meson_tests(folder))
    for suite in options.meson_suites:
        if not any(suite in suites for _, suites, _ in tests):
            tally.failed(suite, "  there is no such suite")
    names = [
        name
        for name, suites, _ in tests
        if (not options.meson_suites or suites & set(options.meson_suites)) and (options.full or "full" not in suites)
    ]
    run_meson_tests(tally, "release", folder, names)


def stage_asan(tally, _options):
    """Unit tests, those of the command line's parts and those of kernels, under AddressSanitizer and
    UndefinedBehaviorSanitizer; also widgets, and the plug-in in GIMP (suite "sanitize"), without looking for leaks: GTK
    keeps what it has."""
    folder = build_stage(tally, "asan", "asan")
    if not folder:
        return
    rooms = ("tests/unit/", "tests/cli/", "tests/kernels/")
    names = [name for name, suites, path in meson_tests(folder) if path.startswith(rooms) and "full" not in suites]
    environment = {
        "ASAN_OPTIONS": "halt_on_error=1:abort_on_error=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
        "LSAN_OPTIONS": "print_suppressions=0",
    }
    run_meson_tests(tally, "asan", folder, names, ["--timeout-multiplier", "5"], environment)
    environment["ASAN_OPTIONS"] += ":detect_leaks=0"
    names = [name for name, suites, _ in meson_tests(folder) if suites & {"ui", "sanitize"}]
    run_meson_tests(tally, "asan", folder, names, ["--timeout-multiplier", "5"], environment)


def stage_tsan(tally, _options):
    """Tests of threads, by suite or by name, under ThreadSanitizer."""
    folder = build_stage(tally, "tsan", "tsan")
    if not folder:
        return
    names = [name for name, suites, _ in meson_tests(folder) if "threads" in suites or name.endswith("-threads")]
    # TSan cannot place its shadow memory where the kernel randomises addresses widely.
    fixed = ["setarch", "--addr-no-randomize"]
    works = subprocess.run([*fixed, "true"], capture_output=True, check=False).returncode == 0
    environment = {
        "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={TOP}/tests/tsan.supp",
        "LD_PRELOAD": f"{folder}/tests/tsan/libtsan-sync.so",
    }
    run_meson_tests(
        tally, "tsan", folder, names, ["--timeout-multiplier", "10"], environment, fixed if works else []
    )


def stage_fuzz(tally, options):
    """Each fuzz target, from its seeds; what fails is kept in build/fuzz/artifacts."""
    folder = build_stage(tally, "fuzz", "fuzz", "tests/fuzz")
    if not folder:
        return
    limits = {"GESSO_FUZZ_RUNS": str(FUZZ_RUNS), "GESSO_FUZZ_SECONDS": str(FUZZ_SECONDS)}
    if options.full:
        limits = {"GESSO_FUZZ_RUNS": str(FUZZ_RUNS_FULL)}
    names = [name for name, suites, _ in meson_tests(folder) if "fuzz" in suites]
    for record in run_meson_tests(tally, "fuzz", folder, names, environment={**limits, "GESSO_FUZZ_SEED": "0"}):
        output = (record.get("stdout") or "") + (record.get("stderr") or "")
        runs = re.search(r"stat::number_of_executed_units: *(\d+)", output)
        say(f"fuzz: {record['name'].split(' / ')[-1]}: {runs.group(1) if runs else '?'} runs")


def main():
    parser = argparse.ArgumentParser(
        prog="tools/check",
        description="Builds Gesso and runs its tests. SUITE: style, asan, tsan, fuzz, or a suite of the tests (engine, "
        "kernels, ui, gimp); everything by default.",
    )
    parser.add_argument("--full", action="store_true", help="also what takes long: every full-size network, long fuzzing")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    options = parser.parse_args()
    options.meson_suites = [suite for suite in options.suites if suite not in STAGES]

    os.environ.update(LC_ALL="C.UTF-8", MALLOC_PERTURB_="0")
    os.environ.pop("LANGUAGE", None)
    if options.full:
        os.environ["GESSO_FULL"] = "1"
    else:
        os.environ.pop("GESSO_FULL", None)
    for tool in ("meson", "ninja"):
        if not shutil.which(tool):
            sys.exit(f"tools/check: {tool} is missing")

    tally = Tally()
    if not options.suites or "style" in options.suites:
        stage_style(tally, options)
    if not options.suites or options.meson_suites:
        stage_release(tally, options)
    for name, stage in (("asan", stage_asan), ("tsan", stage_tsan), ("fuzz", stage_fuzz)):
        if not options.suites or name in options.suites:
            stage(tally, options)

    for skip in tally.skips:
        say(f"skipped {skip}")
    for failure in tally.failures:
        say(f"failed {failure}")
    say("done")
    print(f"{tally.n_passed} passed, {len(tally.failures)} failed", flush=True)
    return 1 if tally.failures or not tally.n_passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
