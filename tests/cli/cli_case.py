# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: running it, reading what it writes. They are called with GESSO MODELS
[unittest arguments]: the program and the folder of the miniature models.

Only Python's standard library is used, so that they run wherever the build does.
"""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

GESSO = os.path.abspath(sys.argv[1])
MODELS = os.path.abspath(sys.argv[2])
MODEL = os.path.join(MODELS, 'v2-tiny')


def environment(**more):
    env = {key: value for key, value in os.environ.items() if not key.startswith(('LC_', 'LANG', 'GESSO_', 'HF_'))}
    return {**env, 'LC_ALL': 'C.UTF-8', **more}


def gesso(*args, **options):
    options.setdefault('env', environment())
    return subprocess.run([GESSO, *args], stdin=subprocess.DEVNULL, stdout=options.pop('stdout', subprocess.PIPE),
                          stderr=subprocess.PIPE, timeout=120, **options)


def read_png(data):
    """Width, height, pixels and texts (keyword -> (chunk type, text)) of an RGB PNG; checks every checksum."""
    assert data[:8] == b'\x89PNG\r\n\x1a\n'
    at, packed, texts, size = 8, b'', {}, None
    while at < len(data):
        length, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack('>I', data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        at += 12 + length
        if kind == b'IHDR':
            width, height, depth, colour, _, _, interlace = struct.unpack('>IIBBBBB', body)
            assert (depth, colour, interlace) == (8, 2, 0)
            size = width, height
        elif kind == b'IDAT':
            packed += body
        elif kind == b'tEXt':
            key, text = body.split(b'\0', 1)
            texts[key.decode()] = 'tEXt', text.decode('latin-1')
        elif kind == b'iTXt':
            key, rest = body.split(b'\0', 1)
            assert rest[0] == 0  # not compressed
            texts[key.decode()] = 'iTXt', rest[2:].split(b'\0', 2)[2].decode()
    assert kind == b'IEND'
    return (*size, unfilter(zlib.decompress(packed), *size), texts)


def unfilter(raw, width, height):
    stride, above, pixels = width * 3, bytes(width * 3), b''
    for y in range(height):
        kind = raw[y * (stride + 1)]
        row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            a, b, c = (row[x - 3] if x >= 3 else 0), above[x], (above[x - 3] if x >= 3 else 0)
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            row[x] = (row[x] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        above = bytes(row)
        pixels += above
    return pixels


def read_safetensors(data):
    length = struct.unpack('<Q', data[:8])[0]
    assert (8 + length) % 8 == 0
    header = json.loads(data[8:8 + length])
    sizes = (end - begin for begin, end in (entry['data_offsets'] for entry in header.values()))
    assert sum(sizes) == len(data) - 8 - length
    return header, data[8 + length:]


class Screen:
    """What a person sees: the lines that stand when all is written, and every state of the current line."""

    def __init__(self, written):
        self.lines, self.states = [], []
        line, column = [], 0
        for part in re.findall(r'\x1b\[K|\r|\n|[^\r\n\x1b]+', written):
            if part == '\r':
                column = 0
            elif part == '\n':
                self.lines.append(''.join(line))
                line, column = [], 0
            elif part == '\x1b[K':
                line = line[:column]
                self.states.append(''.join(line))
            else:
                line[column:column + len(part)] = part
                column += len(part)
        self.current = ''.join(line)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), 'rb') as file:
            return file.read()

    def generate(self, *args, model=MODEL, **options):
        """gesso generate, small and with a known seed unless @args say otherwise."""
        known = [] if '--seed' in args or options.pop('random', False) else ['--seed', '7']
        return gesso('generate', '--model', model, '--prompt', 'a red circle', '--steps', '2', '--width', '64',
                     '--height', '64', '--precision', 'f32', '--threads', '1', *known, *args, cwd=self.folder,
                     **options)

    def check(self, result, status, message=None):
        error = result.stderr.decode()
        self.assertEqual(result.returncode, status, error)
        if message is not None:
            self.assertIn(message, error)
        return error


def main():
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
