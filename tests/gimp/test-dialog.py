#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The dialog and the menu entries in a real GIMP, through AT-SPI: what somebody does by hand.
test-dialog.py --build BUILD [WORD...]"""

import re
import sys
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


if __name__ == "__main__":
    sys.exit(dialog_driver.main(sys.modules[__name__]))
