# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The template of the translations and the catalogues: whether they are complete, and how they are brought up to date."""

import os
import subprocess
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PO = TOP / "po"
TEMPLATE = PO / "gesso.pot"

# As Meson's preset for GLib has it.
XGETTEXT = [
    "xgettext",
    "--from-code=UTF-8",
    "--add-comments",
    "--package-name=gesso",
    "--keyword=_",
    "--keyword=N_",
    "--keyword=C_:1c,2",
    "--keyword=NC_:1c,2",
    "--keyword=g_dcgettext:2",
    "--keyword=g_dngettext:2,3",
    "--keyword=g_dpgettext2:2c,3",
    "--keyword=ngettext:1,2",
    "--flag=N_:1:pass-c-format",
    "--flag=C_:2:pass-c-format",
    "--flag=NC_:2:pass-c-format",
    "--flag=g_dngettext:2:pass-c-format",
    "--flag=g_strdup_printf:1:c-format",
    "--flag=g_string_append_printf:2:c-format",
    "--flag=g_set_error:4:c-format",
    f"--files-from={PO / 'POTFILES'}",
]


def languages():
    lines = (PO / "LINGUAS").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def run(*command):
    """What a tool of gettext complains of, a line each; nothing when it is content."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=TOP,
        env=dict(os.environ, LC_ALL="C.UTF-8"),
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stderr.strip().splitlines() if result.returncode else []


def write_template(path):
    return run(*XGETTEXT, f"--output={path}")


def differences(one, other):
    """Messages of `other` that `one` does not have."""
    return run("msgcmp", "--use-fuzzy", "--use-untranslated", one, other)


def template_complaints():
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "fresh.pot"
        yield from write_template(fresh)
        if differences(TEMPLATE, fresh) or differences(fresh, TEMPLATE):
            yield "po/gesso.pot: is not what the sources say; run tools/format"


def check(_files):
    """Complaints about the template and about every language of po/LINGUAS."""
    yield from template_complaints()
    for language in languages():
        path = PO / f"{language}.po"
        yield from run("msgfmt", "--check", "--output-file=/dev/null", path)
        for line in run("msgcmp", path, TEMPLATE)[:10]:
            yield line.replace(f"{TOP}/", "")
    for path in sorted(PO.glob("*.po")):
        if path.stem not in languages():
            yield f"po/{path.name}: is not in po/LINGUAS"


def update():
    """Writes the template anew where a message changed, and merges it into every language; what is new stays empty."""
    if not list(template_complaints()):
        return
    complaints = write_template(TEMPLATE)
    for language in languages():
        complaints += run("msgmerge", "--quiet", "--update", "--backup=none", "--no-fuzzy-matching",
                          PO / f"{language}.po", TEMPLATE)
    if complaints:
        raise SystemExit("\n".join(complaints))
