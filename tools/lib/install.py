# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Puts the built plug-in into a user's own GIMP, or takes it out: install.py --user | --uninstall

Needs no rights but the user's. For everybody on a system there is `meson install`.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import gimp
import stage


def say(text):
    print(f"gesso: {text}", file=sys.stderr)


def gimp_folder():
    """The user's GIMP folder, as GIMP itself finds it."""
    named = os.environ.get("GIMP3_DIRECTORY")
    if named:
        return Path.home() / named
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "GIMP" / gimp.series()


def remove(folder):
    """A plug-in's folder, or the link that a developer has put there."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def install(plug_ins):
    """Copies everything into a folder beside the final place, which then takes its name: GIMP never sees half of it.
    Returns the place and its size in bytes."""
    target = plug_ins / stage.NAME
    files = {**stage.wanted_files(), **stage.model_files()}
    plug_ins.mkdir(parents=True, exist_ok=True)
    # GIMP ignores folders of such names.
    work = Path(tempfile.mkdtemp(prefix=".gesso-install.", dir=plug_ins))
    try:
        fresh = work / stage.NAME
        (fresh / "locale").mkdir(parents=True)
        for name, source in files.items():
            stage.copy(source, fresh / name)
        old = work / "old"
        if target.exists() or target.is_symlink():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
        remove(old)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target, sum(source.stat().st_size for source in files.values())


def main():
    parser = argparse.ArgumentParser(prog="tools/install", description="The plug-in in your own GIMP.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--user", action="store_true", help="build it and put it into your GIMP's folder")
    what.add_argument("--uninstall", action="store_true", help="take it out of your GIMP's folder")
    options = parser.parse_args()

    plug_ins = gimp_folder() / "plug-ins"
    if options.uninstall:
        target = plug_ins / stage.NAME
        if not target.exists() and not target.is_symlink():
            say(f"nothing to do: {target} is not there")
            return
        remove(target)
        say(f"removed {target}; your own models and settings are left as they are")
        return
    target, size = install(plug_ins)
    say(f"GIMP {gimp.version()} finds the plug-in at its next start, in {target} ({size / 1e6:.0f} MB)")
    if not stage.model_files():
        say("it comes without a model; README.md says where to get one and where to put it")


if __name__ == "__main__":
    try:
        main()
    except (gimp.GimpError, stage.StageError, OSError) as failure:
        sys.exit(f"tools/install: {failure}")
