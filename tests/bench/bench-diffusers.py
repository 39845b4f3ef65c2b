#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The other side of bench-cpu: bench-diffusers.py CONFIG SIZE [THREADS] times diffusers (torch 2.11.0, diffusers 0.42.1,
transformers 5.23.0) on the network of that config.json, float32, channels_last, random weights. Every line on standard
input runs it once (a step with guidance, or one decoding) and prints the seconds, of a single thread the processor's.
"""

import json

import sys
import time

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

torch.set_grad_enabled(False)
if len(sys.argv) > 3:
    torch.set_num_threads(int(sys.argv[3]))
clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
with open(sys.argv[1], encoding="utf-8") as file:
    config = json.load(file)
side = int(sys.argv[2]) // 8
if config["_class_name"] == "AutoencoderKL":
    network = AutoencoderKL.from_config(config)
    inputs = (torch.randn(1, 4, side, side),)
    network.forward = network.decode
else:
    network = UNet2DConditionModel.from_config(config)
    inputs = (torch.randn(2, 4, side, side), 501, torch.randn(2, 77, config["cross_attention_dim"]))
network = network.eval().to(memory_format=torch.channels_last)
inputs = (inputs[0].to(memory_format=torch.channels_last),) + inputs[1:]
for _ in sys.stdin:
    begin = clock()
    network.forward(*inputs)
    print(clock() - begin, flush=True)

