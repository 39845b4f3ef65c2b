#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the miniature model folders: make-miniatures.py [NAME...]. Versions: requirements.txt."""

import os
import sys

import torch

import miniatures

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/reference/data/models")

torch.set_num_threads(1)
for name in sys.argv[1:] or miniatures.MODELS:
    error = miniatures.build(name, ROOT)
    size = sum(os.path.getsize(os.path.join(f, x)) for f, _, files in os.walk(f"{ROOT}/{name}") for x in files)
    print(f"{name:12} mean squared error of the noise {error:.3f}, {size / 1e3:.0f} kB")
