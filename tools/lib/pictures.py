# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the dialog: those of the README, or with a FOLDER one of every state in every look. What tools/pictures
runs inside the place that sandbox.sh chose."""

import subprocess
import sys
import tempfile
from pathlib import Path

import palette
import stage

SHOT = stage.TOP / "tests" / "gimp" / "dialog-shot.py"
README_FOLDER = stage.TOP / "plugin" / "pictures"
LARGEST = 150_000  # bytes
COLOURS = (256, 128, 64, 32)

# What README.md shows. The prompts are those that the starter does well.
README = {
    "dialog": ["--state=results", "--prompt=a yellow star on a purple background", "--seed=204"],
    "painting": ["--state=painting", "--scheme=dark", "--prompt=green and yellow diagonal stripes",
                 "--count=4", "--steps=40"],
    "memory": ["--state=memory", "--prompt=black and white checkerboard"],
    "arabic": ["--state=compare", "--locale=ar_EG.UTF-8", "--prompt=a blue ring on white"],
}
STATES = ("ready", "advanced", "long", "painting", "results", "compare", "discard", "memory", "broken", "missing",
          "image", "scale", "blur")
LOOKS = {
    "light": [],
    "dark": ["--scheme=dark"],
    "light-2x": ["--scale=2"],
    "dark-2x": ["--scheme=dark", "--scale=2"],
    "german": ["--locale=de_DE.UTF-8"],
    "arabic": ["--locale=ar_EG.UTF-8"],
}
GIMPS_OWN = ("scale", "blur")  # in the language of GIMP's menus


class ShotError(Exception):
    """A picture that could not be taken."""


def say(text):
    print(f"gesso: {text}", file=sys.stderr, flush=True)


def take(file, arguments):
    say(f"taking {file.name}")
    command = [sys.executable, "-B", str(SHOT), "--build", str(stage.BUILD), *arguments, str(file)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ShotError(f"{file.name} could not be taken\n{done.stdout}{done.stderr}")


def take_for_readme():
    """In as many colours as leave a small file."""
    README_FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in README.items():
            full = Path(folder) / f"{name}.png"
            take(full, arguments)
            for colours in COLOURS:
                data = palette.reduced(full.read_bytes(), colours)
                if len(data) <= LARGEST:
                    break
            (README_FOLDER / full.name).write_bytes(data)
            say(f"{README_FOLDER / full.name}: {len(data)} bytes, {colours} colours")


def take_all(folder):
    """One that fails does not lose the others."""
    failed = []
    for state in STATES:
        for look, arguments in LOOKS.items():
            if state in GIMPS_OWN and "--locale" in " ".join(arguments):
                continue
            try:
                take(folder / f"{state}-{look}.png", [f"--state={state}", *arguments])
            except ShotError as failure:
                say(failure)
                failed.append(f"{state}-{look}")
    if failed:
        raise ShotError(f"not taken: {' '.join(failed)}")


if __name__ == "__main__":
    try:
        if len(sys.argv) > 1:
            take_all(Path(sys.argv[1]).absolute())
        else:
            take_for_readme()
    except (ShotError, stage.StageError, OSError) as failure:
        sys.exit(f"tools/pictures: {failure}")
