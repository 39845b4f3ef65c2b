# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Paints a layer into a picture in a real GIMP, with the plug-in installed into a profile of its own: what tools/demo
runs inside the place that sandbox.sh chose. The path of the result is the last line."""

import argparse
import math
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import gimp
import install
import stage

SCRIPT = Path(__file__).resolve().with_suffix(".scm")
PROMPT = "blue and white zigzag"
SECONDS = 600
SKY_TOP, SKY_LOW, GROUND_FAR, GROUND_NEAR = (64, 112, 176), (232, 220, 200), (150, 164, 110), (72, 96, 52)


def say(text):
    print(f"gesso: {text}", file=sys.stderr, flush=True)


def mix(one, other, share):
    return [a + (b - a) * share for a, b in zip(one, other)]


def landscape(width, height):
    """Rows of sRGB: a sky, two ridges and a meadow."""
    for y in range(height):
        row = bytearray()
        for x in range(width):
            at = x / width
            far = height * (0.56 + 0.05 * math.sin(5.1 * at + 0.6) + 0.02 * math.sin(17 * at))
            near = height * (0.68 + 0.04 * math.sin(3.3 * at + 2.5) + 0.01 * math.sin(23 * at))
            if y < far:
                colour = mix(SKY_TOP, SKY_LOW, (y / far) ** 1.4)
            elif y < near:
                colour = mix(SKY_LOW, GROUND_FAR, 0.55 + 0.45 * (y - far) / (near - far))
            else:
                colour = mix(GROUND_FAR, GROUND_NEAR, 0.25 + 0.75 * (y - near) / (height - near))
            row += bytes(round(value) for value in colour)
        yield bytes(row)


def write_png(path, width, height, rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def reason(output):
    """What GIMP says when a script fails, without what it says otherwise."""
    lines = [line for line in output.splitlines() if line.strip()]
    for at, line in enumerate(lines):
        if line.startswith("Error:"):
            end = next((i for i in range(at, len(lines)) if lines[i].startswith("Stopping at failing")), len(lines))
            return "\n".join(lines[at:end])
    return "\n".join(lines[-20:])


def paint(folder, prompt, model):
    """Leaves painted.xcf and painted.png in the folder; the path of the latter."""
    picture, xcf, png = (folder / name for name in ("landscape.png", "painted.xcf", "painted.png"))
    width, height = 768, 512
    write_png(picture, width, height, landscape(width, height))
    for old in (xcf, png):
        old.unlink(missing_ok=True)
    words = {"picture": picture, "xcf": xcf, "png": png, "prompt": prompt, "model": model}
    defined = "".join(f"(define demo-{name} {gimp.scheme_string(value)})" for name, value in words.items())
    command = gimp.batch(f"{defined}(load {gimp.scheme_string(SCRIPT)})")
    with gimp.Profile([]) as profile:
        installed, _size = install.install(profile.gimp_folder / "plug-ins")
        few = gimp.linked_plug_ins(["file-png", "script-fu"], profile.folder / "few")
        profile.write_settings([installed.parent, few])
        say("painting in GIMP")
        done = subprocess.run(
            command, env=profile.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS, check=False,
        )
    if done.returncode != 0 or not png.exists() or not xcf.exists():
        why = reason(done.stdout)
        raise gimp.GimpError(f"the layer was not painted (GIMP's exit status: {done.returncode})\n{why}")
    say(f"the image with its new layer: {xcf}")
    return png


def main():
    parser = argparse.ArgumentParser(prog="tools/demo")
    parser.add_argument("--gui", action="store_true")
    parser.add_argument("--model", default=os.environ.get("GESSO_DEMO_MODEL", ""))
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("gesso-demo"))
    options = parser.parse_args()
    model = str(Path(options.model).absolute()) if Path(options.model).is_dir() and options.model else options.model

    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if not options.gui:
        print(paint(folder, options.prompt, model))
        return 0
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        raise gimp.GimpError("--gui needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
    picture = folder / "landscape.png"
    if not picture.exists():
        write_png(picture, 768, 512, landscape(768, 512))
    say("GIMP opens; the plug-in is in its Layer menu, Generate Layer")
    with gimp.Profile([stage.make(), gimp.system_plug_ins()], stage.BUILD / "gimp-cache") as profile:
        return gimp.run([str(picture)], profile.environment)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (gimp.GimpError, stage.StageError, OSError) as failure:
        say(failure)
        sys.exit(1)
    except subprocess.TimeoutExpired:
        say(f"GIMP did not finish within {SECONDS} seconds")
        sys.exit(1)
