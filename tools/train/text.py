#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Teaches the starter's text encoder what captions say, before any picture is painted: text.py [--from MODEL]

Stable Diffusion begins with a text encoder that understands its captions already (CLIP's). Ours learns by naming what
a scene holds, from the state of the end token and of the padding behind it, which see the whole sentence; it
stays so while the parent learns. It needs no VAE and can run beside its training.

With --from the encoder of a model folder is taught again what it has forgotten, and held near what it says now, so that
a U-Net that listens to it needs to learn the new alone.
"""

import argparse
import random

import torch
from torch import nn
from torch.nn import functional

import data
import drawing
import folder as folders
import starter
import tokenizer as tokens_of
import training
import wording

SEED = 6
STEPS, BATCH, RATE = 3000, 32, 1e-3
# Of the mean squared change of an encoder's states, beside what it is to learn anew.
NEAR = 10.0
NONE = ""
COLOURS, SHAPES = [NONE, *drawing.COLOURS], [NONE, *drawing.SHAPES]
# What is asked of a caption, and the answers there are.
QUESTIONS = {
    "first shape": SHAPES, "first colour": COLOURS, "second shape": SHAPES, "second colour": COLOURS,
    "position": [NONE, *drawing.POSITIONS], "size": list(drawing.RADII), "second size": list(drawing.RADII),
    "pattern": [NONE, *drawing.PATTERNS], "ground": COLOURS, "other ground": COLOURS, "scale": list(drawing.SCALES),
    "variant": sorted({variant for variants in drawing.PATTERNS.values() for variant in variants} | {NONE}),
}


def answers(scene):
    """What a scene holds, in the order of QUESTIONS, as numbers. Of two objects the left or upper one is the first."""
    ground = scene.ground
    first, second = ([*scene.objects] + [None, None])[:2]
    said = [first.shape if first else NONE, first.colour if first else NONE,
            second.shape if second else NONE, second.colour if second else NONE,
            first.position if first else NONE, first.size if first else NONE, second.size if second else NONE,
            ground.pattern, ground.first, ground.second, ground.scale, ground.variant]
    return [choices.index(answer) for choices, answer in zip(QUESTIONS.values(), said)]


class Reader(nn.Module):
    """One answer to each question from a token's state: how far it lies in the direction of each choice. Directions have
    length 1: what is to be read must differ by much, else a U-Net will not hear it among louder differences."""

    def __init__(self):
        super().__init__()
        self.answers = nn.ModuleList(nn.Linear(starter.TEXT_WIDTH, len(choices)) for choices in QUESTIONS.values())

    def forward(self, states):
        return [functional.linear(states, functional.normalize(answer.weight), answer.bias) for answer in self.answers]


def batch(tokenizer, split, step):
    """(tokens [BATCH, 77], answers [BATCH, questions])."""
    captions, said = [], []
    for index in range(step * BATCH, (step + 1) * BATCH):
        scene, rng = data.scene_at(split, SEED, index)
        captions.append(wording.caption(scene, rng, complete=True))
        said.append(answers(scene))
    return tokens_of.tokens(tokenizer, captions), torch.tensor(said)


def reading(states, reader, tokens, rng):
    """The reader's answers at the end token and at a padding token of each caption."""
    ends = (tokens == tokens[0, -1]).int().argmax(1).tolist()
    rows = range(len(ends))
    places = [rng.randrange(end, starter.TOKENS) for end in ends]
    return reader(torch.cat([states[rows, ends], states[rows, places]]))


def train(folder, steps, bf16, start, device):
    tokenizer = tokens_of.load(tokens_of.prepared())
    torch.manual_seed(SEED)
    text_encoder, reader = starter.new_text_encoder(tokenizer), Reader()
    former = folders.Model(start, device).text_encoder if start else None
    if former:
        text_encoder.load_state_dict(former.state_dict())
    text_encoder.to(device)
    reader.to(device)
    text_encoder.set_attn_implementation("eager")
    learning = [*text_encoder.parameters(), *reader.parameters()]
    optimiser = torch.optim.AdamW(learning, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    parts = {"text encoder": text_encoder, "reader": reader, "optimiser": optimiser}
    settings = {"steps": steps, "seed": SEED, "batch": BATCH, "rate": RATE,
                "world": data.fingerprint(), "questions": list(QUESTIONS),
                "from": folders.fingerprint(former) if former else False}
    run = training.Run(folder, steps, parts, settings)
    for step in run:
        tokens, said = batch(tokenizer, "train", step)
        with training.half(device, bf16):
            states = text_encoder(tokens.to(device)).last_hidden_state
            made = reading(states, reader, tokens, random.Random(step))
        said = said.repeat(2, 1).to(device)
        loss = sum(functional.cross_entropy(answer.float(), said[:, i]) for i, answer in enumerate(made))
        run.measure(loss=loss.detach())
        if former:
            with torch.no_grad():
                wanted = former(tokens.to(device)).last_hidden_state
            moved = functional.mse_loss(states.float(), wanted)
            loss = loss + NEAR * moved
            run.measure(moved=moved.detach())
        training.learn(learning, optimiser, loss, RATE * training.decaying(step, steps))
    run.say("held-out answers that are right: " + held_out(text_encoder, reader, tokenizer))


@torch.no_grad()
def held_out(text_encoder, reader, tokenizer, batches=16):
    right = torch.zeros(len(QUESTIONS))
    for step in range(batches):
        tokens, said = batch(tokenizer, "test", step)
        made = reading(text_encoder(tokens.to(text_encoder.device)).last_hidden_state, reader, tokens, random.Random(step))
        right += torch.stack([(answer[:BATCH].argmax(1).cpu() == said[:, i]).float().mean()
                              for i, answer in enumerate(made)])
    return ", ".join(f"{name} {share:.3f}" for name, share in zip(QUESTIONS, (right / batches).tolist()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--bf16", action="store_true", help="products in bfloat16: quicker where the processor has them")
    parser.add_argument("--from", dest="start", metavar="MODEL", help="teach the encoder in a model folder again")
    training.add_device(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train(training.cache_folder("text"), arguments.steps, arguments.bf16, arguments.start, arguments.device)


if __name__ == "__main__":
    main()
