# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of windows as small files: a PNG of demo.write_png() again, with a palette."""

import struct
import zlib
from collections import Counter

# Of the palette: the most frequent colours, those of the theme, stay as they are.
EXACT_SHARE = 4


def read_rows(data):
    """Width and rows of RGB."""
    at, packed, width = 8, b"", 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            (width,) = struct.unpack_from(">I", data, at + 8)
        elif kind == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    raw, stride = zlib.decompress(packed), 3 * width + 1
    return width, [raw[start + 1 : start + stride] for start in range(0, len(raw), stride)]


def pixels(row):
    return zip(row[0::3], row[1::3], row[2::3])


def widest(box):
    """The channel in which the colours of a box differ most, and by how much, all of them counted."""
    spans = [max(colour[c] for colour, _ in box) - min(colour[c] for colour, _ in box) for c in range(3)]
    return spans.index(max(spans)), max(spans) * sum(count for _, count in box) ** 0.5


def halves(box, channel):
    """Two boxes with about as many pixels each."""
    box.sort(key=lambda item: item[0][channel])
    half, done, cut = sum(count for _, count in box) / 2, 0, 0
    while cut < len(box) - 1 and done < half:
        done += box[cut][1]
        cut += 1
    return box[:cut], box[cut:]


def choose(counts, n):
    """The palette, and for each colour its place in it: median cut, but for the most frequent ones."""
    exact = [colour for colour, _ in counts.most_common(n // EXACT_SHARE)]
    left = [item for item in counts.items() if item[0] not in set(exact)]
    boxes = [(left, *widest(left))] if left else []
    while boxes and len(boxes) < n - len(exact):
        boxes.sort(key=lambda entry: entry[2])
        box, channel, spread = boxes.pop()
        if spread == 0:
            boxes.append((box, channel, spread))
            break
        boxes += [(part, *widest(part)) for part in halves(box, channel)]
    palette = list(exact)
    places = {colour: place for place, colour in enumerate(exact)}
    for box, _, _ in boxes:
        total = sum(count for _, count in box)
        places |= {colour: len(palette) for colour, _ in box}
        palette.append(tuple(round(sum(colour[c] * count for colour, count in box) / total) for c in range(3)))
    return palette, places


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def reduced(data, n_colours):
    """The same picture in so many colours."""
    width, rows = read_rows(data)
    counts = Counter()
    for row in rows:
        counts.update(pixels(row))
    palette, places = choose(counts, n_colours)
    lines = b"".join(b"\0" + bytes(places[pixel] for pixel in pixels(row)) for row in rows)
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 3, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"PLTE", bytes(sum(palette, ())))
            + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))
