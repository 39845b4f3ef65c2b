# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Fills a folder with everything that a machine with a card needs for the trial, loader and libraries included.

    pack_trial.py FOLDER NAME=PROGRAM...     programs by the names that tools/trial knows them by; run inside the place
                                             that sandbox.sh chose, whose libraries they were linked with
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import style

TOP = Path(__file__).resolve().parent.parent.parent
# What the driver's own library wants of the same libc.
LIBC_PARTS = ("libdl.so.2", "librt.so.1", "libpthread.so.0")
# MiB that may travel.
MOST = 64


def libraries_of(program):
    """The files that a program or library was linked with, its loader among them."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, check=True, text=True).stdout
    for line in said.splitlines():
        found = re.search(r"=> *(/\S+)", line) or re.match(r"\s*(/\S*ld-linux\S*)", line)
        if found:
            yield Path(found[1])


def gather(staging, programs, extra):
    """bin/ and lib/ of what is carried."""
    (staging / "bin").mkdir()
    (staging / "lib").mkdir()
    for name, program in programs.items():
        target = staging / "bin" / name
        shutil.copy2(program, target)
        # Half of it is for debuggers; without the tool it is carried all the same.
        if shutil.which("strip"):
            subprocess.run(["strip", "--strip-unneeded", str(target)], check=False)
    libraries = {library.name: library for program in [*programs.values(), *extra] for library in libraries_of(program)}
    libc = libraries["libc.so.6"].resolve().parent
    libraries.update({name: libc / name for name in LIBC_PARTS if (libc / name).exists()})
    for name, library in libraries.items():
        shutil.copy2(library.resolve(), staging / "lib" / name)


def lies_in(folder, tree):
    return folder.resolve().is_relative_to(tree.resolve())


def place(part, folder, tree):
    """A part of the tree in the folder, at the same place: where the folder lies in the tree, so that both travel, a
    link that holds wherever they arrive, else a copy."""
    target = folder / part
    if target.is_symlink():
        target.unlink()
    shutil.rmtree(target, ignore_errors=True)
    if lies_in(folder, tree):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.path.relpath(tree.resolve() / part, target.parent.resolve()))
    else:
        shutil.copytree(tree / part, target)


def pack(folder, programs, extra=(), fast=False):
    """`extra`: libraries that are loaded by name, of which only what they are linked with is carried. `fast`: for a
    test; nothing is compressed."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((TOP / "tools" / "trial").iterdir()):
        if path.is_file():
            shutil.copy2(path, folder / path.name)
    for part in ("tests/reference/data", "models/starter"):
        if (TOP / part).is_dir():
            place(part, folder, TOP)
    with tempfile.TemporaryDirectory(prefix="gesso-pack-") as name:
        staging = Path(name)
        gather(staging, programs, extra)
        with tarfile.open(folder / "carried.tar.xz", "w" if fast else "w:xz") as archive:
            for part in ("bin", "lib"):
                archive.add(staging / part, part)
    (folder / "carried.json").write_text(json.dumps({"packed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}) +
                                         "\n", encoding="utf-8")


def size_of(paths):
    """In MiB; what folders are linked to counts not."""
    return sum(path.lstat().st_size for path in paths if not path.is_dir()) / 2**20


def tell_size(folder):
    size = size_of(folder.rglob("*"))
    said = f"{size:.1f} MiB"
    if lies_in(folder, TOP):
        tree = size_of(TOP / name for name in style.project_files() if not lies_in(TOP / name, folder))
        said += f", and {tree:.1f} MiB the tree that it links to: {size + tree:.1f} MiB"
        size += tree
    print(said + f" of {MOST}" + ("" if size <= MOST else ", too much: name fewer architectures, if need be only the "
                                  "card's own (90a for an H100 or H200)"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("programs", nargs="+", metavar="NAME=PROGRAM")
    options = parser.parse_args()
    programs = dict(program.split("=", 1) for program in options.programs)
    for name, program in programs.items():
        if not os.path.isfile(program):
            print(f"{name}: {program} is not built", file=sys.stderr)
            return 1
    pack(options.folder, {name: Path(program) for name, program in programs.items()})
    tell_size(options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
