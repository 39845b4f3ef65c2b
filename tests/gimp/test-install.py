#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The plug-in where it is installed to, for one user (tools/lib/install.py) and for all (meson install): a real GIMP
finds it in both. test-install.py --build BUILD [WORD...]"""

import argparse
import gettext
import json
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
import install  # noqa: E402
import locales  # noqa: E402
import mounts  # noqa: E402
import patience  # noqa: E402
import stage  # noqa: E402
import tap  # noqa: E402
import verdict  # noqa: E402

MODEL = TOP / "tests" / "reference" / "data" / "models" / "v2-tiny"
# No model is named: the one that comes with Gesso is meant.
PAINT = """(script-fu-use-v3)
(let ((image (plug-in-gesso-generate-image #:prompt "a fox" #:steps 1)))
  (display (string-append "painted: " (number->string image) "\n")))"""
PROCEDURES = ["generate-batch", "generate-image", "generate-layer", "reuse-settings"]
SECONDS = 90 * patience.FACTOR
# What a user's own surroundings would add.
FOREIGN = ("DISPLAY", "WAYLAND_DISPLAY", "LANGUAGE", "GESSO_MODELS_PATH", "HF_HOME", "HF_HUB_CACHE", "LD_LIBRARY_PATH")


def gimp_says(plug_ins, script, libraries=None, before=(), locale="C.UTF-8"):
    """What a GIMP with these folders of plug-ins says; it must have nothing to complain about. `before`: a command
    that runs it."""
    environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    locales.add(environment, BUILD, locale)
    environment.update(MALLOC_PERTURB_="0")
    if libraries:
        environment["LD_LIBRARY_PATH"] = str(libraries)
    with gimp.Profile([], environment=environment) as profile, tempfile.TemporaryDirectory() as few:
        profile.write_settings([*plug_ins, *([] if before else [gimp.linked_plug_ins(["script-fu"], Path(few))])])
        done = subprocess.run(
            [*before, *gimp.batch(script)], env=profile.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS, check=False,
        )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}"
    assert not verdict.complaints(done.stdout), done.stdout
    return done.stdout


def offered(plug_ins, libraries=None):
    """Which of PROCEDURES GIMP knows."""
    question = '(if (defined? (quote plug-in-gesso-{0})) (begin (display "offers {0}") (newline)))'
    script = "(script-fu-use-v3)" + "".join(question.format(name) for name in PROCEDURES)
    lines = gimp_says(plug_ins, script, libraries).splitlines()
    return [line.removeprefix("offers ") for line in lines if line.startswith("offers ")]


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def run_install(*arguments, **environment):
    command = [sys.executable, "-B", str(TOP / "tools" / "lib" / "install.py"), *arguments]
    environment = dict(os.environ, GESSO_BUILD=str(BUILD), **environment)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def make_read_only(folder):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


def make_writable(folder):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)


def test_for_one_user():
    with tempfile.TemporaryDirectory() as home:
        profile = Path(home) / "GIMP profile"
        for _ in range(2):  # the second time over the first
            done = run_install("--user", GIMP3_DIRECTORY=str(profile))
            assert done.returncode == 0, done.stderr
            assert str(profile / "plug-ins" / "gesso") in done.stderr, done.stderr
        folder = profile / "plug-ins" / "gesso"
        assert files_below(folder) == {*stage.wanted_files(BUILD), *stage.model_files()}, files_below(folder)
        assert (folder / "locale").is_dir()
        assert os.access(folder / "gesso", os.X_OK)
        assert os.listdir(folder.parent) == ["gesso"], os.listdir(folder.parent)
        assert offered([folder.parent]) == PROCEDURES

        done = run_install("--uninstall", GIMP3_DIRECTORY=str(profile))
        assert done.returncode == 0, done.stderr
        assert os.listdir(folder.parent) == []
        done = run_install("--uninstall", GIMP3_DIRECTORY=str(profile))
        assert done.returncode == 0 and "nothing to do" in done.stderr, done.stderr


def test_with_a_model_and_read_only():
    """The model lies beside the plug-in and is the default; nothing is written to where it is installed."""
    with tempfile.TemporaryDirectory() as home:
        models, profile = Path(home) / "models", Path(home) / "profile"
        shutil.copytree(MODEL, models / "starter")
        done = run_install("--user", GIMP3_DIRECTORY=str(profile), GESSO_TREE_MODELS=str(models))
        assert done.returncode == 0 and "without a model" not in done.stderr, done.stderr
        folder = profile / "plug-ins" / "gesso"
        assert (folder / "models" / "starter" / "model_index.json").is_file()
        shutil.rmtree(models)
        before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
        make_read_only(folder)
        try:
            assert re.search(r"painted: \d", gimp_says([folder.parent], PAINT))
        finally:
            make_writable(folder)
        after = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
        assert after == before, set(after.items()) ^ set(before.items())


def test_refused_before_anything_is_set_up():
    """Where tools/install cannot help it says so, and makes no Debian root for that."""
    with tempfile.TemporaryDirectory() as home:
        environment = {key: value for key, value in os.environ.items() if key != "GIMP3_DIRECTORY"}
        environment.update(HOME=home, XDG_CACHE_HOME=f"{home}/cache", GESSO_SANDBOX="root")
        done = subprocess.run([TOP / "tools" / "install", "--user"], env=environment, capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        assert done.returncode == 1 and "GESSO_SANDBOX=root" in done.stderr, (done.returncode, done.stderr)
        assert os.listdir(home) == [], os.listdir(home)


def test_folders_of_the_user():
    with tempfile.TemporaryDirectory() as home:
        for variables, folder in (
            ({"GIMP3_DIRECTORY": "", "XDG_CONFIG_HOME": "", "HOME": home}, f".config/GIMP/{gimp.series()}"),
            ({"GIMP3_DIRECTORY": "", "XDG_CONFIG_HOME": f"{home}/conf"}, f"conf/GIMP/{gimp.series()}"),
            ({"GIMP3_DIRECTORY": "mine", "HOME": home}, "mine"),
        ):
            done = run_install("--user", **variables)
            assert done.returncode == 0, done.stderr
            assert (Path(home) / folder / "plug-ins" / "gesso" / "gesso").is_file(), (variables, done.stderr)


def test_for_one_user_where_nothing_may_be_written():
    with tempfile.TemporaryDirectory() as home:
        Path(home, "file").write_text("no folder", encoding="utf-8")
        done = run_install("--user", GIMP3_DIRECTORY=f"{home}/file")
        assert done.returncode != 0 and f"{home}/file" in done.stderr and "Traceback" not in done.stderr, done.stderr


def meson_install(place):
    command = ["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--destdir", place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_for_all_users():
    with tempfile.TemporaryDirectory() as place:
        meson_install(place)
        files = files_below(Path(place))
        prefix = next(name for name in files if name.endswith("bin/gesso")).removesuffix("bin/gesso")
        plug_ins = Path(place) / str(gimp.system_plug_ins()).lstrip("/")
        assert (plug_ins / "gesso" / "gesso").is_file(), sorted(files)
        # What the README shows and links to.
        links = re.findall(r"\]\(([^):#]+)\)", (TOP / "README.md").read_text(encoding="utf-8"))
        assert "ARCHITECTURE.md" in links and "plugin/pictures/dialog.png" in links, links
        for name in ("README.md", *links):
            assert f"{prefix}share/doc/gesso/{name}" in files, (name, sorted(files))
        for name in stage.model_files():
            assert f"{prefix}share/gesso/{name}" in files, sorted(files)
        for catalogue in BUILD.glob("po/*/LC_MESSAGES/gesso.mo"):
            assert f"{prefix}share/locale/{catalogue.relative_to(BUILD / 'po')}" in files, sorted(files)
        # Below DESTDIR the library is not where the program will look for it.
        library = next(name for name in files if name.endswith("/libgesso.so.0"))
        command = ["readelf", "-d", str(plug_ins / "gesso" / "gesso")]
        dynamic = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "/" + os.path.dirname(library) + "]" in dynamic, dynamic
        libraries = Path(place) / os.path.dirname(library)
        assert offered([plug_ins], libraries) == PROCEDURES
        if stage.model_files():
            said = gimp_says([plug_ins], PAINT, libraries)
            assert re.search(r"painted: \d", said), said


def build_prefix():
    listing = subprocess.run(["meson", "introspect", "--buildoptions", str(BUILD)], capture_output=True, text=True,
                             check=True).stdout
    return next(option["value"] for option in json.loads(listing) if option["name"] == "prefix")


def test_for_all_users_in_its_place():
    """Everything where it was configured to lie, in a namespace that has it there: the library, the catalogues and the
    starter are found without help."""
    system, prefix = gimp.system_plug_ins(), build_prefix()
    if prefix == "/usr" or not Path(prefix).is_dir():
        raise tap.Skip("the prefix cannot be covered")
    with tempfile.TemporaryDirectory() as place:
        meson_install(place)
        plug_ins = Path(place) / str(system).lstrip("/")
        shutil.copytree(system / "script-fu", plug_ins / "script-fu")
        before = mounts.covering([(place + prefix, prefix), (plug_ins, system)])
        if not before:
            raise tap.Skip("no mount namespace can be made here")
        model = "" if stage.model_files() else str(MODEL)
        nameless = f"""(script-fu-use-v3)
          (let ((image (plug-in-gesso-generate-image #:prompt "" #:model {gimp.scheme_string(model)} #:steps 1)))
            (display (gimp-item-get-name (vector-ref (gimp-image-get-layers image) 0)))
            (gimp-image-delete image))"""
        german = gettext.translation("gesso", BUILD / "po", ["de"]).gettext("Generated")
        assert german != "Generated" and german in gimp_says([system], nameless, before=before, locale="de_DE.UTF-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    BUILD = options.build.resolve()
    sys.exit(tap.run_cases(tap.cases_of(sys.modules[__name__]), options.words))
