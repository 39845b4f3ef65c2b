#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Takes a picture of the dialog in a real GIMP, to look at it; what tools/pictures is made of. Not a test.

    dialog-shot.py --build BUILD [--state STATE] [--scheme dark] [--scale 2] [--locale ar_EG.UTF-8] [--model DIR]
                   [--prompt TEXT] [--count N] [--steps N] [--seed N] FILE.png

STATE: ready, advanced, long (a prompt that is cut off), painting, results, compare, discard (the question), memory (too
little, and the remedy), broken or missing (the model), image (a new one); scale and blur are dialogs of GIMP's own, to
compare with. To be run in the place that tools/lib/sandbox.sh chose.
"""

import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import atspi_driver as driver  # noqa: E402
import dialog_driver  # noqa: E402
import gimp  # noqa: E402
import mounts  # noqa: E402
from dialog_driver import demo, session, translation  # noqa: E402

STATES = ("ready", "advanced", "long", "painting", "results", "compare", "discard", "memory", "broken", "missing",
          "image")
# Title of the menu entry, and of the window.
GIMPS_OWN = {"scale": ("Scale Image...", "Scale Image"), "blur": ("Gaussian Blur...", "Gaussian Blur")}
TOP = Path(__file__).resolve().parent.parent.parent
STARTER = TOP / "models" / "starter"
# The image, and what is selected in it.
SIZE, SELECT = "768x576", "192 96 384 384"
LONG = "a lighthouse on a cliff above a stormy sea, " * 5 + "a ship far out, gulls, foam and spray, " * 6
SMALL_MEMORY = "MemTotal: 4000000 kB\nMemFree: 200000 kB\nMemAvailable: 360000 kB\n"
LARGE_SIDE = 2048
SETTLE_SECONDS = 3
PAINTING_SETTLE_SECONDS = 1
# Of the picture that is seen as it grows: something can be seen, and it is not finished yet.
GROWN = 0.55
PAINT_SECONDS = 10 * driver.WAIT_SECONDS
# Of an XWD file: size of the header, columns, rows, bytes a row, number of colours, as 32-bit numbers.
HEADER_SIZE, COLUMNS, ROWS, ROW_BYTES, N_COLOURS = 0, 4, 5, 12, 19
COLOUR_BYTES = 12


def read_screen(file, place, scale):
    """Rows of RGB of what is seen at a place."""
    data = file.read_bytes()
    header = struct.unpack_from(">25I", data)
    first = header[HEADER_SIZE] + header[N_COLOURS] * COLOUR_BYTES
    left, right = place.x * scale, min((place.x + place.width) * scale, header[COLUMNS])
    for y in range(place.y * scale, min((place.y + place.height) * scale, header[ROWS])):
        row = data[first + y * header[ROW_BYTES] :][left * 4 : right * 4]
        rgb = bytearray((right - left) * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = row[2::4], row[1::4], row[0::4]
        yield bytes(rgb)


def settings_of(options):
    """What the dialog opens with, as it keeps it itself."""
    chosen = {
        "prompt": gimp.scheme_string(LONG if options.state == "long" else options.prompt),
        "negative-prompt": gimp.scheme_string("text, watermark"),
        "steps": options.steps,
        "count": options.count,
        "seed": options.seed,
        "lock-seed": "yes",
    }
    if options.state == "memory":
        chosen |= {"width": LARGE_SIDE, "height": LARGE_SIDE}
    return "".join(f"({name} {value})\n" for name, value in chosen.items())


def bring_about(dialog, state, count):
    """The window that shows the state."""
    if state == "advanced":
        driver.press(dialog.find("toggle button", "_Advanced"))
    elif state == "memory":
        dialog.generate()
        driver.find(dialog.window, "button", re.compile(r"\d+ × \d+"))
    elif state in ("painting", "results", "compare", "discard"):
        dialog.generate()
        dialog.wait_for("a picture", dialog.results, PAINT_SECONDS)
        if state == "painting":
            bar = driver.find(dialog.window, "progress bar")
            dialog.wait_for("half of the next one", lambda: driver.value_of(bar) * count % 1 > GROWN, PAINT_SECONDS)
        else:
            dialog.wait_for("all pictures", lambda: not dialog.is_painting(), PAINT_SECONDS)
        if state == "compare":
            driver.press(dialog.find("toggle button", "Compare _with Image"))
        if state == "discard":
            dialog.press_close()
            return dialog.wait_for("the question", dialog.question)
    return dialog.window


def open_window(running, options):
    """What is to be seen."""
    if options.state in GIMPS_OWN:
        entry, title = (running.words(text) for text in GIMPS_OWN[options.state])
        driver.activate(running.window, entry)
        return driver.window("gimp", title)
    name = "image" if options.state == "image" else "layer"
    kept = running.profile.gimp_folder / "gesso" / f"plug-in-gesso-generate-{name}.settings"
    kept.parent.mkdir()
    kept.write_text(settings_of(options), encoding="utf-8")
    dialog = running.open_dialog(running.words("From _Sentence...").replace("_", "") if name == "image" else None)
    if options.state not in ("broken", "missing"):
        dialog.wait_for("the model", lambda: any(
            " / 75" in (node.get_name() or "") for node in driver.matching(dialog.window, "label")))
    return bring_about(dialog, options.state, options.count)


def break_model(folder):
    folder.unlink()
    folder.mkdir()
    (folder / "model_index.json").write_text("{ half", encoding="utf-8")


def take(options):
    width, height = 1280 * options.scale, 960 * options.scale
    os.environ["GDK_SCALE"] = str(options.scale)
    words = str if options.locale == "C.UTF-8" else translation(options.locale).gettext
    script = (f"(let ((image (vector-ref (gimp-get-images) 0))) (gimp-image-scale image {SIZE.replace('x', ' ')})"
              f" (gimp-image-select-ellipse image CHANNEL-OP-REPLACE {SELECT}))")
    with tempfile.TemporaryDirectory() as frames, driver.desktop(width=width, height=height, frames=frames):
        with session(options.locale, options.state != "missing", words, model=options.model.resolve(), script=script,
                     size=SIZE, settings=[f"(theme-color-scheme {options.scheme})"]) as running:
            if options.state == "broken":
                break_model(running.folder / "models" / "starter")
            window = open_window(running, options)
            # Nothing is to look touched.
            driver.Atspi.generate_mouse_event(width - 1, height - 1, "abs")
            time.sleep(PAINTING_SETTLE_SECONDS if options.state == "painting" else SETTLE_SECONDS)
            rows = list(read_screen(Path(frames) / "Xvfb_screen0", driver.extents(window), options.scale))
    demo.write_png(options.file, len(rows[0]) // 3, len(rows), rows)


def with_little_memory(arguments):
    """Becomes the same command on a machine that has less memory: what is seen of it."""
    with tempfile.TemporaryDirectory() as folder:
        meminfo = Path(folder) / "meminfo"
        meminfo.write_text(SMALL_MEMORY, encoding="utf-8")
        command = mounts.covering([(meminfo, "/proc/meminfo")])
        if not command:
            sys.exit("dialog-shot.py: no mount namespace can be made here")
        command += [sys.executable, "-B", *arguments]
        return subprocess.run(command, env=dict(os.environ, GESSO_LITTLE_MEMORY="1"), check=False).returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--state", choices=(*STATES, *GIMPS_OWN), default="results")
    parser.add_argument("--scheme", choices=("light", "dark", "gray"), default="light")
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--locale", default="C.UTF-8")
    parser.add_argument("--model", type=Path, default=STARTER if STARTER.is_dir() else dialog_driver.MODEL)
    parser.add_argument("--prompt", default="red and blue waves")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    dialog_driver.BUILD = options.build.resolve()
    if options.state == "memory" and "GESSO_LITTLE_MEMORY" not in os.environ:
        return with_little_memory(sys.argv)
    take(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
