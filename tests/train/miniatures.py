# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of tools/train share: where its modules and the miniatures are, and how a tool is started."""

import contextlib
import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from PIL import Image

TOP = pathlib.Path(__file__).resolve().parents[2]
TRAIN = TOP / "tools" / "train"
MODELS = TOP / "tests" / "reference" / "data" / "models"
PARENTS = {1: "sd14", 2: "sd21"}
sys.path.insert(0, str(TRAIN))

import data  # noqa: E402
import drawing  # noqa: E402


def tool(name, *arguments, check=True):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-B", TRAIN / name, *map(str, arguments)], env=environment, check=check,
                          capture_output=True, text=True)


def captioned_images(folder, form):
    folder.mkdir()
    rows = []
    for index in range(3):
        scene, caption = data.sample("train", 0, index)
        Image.fromarray(drawing.picture(scene)).resize((80 + 8 * index, 72)).save(folder / f"{index}.png")
        rows.append({"file_name": f"{index}.png", "text": caption})
    with open(folder / f"metadata.{form}", "w", newline="") as file:
        if form == "jsonl":
            file.write("".join(json.dumps(row) + "\n" for row in rows))
        else:
            table = csv.DictWriter(file, ["file_name", "text"])
            table.writeheader()
            table.writerows(rows)
    return folder


def called(module, *arguments):
    """Runs a tool's main in this process, which spares it the seconds that its imports take, and keeps it quiet."""
    with (unittest.mock.patch.object(sys, "argv", [module.__name__, *map(str, arguments)]),
          contextlib.redirect_stdout(io.StringIO())):
        module.main()


class WithFolder(unittest.TestCase):
    """A test with a folder of its own, and a cache folder in it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        cache = unittest.mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(self.folder / "cache")})
        cache.start()
        self.addCleanup(cache.stop)

    def patch(self, owner, name, value):
        patcher = unittest.mock.patch.object(owner, name, value)
        patcher.start()
        self.addCleanup(patcher.stop)
