# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""What the trial asks, most telling first. A stage is a function of the trial that yields (name, function) pairs; each
function's answer is a dictionary with a status.
"""

import shutil
from functools import partial

PARENTS = ("v2-small", "sd14")
SMALLEST = "v2-tiny"
OTHERS = ("v2-tiny", "tiny", "small", "v2-base", "base", "sd21")
# The one that is hard to beat comes first.
WAYS = ("channels-last", "eager")
# What the target names comes first; the other way is the one that compiles sooner.
COMPILED_WAYS = ("compiled", "reduce-overhead")
LIMIT = 1_500_000_000
PSNR = 30.0


class Failure(Exception):
    """An item that could not even be asked."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status, self.text = status, text


def proofs(trial):
    quick = ("--quick", "norms", "moves") if trial.miniature else ()
    for dtype in ("f16", "bf16"):
        yield f"what each instruction means, {dtype}", partial(trial.run_program, "prove-kernels", "--type", dtype, "layouts")
    yield "kernels, f16", partial(trial.run_program, "prove-kernels", "--type", "f16", *quick)
    yield "kernels, bf16", partial(trial.run_program, "prove-kernels", "--type", "bf16", *quick)
    yield from each_case(trial, "operations", "cuda-operations", 2, ("/cuda/linear",))


def each_case(trial, title, program, depth, miniature, everything=False, **how):
    """An item for each of a program's cases, or groups of them: one that is wrong ends the program. `miniature`: those of
    a trial of the trial. One for all where they cannot be listed, which says so."""
    try:
        cases = trial.cases(program, depth, everything)
    except Failure as failure:
        cases, answer = [], {"status": failure.status, "tail": failure.text, "unlisted": True}
        yield title, lambda: answer
    for case in cases:
        if case in miniature or not trial.miniature:
            yield (f"{title}, {case.rsplit('/', 1)[1]}",
                   partial(trial.run_program, program, "-p", case, everything=everything, **how))


def compare(trial, name):
    """The card's picture beside the CPU's, of a whole model."""
    size = ("--size", 16, "--steps", 1) if trial.miniature else ()
    answer = trial.run_data("trial-picture", "compare", trial.model(name), *size)
    if answer["status"] == "passed" and not answer["psnr"] >= PSNR:
        answer["status"] = "failed"
    return answer


def parity(trial):
    of_networks = [f"/cuda/networks/{name}" for name in (SMALLEST, "starter")]
    yield from each_case(trial, "networks", "cuda-networks", 3, of_networks, everything=True)
    yield from each_case(trial, "networks, products measured", "cuda-networks", 3, of_networks[:1], everything=True,
                         measured=True)
    yield from each_case(trial, "pictures", "cuda-pictures", 3, ("/cuda/pictures/v2-small-1-step",), everything=True)
    for part in () if trial.miniature else ("unet-v2-small", "unet-sd14", "vae", "text-v2", "text-v1"):
        yield f"full size, {part}", partial(trial.run_program, "full-size", part)
    for name in PARENTS:
        yield f"full size, picture of {name}", partial(compare, trial, name)


def ours(trial, name, program, command, *options, settings=None):
    if trial.miniature:
        options += ("--size", 16, "--rounds", 1)
        options += ("--steps", 1) if program == "trial-picture" else ("--repeats", 1)
    return trial.run_data(program, command, trial.model(name), *options, settings=settings)


def theirs(trial, name, way, size=512, images=1, only_step=False, **how):
    model = trial.model(name)
    short = ()
    if trial.miniature:
        size = 64
        short = ("--rounds", 1, "--repeats", 1, "--steps", 2)
    return trial.peer(model, "--way", way, "--size", size, "--images", images, *short,
                      *(["--only-step"] if only_step else []), **how)


def opening(trial, name):
    """In processes of their own, twice: the first may find a cold file cache and products that nobody has measured."""
    first = ours(trial, name, "trial-picture", "first")
    if first["status"] != "passed":
        return first
    return {**ours(trial, name, "trial-picture", "first"), "before": first}


def race(trial):
    for name in PARENTS:
        yield f"{name}, gesso, networks", partial(ours, trial, name, "trial-networks", "times")
        yield f"{name}, gesso, picture", partial(ours, trial, name, "trial-picture", "paint")
        yield f"{name}, gesso, opening", partial(opening, trial, name)
    for way in WAYS:
        for name in PARENTS:
            yield f"{name}, diffusers, {way}", partial(theirs, trial, name, way)
    yield ("v2-small, gesso, picture in 1.5 GB",
           partial(ours, trial, "v2-small", "trial-picture", "paint", "--max-memory", LIMIT, "--rounds", 2))


def beside(trial, name, way):
    """diffusers with its U-Net compiled, between two of Gesso's networks in the same minutes. Where that is cut off, what
    was measured until then counts."""
    own = [ours(trial, name, "trial-networks", "times")]
    if own[0]["status"] != "passed":
        return own[0]
    # Compiling takes the minutes that it takes.
    answer = theirs(trial, name, way, most=None)
    if answer["status"] == "passed":
        own.append(ours(trial, name, "trial-networks", "times"))
        answer["status"] = own[1]["status"]
    return {**answer, "beside": {f"{part}_seconds": [found[part]["seconds"] for found in own if part in found]
                                 for part in ("step", "decode")}}


def compiled_race(trial):
    """Minutes each, where torch has not compiled it before."""
    for way in COMPILED_WAYS:
        for name in PARENTS:
            yield f"{name}, diffusers, {way}", partial(beside, trial, name, way)


def others(trial):
    for name in PARENTS[:1] if trial.miniature else PARENTS:
        for what, size, images in (("batch 4", 512, 4), ("768 x 768", 768, 1)):
            yield (f"{name}, {what}, gesso",
                   partial(ours, trial, name, "trial-networks", "times", "--size", size, "--images", images))
            yield (f"{name}, {what}, diffusers, channels-last",
                   partial(theirs, trial, name, "channels-last", size, images, True))
    for name in OTHERS[:1] if trial.miniature else OTHERS:
        yield f"{name}, gesso", partial(ours, trial, name, "trial-networks", "times")
        yield f"{name}, diffusers, channels-last", partial(theirs, trial, name, "channels-last", only_step=True)


def sanitize(trial, tool, *arguments):
    found = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")
    if not found:
        return {"status": "not here", "why": "there is no compute-sanitizer"}
    # A kernel is looked for in one module after the other, which is no error; NVIDIA's own kernels are not on trial.
    before = (found, "--tool", tool, "--error-exitcode", "9", "--report-api-errors", "no")
    return trial.run_program("prove-kernels", *arguments, before=before, settings={"GESSO_CUBLASLT": "none"},
                             most=trial.left() / trial.waiting)


def sanitizer(trial):
    rooms = ("norms",) if trial.miniature else ()
    # The slowest comes last, and none takes the time of all those behind it.
    for tool in ("memcheck", "synccheck", "initcheck", "racecheck"):
        yield tool, partial(sanitize, trial, tool, "--quick", *rooms)


def profile(trial):
    for name in PARENTS[:1] if trial.miniature else PARENTS:
        yield f"{name}, each operation", partial(ours, trial, name, "trial-networks", "operations")
    if trial.has_warpgroups:
        settings = {"GESSO_CUDA_WARPGROUPS": "off"}
        for name in PARENTS[:1] if trial.miniature else PARENTS:
            yield (f"{name}, without products of warpgroups",
                   partial(ours, trial, name, "trial-networks", "times", settings=settings))


# Letter -> title, items, most seconds.
STAGES = {
    "a": ("proof of each kernel, and of how the emulation reads the instructions", proofs, 480),
    "b": ("parity: miniatures, the starter, full size", parity, 480),
    "c": ("SD 1.4 and v2-Small at 512 x 512 beside diffusers", race, 480),
    "d": ("other models, four pictures at once, 768 x 768", others, 480),
    "e": ("compute-sanitizer", sanitizer, 480),
    "f": ("each operation by itself", profile, 480),
    "g": ("SD 1.4 and v2-Small at 512 x 512 beside torch.compile", compiled_race, 480),
}
# In which they are asked where nothing else is said: ten minutes are to tell whether kernels are right and how they do
# beside what is hard to beat.
ORDER = "acgbfde"
