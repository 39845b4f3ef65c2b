#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What README.md tells people to type into GIMP, word for word: its model is a small one in the place of the real.
test-readme.py --build BUILD [WORD...]"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(TOP / "tools" / "lib")]

import gimp  # noqa: E402
import patience  # noqa: E402
import stage  # noqa: E402
import tap  # noqa: E402
import verdict  # noqa: E402

MODEL = TOP / "tests" / "reference" / "data" / "models" / "v2-tiny"
REPOSITORY = "models--nota-ai--bk-sdm-v2-tiny"
SECONDS = 400 * patience.FACTOR


def block(start):
    """The indented block of README.md that begins with this line, as it stands there."""
    lines = (TOP / "README.md").read_text(encoding="utf-8").splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("    ") and line.strip().startswith(start))
    rest = next((at for at, line in enumerate(lines[first:]) if line and not line.startswith("    ")), None)
    return "\n".join(line[4:] for line in lines[first : first + rest]).strip()


def run(folder, command):
    """A line for the shell, where nota-ai/bk-sdm-v2-tiny is a model that Hugging Face's tools have left."""
    shutil.copytree(MODEL, folder / "hub" / REPOSITORY / "snapshots" / "abc")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GESSO_", "HF_"))}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "LD_LIBRARY_PATH"):
        environment.pop(name, None)
    environment.update(LC_ALL="C.UTF-8", MALLOC_PERTURB_="0", HF_HUB_CACHE=str(folder / "hub"))
    few = gimp.linked_plug_ins(["file-png", "script-fu"], BUILD / "gimp-tests" / "file-png+script-fu")
    with gimp.Profile([stage.make(BUILD, None), few], BUILD / "gimp-cache", environment) as profile:
        done = subprocess.run(
            ["sh", "-c", command], env=profile.environment, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS, check=False,
        )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}"
    assert not verdict.complaints(done.stdout), done.stdout


def test_script():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fox.scm").write_text(block("(script-fu-use-v3)"), encoding="utf-8")
        program = gimp.program(console=True)
        run(folder, f"""{program} -idf --quit --batch-interpreter=plug-in-script-fu-eval -b '(load "fox.scm")'""")
        xcf = (folder / "fox.xcf").read_bytes()
        assert b"a red fox in the snow" in xcf and b"a full moon" in xcf


def test_batch():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(TOP / "plugin" / "scripts" / "gesso-batch.scm", folder)
        (folder / "prompts.txt").write_text("A red fox!\nan owl\n", encoding="utf-8")
        command = block("gimp-console-3.0 ")
        assert re.match(r"gimp-console-3\.0 -i --quit ", command), command
        # Without what only takes time: brushes and fonts.
        run(folder, command.replace("gimp-console-3.0 -i ", f"{gimp.program(console=True)} -idf "))
        made = sorted(os.listdir(folder / "pictures"))
        assert made == ["0001-a-red-fox.png", "0001-a-red-fox.xcf", "0002-an-owl.png", "0002-an-owl.xcf"], made


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    BUILD = options.build.resolve()
    sys.exit(tap.run_cases(tap.cases_of(sys.modules[__name__]), options.words))
