#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Retrains a student of compress.py against its parent: distill.py PARENT STUDENT [--data FOLDER] [--device cuda] ...

The loss is that of the BK-SDM card: the error of the noise, plus the difference from the parent's prediction, plus the
differences of the features at the ends of the down and up blocks; each has a weight, and 0 leaves it out. AdamW with a
constant learning rate, gradient accumulation, an average of the weights. With --guidance it is the difference of what
guidance makes of both, and that of their predictions without a caption (--output); with --from-pictures as well there is
no parent, and both are compared with the noise. The same command resumes a run that was ended.
Without --data the pictures are the starter's drawn ones.

The card's own run: --rate 5e-5 --batch 64 --accumulate 4 --dropout 0 --flip --precision bf16 --checkpointing.
"""

import argparse
import contextlib
import pathlib
import sys

import numpy
import torch
from torch.nn import functional

import data
import denoising
import folder as folders
import reworded
import sources
import tokenizer as tokens_of
import training
import trajectories

SEED = 4
PICTURES = 30000
# Drawings under way for each that a step takes: those of one step are of many times and captions.
UNDER_WAY = 16
# Arguments that are of drawn pictures alone.
OF_DRAWN = ("pictures", "pairs", "patterns", "unknown", "reworded")
# Arguments that a resumed run may have otherwise.
MAY_CHANGE = ("device", "threads", "steps", "out", "pictures_every", "prompt", "checkpointing")
# What a student's U-Net has in common with its parent's.
COMMON = ("in_channels", "out_channels", "cross_attention_dim")
PROMPTS = ["a red circle on a blue background", "a small yellow star on black on the left", "blue and white stripes",
           "a green heart and a purple square on white"]


def check_kinship(arguments, student, parent):
    """Ends the program where one U-Net cannot teach the other."""
    def reject(key, ours, theirs):
        sys.exit(f"{arguments.student} is no student of {arguments.parent}: its unet/config.json has {key} {ours}, the "
                 f"parent's has {theirs}; make one of that parent with compress.py")

    for key in COMMON:
        ours, theirs = student.config[key], parent.config[key]
        if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
            theirs = theirs[:len(ours)]
        if ours != theirs:
            reject(key, ours, theirs)
    ours, theirs = (list(unet.config.block_out_channels) for unet in (student, parent))
    if ours not in (theirs, theirs[:-1]):
        reject("block_out_channels", ours, theirs)


def check_parts(arguments, parent):
    """Ends the program where the student's other parts are not its parent's: it learns with these, and is written with
    its own."""
    for name in ("vae", "text_encoder"):
        if folders.fingerprint(folders.load_part(arguments.student, name)) != parent.fingerprint(name):
            sys.exit(f"{arguments.student} is no student of {arguments.parent}: its {name} has other weights; make one of "
                     "that parent with compress.py")
    if tokens_of.load(pathlib.Path(arguments.student) / "tokenizer").get_vocab() != parent.tokenizer.get_vocab():
        sys.exit(f"{arguments.student} is no student of {arguments.parent}: its tokenizer has other words; make one of that "
                 "parent with compress.py")


def settings_of(arguments, parent, student):
    """What a resumed run has in common with the one that began it: the models' weights instead of where they lie, and of
    where pictures lie the folder's own name."""
    settings = {key: value for key, value in vars(arguments).items() if key not in MAY_CHANGE}
    if arguments.falling:
        settings["steps"] = arguments.steps
    if arguments.data:
        settings["data"] = pathlib.Path(arguments.data).resolve().name
    else:
        settings["world"] = data.fingerprint()
    if arguments.reworded:
        settings["other words"] = reworded.fingerprint()
    return settings | {"parent": parent.fingerprint(), "student": folders.fingerprint(student)}


def stage_ends(student, parent):
    """Pairs of module names (student's, parent's) whose outputs shall agree."""
    ours, theirs = len(student.config.block_out_channels), len(parent.config.block_out_channels)
    removed = theirs - ours
    pairs = [(f"down_blocks.{i}", f"down_blocks.{i}") for i in range(ours)]
    if removed:
        # The student's innermost stage no longer scales down, so the two agree before that.
        last = ours - 1
        kind = "attentions" if hasattr(student.down_blocks[last], "attentions") else "resnets"
        depth = [len(getattr(unet.down_blocks[last], kind)) - 1 for unet in (student, parent)]
        pairs[-1] = tuple(f"down_blocks.{last}.{kind}.{layer}" for layer in depth)
    return pairs + [(f"up_blocks.{i}", f"up_blocks.{i + removed}") for i in range(ours)]


class Features:
    """The outputs of named modules in the newest pass."""

    def __init__(self, unet, names):
        self.values = {}
        for name in names:
            unet.get_submodule(name).register_forward_hook(self.keeper(name))

    def keeper(self, name):
        def keep(_module, _inputs, output):
            self.values[name] = output if isinstance(output, torch.Tensor) else output[0]
        return keep


def feature_error(student, parent, pairs, temper):
    return sum(functional.mse_loss(student.values[ours].float(), temper(parent.values[theirs], ours))
               for ours, theirs in pairs)


@torch.no_grad()
def draw(model, unet, prompts, seed=0):
    """Pictures [H, W, 3] of a U-Net in its model's folder, as the pipeline makes them by default. Where the model is in
    bfloat16, the U-Net, which learns in float32, and the VAE are used as in training: with products in bfloat16."""
    pipeline = model.pipeline()
    pipeline.unet = unet
    pipeline.set_progress_bar_config(disable=True)
    noise = [torch.Generator().manual_seed(seed + i) for i in range(len(prompts))]
    with training.half(model.unet.device, model.unet.dtype == torch.bfloat16):
        images = pipeline(prompts, num_inference_steps=25, generator=noise, output_type="np").images
    return [numpy.asarray(image * 255 + 0.5, numpy.uint8) for image in images]


def source_of(arguments, parent, say):
    if arguments.data:
        side = arguments.side or parent.unet.config.sample_size * 2 ** (len(parent.vae.config.block_out_channels) - 1)
        return sources.Folder(parent.vae, parent.tokenizer, arguments.data, side, arguments.flip)
    return sources.Drawn(parent.vae, parent.tokenizer, arguments.pictures, say=say, pairs=arguments.pairs,
                         unknown=arguments.unknown, others=arguments.reworded, patterns=arguments.patterns)


def own_share(arguments):
    """How many of a batch are the student's own drawings."""
    return round(arguments.trajectories * arguments.batch)


def batch_of(source, arguments, parent, step_random):
    """A batch of the source, encoded in the parent's numbers."""
    with training.half(arguments.device, parent.unet.dtype == torch.bfloat16):
        return source.batch(step_random, arguments.batch - own_share(arguments))


@contextlib.contextmanager
def kept(run):
    """For what may end the program, at a picture that cannot be read, before a weight has moved: what was learnt in the
    steps before is kept."""
    try:
        yield
    except SystemExit:
        run.write()
        raise


class Tempering:
    """Moves what the student aims at towards what it says itself without a caption: of what a caption changes, `share`
    is left, and all where there is no caption. Guidance then does no more than `share` of its figure. With a share of 1
    nothing moves, and nothing is computed for it.
    """

    def __init__(self, share):
        self.share, self.blank, self.shares = share, None, None

    @torch.no_grad()
    def look(self, student, seen, times, empty_text, has_caption, features):
        if self.share == 1:
            return
        self.blank = {"": student(seen, times, empty_text.expand(len(seen), -1, -1)).sample}
        if features:
            self.blank |= features.values
        self.shares = torch.where(has_caption, self.share, 1.0)[:, None, None, None]

    def __call__(self, aim, name=""):
        return aim.float() if self.share == 1 else torch.lerp(self.blank[name].float(), aim.float(), self.shares)


def guided(predictions, guidance):
    """What a sampler makes of predictions for captions, the first half, and for the empty one, the second."""
    captioned, blank = predictions.float().chunk(2)
    return blank + guidance * (captioned - blank)


def guidance_losses(arguments, batch, parent, student, task, step_random, drawings=None, source=None):
    """What the student gives at one guidance shall be what the teacher gives at another; without a caption, the same.
    Asked on pictures with noise, and on the student's own `drawings` under way, which go a step further.

    With `from_pictures` there is no teacher. Of pictures with noise, what guidance `ours / theirs` makes shall be the
    target: where `ours` acts as `theirs` of some prediction, that is this prediction. So shall the prediction without a
    caption. Of drawings, what guidance `ours` makes shall lead to their picture."""
    device = parent.unet.device
    latents, tokens, heard = batch
    seen, times, target, weights = task.noisy(latents.to(device), step_random)
    if drawings:
        which, *own = drawings.batch(source, step_random, own_share(arguments))
        seen, times, tokens, heard = (torch.cat([ours, theirs.to(ours)]) for ours, theirs in
                                      zip((seen, times, tokens, heard), own))
        weights = torch.cat([weights, task.weights(own[1]).to(weights)])
    tokens, heard = (torch.cat([ids, task.empty.expand_as(ids)]).to(device) for ids in (tokens, heard))
    seen, times = torch.cat([seen, seen]).contiguous(memory_format=torch.channels_last), torch.cat([times, times])
    theirs, ours = arguments.guidance
    with training.half(device, arguments.precision == "bf16"):
        with torch.no_grad():
            text = parent.text_encoder(heard).last_hidden_state
            if not arguments.from_pictures:
                taught = parent.unet(seen, times, parent.text_encoder(tokens).last_hidden_state).sample
        made = student(seen, times, text).sample
    drawn, blank, pictures = guided(made, ours), made.chunk(2)[1], len(latents)
    if arguments.from_pictures:
        compared = torch.cat([guided(made, ours / theirs)[:pictures], drawn[pictures:]])
        aim = torch.cat([target, drawn[pictures:].detach()])
        found = {"noise": denoising.weighted_error(blank[:pictures], target, weights[:pictures])}
    else:
        compared, aim = drawn, guided(taught, theirs)
        found = {"output": denoising.weighted_error(blank, taught.chunk(2)[1], weights)}
    if drawings:
        aim[pictures:] = drawings.corrected(which, aim[pictures:])
        drawings.advance(which, drawn[pictures:].detach(), source, step_random)
    return found | {"guided": denoising.weighted_error(compared, aim, weights)}


def losses(arguments, batch, parent, student, task, ends, step_random):
    """The three errors of one batch, unweighted."""
    device = parent.unet.device
    latents, tokens, heard = batch
    tokens = task.drop_captions(tokens, step_random)
    heard = torch.where((tokens == task.empty).all(1, keepdim=True), task.empty, heard).to(device)
    tokens = tokens.to(device)
    seen, times, target, weights = task.noisy(latents.to(device), step_random)
    temper, empty = Tempering(arguments.caption_share), task.empty.to(device)
    with training.half(device, arguments.precision == "bf16"):
        with torch.no_grad():
            text = parent.text_encoder(tokens).last_hidden_state
            temper.look(student, seen, times, parent.text_encoder(empty[None]).last_hidden_state,
                        (tokens != empty).any(1), ends[0] if arguments.feature else None)
            taught = parent.unet(seen, times, text).sample if arguments.output or arguments.feature else None
            text = parent.text_encoder(heard).last_hidden_state
        made = student(seen, times, text).sample
    found = {"noise": denoising.weighted_error(made, temper(target), weights)}
    if arguments.output:
        found["output"] = denoising.weighted_error(made, temper(taught), weights)
    if arguments.feature:
        found["feature"] = feature_error(*ends, temper)
    return found


def distill(arguments, out):
    dtype = torch.bfloat16 if arguments.precision == "bf16" and arguments.device != "cpu" else torch.float32
    parent = folders.Model(arguments.parent, arguments.device, dtype)
    student = folders.load_unet(arguments.student).float().train()
    check_kinship(arguments, student, parent.unet)
    check_parts(arguments, parent)
    settings = settings_of(arguments, parent, student)
    if training.finished(out, arguments.steps, settings):
        return
    student.to(arguments.device, memory_format=torch.channels_last)
    if arguments.checkpointing:
        student.enable_gradient_checkpointing()
    for unet in (student, parent.unet):
        training.plain_attention(unet)
    pairs = stage_ends(student, parent.unet)
    ends = Features(student, [ours for ours, _ in pairs]), Features(parent.unet, [theirs for _, theirs in pairs]), pairs
    task = denoising.Task(parent.scheduler, parent.tokenizer, arguments.offset, arguments.snr, arguments.snr_power,
                          arguments.dropout, arguments.late)
    optimiser = torch.optim.AdamW(student.parameters(), lr=arguments.rate, weight_decay=1e-2, fused=True)
    average = training.Average([student], arguments.decay)

    def sample(step):
        with average:
            show(out / f"step-{step:06}.png", parent, student, arguments.prompt)

    parts = {"student": student, "optimiser": optimiser, "average": average}
    drawings = None
    if arguments.trajectories:
        drawings = parts["drawings"] = trajectories.Trajectories(task, UNDER_WAY * own_share(arguments),
                                                                 all_known=arguments.from_pictures)
    run = training.Run(out, arguments.steps, parts, settings, sample=sample, sample_every=arguments.pictures_every)
    source = source_of(arguments, parent, run.say)
    terms = {"noise": arguments.noise, "output": arguments.output, "feature": arguments.feature, "guided": 1.0}
    for step in run:
        optimiser.zero_grad()
        step_random = training.generator(SEED, step)
        for _ in range(arguments.accumulate):
            with kept(run):
                batch = batch_of(source, arguments, parent, step_random)
                if arguments.guidance:
                    found = guidance_losses(arguments, batch, parent, student, task, step_random, drawings, source)
                else:
                    found = losses(arguments, batch, parent, student, task, ends, step_random)
            (sum(terms[name] * error for name, error in found.items()) / arguments.accumulate).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        if arguments.falling:
            training.set_rate(optimiser, arguments.rate * training.decaying(step, arguments.steps, 50))
        optimiser.step()
        average.update()
        run.measure(**{name: error.detach() for name, error in found.items()})
    with average:
        # The model last: a run that has one is finished.
        show(out / "pictures.png", parent, student, arguments.prompt)
        folders.write_with_unet(arguments.student, out / "model", student)


def show(path, parent, student, prompts):
    student.eval()
    data.contact_sheet(draw(parent, student, prompts), 4).save(path)
    student.train()


def check_passed_over(parser, arguments):
    """Refuses arguments of which others leave no use."""
    without = []
    if arguments.guidance:
        without += [(name, "--guidance") for name in ("feature", "caption_share", "dropout")]
        without.append(("output", "--from-pictures") if arguments.from_pictures else ("noise", "--guidance"))
    if not arguments.data:
        without += [(name, "drawn pictures") for name in ("side", "flip")]
    for name, other in without:
        if getattr(arguments, name) != parser.get_default(name):
            parser.error(f"--{name.replace('_', '-')} does nothing with {other}: leave it out")


def check_arguments(parser, arguments):
    """Refuses what would be passed over silently or make no sense, and gives the rest its defaults."""
    for name in ("steps", "batch", "accumulate", "threads", "side", "pictures"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: at least 1 is needed")
    for name in ("pairs", "patterns", "unknown", "reworded", "dropout"):
        if not 0 <= getattr(arguments, name) <= 1:
            parser.error(f"--{name} {getattr(arguments, name)}: a share lies between 0 and 1")
    if arguments.data and any(getattr(arguments, name) for name in OF_DRAWN):
        parser.error(f"--{', --'.join(OF_DRAWN)} are of drawn pictures: leave them out, or --data")
    if arguments.trajectories and not arguments.guidance:
        parser.error("--trajectories needs --guidance: a step of them is compared after guidance")
    if arguments.from_pictures and not arguments.guidance:
        parser.error("--from-pictures needs --guidance: it says what the student's guidance acts as")
    if arguments.from_pictures and pathlib.Path(arguments.parent).resolve() != pathlib.Path(arguments.student).resolve():
        parser.error(f"--from-pictures has no teacher: give {arguments.student} twice")
    if arguments.guidance and min(arguments.guidance) <= 0:
        parser.error("--guidance {:g} {:g}: both have to be above 0".format(*arguments.guidance))
    check_passed_over(parser, arguments)
    if not 0 <= arguments.trajectories < 1 or (arguments.trajectories and own_share(arguments) in (0, arguments.batch)):
        parser.error(f"--trajectories {arguments.trajectories}: of a batch of {arguments.batch}, neither none nor all can "
                     "be the student's own drawings")
    if not arguments.data and arguments.pictures is None:
        arguments.pictures = PICTURES


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parent")
    parser.add_argument("student")
    parser.add_argument("--out", help="default: a folder named after the student's in the cache folder")
    parser.add_argument("--data", help="folder of images with metadata.jsonl or metadata.csv (file_name, text)")
    parser.add_argument("--side", type=int, help="side of the training pictures; default: the model's own")
    parser.add_argument("--flip", action="store_true", help="mirror half of the pictures")
    parser.add_argument("--pictures", type=int, help=f"how many drawn ones, without --data (default: {PICTURES})")
    parser.add_argument("--pairs", type=float, default=0.0, metavar="SHARE",
                        help="share of drawn ones that certainly have two objects (the starter: 0.4)")
    parser.add_argument("--patterns", type=float, default=0.0, metavar="SHARE",
                        help="share of drawn ones that certainly have a pattern, alone or behind an object; --pairs is of the "
                        "others then (the starter's last step: 0.35)")
    parser.add_argument("--unknown", type=float, default=0.0, metavar="SHARE",
                        help="share of drawn ones' captions to which the student, not its teacher, hears words added that "
                        "mean nothing (the starter: 0.3)")
    parser.add_argument("--reworded", type=float, default=0.0, metavar="SHARE",
                        help="share of drawn ones' captions which the student, not its teacher, hears in other words, as far as "
                        "they are neither in capitals nor before a full stop (the starter's last step: 0.3)")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--falling", action="store_true",
                        help="let the rate fall to nothing in the end; constant otherwise, as the family was trained")
    parser.add_argument("--decay", type=float, default=0.9995, help="of the weights' average")
    parser.add_argument("--noise", type=float, default=1.0, help="weight of the noise's error; with --from-pictures, of that "
                        "without a caption")
    parser.add_argument("--output", type=float, default=1.0,
                        help="weight of the distance from the parent's prediction")
    parser.add_argument("--feature", type=float, default=1.0, help="weight of the features' differences")
    parser.add_argument("--offset", type=float, default=0.0, help="offset noise (the starter: 0.3)")
    parser.add_argument("--snr", type=float, help="limit of min-SNR weights (the starter: 5)")
    parser.add_argument("--snr-power", type=float, default=1.0, help="of these weights (the starter: 0.25)")
    parser.add_argument("--late", type=float, default=0.0, metavar="POWER", help="draw a time as often as this power of "
                        "it says (the starter: 1); 0: all alike")
    parser.add_argument("--caption-share", type=float, default=1.0, metavar="SHARE",
                        help="how much of what a caption changes in a prediction the student shall learn. Guidance "
                        "multiplies that again: with 0.3 a guidance of 7.5 acts as one of 2.25 (the starter's first "
                        "step without its parent: 0.27)")
    parser.add_argument("--guidance", type=float, nargs=2, metavar=("THEIRS", "OURS"),
                        help="learn, instead of the rest, to give at guidance OURS what the parent gives at THEIRS (the "
                        "starter: 2 7.5, then 2.5 7.5)")
    parser.add_argument("--from-pictures", action="store_true",
                        help="with --guidance: no teacher, a student of whom that is true already learns on from "
                        "pictures; give its folder twice")
    parser.add_argument("--trajectories", type=float, default=0.0, metavar="SHARE",
                        help="with --guidance: the share of a batch that is taken from the student's own drawings under "
                        "way, with its own errors in them, instead of pictures with noise")
    parser.add_argument("--dropout", type=float, default=0.1, help="share of captions left out")
    training.add_device(parser)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--checkpointing", action="store_true", help="less memory, more time")
    parser.add_argument("--pictures-every", type=int, default=1000, help="steps between drawn samples; 0: none")
    parser.add_argument("--prompt", action="append", help="of the drawn samples; may be given several times")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    arguments = parser.parse_args()
    check_arguments(parser, arguments)
    return arguments


def main():
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    arguments.prompt = arguments.prompt or PROMPTS
    out = arguments.out or training.cache_folder("distill") / pathlib.Path(arguments.student).resolve().name
    distill(arguments, pathlib.Path(out))


if __name__ == "__main__":
    main()
