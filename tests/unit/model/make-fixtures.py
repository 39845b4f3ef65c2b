# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Writes data/*.bin, the PyTorch files that test-torch.c reads. Made with torch 2.11.0 on CPython 3.11.

usage: python3 make-fixtures.py
"""

import collections
import os
import pathlib

import torch

FOLDER = pathlib.Path(__file__).parent / "data"


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/gesso-was-here",)


def ramp(*shape, dtype=torch.float32):
    """0, 0.5, 1, ..."""
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count, dtype=torch.float32) / 2).reshape(shape).to(dtype)


def state_dict():
    module = torch.nn.Linear(3, 2)
    module.weight.data = ramp(2, 3)
    module.bias.data = ramp(2)
    state = module.state_dict()  # an OrderedDict with _metadata
    state["half"] = ramp(2, 2, dtype=torch.float16)
    state["brain"] = ramp(4, 1, 1, dtype=torch.bfloat16)
    state["ids"] = torch.arange(300).reshape(1, 300)
    whole = ramp(10)
    state["shared.head"] = whole[:4]
    state["shared.tail"] = whole[4:].reshape(2, 3)
    state["shared.whole"] = whole
    state["parameter"] = torch.nn.Parameter(ramp(3))
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 4)
    state["double"] = ramp(2, dtype=torch.float64)
    return state


def strided():
    """Ramps again, which do not lie in the file as they are read."""
    wide = torch.zeros(3, 4)
    wide[:, 1:3] = ramp(3, 2)
    return {"transposed": ramp(2, 3).t().contiguous().t(), "half": ramp(4, 3, dtype=torch.float16).t().contiguous().t(),
            "last": ramp(4, 3, 2, 5).to(memory_format=torch.channels_last), "within": wide[:, 1:3],
            "every.second": ramp(6).repeat_interleave(2)[::2]}


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.save(state_dict(), FOLDER / "state-dict.bin")
    torch.save(dict(state_dict()), FOLDER / "plain-dict-protocol-4.bin", pickle_protocol=4)
    torch.save(strided(), FOLDER / "strided.bin")
    torch.save({"long": (ramp(8200, 2) % 100).half().t().contiguous().t()}, FOLDER / "long-strided.bin")
    torch.save({"w": ramp(1).expand(3)}, FOLDER / "expanded.bin")
    torch.save({"w": ramp(2)}, FOLDER / "before-1.6.bin", _use_new_zipfile_serialization=False)
    torch.save({"w": ramp(2), "x": Evil()}, FOLDER / "os-system.bin")
    torch.save({"w": ramp(2), "x": [1, 2]}, FOLDER / "list.bin")
    torch.save({"epoch": 3, "state_dict": {"w": ramp(2)}}, FOLDER / "checkpoint.bin")
    torch.save(ramp(2), FOLDER / "tensor.bin")
    torch.save(torch.nn.Linear(1, 1), FOLDER / "module.bin")
    torch.save({"w": ramp(2).to(torch.float8_e4m3fn)}, FOLDER / "float8.bin")
    torch.save(collections.OrderedDict(), FOLDER / "empty.bin")


main()
