#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Removes blocks from a Stable Diffusion folder as BK-SDM does: compress.py {base,small,tiny} PARENT STUDENT

PARENT: a folder with a U-Net of two layers a block and a middle block (Stable Diffusion 1 or 2, the starter's parent)
base   takes the second layer of every down block and the middle one of the three of every up block
small  takes the middle block as well
tiny   takes the innermost stage, down and up, as well
What is kept keeps its weights; a student is retrained with distill.py. Everything but the U-Net is copied.
"""

import argparse
import pathlib
import re
import sys

from diffusers import UNet2DConditionModel

import folder as folders
import training

RULES = ("base", "small", "tiny")
LAYER = re.compile(r"(up_blocks)\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)")
STAGE = re.compile(r"(up_blocks)\.(\d+)\.(.*)")
# One entry a stage, innermost last; up_block_types begins with the innermost.
PER_STAGE = ("block_out_channels", "down_block_types", "attention_head_dim", "num_attention_heads",
             "cross_attention_dim", "transformer_layers_per_block", "only_cross_attention")


def reject(parent, why):
    sys.exit(f"{parent}: {why}; the rules are for a U-Net with two layers a block and a middle block")


def student_config(rule, config, parent="the parent"):
    """The student's U-Net configuration from the parent's."""
    config = {key: value for key, value in config.items() if not key.startswith("_")}
    layers, stages = config.get("layers_per_block", 2), len(config["block_out_channels"])
    if layers != 2 and list(layers if isinstance(layers, (list, tuple)) else [layers]) != [2] * stages:
        reject(parent, f"layers_per_block is {layers}")
    if config.get("mid_block_type", "UNetMidBlock2DCrossAttn") is None:
        reject(parent, "mid_block_type is null")
    config["layers_per_block"] = 1
    if rule != "base":
        config["mid_block_type"] = None
    if rule == "tiny":
        channels = config["block_out_channels"]
        if stages < 2 or channels[-1] != channels[-2]:
            sys.exit(f"{parent}: block_out_channels {list(channels)} does not end with two equal stages, so the rule "
                     "tiny would leave layers that do not fit each other")
        for key in PER_STAGE:
            if isinstance(config.get(key), (list, tuple)):
                config[key] = list(config[key])[:-1]
        config["up_block_types"] = list(config["up_block_types"])[1:]
    return config


def parents_name(rule, name):
    """The parent's tensor from which a student's tensor comes."""
    shift = 1 if rule == "tiny" else 0
    if match := LAYER.fullmatch(name):
        blocks, block, kind, layer, rest = match.groups()
        # Of three layers the first and the last stay: the last alone takes the skip of the stage's entry.
        return f"{blocks}.{int(block) + shift}.{kind}.{2 if layer == '1' else layer}.{rest}"
    if match := STAGE.fullmatch(name):
        blocks, block, rest = match.groups()
        return f"{blocks}.{int(block) + shift}.{rest}"
    return name


def compressed(rule, unet, parent="the parent"):
    """The student of a U-Net, with the weights of the blocks it keeps."""
    student = UNet2DConditionModel.from_config(student_config(rule, unet.config, parent))
    weights = unet.state_dict()
    student.load_state_dict({name: weights[parents_name(rule, name)] for name in student.state_dict()})
    return student.to(unet.dtype)


def compress(rule, parent, student):
    parent, student = pathlib.Path(parent), pathlib.Path(student)
    if not (parent / "unet" / "config.json").exists():
        sys.exit(f"{parent} is no Stable Diffusion folder: it has no unet/config.json")
    if student.exists():
        sys.exit(f"{student} is there already: remove it or name another folder")
    unet = folders.load_unet(parent)
    made = compressed(rule, unet, parent)
    folders.write_with_unet(parent, student, made)
    before, after = training.parameter_count(unet), training.parameter_count(made)
    print(f"{student}: U-Net of {after:,} parameters, {100 * after / before:.0f} % of {before:,}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rule", choices=RULES)
    parser.add_argument("parent")
    parser.add_argument("student")
    arguments = parser.parse_args()
    compress(arguments.rule, arguments.parent, arguments.student)


if __name__ == "__main__":
    main()
