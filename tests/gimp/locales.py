# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Locales for tests, made where they are needed: systems have few installed, and C.UTF-8 is never translated."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

NAME = re.compile(r"^([a-z]+_[A-Z]+)\.UTF-8$")


def make(build, name):
    """Makes the locale ("de_DE.UTF-8") unless it is there; returns the folder that LOCPATH must name."""
    folder = Path(build) / "locales"
    if (folder / name).is_dir():
        return folder
    folder.mkdir(exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".fresh-", dir=folder))
    try:
        # It warns about locales that are all right, and says so with an exit status of 1.
        command = ["localedef", "-i", NAME.match(name).group(1), "-f", "UTF-8", str(fresh / name)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode > 1 or not (fresh / name).is_dir():
            raise RuntimeError(f"the locale {name} cannot be made: {done.stderr}")
        try:
            (fresh / name).rename(folder / name)
        except OSError:
            if not (folder / name).is_dir():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def add(environment, build, name):
    """Makes the locale where need be, and puts it in place of all that an environment says about languages."""
    for variable in list(environment):
        if variable.startswith(("LC_", "LANG")):
            del environment[variable]
    environment["LC_ALL"] = name
    if NAME.match(name):
        environment["LOCPATH"] = str(make(build, name))
