#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The mean of the U-Nets of several models of one shape, such as a student and what it was trained on to: often better
than each (Wortsman et al., "Model soups", 2022). All else is the last one's. average.py MODEL MODEL... OUT
"""

import argparse
import pathlib
import sys

import torch

import folder as folders


@torch.no_grad()
def averaged(unets):
    """The first of them, with the mean of all weights."""
    states = [unet.state_dict() for unet in unets]
    if any(state.keys() != states[0].keys() or any(state[key].shape != value.shape for key, value in states[0].items())
           for state in states):
        sys.exit("the U-Nets are not of one shape: only a model and its own later stages can be averaged")
    for key, value in states[0].items():
        value.copy_(sum(state[key].float() for state in states) / len(states))
    return unets[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    if len(arguments.models) < 2:
        parser.error("an average needs two models")
    unet = averaged([folders.load_unet(model).float() for model in arguments.models])
    folders.write_with_unet(arguments.models[-1], arguments.out, unet)


if __name__ == "__main__":
    main()
