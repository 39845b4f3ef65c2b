# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The other way round from compress.py: a parent that does exactly what its student does, to train it further.

What was removed comes back as residual branches that add nothing yet: their last layers are zero. So a parent whose
checkpoints are gone need not be trained from nothing as long as its student is there.
"""

import torch
from torch import nn

import compress


def silence(layer):
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


@torch.no_grad()
def pass_on(resnet):
    """Makes a residual block hand on its input; of a concatenation with a skip, the first part."""
    silence(resnet.conv2)
    if resnet.conv_shortcut is not None:
        silence(resnet.conv_shortcut)
        width = resnet.conv_shortcut.weight.shape[0]
        resnet.conv_shortcut.weight[:, :width, 0, 0] = torch.eye(width)


def grown(rule, student, parent):
    """`parent`, a new U-Net of the parent's layout, with the weights of a student that a rule once made of that layout."""
    weights, kept = parent.state_dict(), set()
    for name, value in student.state_dict().items():
        weights[compress.parents_name(rule, name)] = value.float()
        kept.add(compress.parents_name(rule, name))
    parent.load_state_dict(weights)
    for name, module in parent.named_modules():
        if f"{name}.conv2.weight" not in kept and hasattr(module, "conv2"):
            pass_on(module)
        if f"{name}.proj_out.weight" not in kept and hasattr(module, "proj_out"):
            silence(module.proj_out)
    return parent
