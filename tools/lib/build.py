# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The build folders of tools/check, tools/gesso and tools/bench, below build/ in the tree.

    build.py FOLDER [TARGET...]     configures (where needed) and builds; runs inside the place that sandbox.sh chose
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = TOP / "build"

STRICT = ["-Dwerror=true"]

# Folder: (options of meson setup, environment). Warnings count in a plain build only: what a sanitizer inserts makes
# gcc warn of things that are not there.
FOLDERS = {
    "release": (STRICT, {}),
    # The kernels' images need no sanitizer, and minutes to be made.
    "asan": (["-Db_sanitize=address,undefined", "-Dkernel_architectures="], {}),
    "tsan": (["-Db_sanitize=thread", "-Dcuda=disabled"], {}),
    "fuzz": (
        STRICT + ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dfuzzers=true", "-Dcuda=disabled"],
        {"CC": "clang", "CXX": "clang++"},
    ),
}


class BuildError(Exception):
    """A build that failed; the text is the end of what the tools said."""


@contextlib.contextmanager
def locked():
    """One build at a time in this tree."""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_logged(command, log, environment):
    """Runs a command with its output in a file; raises BuildError with the file's end when it fails."""
    with open(log, "w", encoding="utf-8") as output:
        status = subprocess.run(
            command,
            cwd=TOP,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if status != 0:
        with open(log, encoding="utf-8", errors="replace") as output:
            lines = output.read().splitlines()
        errors = [i for i, line in enumerate(lines) if "error:" in line or "FAILED:" in line or "ERROR:" in line]
        shown = lines[max(0, errors[0] - 5) :][:60] if errors else lines[-40:]
        raise BuildError("\n".join([line[:300] for line in shown] + [f"(all of it: {log})"]))


def system_name():
    """What the objects in a build folder were built against."""
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return fields.get("ID", "").strip('"') + " " + fields.get("VERSION_ID", "").strip('"')


def configure(name):
    """Configures a build folder unless it stands with these very options; returns it."""
    options, extra = FOLDERS[name]
    folder = BUILD / name
    environment = dict(os.environ, **extra)
    # A change of system, of options or of the tree's place makes the folder anew.
    wanted = {"options": options, "environment": extra, "system": system_name(), "top": str(TOP)}
    models = (TOP / "models").is_dir()
    stamp = folder / ".configured"
    try:
        found = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    had_models = found.pop("models", False)
    if found == wanted and had_models == models:
        return folder
    command = ["meson", "setup", *options, str(folder), str(TOP)]
    if found == wanted:
        # They are to be installed as well, or no more.
        command.append("--reconfigure")
    elif folder.exists():
        shutil.rmtree(folder)
    wanted["models"] = models
    run_logged(command, BUILD / f"{name}-setup.log", environment)
    stamp.write_text(json.dumps(wanted), encoding="utf-8")
    return folder


def programs_below(folder, source_folder):
    """Programs that a build file in `source_folder` defines, as targets of ninja."""
    command = ["meson", "introspect", "--targets", str(folder)]
    listing = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    for target in listing:
        if target["type"] == "executable" and Path(target["defined_in"]).parent == TOP / source_folder:
            yield os.path.relpath(target["filename"][0], folder)


def build(name, targets=(), below=None):
    """Configures and builds `targets` (all by default; those defined in the folder `below`) in a build folder;
    returns it."""
    with locked():
        folder = configure(name)
        if below:
            targets = list(programs_below(folder, below))
        environment = dict(os.environ, **FOLDERS[name][1])
        run_logged(["ninja", "-C", str(folder), *targets], BUILD / f"{name}-build.log", environment)
    return folder


if __name__ == "__main__":
    try:
        build(sys.argv[1], sys.argv[2:])
    except BuildError as failure:
        print(failure, file=sys.stderr)
        sys.exit(1)
