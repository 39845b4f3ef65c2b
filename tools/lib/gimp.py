# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""A real GIMP with the plug-in in a throwaway profile; what tools/gimp runs inside the place that sandbox.sh chose.

    gimp.py ARGS     GIMP's own arguments; without a display, or with -i, the console program runs
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import stage

# Everything by which the user's own folders would be found, or another GIMP that runs already.
FOREIGN = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "GIMP3_DIRECTORY",
           "GIMP_TESTING_PLUGINDIRS", "DBUS_SESSION_BUS_ADDRESS")
MAX_KEPT = 20
LANGUAGE = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")


class GimpError(Exception):
    """There is no usable GIMP."""


def pkg_config(*arguments):
    command = ["pkg-config", *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as failure:
        raise GimpError("GIMP 3 and its development files are not installed: pkg-config finds no gimp-3.0") from failure


def version():
    """What is installed: "3.0.4"."""
    return pkg_config("--modversion", "gimp-3.0")


def series():
    """The version as GIMP names folders and programs by it: "3.0"; a development version 3.1 counts as 3.2."""
    major, minor = (int(number) for number in version().split(".")[:2])
    return f"{major}.{minor + minor % 2}"


def program(console):
    for name in (f"gimp-console-{series()}", "gimp-console-3", "gimp-console") if console else (
        f"gimp-{series()}", "gimp-3", "gimp"):
        path = shutil.which(name)
        if path:
            return path
    raise GimpError(f"GIMP's program {'gimp-console' if console else 'gimp'}-{series()} is not installed")


def system_plug_ins():
    return Path(pkg_config("--variable=gimplibdir", "gimp-3.0")) / "plug-ins"


def linked_plug_ins(names, folder):
    """A folder with some of GIMP's plug-ins only: asking them all is what takes the time when GIMP starts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        there = system_plug_ins() / name
        if not there.is_dir():
            raise GimpError(f"GIMP has no plug-in {name}")
        with contextlib.suppress(FileExistsError):
            (folder / name).symlink_to(there)
    return folder


def batch(script):
    """A command that runs a script in GIMP without windows, brushes and fonts; exit status 70 is a failed script."""
    quiet = ["-i", "-d", "-f", "--quit"]
    return [program(console=True), *quiet, "--batch-interpreter=plug-in-script-fu-eval", "-b", script]


def scheme_string(text):
    """Text as a literal of Scheme, and of GIMP's configuration files."""
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def cache_name(plug_ins, environment):
    """Names what GIMP's list of plug-ins depends on. The labels of menus are in it, translated."""
    parts = [version(), *(f"{name}={environment.get(name, '')}" for name in LANGUAGE)]
    for folder in plug_ins:
        for path in sorted(Path(folder).glob("*/*")):
            if path.is_file():
                parts.append(f"{path} {path.stat().st_mtime_ns}")
        for catalogue in sorted(Path(folder).glob("*/locale/*/LC_MESSAGES/*.mo")):
            parts.append(f"{catalogue} {catalogue.stat().st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


class Profile:
    """A folder with everything that GIMP keeps of a user, deleted at the end.

    `plug_ins`: folders with plug-ins. `cache` (a folder, or None): GIMP asks every plug-in what it offers when a
    profile is new, which takes seconds; here the answer is kept for the next profile. GIMP itself asks a plug-in again
    that has changed since. `settings`: more rows of its gimprc.
    """

    def __init__(self, plug_ins, cache=None, environment=None, settings=()):
        self.plug_ins = [Path(folder) for folder in plug_ins]
        self.environment = dict(os.environ if environment is None else environment)
        for name in FOREIGN:
            self.environment.pop(name, None)
        self.settings = list(settings)
        self.cache = None
        if cache:
            self.cache = Path(cache) / f"pluginrc-{cache_name(self.plug_ins, self.environment)}"
        self.folder = None
        self.gimp_folder = None

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="gesso-gimp."))
        self.gimp_folder = self.folder / "gimp"
        home = self.folder / "home"
        temporary = self.folder / "tmp"
        for folder in (self.gimp_folder, home, temporary):
            folder.mkdir()
        # Without it GIMP complains of a new profile.
        (self.gimp_folder / "tags.xml").write_text("<?xml version='1.0' encoding='UTF-8'?>\n<tags>\n</tags>\n", "utf-8")
        self.write_settings(self.plug_ins)
        if self.cache and self.cache.exists():
            shutil.copyfile(self.cache / "pluginrc", self.gimp_folder / "pluginrc")
        self.environment.update(HOME=str(home), TMPDIR=str(temporary), GIMP3_DIRECTORY=str(self.gimp_folder))
        return self

    def write_settings(self, plug_ins):
        path = ":".join(str(folder) for folder in plug_ins)
        rows = [
            f"(plug-in-path {scheme_string(path)})",
            f"(config-version {scheme_string(version())})",
            "(show-welcome-dialog no)",
            "(check-updates no)",
            *self.settings,
        ]
        if self.cache and self.cache.exists():
            # What GIMP asks plug-ins again without.
            rows.append((self.cache / "language").read_text(encoding="utf-8"))
        (self.gimp_folder / "gimprc").write_text("\n".join(rows) + "\n", encoding="utf-8")

    def __exit__(self, *_failure):
        self.keep_list()
        # A GIMP that was killed may leave children which still write.
        for _ in range(5):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                break

    def keep_list(self):
        """Keeps what GIMP has asked of the plug-ins, and the row that says in which language."""
        if not self.cache or self.cache.exists():
            return
        with contextlib.suppress(OSError):
            settings = (self.gimp_folder / "gimprc").read_text(encoding="utf-8")
            language = re.search(r"^\(prev-language .*\)$", settings, re.MULTILINE)
            made = self.gimp_folder / "pluginrc"
            if not language or not made.exists():
                return
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            for old in sorted(self.cache.parent.glob("pluginrc-*"), key=lambda path: path.stat().st_mtime)[:-MAX_KEPT]:
                shutil.rmtree(old, ignore_errors=True)
            fresh = Path(tempfile.mkdtemp(prefix="fresh-", dir=self.cache.parent))
            shutil.copyfile(made, fresh / "pluginrc")
            (fresh / "language").write_text(language.group(0), encoding="utf-8")
            try:
                fresh.rename(self.cache)
            except OSError:
                shutil.rmtree(fresh, ignore_errors=True)


def wants_console(arguments, environment):
    """Whether these arguments of GIMP need no windows, or there is nowhere to show any."""
    if not environment.get("DISPLAY") and not environment.get("WAYLAND_DISPLAY"):
        return True
    return any(
        argument == "--no-interface" or re.fullmatch(r"-[acdfnsv]*i[acdfinsv]*", argument) for argument in arguments
    )


def run(arguments, environment):
    """GIMP in the foreground: its exit status; 128 and the signal's number when it was killed."""
    console = wants_console(arguments, environment)
    if console and all(not argument.startswith("-") for argument in arguments):
        raise GimpError("there is no display to open GIMP on; set DISPLAY, or have GIMP do something with -i and -b")
    # Not the one that the user has open.
    command = [program(console), *([] if console else ["--new-instance"]), *arguments]
    with subprocess.Popen(command, env=environment) as process:
        # Ctrl-C reaches GIMP as well; other signals are passed on.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: process.send_signal(number))
        status = process.wait()
    return 128 - status if status < 0 else status


def main():
    with Profile([stage.make(), system_plug_ins()], stage.BUILD / "gimp-cache") as profile:
        return run(sys.argv[1:], profile.environment)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (GimpError, stage.StageError) as failure:
        print(f"tools/gimp: {failure}", file=sys.stderr)
        sys.exit(1)
