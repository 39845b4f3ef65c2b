#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The dialog in a real GIMP, through AT-SPI, in other languages.
test-dialog-languages.py --build BUILD [WORD...]"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import atspi_driver as driver  # noqa: E402
import dialog_driver  # noqa: E402
from dialog_driver import session, translation  # noqa: E402


def short_visit(locale):
    """Opens, types, paints and inserts in another language; returns where the prompt and the picture were, and how far
    they and the buttons go."""
    catalogue = translation(locale)
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
    sys.exit(dialog_driver.main(sys.modules[__name__]))
