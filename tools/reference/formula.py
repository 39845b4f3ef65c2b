# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Weights that need no file: a value is a function of the tensor's name and the element's index, bit for bit the same
here and in tests/reference/formula.c.

u = 24 bits of splitmix64 (FNV-1a (name), element) as a float32 in [-1, 1). Vectors: a bias is u / 10, a norm's weight
1 + u / 10. All else has variance 1 / fan_in, the last layer of a residual branch a quarter of that.
"""

import math

import numpy

CHUNK = 1 << 22
MASK = (1 << 64) - 1
BRANCH_ENDS = ("conv2.", "to_out.", "out_proj.", "fc2.", "proj_out.", "ff.net.2.")


def name_hash(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def uniform(name, first, count):
    index = numpy.arange(first + 1, first + count + 1, dtype=numpy.uint64)
    z = numpy.uint64(name_hash(name)) + index * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    bits = (z >> numpy.uint64(40)).astype(numpy.int32) - (1 << 23)
    return bits.astype(numpy.float32) * numpy.float32(2.0**-23)


def values(name, shape, first, count):
    u = uniform(name, first, count)
    if len(shape) == 1:
        tenth = u * numpy.float32(0.1)
        return tenth if name.endswith(".bias") else tenth + numpy.float32(1)
    fan_in = math.prod(shape[1:])
    gain = 0.5 if any(end in name for end in BRANCH_ENDS) else 1.0
    return u * numpy.float32(math.sqrt(3.0 / fan_in) * gain)


def fill(module, prefix=""):
    """Gives every parameter of a torch module its values, in place."""
    import torch

    with torch.no_grad():
        for name, parameter in module.named_parameters():
            flat = parameter.view(-1)
            for first in range(0, flat.numel(), CHUNK):
                count = min(CHUNK, flat.numel() - first)
                part = values(prefix + name, tuple(parameter.shape), first, count)
                flat[first:first + count] = torch.from_numpy(part)
