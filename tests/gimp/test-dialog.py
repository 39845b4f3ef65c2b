#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The dialog and the menu entries in a real GIMP, through AT-SPI: what somebody does by hand.
test-dialog.py --build BUILD [WORD...]"""

import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import atspi_driver as driver  # noqa: E402
import dialog_driver  # noqa: E402
from dialog_driver import ENDLESS, session  # noqa: E402


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
        n_before = dialog.n_results()
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


def test_undo_of_a_script():
    """What a script paints is one step as well."""
    script = """(plug-in-gesso-generate-layer #:image (vector-ref (gimp-get-images) 0) #:prompt "a fox" #:steps 1
                                              #:count 2)"""
    with session(script=script) as running:
        running.wait_for_layers(3)
        driver.activate(running.window, re.compile("^Undo .*Generate"))
        running.wait_for_layers(1)
        driver.activate(running.window, re.compile("^Redo .*Generate"))
        running.wait_for_layers(3)


def test_menu_without_a_layer():
    """The entries that need a layer are there and grey, with a tooltip of GIMP's that says why, and work again with the
    next one. A new image needs no other."""

    def entries(name):
        found = list(driver.menu_entries(driver.window("gimp"), name))
        assert found, name
        return found

    def usable(name):
        return any(driver.is_sensitive(entry) for entry in entries(name))

    def assert_explained():
        said = {driver.description(entry) for name in needs_layer for entry in entries(name)}
        assert all("only works on the following layer types: RGB, Grayscale, Indexed" in text for text in said), said

    needs_layer = ["Generate Layer...", "Reuse Generation Settings..."]
    with session() as running:
        driver.wait_for("the entries", lambda: all(usable(name) for name in needs_layer))
        driver.activate(running.window, re.compile("^Delete Layers?$"))
        running.wait_for_layers(0)
        driver.wait_for("grey entries", lambda: not any(usable(name) for name in needs_layer))
        assert_explained()
        driver.activate(running.window, re.compile("^Undo"))
        running.wait_for_layers(1)
        driver.wait_for("entries that work again", lambda: all(usable(name) for name in needs_layer))

        driver.activate(running.window, "Close View")
        driver.wait_for("no image", lambda: not driver.windows("gimp", running.size))
        driver.wait_for("grey entries", lambda: not any(usable(name) for name in needs_layer))
        assert_explained()
        driver.wait_for("an entry that works", lambda: usable("From Sentence..."))


def test_closed_with_pictures():
    """What is finished is not lost by a key that is held down, nor without a question."""
    with session() as running:
        dialog = running.paint_endlessly()
        driver.key(dialog.find("text", "_Prompt"), "Escape", times=5)
        dialog.find("button", "_Generate")
        time.sleep(0.3)
        assert not dialog.question(), "it asks while the key is still down"
        number = dialog.n_results()
        assert number >= 1
        dialog.press_close()
        dialog.answer("_Keep", number)
        dialog.wait_for("the end of the question", lambda: not dialog.question())
        assert dialog.n_results() == number
        driver.key(dialog.find("text", "_Prompt"), "Escape")
        dialog.answer("_Discard", number)
        dialog.wait_until_closed()
        assert running.n_layers() == 1


def test_number_of_threads():
    """GIMP's preferences count."""
    with session(settings=["(num-processors 1)"]) as running:
        dialog = running.paint_endlessly()
        tasks = Path(f"/proc/{running.painter()}/task")
        names = [file.read_text(encoding="utf-8").strip() for file in tasks.glob("*/comm")]
        dialog.cancel()
        dialog.close(n_discarded=dialog.n_results())
        assert names.count("gesso-compute") == 1, names


REUSE = "Reuse Generation Settings..."
FOX = """(plug-in-gesso-generate-layer #:image (vector-ref (gimp-get-images) 0) #:prompt "a fox" #:seed 77 #:steps 2)"""


def test_reuse():
    """What a layer remembers, in the dialog; what the user has set for new layers stays as it is."""
    with session(script=FOX) as running:
        running.wait_for_layers(2)
        dialog = running.open_dialog()
        dialog.write_prompt("my own")
        dialog.set_numbers({"S_teps": 5})
        dialog.close()
        file = running.profile.gimp_folder / "gesso" / "plug-in-gesso-generate-layer.settings"
        own = file.read_text(encoding="utf-8")

        dialog = running.open_dialog(REUSE)
        dialog.close()
        assert file.read_text(encoding="utf-8") == own, file.read_text(encoding="utf-8")
        dialog = running.open_dialog(REUSE)
        assert (dialog.prompt(), dialog.number("S_eed"), dialog.number("S_teps")) == ("a fox", 77, 2)
        dialog.generate()
        dialog.wait_for_results(1)
        assert dialog.number("S_eed") == 77, "the seed is not locked"
        driver.press(dialog.find("button", "_Insert 1 Layer"))
        running.wait_for_layers(3)
        assert file.read_text(encoding="utf-8") == own, file.read_text(encoding="utf-8")


def test_reuse_with_another_model():
    """It can be painted with, but the layer was painted by another one."""
    with session(script=FOX) as running:
        running.wait_for_layers(2)
        starter = running.folder / "models" / "starter"
        starter.unlink()
        starter.symlink_to(dialog_driver.MODEL.parent / "tiny")
        dialog = running.open_dialog(REUSE)
        driver.find(dialog.window, "label", re.compile("painted by another model .*“starter”"))
        dialog.close()


if __name__ == "__main__":
    sys.exit(dialog_driver.main(sys.modules[__name__]))
