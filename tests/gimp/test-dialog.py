#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The dialog and the menu entries in a real GIMP, through AT-SPI: what somebody does by hand, and what goes wrong then.
test-dialog.py --build BUILD [WORD...]"""

import argparse
import contextlib
import gettext
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(HERE), str(TOP / "tools" / "lib")]

import atspi_driver as driver  # noqa: E402
import demo  # noqa: E402
import gimp  # noqa: E402
import locales  # noqa: E402
import stage  # noqa: E402
import tap  # noqa: E402
import verdict  # noqa: E402

MODEL = TOP / "tests" / "reference" / "data" / "models" / "v2-tiny"
WIDTH, HEIGHT = 320, 240
# GIMP itself complains when there is no window manager, and when a screen reader looks at all its widgets; plug-ins
# when it is killed, as it is at every end here.
ALLOWED = [r"^\(gimp[^)]*\)", r"fatal error: GIMP crashed", r"gimp_wire_read"]
# Enough pictures of enough steps that nobody has to hurry.
ENDLESS = {"Num_ber of Pictures": 16, "S_teps": 100}


class Gimp:
    """A GIMP with an image open, in a profile that stays when it is started again."""

    def __init__(self, profile, folder, words):
        self.profile = profile
        self.folder = folder
        self.words = words
        self.process = None
        self.log = folder / "output"

    def start(self):
        picture = self.folder / "picture.png"
        if not picture.exists():
            demo.write_png(picture, WIDTH, HEIGHT, demo.landscape(WIDTH, HEIGHT))
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [gimp.program(console=False), "-n", "-s", "-d", "-f", str(picture)], env=self.profile.environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )
        driver.window("gimp", f"{WIDTH}x{HEIGHT}", 60)

    def kill(self):
        """Plug-ins end by themselves then; whoever does not is an error."""
        if not self.process:
            return
        self.process.kill()
        self.process.wait()
        driver.wait_for("the end of all plug-ins", self.is_gone)

    def is_gone(self):
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    @property
    def window(self):
        return driver.window("gimp", f"{WIDTH}x{HEIGHT}")

    def n_layers(self):
        """As the title of the window says."""
        return int(re.search(r"(\d+) \w+\)", self.window.get_name()).group(1))

    def wait_for_layers(self, number):
        driver.wait_for(f"{number} layers", lambda: self.n_layers() == number)

    def open_dialog(self, entry=None):
        driver.activate(self.window, entry or self.words("_Generate Layer...").replace("_", ""))
        return Dialog(driver.window("gesso"), self.words)

    def painter(self):
        """The process id of the dialog."""
        return driver.applications("gesso")[0].get_process_id()


class Dialog:
    """What is in the plug-in's dialog, by the names of the source."""

    def __init__(self, window, words):
        self.window = window
        self.words = words

    def wait_for(self, what, question, seconds=60):
        try:
            return driver.wait_for(what, question, seconds)
        except driver.NotFound as failure:
            raise driver.NotFound(f"{failure}\n{driver.tree(self.window)}") from None

    def word(self, text):
        return self.words(text).replace("_", "")

    def find(self, role, text, **options):
        return driver.find(self.window, role, self.word(text), **options)

    def set_numbers(self, numbers):
        for name, value in numbers.items():
            spin = self.find("spin button", name)
            driver.set_value(spin, value)
            self.wait_for(f"{name} {value}", lambda spin=spin, value=value: driver.value_of(spin) == value)

    def number(self, name):
        return driver.value_of(self.find("spin button", name))

    def prompt(self):
        return driver.text_of(self.find("text", "_Prompt"))

    def write_prompt(self, text):
        driver.set_text(self.find("text", "_Prompt"), text)

    def results(self):
        return list(driver.matching(self.window, "list item"))

    def is_painting(self):
        return driver.has(self.window, "button", self.word("_Cancel"))

    def generate(self):
        button = self.find("button", "_Generate")
        driver.wait_for("Generate can be pressed", lambda: driver.is_sensitive(button))
        driver.press(button)

    def cancel(self):
        driver.press(self.find("button", "_Cancel"))
        self.find("button", "_Generate", seconds=10)

    def wait_for_results(self, number):
        self.wait_for(f"{number} pictures", lambda: len(self.results()) >= number and not self.is_painting())

    def close(self):
        driver.press(self.find("button", "_Close"))
        self.wait_until_closed()

    def wait_until_closed(self):
        driver.wait_for("the end of the dialog", lambda: not driver.windows("gesso"))


@contextlib.contextmanager
def session(locale="C.UTF-8", models=True, words=str, allows=()):
    """A GIMP for a with statement; nobody may have complained in the end."""
    with tempfile.TemporaryDirectory(prefix="gesso-test.") as name:
        folder = Path(name)
        (folder / "models").mkdir()
        if models:
            (folder / "models" / "starter").symlink_to(MODEL)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("GESSO_", "HF_"))}
        environment.pop("LD_LIBRARY_PATH", None)
        environment.update(MALLOC_PERTURB_="0", GESSO_MODELS_PATH=str(folder / "models"))
        locales.add(environment, BUILD, locale)
        few = gimp.linked_plug_ins(["file-png", "script-fu"], BUILD / "gimp-tests" / "file-png+script-fu")
        with gimp.Profile([stage.make(BUILD, None), few], BUILD / "gimp-cache", environment) as profile:
            profile.environment["DBUS_SESSION_BUS_ADDRESS"] = os.environ["DBUS_SESSION_BUS_ADDRESS"]
            running = Gimp(profile, folder, words)
            try:
                running.start()
                yield running
                running.kill()
            finally:
                if running.process and not running.is_gone():
                    os.killpg(running.process.pid, signal.SIGKILL)
                    running.process.wait()
                output = running.log.read_text(encoding="utf-8", errors="replace")
        bad = verdict.complaints(output, [*ALLOWED, *allows])
        assert not bad, "\n".join(bad)


def test_by_hand():
    with session() as running:
        dialog = running.open_dialog()
        assert dialog.prompt() == ""
        dialog.write_prompt("a red circle on a blue hill")
        dialog.find("label", "13 / 75")

        # Escape cancels at once, and what is finished is kept.
        dialog.set_numbers(ENDLESS)
        driver.key(dialog.find("text", "_Prompt"), "Control+Return")
        dialog.wait_for("a first picture", lambda: dialog.is_painting() and dialog.results())
        driver.key(dialog.find("text", "_Prompt"), "Escape")
        dialog.find("button", "_Generate", seconds=10)
        n_before = len(dialog.results())
        assert 1 <= n_before < ENDLESS["Num_ber of Pictures"], n_before

        # Four more, two of them to insert.
        dialog.set_numbers({"Num_ber of Pictures": 4, "S_teps": 3})
        dialog.generate()
        dialog.wait_for_results(n_before + 4)
        for result in dialog.results()[:-2]:
            driver.press(driver.find(result, "check box", "Keep"))
        driver.press(dialog.find("button", "_Insert 2 Layers"))
        dialog.wait_until_closed()
        running.wait_for_layers(3)

        # One step back, and forth.
        driver.activate(running.window, re.compile("^Undo .*Generate"))
        running.wait_for_layers(1)
        driver.activate(running.window, re.compile("^Redo .*Generate"))
        running.wait_for_layers(3)

        # The settings are as they were: in the next dialog, and after a GIMP that was killed.
        dialog = running.open_dialog()
        assert dialog.prompt() == "a red circle on a blue hill", dialog.prompt()
        dialog.write_prompt("something else")
        driver.key(dialog.find("text", "_Prompt"), "Escape")
        dialog.wait_until_closed()
        running.kill()
        running.start()
        dialog = running.open_dialog()
        assert dialog.prompt() == "something else", dialog.prompt()
        assert (dialog.number("Num_ber of Pictures"), dialog.number("S_teps")) == (4, 3)
        dialog.close()


def test_image_closed_while_painting():
    with session() as running:
        dialog = running.open_dialog()
        dialog.set_numbers(ENDLESS)
        dialog.generate()
        dialog.wait_for("a first picture", dialog.results)
        driver.activate(running.window, "Close View")
        driver.wait_for("the image to be closed", lambda: not driver.windows("gimp", f"{WIDTH}x{HEIGHT}"))
        dialog.cancel()
        driver.press(driver.find(dialog.window, "button", re.compile("^Insert ")))
        driver.find(dialog.window, "label", re.compile("image .*closed"))
        dialog.close()
        assert driver.windows("gimp"), "GIMP is gone"


def test_killed_while_painting():
    with session() as running:
        dialog = running.open_dialog()
        dialog.set_numbers(ENDLESS)
        dialog.generate()
        dialog.wait_for("a first picture", dialog.results)
        os.kill(running.painter(), signal.SIGKILL)
        dialog.wait_until_closed()
        assert running.n_layers() == 1

        # GIMP goes on, and so does the next one.
        dialog = running.open_dialog()
        dialog.set_numbers({"Num_ber of Pictures": 1, "S_teps": 2})
        dialog.generate()
        dialog.wait_for_results(1)
        driver.press(dialog.find("button", "_Insert 1 Layer"))
        running.wait_for_layers(2)


def test_gimp_quits_while_painting():
    with session() as running:
        dialog = running.open_dialog()
        dialog.set_numbers(ENDLESS)
        dialog.generate()
        dialog.wait_for("a first picture", dialog.results)
        driver.activate(running.window, "Quit")
        status = running.process.wait(20)
        assert status == 0, status
        driver.wait_for("the end of the plug-in", running.is_gone)


def test_gimp_killed_while_painting():
    with session() as running:
        dialog = running.open_dialog()
        dialog.set_numbers(ENDLESS)
        dialog.generate()
        dialog.wait_for("a first picture", dialog.results)
        running.kill()


def test_model_missing():
    with session(models=False) as running:
        dialog = running.open_dialog()
        driver.find(dialog.window, "label", re.compile("starter model is not installed"))
        dialog.write_prompt("a fox")
        dialog.generate()
        driver.find(dialog.window, "label", re.compile("starter model is not installed"))
        assert not dialog.results()
        dialog.close()


def test_model_broken():
    with session(models=False) as running:
        broken = running.folder / "models" / "starter"
        broken.mkdir()
        (broken / "model_index.json").write_text("{ half", encoding="utf-8")
        dialog = running.open_dialog()
        driver.find(dialog.window, "label", re.compile(r"starter/model_index\.json"))
        dialog.close()


def short_visit(locale):
    """Opens, types, paints and inserts in another language; returns where the prompt and the picture were, and how far
    they and the buttons go."""
    catalogue = gettext.translation("gesso", stage.make(BUILD, None) / "gesso" / "locale", [locale[:2]])
    assert catalogue.gettext("_Generate") != "_Generate", "not translated"
    with session(locale, words=catalogue.gettext) as running:
        dialog = running.open_dialog()
        dialog.write_prompt("a fox")
        dialog.set_numbers({"S_teps": 2})
        dialog.generate()
        dialog.wait_for_results(1)
        places = [driver.extents(dialog.find(*what)) for what in (("text", "_Prompt"), ("image", "Picture"))]
        screen = driver.extents(dialog.window)
        for node, _depth in driver.walk(dialog.window):
            if node.get_role_name().endswith("button") and driver.is_showing(node):
                place = driver.extents(node)
                assert place.x >= screen.x and place.x + place.width <= screen.x + screen.width, node.get_name()
        insert = catalogue.ngettext("_Insert %d Layer", "_Insert %d Layers", 1).replace("_", "").replace("%d", "1")
        driver.press(driver.find(dialog.window, "button", insert))
        dialog.wait_until_closed()
        return places


def test_german():
    prompt, picture = short_visit("de_DE.UTF-8")
    assert prompt.x < picture.x, (prompt.x, picture.x)


def test_arabic():
    prompt, picture = short_visit("ar_EG.UTF-8")
    assert prompt.x > picture.x, (prompt.x, picture.x)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    BUILD = options.build.resolve()
    with driver.desktop():
        STATUS = tap.run_cases(tap.cases_of(sys.modules[__name__]), options.words)
    sys.exit(STATUS)
