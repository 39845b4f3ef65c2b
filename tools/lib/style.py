# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the sources that need no build: formatting, licences, length of files, translations.

    style.py    formats the C sources and brings po/POTFILES and the catalogues up to date (tools/format)
"""

import fnmatch
import os
import re
import subprocess
import tomllib
from pathlib import Path

import catalogues

TOP = Path(__file__).resolve().parent.parent.parent
C_SUFFIXES = {".c", ".h", ".cu", ".cuh"}
CODE_SUFFIXES = C_SUFFIXES | {".py", ".sh", ".scm"}
MAX_LINES = 600
# Releases of clang-format differ; the one of Debian 13 decides.
CLANG_FORMAT_MAJOR = 19


def project_files():
    """Files of the project, relative to its top: what git tracks or would add; without git, all but build/."""
    command = ["git", "-c", f"safe.directory={TOP}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=TOP, capture_output=True, check=True).stdout.decode()
        names = [name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, folders, files in os.walk(TOP):
            folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
            names += [os.path.relpath(os.path.join(folder, name), TOP) for name in files if name != ".git"]
    return sorted(name for name in set(names) if (TOP / name).is_file())


def clang_format_major():
    try:
        text = subprocess.run(["clang-format", "--version"], capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"version (\d+)", text)
    return int(match.group(1)) if match else None


def check_format(files):
    major = clang_format_major()
    if major != CLANG_FORMAT_MAJOR:
        # Not a failure: a stranger's system may have another release. Debian 13 has the one that counts.
        print(f"  formatting is not checked: clang-format is {major or 'missing'}, not {CLANG_FORMAT_MAJOR}")
        return
    sources = [name for name in files if Path(name).suffix in C_SUFFIXES]
    if not sources:
        return
    command = ["clang-format", "--style=file", "--dry-run", "-Werror", "--ferror-limit=1", *sources]
    result = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    bad = dict(re.findall(r"^(.+?):(\d+):\d+: error:", result.stderr, re.MULTILINE))
    if result.returncode != 0 and not bad:
        yield result.stderr.strip()
    for name, line in bad.items():
        yield f"{name}:{line}: not formatted; run tools/format"


def licensed_elsewhere():
    """Globs of REUSE.toml: files that cannot carry a header."""
    with open(TOP / "REUSE.toml", "rb") as stream:
        annotations = tomllib.load(stream)["annotations"]
    for annotation in annotations:
        paths = annotation["path"]
        yield from [paths] if isinstance(paths, str) else paths


def check_licences(files):
    globs = list(licensed_elsewhere())
    known = set(files)
    for name in files:
        if name.startswith("LICENSES/") or name + ".license" in known:
            continue
        if any(fnmatch.fnmatchcase(name, glob) for glob in globs):
            continue
        head = (TOP / name).read_bytes()[:1000].decode("utf-8", "replace")
        # The tags are put together here so that REUSE does not take this line for a header.
        if "SPDX" + "-License-Identifier:" not in head or "SPDX" + "-FileCopyrightText:" not in head:
            yield f"{name}: no SPDX header, and no entry of REUSE.toml covers it"


def check_lengths(files):
    for name in files:
        if Path(name).suffix in CODE_SUFFIXES:
            lines = (TOP / name).read_bytes().count(b"\n")
            if lines > MAX_LINES:
                yield f"{name}: {lines} lines; more than {MAX_LINES} is usually two rooms in one"


def translated_files(files):
    """Sources with messages in them."""
    for name in files:
        if Path(name).suffix in C_SUFFIXES and not name.startswith("tests/"):
            text = (TOP / name).read_text(encoding="utf-8")
            if re.search(r'\b(N_|C_|NC_|_|ngettext|g_dngettext) ?\(\s*(GETTEXT_PACKAGE,\s*)?"', text):
                yield name


# xgettext cuts a message off at a macro that it does not know, and the catalogue never finds it.
CUT_MESSAGE = re.compile(r'\b_ ?\(\s*(?:"(?:[^"\\]|\\.)*"\s*(?:PRI\w+\s*)?)*(G_\w+_(?:FORMAT|MODIFIER))')


def listed_files():
    lines = (TOP / "po" / "POTFILES").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def check_translations(files):
    listed = set(listed_files())
    wanted = set(translated_files(files))
    for name in sorted(wanted - listed):
        yield f"{name}: has messages and is not in po/POTFILES; run tools/format"
    for name in sorted(listed - wanted):
        yield f"{name}: is in po/POTFILES and has no messages; run tools/format"
    for name in sorted(wanted):
        text = (TOP / name).read_text(encoding="utf-8")
        for match in CUT_MESSAGE.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            yield f"{name}:{line}: {match.group(1)} cuts the message off for translators; use %zu, PRIu64 or PRId64"


# What tools/check counts: name, and a function from the project's files to complaints.
CHECKS = {
    "format": check_format,
    "licences": check_licences,
    "lengths": check_lengths,
    "translations": check_translations,
    "catalogues": catalogues.check,
}


def fix():
    """Formats all sources, rewrites po/POTFILES, and brings the catalogues up to date."""
    files = project_files()
    sources = [name for name in files if Path(name).suffix in C_SUFFIXES]
    if clang_format_major() != CLANG_FORMAT_MAJOR:
        raise SystemExit(f"clang-format {CLANG_FORMAT_MAJOR} is needed; GESSO_SANDBOX=root tools/format uses Debian 13's")
    if sources:
        subprocess.run(["clang-format", "--style=file", "-i", *sources], cwd=TOP, check=True)
    path = TOP / "po" / "POTFILES"
    comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    path.write_text("\n".join(comments + sorted(translated_files(files))) + "\n", encoding="utf-8")
    catalogues.update()


if __name__ == "__main__":
    fix()
