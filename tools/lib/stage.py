# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The plug-in as a folder that GIMP takes as it is: gesso/ with the program, the library, the catalogues, the models.

Its name is that of the program in it: GIMP ignores any other.
"""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
# Tests name another one.
BUILD = Path(os.environ.get("GESSO_BUILD") or TOP / "build" / "release")
NAME = "gesso"
# Likewise.
MODELS = Path(os.environ.get("GESSO_TREE_MODELS") or TOP / "models")


class StageError(Exception):
    """Something of the plug-in is not built."""


def wanted_files(build=BUILD):
    """What belongs into the folder: path in it -> built file."""
    wanted = {NAME: build / "plugin" / NAME}
    library = build / "engine" / "libgesso.so.0"
    wanted[library.name] = library
    cuda = build / "kernels" / "libgesso-cuda.so"  # where the CUDA toolkit was there to build it
    if cuda.is_file():
        wanted[cuda.name] = cuda
    for catalogue in sorted(build.glob("po/*/LC_MESSAGES/gesso.mo")):
        wanted[f"locale/{catalogue.relative_to(build / 'po')}"] = catalogue
    for file in wanted.values():
        if not file.is_file():
            raise StageError(f"{file} is not built")
    return wanted


def model_files():
    """The models that come with Gesso: path in the plug-in's folder -> file."""
    if not MODELS.is_dir():
        return {}
    return {
        f"models/{path.relative_to(MODELS)}": path
        for folder in sorted(MODELS.iterdir())
        if (folder / "model_index.json").is_file()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_same(source, target):
    try:
        there = target.stat()
    except OSError:
        return False
    here = source.stat()
    return (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns)


def copy(source, target):
    """Replaces the target in one go: a running GIMP keeps the one it has."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copy2(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(file):
    with open(file, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(build=BUILD, models=MODELS):
    """Brings BUILD/stage/gesso up to date; returns BUILD/stage, a folder for GIMP's plug-in-path. The models are a link
    to those of the tree. With other models, or none, it is a folder of its own."""
    build = Path(build)
    stage = build / ("stage" if models == TOP / "models" else "stage-for-tests")
    folder = stage / NAME
    wanted = wanted_files(build)
    # GIMP warns of a plug-in without this folder.
    (folder / "locale").mkdir(parents=True, exist_ok=True)
    with locked(build / ".stage-lock"):
        for name, source in wanted.items():
            if not is_same(source, folder / name):
                copy(source, folder / name)
        for path in sorted(folder.rglob("*"), reverse=True):
            if not path.is_symlink() and path.is_file() and str(path.relative_to(folder)) not in wanted:
                path.unlink()
        link = folder / "models"
        if link.is_symlink() and (not models or not models.is_dir() or link.readlink() != models):
            link.unlink()
        if models and models.is_dir() and not link.is_symlink():
            link.symlink_to(models)
    return stage
