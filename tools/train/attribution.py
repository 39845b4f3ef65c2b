# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Which pixels a word is about, as DAAM finds it: its cross-attention of all layers, heads and steps, summed up."""

import math

import torch
from torch.nn import functional


class Recorder:
    """A processor of attention that computes as usual and sums up where each token is looked at. Where drawing is
    `guided`, only the second half of a batch counts: the first belongs to the empty prompt."""

    def __init__(self, side, guided=True):
        self.side, self.guided = side, guided
        self.clear()

    def clear(self):
        """Before another batch is drawn."""
        # {edge: [batch, tokens, edge, edge]}, enlarged when all is there: that takes longer than a step does.
        self.sums = {}

    def __call__(self, attention, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None, **_):
        text = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = attention.head_to_batch_dim(attention.to_q(hidden_states))
        key = attention.head_to_batch_dim(attention.to_k(text))
        value = attention.head_to_batch_dim(attention.to_v(text))
        shares = attention.get_attention_scores(query, key, attention_mask)
        if encoder_hidden_states is not None:
            self.add(shares, attention.heads)
        output = attention.batch_to_head_dim(torch.bmm(shares, value))
        return attention.to_out[1](attention.to_out[0](output))

    def add(self, shares, heads):
        positions, tokens = shares.shape[1:]
        edge = math.isqrt(positions)
        maps = shares.reshape(-1, heads, positions, tokens).mean(1)
        maps = maps[len(maps) // 2 if self.guided else 0:].transpose(1, 2).reshape(-1, tokens, edge, edge)
        self.sums[edge] = self.sums[edge] + maps if edge in self.sums else maps

    def maps(self):
        """Where each token was looked at: [batch, tokens, side, side]."""
        return sum(functional.interpolate(maps, size=(self.side, self.side), mode="bicubic").clamp(min=0)
                   for maps in self.sums.values())


def word_map(total, positions):
    """A word's map, 0..1, from the maps [tokens, side, side] of one picture and the word's token positions."""
    found = total[positions].mean(0)
    found = found - found.min()
    return found / found.max().clamp(min=1e-9)


def overlap(found, mask, threshold=0.4):
    """Intersection over union of a map, cut at a share of its maximum, and a mask, both [side, side]."""
    seen, mask = found >= threshold, mask.to(bool)
    return float((seen & mask).sum() / (seen | mask).sum().clamp(min=1))
