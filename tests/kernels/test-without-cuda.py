#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""A Gesso without the CUDA backend: test-without-cuda.py TREE GESSO LIBRARY.

How it is configured, with -Dcuda=disabled and where there is no nvcc, and what the program says that finds no module
beside its library. TAP on standard output.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tap  # noqa: E402

tree, gesso, library = (Path(argument) for argument in sys.argv[1:4])
report = tap.Report()


def configure(source, folder, *options, first=None):
    """What meson says in its summary of NVIDIA cards, and its status; `first`: a folder with programs to find first."""
    folders = [str(first)] if first else []
    folders += [path for path in os.environ["PATH"].split(":") if not os.path.exists(f"{path}/nvcc")]
    done = subprocess.run(["meson", "setup", "-Dgimp=disabled", "-Dtests=false", *options, folder, source],
                          env=os.environ | {"PATH": ":".join(folders)}, capture_output=True, encoding="utf-8",
                          check=False)
    summary = re.search(r"^ *CUDA backend *: *(.*)$", done.stdout, re.MULTILINE)
    return done.returncode, summary[1].strip() if summary else "", done.stdout[-2000:] + done.stderr


def tree_without_toolkit(folder):
    """The sources, but that they look for the toolkit where there is none."""
    folder.mkdir()
    for path in tree.iterdir():
        if path.name not in ("kernels", "build"):
            (folder / path.name).symlink_to(path)
    shutil.copytree(tree / "kernels", folder / "kernels")
    rules = folder / "kernels" / "meson.build"
    rules.write_text(rules.read_text(encoding="utf-8").replace("/usr/local/cuda", "/nonexistent/cuda"),
                     encoding="utf-8")
    return folder


def run_without_module(folder, *arguments):
    folder.mkdir(exist_ok=True)
    shutil.copy(library, folder)
    return subprocess.run([gesso, *arguments], env=os.environ | {"LD_LIBRARY_PATH": str(folder), "LC_ALL": "C.UTF-8"},
                          capture_output=True, encoding="utf-8", check=False)


def main():
    with tempfile.TemporaryDirectory(prefix="gesso-no-cuda-") as name:
        folder = Path(name)
        status, says, detail = configure(tree, folder / "disabled", "-Dcuda=disabled")
        report.told(status == 0 and says == "no: disabled by -Dcuda", "disabled", says or detail)
        built = subprocess.run(["ninja", "-C", folder / "disabled"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               encoding="utf-8", check=False)
        report.case(built.returncode == 0, "disabled and built", built.stdout[-2000:])
        # With its own library.
        env = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"} | {"LC_ALL": "C.UTF-8"}
        done = subprocess.run([folder / "disabled" / "tools" / "cli" / "gesso", "devices"], capture_output=True, env=env,
                              encoding="utf-8", check=False)
        report.told("no module for the device \"cuda\"" in done.stdout, "disabled and says so", done.stdout + done.stderr)
        source = tree_without_toolkit(folder / "tree")
        status, says, detail = configure(source, folder / "auto")
        report.told(status == 0 and says == "no: nvcc was not found, so that NVIDIA cards are not used", "no-nvcc",
                    says or detail)
        status, says, detail = configure(source, folder / "enabled", "-Dcuda=enabled")
        report.told(status != 0 and "nvcc" in detail, "no-nvcc-and-enabled", says)
        old = folder / "old"
        old.mkdir()
        (old / "nvcc").write_text("#!/bin/sh\necho 'Cuda compilation tools, release 12.4, V12.4.131'\n", encoding="utf-8")
        (old / "nvcc").chmod(0o755)
        status, says, detail = configure(source, folder / "auto-old", "-Dcuda=auto", first=old)
        report.told(status == 0 and says == "no: nvcc is of release 12.4, and 13.0 or newer is needed", "old-nvcc",
                    says or detail)
        status, says, detail = configure(source, folder / "enabled-old", "-Dcuda=enabled", first=old)
        report.told(status != 0 and "is of release 12.4" in detail, "old-nvcc-and-enabled", detail)
        # The tree's own rules, which look further than the path.
        if any(os.path.exists(f"/usr/local/{toolkit}/bin/nvcc") for toolkit in ("cuda", "cuda-13.0")):
            status, says, detail = configure(tree, folder / "behind-old", "-Dcuda=auto", first=old)
            report.told(status == 0 and says.startswith("for "), "new-nvcc-behind-an-old-one", says or detail)
        done = run_without_module(folder / "library", "devices")
        report.told(done.returncode == 0 and 'has no module for the device "cuda"' in done.stdout, "devices", done.stdout)
        done = run_without_module(folder / "library", "generate", "--model", str(tree / "models" / "starter"),
                                  "--device", "cuda", "--prompt", "x", "--output", str(folder / "x.png"))
        report.told(done.returncode == 1 and 'has no module for the device "cuda"' in done.stderr, "cuda-is-refused",
                    done.stderr)
    return report.end()


sys.exit(main())
