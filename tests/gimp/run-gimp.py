#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a Script-Fu test in a real GIMP with the built plug-in: run-gimp.py --build BUILD [--keep] SCRIPT

The script finds these defined, and everything of check.scm:

    test-folder     an empty folder of its own, deleted at the end (--keep leaves it)
    test-model      a model folder that paints in no time
    test-models     the folder with all of them, by the names of their architectures
    test-source     the folder with this file

Every (check ...) is a case; more cases are GIMP's exit status and that nobody complained (see verdict.py) and nothing
was left behind. Comments at the top of the script ask for more, each a line, @FOLDER@ and the like being replaced as above:

    ;; plug-ins: file-tiff        plug-ins of GIMP's besides script-fu and file-png
    ;; test-plug-ins: yes         those of our tests
    ;; display: yes               GIMP with its windows, on a display that nobody sees
    ;; locale: de_DE.UTF-8        instead of C.UTF-8
    ;; environment: NAME=VALUE    for GIMP and the plug-in
    ;; gesso: ARGS                runs the command line first
    ;; status: 70                 the exit status that is right
    ;; says: EXPRESSION           must be found in what GIMP and the plug-ins say
    ;; allows: EXPRESSION         lines that are no complaints
    ;; after: PROGRAM.py ARGS     runs when GIMP is gone; prints cases as "ok - TEXT" or "not ok - TEXT"
    ;; then: OTHER.scm            another script in a fresh GIMP and the same folder
"""

import argparse
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(TOP / "tools" / "lib")]

import display  # noqa: E402
import gimp  # noqa: E402
import locales  # noqa: E402
import patience  # noqa: E402
import stage  # noqa: E402
import tap  # noqa: E402
import verdict  # noqa: E402

MODELS = TOP / "tests" / "reference" / "data" / "models"
MODEL = MODELS / "v2-tiny"
CASE = re.compile(r"^(ok|not ok) - (.*)$")
MANY = ("environment", "gesso", "says", "allows", "after", "then")
KEYS = {"plug-ins", "test-plug-ins", "display", "locale", "status", *MANY}
LEFT_SECONDS = 3


def read_wishes(script, words):
    """The comments at the top of a script."""
    wishes = {key: [] for key in MANY}
    wishes |= {"plug-ins": "", "test-plug-ins": "no", "display": "no", "locale": "C.UTF-8", "status": "0"}
    for line in script.read_text(encoding="utf-8").splitlines():
        if not line.startswith(";"):
            break
        match = re.match(r"^;; ([a-z-]+): +(.*?) *$", line)
        if not match:
            continue
        key, value = match.groups()
        if key not in KEYS:
            raise SystemExit(f"{script}: there is no such wish: {key}")
        for word, meaning in words.items():
            value = value.replace(f"@{word}@", str(meaning))
        if key in MANY:
            wishes[key].append(value)
        else:
            wishes[key] = value
    return wishes


def is_left(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def run_to_end(command, environment, log, seconds):
    """Exit status (None: it took too long), and whether it left processes behind."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        status = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(seconds)
        deadline = time.monotonic() + LEFT_SECONDS
        while status is not None and is_left(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        left = is_left(process.pid)
        if left:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return status, left


class Run:
    """One test's folders and programs."""

    def __init__(self, build, folder, seconds):
        self.build = build
        self.folder = folder
        self.seconds = seconds
        self.words = {"FOLDER": folder, "MODEL": MODEL, "MODELS": MODELS, "SOURCE": HERE}
        self.report = tap.Report()

    def environment(self, wishes):
        mine = {key: value for key, value in os.environ.items() if not key.startswith("GESSO_")}
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "LD_LIBRARY_PATH"):
            mine.pop(name, None)
        locales.add(mine, self.build, wishes["locale"])
        mine.update(MALLOC_PERTURB_="0", NO_AT_BRIDGE="1", GESSO_TEST_MODEL=str(MODEL))
        for wish in wishes["environment"]:
            name, _, value = wish.partition("=")
            mine[name] = value
        return mine

    def program(self, what, command, environment):
        """Runs a program to its end; its cases become ours."""
        done = subprocess.run(
            command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=self.seconds, check=False,
        )
        for line in done.stdout.splitlines():
            match = CASE.match(line)
            if match:
                self.report.case(match.group(1) == "ok", match.group(2))
            else:
                self.report.note(line)
        if done.returncode != 0:
            self.report.case(False, f"{what} ends well", f"exit status {done.returncode}\n{done.stderr}")

    def script(self, script):
        """One script, and those that it asks for afterwards."""
        wishes = read_wishes(script, self.words)
        environment = self.environment(wishes)
        for arguments in wishes["gesso"]:
            self.program("gesso", [self.build / "tools" / "cli" / "gesso", *shlex.split(arguments)], environment)

        names = sorted({"script-fu", "file-png", *wishes["plug-ins"].split()})
        # This folder stays, so that what GIMP knows about its plug-ins can be kept as well.
        few = gimp.linked_plug_ins(names, self.build / "gimp-tests" / "+".join(names))
        plug_ins = [stage.make(self.build, None), few]
        if wishes["test-plug-ins"] == "yes":
            plug_ins.append(self.build / "tests" / "gimp")
        with contextlib.ExitStack() as stack:
            if wishes["display"] == "yes":
                environment["DISPLAY"] = stack.enter_context(display.Display()).name
            profile = stack.enter_context(gimp.Profile(plug_ins, self.build / "gimp-cache", environment))
            log = profile.folder / "output"
            status, left = run_to_end(self.gimp_command(script, wishes), profile.environment, log, self.seconds)
            output = log.read_text(encoding="utf-8", errors="replace")
        self.judge(script, wishes, output, status, left)

        for arguments in wishes["after"]:
            program, *rest = shlex.split(arguments)
            self.program(program, [sys.executable, "-B", HERE / program, *rest], environment)
        for name in wishes["then"]:
            self.script(HERE / name)

    def gimp_command(self, script, wishes):
        words = {f"test-{word.lower()}": meaning for word, meaning in self.words.items()}
        defined = "".join(f"(define {name} {gimp.scheme_string(value)})" for name, value in words.items())
        loaded = "".join(f"(load {gimp.scheme_string(file)})" for file in (HERE / "check.scm", script))
        quiet = ["-n", "-s"] if wishes["display"] == "yes" else ["-i"]
        return [gimp.program(wishes["display"] != "yes"), *quiet, "-d", "-f", "--quit",
                "--batch-interpreter=plug-in-script-fu-eval", "-b", f"(script-fu-use-v3){defined}{loaded}"]

    def judge(self, script, wishes, output, status, left):
        n_cases = 0
        report = self.report
        for line in output.splitlines():
            match = CASE.match(line)
            if match:
                n_cases += 1
                report.case(match.group(1) == "ok", f"{script.stem}: {match.group(2)}")
            elif line.startswith("# "):
                print(line)
        for pattern in wishes["says"]:
            n_cases += 1
            report.case(re.search(pattern, output, re.MULTILINE), f"{script.stem}: says {pattern}")
        if not n_cases:
            report.case(False, f"{script.stem} checks something")
        if status is None:
            report.case(False, f"{script.stem}: ends", f"not within {self.seconds} seconds")
        else:
            wanted = int(wishes["status"])
            report.case(status == wanted, f"{script.stem}: exit status", f"is {status}, should be {wanted}")
        bad = verdict.complaints(output, wishes["allows"])
        report.case(not bad, f"{script.stem}: no complaints", "\n".join(bad))
        report.case(not left, f"{script.stem}: leaves no process behind")
        if report.n_failed:
            report.note(f"what GIMP said in {script.name}:\n{output}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True, help="build folder with the plug-in")
    parser.add_argument("--seconds", type=float, default=240 * patience.FACTOR, help="limit for each GIMP")
    parser.add_argument("--keep", action="store_true", help="leave the test's folder, and say where it is")
    parser.add_argument("script", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gesso-test.") as folder:
        run = Run(options.build.resolve(), Path(folder), options.seconds)
        run.script(options.script.resolve())
        if options.keep:
            kept = tempfile.mkdtemp(prefix="gesso-kept.")
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            run.report.note(f"kept in {kept}")
    return run.report.end()


if __name__ == "__main__":
    sys.exit(main())
