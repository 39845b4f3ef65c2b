#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The dialog in a real GIMP, through AT-SPI, when something goes wrong.
test-dialog-troubles.py --build BUILD [WORD...]"""

import os
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import atspi_driver as driver  # noqa: E402
import dialog_driver  # noqa: E402
from dialog_driver import HEIGHT, WIDTH, session  # noqa: E402


def into_new_image(dialog):
    """The dialog says that the image was closed, and its pictures go into a new one."""
    driver.find(dialog.window, "label", re.compile("image .*closed"))
    driver.press(dialog.find("button", "Create _Image"))
    dialog.wait_until_closed()
    driver.wait_for("the new image", lambda: driver.windows("gimp", "[Untitled]"))


def test_image_closed_while_painting():
    with session() as running:
        dialog = running.paint_endlessly()
        driver.activate(running.window, "Close View")
        driver.wait_for("the image to be closed", lambda: not driver.windows("gimp", f"{WIDTH}x{HEIGHT}"))
        dialog.cancel()
        driver.press(driver.find(dialog.window, "button", re.compile("^Insert ")))
        into_new_image(dialog)


def test_view_closed():
    """The image is open in another view, and gets its layer."""
    with session() as running:
        first = running.window.get_name()  # with the number of the view
        driver.activate(running.window, "New View")
        driver.wait_for("another view", lambda: running.window.get_name() != first)
        dialog = running.open_dialog()
        dialog.set_numbers({"S_teps": 1})
        dialog.generate()
        dialog.wait_for_results(1)
        driver.activate(running.window, "Close View")
        driver.wait_for("the first view", lambda: running.window.get_name() == first)
        driver.press(dialog.find("button", "_Insert 1 Layer"))
        dialog.wait_until_closed()
        running.wait_for_layers(2)


def test_killed_while_painting():
    with session() as running:
        dialog = running.paint_endlessly()
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
        running.paint_endlessly()
        driver.activate(running.window, "Quit")
        status = running.process.wait(20)
        assert status == 0, status
        driver.wait_for("the end of the plug-in", running.is_gone)


def test_gimp_killed_while_painting():
    with session() as running:
        running.paint_endlessly()
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


def test_inserting_given_up():
    """A layer of 27 million pixels takes a while; meanwhile the dialog lives, and Cancel leaves nothing behind."""
    script = "(gimp-image-scale (vector-ref (gimp-get-images) 0) 6000 4500)"
    with session(script=script, size="6000x4500") as running:
        dialog = running.open_dialog()
        dialog.set_numbers({"S_teps": 2})
        dialog.generate()
        dialog.wait_for_results(1)
        insert = dialog.find("button", "_Insert 1 Layer")
        cancel = dialog.find("button", "_Generate")  # it becomes Cancel
        driver.press(insert)
        time.sleep(0.3)
        driver.press(cancel)
        dialog.wait_for("the end", lambda: driver.is_sensitive(insert) and cancel.get_name() == dialog.word("_Generate"))
        assert running.n_layers() == 1
        driver.press(insert)
        running.wait_for_layers(2)


def test_image_closed_while_inserting():
    """GIMP lives on, and the picture goes into a new image."""
    script = ("(let ((image (vector-ref (gimp-get-images) 0))) (gimp-image-scale image 6000 4500) "
              "(gimp-image-clean-all image))")
    with session(script=script, size="6000x4500") as running:
        dialog = running.open_dialog()
        dialog.set_numbers({"S_teps": 2})
        dialog.generate()
        dialog.wait_for_results(1)
        driver.press(dialog.find("button", "_Insert 1 Layer"))
        time.sleep(0.3)
        driver.activate(running.window, "Close View")
        into_new_image(dialog)


def test_double_click():
    """The second click of Generate does not cancel."""
    with session() as running:
        dialog = running.open_dialog()
        dialog.set_numbers({"S_teps": 60})
        button = dialog.find("button", "_Generate")
        dialog.wait_for("Generate can be pressed", lambda: driver.is_sensitive(button))
        driver.press(button)
        driver.press(button)
        dialog.wait_for_results(1)


def test_configuration_not_writable():
    """A file is where the plug-in's folder has to be: it says that nothing is kept, and works."""
    with session() as running:
        (running.profile.gimp_folder / "gesso").write_text("no folder", encoding="utf-8")
        dialog = running.open_dialog()
        dialog.write_prompt("a fox")
        dialog.set_numbers({"S_teps": 2})
        dialog.generate()
        dialog.wait_for_results(1)
        driver.press(dialog.find("button", "_Insert 1 Layer"))
        running.wait_for_layers(2)
        driver.wait_for("the message", lambda: any(
            driver.has(window, "label", re.compile("settings could not be kept")) for window in driver.windows("gimp")))


if __name__ == "__main__":
    sys.exit(dialog_driver.main(sys.modules[__name__]))
