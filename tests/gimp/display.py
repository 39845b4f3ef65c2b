# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""A display that nobody sees."""

import os
import subprocess


class Display:
    """Xvfb for the length of a with statement; `name` is what DISPLAY must be. `frames`: a folder for what is seen, as
    a file Xvfb_screen0 of X's dump format."""

    def __init__(self, width=1400, height=1000, frames=None):
        self.size = f"{width}x{height}x24"
        self.more = ["-nocursor", "-fbdir", str(frames)] if frames else []
        self.process = None
        self.name = None

    def __enter__(self):
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", self.size, "-nolisten", "tcp", *self.more]
        self.process = subprocess.Popen(
            command, pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(writing)
        with open(reading, encoding="ascii") as number:
            line = number.readline().strip()
        if not line:
            self.process.wait()
            raise RuntimeError("Xvfb does not start")
        self.name = f":{line}"
        return self

    def __exit__(self, *_failure):
        self.process.terminate()
        self.process.wait()
