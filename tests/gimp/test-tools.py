#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What tools/gimp and tools/demo do inside the place that they have set up. test-tools.py --build BUILD [WORD...]"""

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(TOP / "tools" / "lib")]

import demo  # noqa: E402
import palette  # noqa: E402
import patience  # noqa: E402
import tap  # noqa: E402

MODEL = TOP / "tests" / "reference" / "data" / "models" / "v2-tiny"
SECONDS = 180 * patience.FACTOR

class Place:
    """A folder to call from; nothing may be left in the folder for temporary files."""

    def __init__(self, folder):
        self.folder = Path(folder) / "here"
        self.temporary = Path(folder) / "temporary"
        self.folder.mkdir()
        self.temporary.mkdir()

    def run(self, module, *arguments, **more):
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("GESSO_", "HF_"))}
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "LD_LIBRARY_PATH"):
            environment.pop(name, None)
        environment.update(LC_ALL="C.UTF-8", TMPDIR=str(self.temporary), HOME=str(self.folder), MALLOC_PERTURB_="0",
                           GESSO_BUILD=str(BUILD), **more)
        done = subprocess.run(
            [sys.executable, "-B", str(TOP / "tools" / "lib" / f"{module}.py"), *arguments], env=environment,
            cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
        )
        assert not os.listdir(self.temporary), os.listdir(self.temporary)
        return done


def test_gimp():
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        script = '''(script-fu-use-v3)
          (display (if (defined? (quote plug-in-gesso-generate-layer)) "offers" "lacks"))
          (display (if (defined? (quote file-jpeg-export)) " all of GIMP" " much"))'''
        (place.folder / "my.scm").write_text(script, encoding="utf-8")
        batch = ["-i", "-d", "-f", "--quit", "--batch-interpreter=plug-in-script-fu-eval", "-b"]
        done = place.run("gimp", *batch, '(load "my.scm")')
        assert done.returncode == 0, done.stderr
        assert "offers all of GIMP" in done.stdout, done.stdout + done.stderr

        done = place.run("gimp", *batch, '(load "your.scm")')
        assert done.returncode == 70, done.returncode
        done = place.run("gimp", "my.scm")
        assert done.returncode == 1 and "there is no display" in done.stderr, done.stderr
        assert os.listdir(place.folder) == ["my.scm"], os.listdir(place.folder)


def models_folder(folder):
    """As the tree's own models, with a small one for a starter."""
    shutil.copytree(MODEL, Path(folder) / "models" / "starter")
    return str(Path(folder) / "models")


def test_gimp_with_the_starter():
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        script = """(script-fu-use-v3)
          (define image (plug-in-gesso-generate-image #:prompt "a fox" #:steps 1))
          (display (caddr (gimp-item-get-parasite (vector-ref (gimp-image-get-layers image) 0) "gesso-settings")))
          (gimp-image-delete image)"""
        batch = ["-i", "-d", "-f", "--quit", "--batch-interpreter=plug-in-script-fu-eval", "-b", script]
        done = place.run("gimp", *batch, GESSO_TREE_MODELS=models_folder(folder))
        assert done.returncode == 0 and '"prompt":"a fox"' in done.stdout, done.stdout + done.stderr
        # Without it, the folder is named into which models of one's own go, and it is not that of the thrown-away home.
        done = place.run("gimp", *batch, GESSO_TREE_MODELS=f"{folder}/none", GESSO_USER_MODELS="/home/me/models")
        said = done.stdout + done.stderr
        assert done.returncode == 70 and "starter model is not installed" in said, said
        assert "put one into /home/me/models" in said, said


def test_demo():
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        for _ in range(2):
            done = place.run("demo", "--model", str(MODEL), "out")
            assert done.returncode == 0, done.stderr
            last = Path(done.stdout.splitlines()[-1])
            assert last == place.folder / "out" / "painted.png", last
            assert last.read_bytes().startswith(b"\x89PNG")
        xcf = last.with_suffix(".xcf").read_bytes()
        assert xcf.startswith(b"gimp xcf") and b"gesso-settings" in xcf and b"blue and white zigzag" in xcf
        assert os.listdir(place.folder) == ["out"], os.listdir(place.folder)


def test_demo_compiles_for_no_card():
    """What it builds, see tools/lib/gimp.sh: the kernels of every NVIDIA card take minutes."""
    command = ["ninja", "-C", str(BUILD), "-t", "commands", "plugin/gesso", "gesso-gmo"]
    commands = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "engine.c" in commands and "nvcc" not in commands and ".fatbin" not in commands


def test_demo_prompt_like_an_option():
    """What the shell's part passes on, without the rest."""
    stubs = {
        "sandbox.sh": 'gesso_lib=${BASH_SOURCE[0]%/*}; die () { echo "$*" >&2; exit 1; }; sandbox_setup () { :; }',
        "gimp.sh": """build_plug_in_for_cpu () { echo built >&2; }; show_folder () { :; }
                      run_gimp_script () { printf '%s\\n' "$@"; }""",
    }
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "tools"
        (tools / "lib").mkdir(parents=True)
        shutil.copy(TOP / "tools" / "demo", tools)
        for name, text in stubs.items():
            (tools / "lib" / name).write_text(text + "\n", encoding="utf-8")

        def run(*arguments):
            return subprocess.run([tools / "demo", *arguments], cwd=folder, capture_output=True, text=True, check=False)

        done = run("--prompt", "-x y", "--model=-m", "out")
        assert done.stdout.splitlines() == ["demo.py", "--prompt=-x y", "--model=-m", "out"], done
        done = run("--prompt")
        assert done.returncode == 1 and "usage: tools/demo" in done.stderr and "built" not in done.stderr, done


def test_demo_with_the_starter():
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        done = place.run("demo", GESSO_TREE_MODELS=models_folder(folder))
        assert done.returncode == 0, done.stderr
        last = Path(done.stdout.splitlines()[-1])
        assert last == place.folder / "gesso-demo" / "painted.png", last
        assert b"gesso-settings" in last.with_suffix(".xcf").read_bytes()


def test_demo_without_a_model():
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        done = place.run("demo", "--model", "nonesuch")
        assert done.returncode == 1, done.returncode
        assert "nonesuch" in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert not (place.folder / "gesso-demo" / "painted.png").exists()


def test_few_colours():
    """The README's pictures: the colours of a theme stay as they are, those of a picture become few."""
    theme, side, colours = (235, 235, 235), 64, 16
    rows = [bytes(theme) * side for _ in range(side)] + [bytes((4 * y, 4 * x, 128)[c] for x in range(side)
                                                               for c in range(3)) for y in range(side)]
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.png"
        demo.write_png(full, side, 2 * side, rows)
        assert palette.read_rows(full.read_bytes()) == (side, rows)
        reduced = palette.reduced(full.read_bytes(), colours)
    start = reduced.index(b"PLTE")
    (size,) = struct.unpack_from(">I", reduced, start - 4)
    chosen = [tuple(reduced[at : at + 3]) for at in range(start + 4, start + 4 + size, 3)]
    places = zlib.decompress(reduced[reduced.index(b"IDAT") + 4 :])
    assert len(chosen) == colours and chosen[places[1]] == theme, chosen
    assert len(places) == 2 * side * (side + 1)
    for y in range(side):
        for x in range(side):
            shown = chosen[places[(side + y) * (side + 1) + 1 + x]]
            assert max(abs(a - b) for a, b in zip(shown, (4 * y, 4 * x, 128))) < 80, (x, y, shown)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    BUILD = options.build.resolve()
    sys.exit(tap.run_cases(tap.cases_of(sys.modules[__name__]), options.words))
