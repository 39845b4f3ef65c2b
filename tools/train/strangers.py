#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Teaches the starter's text encoder what strangers mean: strangers.py MODEL [--out FOLDER] [--also MODEL FOLDER]

Words that mean nothing are to be passed over. An encoder that has heard few of them lets them change what it says of a
whole sentence: the states of the end token and of the padding behind it, to which a U-Net listens most, then differ by
more than those of two captions. What is left out of a caption (unsaid.py) is to be what it mostly is, and what is said
in other words (reworded.py) what they mean. So the encoder learns to say of what strangers write what it said of the
whole and plain caption; of that caption itself, the same as before. The U-Net stays as it is and has nothing new to
learn. FOLDER/model is MODEL with the text encoder so taught, and with --also another model's that had the same.
"""

import argparse
import copy
import difflib
import hashlib
import pathlib
import string
import sys

import torch

import data
import folder as folders
import reworded
import starter
import training
import unsaid
import wording

SEED = 8
STEPS, BATCH, RATE, DECAY = 5000, 32, 1e-3, 0.995
# Of the captions in a batch, with words that mean nothing, with something left out and in other words, independently of
# each other. What none of it concerns is what the encoder is to go on saying the same of.
UNKNOWN, UNSAID, REWORDED = 0.45, 0.35, 0.4
# Captions that are empty, in a batch, but for such words: every picture needs one, and guidance multiplies what it says.
EMPTY = 5
# What people want less of, alone in a caption that is empty otherwise: a negative prompt.
UNWANTED = ["blurry", "blur", "low quality", "worst quality", "bad quality", "lowres", "ugly", "deformed", "distorted", "noise",
            "noisy", "grainy", "text", "watermark", "signature", "frame", "border", "shadow", "jpeg artifacts", "artifacts",
            "cropped", "out of focus", "bad anatomy", "extra fingers", "duplicate", "messy", "dirty", "boring", "amateur"]
# Of unknown words, the share that begins as a known one does.
ALIKE = 0.3
# What captions weigh more that hold nothing of it: what is lost of them is lost of every picture.
PLAIN = 4
# What a token is. Padding is most of a sentence, so the others weigh more, each kind as a whole.
PADDING, KNOWN, ADDED = range(3)
# What is measured apart, as shares of a batch.
KINDS = {"unknown words": (1, 0, 0), "left out": (0, 1, 0), "other words": (0, 0, 1), "nothing of it": (0, 0, 0)}


def word_like_a_known_one(rng, known=sorted({*reworded.NAMED, *reworded.SHAPED, *reworded.PATTERNED})):
    """"blury", "starlop": a word that means nothing although its first letters are those of one that does."""
    begun = rng.choice(known)
    word = begun[:rng.randint(2, max(2, len(begun) - 1))] + "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 5)))
    return word if word not in known else "nothing"


def with_strange_words(rng, caption):
    """A caption with words that mean nothing: those of wording.py, of a negative prompt, or such as are like known ones."""
    if not caption and rng.random() < 0.5:
        return ", ".join(rng.sample(UNWANTED, rng.choice([1, 1, 2, 3, 5])))
    if rng.random() >= ALIKE:
        return wording.with_unknown_words(rng, caption)
    words = caption.split()
    words.insert(rng.randint(0, len(words)), word_like_a_known_one(rng))
    return " ".join(words)


def ids(tokenizer, caption):
    """A caption's tokens from the beginning to the end token, at most as many as there may be."""
    return tokenizer(caption, truncation=True, max_length=starter.TOKENS).input_ids


def padded(tokenizer, rows):
    """int64 [rows, TOKENS]."""
    return torch.tensor([row + [tokenizer.pad_token_id] * (starter.TOKENS - len(row)) for row in rows])


def places(meant, heard):
    """For each token of a caption as it is heard, end token apart: (where it stands in the meant one, True), or for one
    that was added, (how many of the meant one's tokens stand before it, False)."""
    found = []
    matched = difflib.SequenceMatcher(None, meant[:-1], heard[:-1], autojunk=False)
    for what, first, last, begun, ended in matched.get_opcodes():
        if what == "equal":
            found += [(place, True) for place in range(first, last)]
        else:
            found += [(last, False)] * (ended - begun)
    return found


def batch(tokenizer, split, step, unknown=UNKNOWN, left_out=UNSAID, others=REWORDED):
    """BATCH captions as tokens, [(what is meant, what is heard)]."""
    rows = []
    for index in range(step * BATCH, (step + 1) * BATCH):
        scene, rng = data.scene_at(split, SEED, index)
        if index % BATCH < EMPTY:
            heard = meant = ""
        elif rng.random() < left_out:
            heard, meant = unsaid.shortened(rng, scene)
        else:
            heard = meant = wording.plain_caption(scene, rng, complete=True)
        if meant:
            heard = wording.with_noise(rng, reworded.reworded(rng, heard) if rng.random() < others else heard)
        if rng.random() < unknown:
            heard = with_strange_words(rng, heard)
        rows.append((ids(tokenizer, meant), ids(tokenizer, heard)))
    return rows


def words(tokenizer, batches=8):
    """Eight letters that change with what the lesson says and means, of which most is in every few of its batches."""
    rows = [batch(tokenizer, "train", step) for step in range(batches)]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:8]


@torch.no_grad()
def wanted(former, tokenizer, rows):
    """What shall be said of each caption as it is heard, float32 [captions, TOKENS, width], and what each token is.

    A word of the meant caption shall say what it says there, wherever it stands now, and the padding what is said at the
    same place: its states differ more from place to place than from caption to caption. Where the meant caption goes on,
    the padding says its words. An added word shall say what the end token would, had the caption ended there: a U-Net
    hears in it what was said so far.
    """
    def said(captions):
        return former(padded(tokenizer, captions).to(former.device)).last_hidden_state

    states = said([meant for meant, _ in rows])
    aims, kinds = states.clone(), torch.full(states.shape[:2], PADDING, device=states.device)
    of_row = [places(meant, heard) for meant, heard in rows]
    for row, (meant, _) in enumerate(rows):
        kinds[row, :len(meant) - 1] = KNOWN
    gaps = sorted({(row, place) for row, found in enumerate(of_row) for place, known in found if not known})
    ends = {}
    if gaps:
        cut = said([rows[row][0][:place] + [tokenizer.eos_token_id] for row, place in gaps])
        ends = {gap: cut[number, gap[1]] for number, gap in enumerate(gaps)}
    for row, found in enumerate(of_row):
        for token, (place, known) in enumerate(found):
            aims[row, token] = states[row, place] if known else ends[row, place]
            kinds[row, token] = KNOWN if known else ADDED
    return aims, kinds


def errors(made, aims, kinds):
    """Mean squared error of each kind of token that there is, and of all."""
    of_each = (made.float() - aims).square().mean(-1)
    return {"all": of_each.mean()} | {kind: of_each[kinds == kind].mean() for kind in (PADDING, KNOWN, ADDED)
                                      if (kinds == kind).any()}


@torch.no_grad()
def held_out(text_encoder, former, tokenizer, *shares, batches=8):
    """Mean squared error of the padding's states on held-out captions; `shares` as batch has them."""
    found = []
    for step in range(batches):
        rows = batch(tokenizer, "test", step, *shares)
        made = text_encoder(padded(tokenizer, [heard for _, heard in rows]).to(text_encoder.device)).last_hidden_state
        found.append(errors(made, *wanted(former, tokenizer, rows))[PADDING])
    return float(torch.stack(found).mean())


def train(arguments, out):
    steps, device, model = arguments.steps, arguments.device, folders.Model(arguments.model, arguments.device)
    settings = {"seed": SEED, "batch": BATCH, "rate": RATE, "words": words(model.tokenizer), "plain": PLAIN,
                "world": data.fingerprint(), "model": model.fingerprint(), "steps": steps}
    if arguments.also:
        other = folders.Model(arguments.also[0])
        settings["also"] = other.fingerprint()
        if folders.fingerprint(other.text_encoder) != folders.fingerprint(model.text_encoder):
            sys.exit(f"{arguments.also[0]} has another text encoder than {arguments.model}: teach it by itself")
    if training.finished(out, steps, settings):
        return
    tokenizer, former = model.tokenizer, model.text_encoder
    former.set_attn_implementation("eager")
    text_encoder = copy.deepcopy(former).requires_grad_(True)
    optimiser = torch.optim.AdamW(text_encoder.parameters(), betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    average = training.Average([text_encoder], DECAY)
    run = training.Run(out, steps, {"text encoder": text_encoder, "optimiser": optimiser, "average": average}, settings)
    for step in run:
        rows = batch(tokenizer, "train", step)
        aims, kinds = wanted(former, tokenizer, rows)
        with training.half(device, arguments.bf16):
            made = text_encoder(padded(tokenizer, [heard for _, heard in rows]).to(device)).last_hidden_state
        found = errors(made, aims, kinds)
        loss = found["all"] + sum(found[kind] for kind in (KNOWN, ADDED) if kind in found)
        if (plain := [row for row, (meant, heard) in enumerate(rows) if meant == heard]):
            loss = loss + PLAIN * errors(made[plain], aims[plain], kinds[plain])["all"]
        training.learn(text_encoder.parameters(), optimiser, loss, RATE * training.decaying(step, steps))
        average.update()
        run.measure(loss=loss.detach(), padding=found[PADDING].detach())
    with average:
        for what, encoder in (("before", former), ("now", text_encoder)):
            run.say(f"held out, {what}: " + ", ".join(
                f"{kind} {held_out(encoder, former, tokenizer, *shares):.4f}" for kind, shares in KINDS.items()))
        if arguments.also:
            original, folder = map(pathlib.Path, arguments.also)
            folder.mkdir(parents=True, exist_ok=True)
            folders.write_with_text_encoder(original, folder / "model", text_encoder)
        folders.write_with_text_encoder(arguments.model, out / "model", text_encoder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="a folder whose tokenizer and text encoder are the starter's")
    parser.add_argument("--out", type=pathlib.Path, help="default: strangers in the cache folder")
    parser.add_argument("--also", nargs=2, metavar=("MODEL", "FOLDER"),
                        help="another model whose text encoder is the same, and its FOLDER")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--bf16", action="store_true", help="products in bfloat16: quicker where the processor has them")
    training.add_device(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train(arguments, arguments.out or training.cache_folder("strangers"))


if __name__ == "__main__":
    main()
