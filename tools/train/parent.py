#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Trains the starter's parent, a U-Net, on drawn pictures: parent.py [--from MODEL]

Needs the VAE's encoder (`vae.py joint`) and the text encoder (`text.py`), which stays as it is, as Stable Diffusion's
does. The first start encodes the pictures, which takes a while and is done once. At the end the parent lies in the cache
folder as a whole model folder, parent/model, with the newest decoder there is.
"""

import argparse

import torch

import data
import denoising
import folder as folders
import grow
import sources
import starter
import tokenizer as tokens_of
import training
import vae as vaes

SEED = 3
PICTURES = 32000
STEPS, BATCH, RATE = 6000, 32, 6e-4
OFFSET, SNR_LIMIT, DROPOUT = 0.3, 5.0, 0.1
SNR_POWER, LATE = 0.25, 1.0


def trained_vae(start=None):
    """The VAE with its newest decoder, or that of the folder `start`; ends with advice if the encoder may still
    change."""
    if start:
        return folders.Model(start).vae
    joint, decoder = (training.cache_folder(name) / "checkpoint.pt" for name in ("vae-joint", "vae-decoder"))
    if not joint.exists() or not training.is_at_its_end(joint):
        raise SystemExit(f"{joint}: the encoder is not finished; run `vae.py joint` to its end first")
    vae = vaes.load_average(decoder if decoder.exists() else joint)
    # The encoder is the same in both, and so is the latents' scale.
    vae.register_to_config(scaling_factor=vaes.load_scale(joint))
    return vae.requires_grad_(False)


def trained_text_encoder(tokenizer):
    """The text encoder as text.py left it."""
    state = training.cache_folder("text") / "checkpoint.pt"
    if not state.exists() or not training.is_at_its_end(state):
        raise SystemExit(f"{state}: the text encoder is not finished; run text.py to its end first")
    text_encoder = starter.new_text_encoder(tokenizer)
    text_encoder.load_state_dict(training.load(state)["parts"]["text encoder"])
    return text_encoder


def beginning(start):
    """The U-Net that training begins with; `start`: from the parent or the student, of the rule small, in that folder."""
    unet = starter.new_parent_unet()
    if not start:
        return unet
    earlier = folders.load_unet(start).float()
    if earlier.config.layers_per_block == unet.config.layers_per_block:
        return earlier
    return grow.grown("small", earlier, unet)


def train(folder, arguments):
    steps, pictures, bf16, count, rate = (arguments.steps, arguments.pictures, arguments.bf16, arguments.batch,
                                          arguments.rate)
    torch.set_num_threads(arguments.threads)
    device = arguments.device
    vae, tokenizer_folder = trained_vae(arguments.start).to(device), tokens_of.prepared()
    tokenizer = tokens_of.load(tokenizer_folder)
    torch.manual_seed(SEED)
    text_encoder = trained_text_encoder(tokenizer).requires_grad_(False).to(device)
    text_encoder.set_attn_implementation("eager")
    unet = beginning(arguments.start)
    unet.train().to(device, memory_format=torch.channels_last)
    training.plain_attention(unet)
    optimiser = torch.optim.AdamW(unet.parameters(), betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    average = training.Average([unet], 0.999)
    parts = {"unet": unet, "optimiser": optimiser, "average": average}
    settings = {"steps": steps, "seed": SEED, "pictures": pictures, "batch": count, "rate": rate, "offset": OFFSET,
                "power": SNR_POWER, "late": LATE, "channels": list(starter.UNET_CHANNELS), "groups": starter.UNET_GROUPS,
                "world": data.fingerprint(),
                "encoder": folders.fingerprint(vae.encoder), "text": folders.fingerprint(text_encoder)}
    if arguments.start:
        settings["from"] = folders.fingerprint(unet)
    if training.finished(folder, steps, settings):
        return
    run = training.Run(folder, steps, parts, settings)
    run.say(f"parent of {training.parameter_count(unet):,} parameters, text encoder of "
            f"{training.parameter_count(text_encoder):,}")
    scheduler = starter.new_scheduler()
    task = denoising.Task(scheduler, tokenizer, OFFSET, SNR_LIMIT, SNR_POWER, DROPOUT, LATE)
    drawn = sources.Drawn(vae, tokenizer, pictures, say=run.say)
    for step in run:
        step_random = training.generator(SEED, step)
        latents, tokens, _ = drawn.batch(step_random, count)
        seen, times, target, weights = task.noisy(latents.to(device), step_random)
        with training.half(device, bf16):
            with torch.no_grad():
                text = text_encoder(task.drop_captions(tokens, step_random).to(device)).last_hidden_state
            made = unet(seen, times, text).sample
        loss = denoising.weighted_error(made, target, weights)
        training.learn(unet.parameters(), optimiser, loss, rate * training.decaying(step, steps, 300))
        average.update()
        run.measure(loss=loss.detach())
    with average:
        write(folder, tokenizer_folder, text_encoder, unet, vae)
        held_out = sources.Drawn(vae, tokenizer, 1000, "test", say=run.say)
        error = denoising.held_out_error(unet.eval(), text_encoder.eval(), held_out, scheduler, tokenizer)
        run.say(f"held-out noise loss {error:.4f}")


def write(folder, tokenizer_folder, text_encoder, unet, vae):
    folders.write(folder / "model", tokenizer_folder, text_encoder, unet, vae, starter.new_scheduler())


def write_again(folder, start):
    """The finished parent's folder, with the decoder as it is now."""
    model = folders.Model(folder / "model")
    write(folder, tokens_of.prepared(), model.text_encoder, model.unet, trained_vae(start))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="products in bfloat16: quicker where the processor has them")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="how many are drawn to learn from")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--rate", type=float, default=RATE, help="of learning, at its highest")
    parser.add_argument("--from", dest="start", metavar="MODEL", help="go on from the parent or student in a model "
                        "folder, with its VAE")
    parser.add_argument("--write", action="store_true", help="write the finished parent with a newer decoder")
    training.add_device(parser)
    arguments = parser.parse_args()
    folder = training.cache_folder("parent")
    if arguments.write:
        write_again(folder, arguments.start)
    else:
        train(folder, arguments)


if __name__ == "__main__":
    main()
