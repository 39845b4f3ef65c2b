#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a PNG file's "parameters" text holds some parts, read as other programs read it: check-parameters.py FILE PART..."""

import struct
import sys
from pathlib import Path


def chunks(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("no PNG file")
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def texts(data):
    """Keyword and text of each text chunk that is not compressed."""
    for kind, content in chunks(data):
        keyword, _, rest = content.partition(b"\0")
        if kind == b"tEXt":
            yield keyword.decode("latin-1"), rest.decode("latin-1")
        elif kind == b"iTXt" and rest[:2] == b"\0\0":
            _language, _translated, text = rest[2:].split(b"\0", 2)
            yield keyword.decode("latin-1"), text.decode("utf-8")


def main(file, *parts):
    found = [text for keyword, text in texts(Path(file).read_bytes()) if keyword == "parameters"]
    name = Path(file).name
    print(f"{'ok' if len(found) == 1 else 'not ok'} - {name} has one text of parameters")
    for part in parts:
        print(f"{'ok' if found and part in found[0] else 'not ok'} - {name} says {part}")
    if not found or not all(part in found[0] for part in parts):
        print(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
