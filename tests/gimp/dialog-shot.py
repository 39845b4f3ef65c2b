#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Takes a picture of the dialog in a real GIMP, to look at it and for the README. Not a test.

    dialog-shot.py --build BUILD [--state STATE] [--scheme dark] [--scale 2] [--locale ar_EG.UTF-8] [--model DIR]
                   [--prompt TEXT] [--steps N] FILE.png

STATE: ready, advanced, painting, results or missing (no model). To be run in the place that tools/lib/sandbox.sh chose.
"""

import argparse
import os
import struct
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import atspi_driver as driver  # noqa: E402
import dialog_driver  # noqa: E402
from dialog_driver import demo, session, translation  # noqa: E402

STATES = ("ready", "advanced", "painting", "results", "missing")
SETTLE_SECONDS = 3
# Of an XWD file: size of the header, columns, rows, bytes a row, number of colours, as 32-bit numbers.
HEADER_SIZE, COLUMNS, ROWS, ROW_BYTES, N_COLOURS = 0, 4, 5, 12, 19
COLOUR_BYTES = 12


def read_screen(file):
    """Rows of RGB, without what is black at the right and below: there is no window."""
    data = file.read_bytes()
    header = struct.unpack_from(">25I", data)
    first = header[HEADER_SIZE] + header[N_COLOURS] * COLOUR_BYTES
    rows = []
    for y in range(header[ROWS]):
        row = data[first + y * header[ROW_BYTES] :][: header[COLUMNS] * 4]
        rgb = bytearray(header[COLUMNS] * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = row[2::4], row[1::4], row[0::4]
        rows.append(bytes(rgb))
    lit = [y for y, row in enumerate(rows) if any(row)]
    width = max((len(row.rstrip(b"\0")) + 2) // 3 for row in rows)
    return [row[: width * 3] for row in rows[: lit[-1] + 1]]


def bring_about(dialog, options):
    if options.state == "missing":
        return
    dialog.write_prompt(options.prompt)
    if options.state == "advanced":
        driver.press(dialog.find("toggle button", "_Advanced"))
    elif options.state in ("painting", "results"):
        dialog.set_numbers({"Num_ber of Pictures": 4, "S_teps": options.steps})
        dialog.generate()
        dialog.wait_for("a picture", dialog.results, 600)
        if options.state == "results":
            dialog.wait_for("all pictures", lambda: not dialog.is_painting(), 600)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--state", choices=STATES, default="results")
    parser.add_argument("--scheme", choices=("light", "dark", "gray"), default="light")
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--locale", default="C.UTF-8")
    parser.add_argument("--model", type=Path, default=dialog_driver.MODEL)
    parser.add_argument("--prompt", default="a lighthouse at dusk, oil painting, warm light")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    dialog_driver.BUILD = options.build.resolve()
    width, height = 1200 * options.scale, 900 * options.scale
    os.environ["GDK_SCALE"] = str(options.scale)
    words = str if options.locale == "C.UTF-8" else translation(options.locale).gettext
    with tempfile.TemporaryDirectory() as frames, driver.desktop(width=width, height=height, frames=frames):
        with session(options.locale, options.state != "missing", words, model=options.model.resolve(),
                     settings=[f"(theme-color-scheme {options.scheme})"]) as running:
            bring_about(running.open_dialog(), options)
            # Nothing is to look touched.
            driver.Atspi.generate_mouse_event(width - 1, height - 1, "abs")
            time.sleep(SETTLE_SECONDS)
            rows = read_screen(Path(frames) / "Xvfb_screen0")
    demo.write_png(options.file, len(rows[0]) // 3, len(rows), rows)


if __name__ == "__main__":
    main()
