# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""A GIMP with an image open, and the plug-in's dialog in it, by the names of the source; for tests that use them as
somebody does by hand.

    with session() as running:
        dialog = running.open_dialog()
"""

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
sys.path[:0] = [str(HERE), str(HERE.parent), str(TOP / "tools" / "lib")]

import atspi_driver as driver  # noqa: E402
import demo  # noqa: E402
import gimp  # noqa: E402
import locales  # noqa: E402
import patience  # noqa: E402
import stage  # noqa: E402
import tap  # noqa: E402
import verdict  # noqa: E402

BUILD = None  # the build folder; main () sets it
MODEL = TOP / "tests" / "reference" / "data" / "models" / "v2-tiny"
WIDTH, HEIGHT = 320, 240
START_SECONDS = 240 * patience.FACTOR  # of a new GIMP on a busy machine
# GIMP itself complains when there is no window manager, and when a screen reader looks at all its widgets; plug-ins
# when it is killed, as it is at every end here.
ALLOWED = [r"^\(gimp[^)]*\)", r"fatal error: GIMP crashed", r"gimp_wire_read"]
# For so long after painting has begun or ended the button that does both is left alone, as by somebody by hand: a double
# click counts once.
TURN_SECONDS = 0.7
# Enough pictures of enough steps that nobody has to hurry: of 1,600 steps in all a quick processor needs a second.
ENDLESS = {"Num_ber of Pictures": 64, "S_teps": 400}


class Gimp:
    """A GIMP with an image open, in a profile that stays when it is started again. `size`: what a script makes of it."""

    def __init__(self, profile, folder, words, size=f"{WIDTH}x{HEIGHT}"):
        self.size = size
        self.profile = profile
        self.folder = folder
        self.words = words
        self.process = None
        self.log = folder / "output"

    def start(self, script=None):
        """`script`: Script-Fu that runs once the image is open."""
        picture = self.folder / "picture.png"
        if not picture.exists():
            demo.write_png(picture, WIDTH, HEIGHT, demo.landscape(WIDTH, HEIGHT))
        batch = ["--batch-interpreter=plug-in-script-fu-eval", "-b", f"(script-fu-use-v3){script}"] if script else []
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [gimp.program(console=False), "-n", "-s", "-d", "-f", *batch, str(picture)],
                env=self.profile.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )
        driver.window("gimp", self.size, START_SECONDS)

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
        return driver.window("gimp", self.size)

    def n_layers(self):
        """As the title of the window says."""
        return int(re.search(r"(\d+) \w+\)", self.window.get_name()).group(1))

    def wait_for_layers(self, number):
        driver.wait_for(f"{number} layers", lambda: self.n_layers() == number)

    def open_dialog(self, entry=None):
        driver.activate(self.window, entry or self.words("_Generate Layer...").replace("_", ""))
        return Dialog(driver.window("gesso"), self.words)

    def paint_endlessly(self):
        """A dialog that has a first picture and paints on."""
        dialog = self.open_dialog()
        dialog.set_numbers(ENDLESS)
        dialog.generate()
        dialog.wait_for("a first picture", dialog.results)
        return dialog

    def painter(self):
        """The process id of the dialog."""
        return driver.applications("gesso")[0].get_process_id()


class Dialog:
    """What is in the plug-in's dialog, by the names of the source."""

    def __init__(self, window, words):
        self.window = window
        self.words = words
        self.generated = 0.0  # when Generate was pressed last

    def wait_for(self, what, question, seconds=driver.WAIT_SECONDS):
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

    def n_results(self):
        """Also of those that are scrolled out of sight."""
        strip = self.word("Results")
        return sum(node.get_role_name() == "list item" and (node.get_parent().get_name() or "") == strip
                   for node, _depth in driver.walk(self.window))

    def is_painting(self):
        return driver.has(self.window, "button", self.word("_Cancel"))

    def generate(self):
        button = self.find("button", "_Generate")
        time.sleep(TURN_SECONDS)
        driver.wait_for("Generate can be pressed", lambda: driver.is_sensitive(button))
        driver.press(button)
        self.generated = time.monotonic()

    def cancel(self):
        time.sleep(max(0, self.generated + TURN_SECONDS - time.monotonic()))
        driver.press(self.find("button", "_Cancel"))
        self.find("button", "_Generate", seconds=10)

    def wait_for_results(self, number):
        self.wait_for(f"{number} pictures", lambda: self.n_results() >= number and not self.is_painting())

    def press_close(self):
        button = self.find("button", "_Close")
        driver.wait_for("Close can be pressed", lambda: driver.is_sensitive(button))
        driver.press(button)

    def question(self):
        """The window that asks whether pictures are to be discarded, or None."""
        return next((node for node in driver.windows("gesso") if node.get_role_name() == "alert"), None)

    def answer(self, text, number):
        """Presses a button of the question about so many pictures."""
        asking = self.wait_for("the question", self.question)
        driver.find(asking, "label", f"Discard {number} picture{'s' * (number > 1)}?")
        driver.press(driver.find(asking, "button", self.word(text)))

    def close(self, n_discarded=0):
        """`n_discarded`: so many pictures are not inserted."""
        self.press_close()
        if n_discarded:
            self.answer("_Discard", n_discarded)
        self.wait_until_closed()

    def wait_until_closed(self):
        driver.wait_for("the end of the dialog", lambda: not driver.windows("gesso"))


@contextlib.contextmanager
def session(locale="C.UTF-8", models=True, words=str, allows=(), script=None, settings=(), model=MODEL, **more):
    """A GIMP for a with statement; nobody may have complained in the end. `script`: see Gimp.start(); `settings`: of
    gimp.Profile; `model`: what is the starter; `more`: of Gimp."""
    with tempfile.TemporaryDirectory(prefix="gesso-test.") as name:
        folder = Path(name)
        (folder / "models").mkdir()
        if models:
            (folder / "models" / "starter").symlink_to(model)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("GESSO_", "HF_"))}
        environment.pop("LD_LIBRARY_PATH", None)
        environment.update(MALLOC_PERTURB_="0", GESSO_MODELS_PATH=str(folder / "models"))
        locales.add(environment, BUILD, locale)
        few = gimp.linked_plug_ins(["file-png", "script-fu"], BUILD / "gimp-tests" / "file-png+script-fu")
        with gimp.Profile([stage.make(BUILD, None), few], BUILD / "gimp-cache", environment,
                          settings) as profile:
            profile.environment["DBUS_SESSION_BUS_ADDRESS"] = os.environ["DBUS_SESSION_BUS_ADDRESS"]
            running = Gimp(profile, folder, words, **more)
            try:
                running.start(script)
                yield running
                running.kill()
            finally:
                if running.process and not running.is_gone():
                    os.killpg(running.process.pid, signal.SIGKILL)
                    running.process.wait()
                output = running.log.read_text(encoding="utf-8", errors="replace")
        bad = verdict.complaints(output, [*ALLOWED, *allows])
        assert not bad, "\n".join(bad)


def translation(locale):
    """The catalogue of a language."""
    return gettext.translation("gesso", stage.make(BUILD, None) / "gesso" / "locale", [locale[:2]])


def main(module):
    """Runs the cases of a test; the exit status."""
    global BUILD  # noqa: PLW0603
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    BUILD = options.build.resolve()
    with driver.desktop():
        return tap.run_cases(tap.cases_of(module), options.words)
