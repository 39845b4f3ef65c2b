# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a trial as text: what passed, and ratios of Gesso's times and memory to diffusers'."""

from typing import NamedTuple, Optional

# Key of an answer, what it is, factor, unit.
MEASURES = (
    ("step_seconds", "step with guidance", 1e3, "ms"),
    ("decode_seconds", "decoding", 1e3, "ms"),
    ("picture_seconds", "25 steps, end to end", 1e3, "ms"),
    ("memory_bytes", "memory, context apart", 1e-9, "GB"),
    ("open_and_first_step_seconds", "opening, first step", 1e3, "ms"),
)
WAYS = ("eager", "channels-last", "reduce-overhead", "compiled")


class Target(NamedTuple):
    """What is aimed at on an H100 or better."""

    item: str
    keys: tuple  # where the value lies in the item's answer
    what: str
    bound: float
    unit: str = "ms"
    factor: float = 1e3
    stretch: Optional[float] = None
    at_least: bool = False


TARGETS = (
    Target("v2-small, gesso, picture", ("picture_seconds",), "v2-small, 25 steps, end to end", 250, stretch=150),
    Target("v2-small, gesso, picture", ("memory_bytes",), "v2-small, memory, context apart", 2.4, "GB", 1e-9),
    Target("v2-small, gesso, picture in 1.5 GB", ("memory_bytes",), "v2-small, with --max-memory", 1.5, "GB", 1e-9),
    *(Target(f"{model}, gesso, opening", ("process_open_and_first_step_seconds",), f"{model}, start to first step",
             1000) for model in ("v2-small", "sd14")),
    *(Target(f"full size, {part}", ("relative_errors", f"/full-size/{part}/f16: {part}"), f"{part}, relative error",
             5e-3, "", 1) for part in ("unet-v2-small", "unet-sd14")),
    *(Target(f"full size, picture of {model}", ("psnr",), f"{model}, picture beside the CPU's", 30, "dB", 1,
             at_least=True) for model in ("v2-small", "sd14")),
)
# What an H100's or H200's tensor cores do at most, in FLOP/s.
PEAK = 989e12


def figures(items, prefix):
    """What Gesso's items of a model say, under the keys that the other side uses."""
    networks, picture = items.get(f"{prefix}, networks", {}), items.get(f"{prefix}, picture", {})
    found = {
        "step_seconds": networks.get("step", {}).get("seconds"),
        "decode_seconds": networks.get("decode", {}).get("seconds"),
        "picture_seconds": picture.get("picture_seconds"),
        "memory_bytes": picture.get("memory_bytes"),
        "open_and_first_step_seconds": picture.get("open_and_first_step_seconds"),
    }
    return {key: value for key, value in found.items() if value}


def models_of(items):
    """Those that Gesso raced with."""
    return [name[: -len(", gesso, networks")] for name in items if name.endswith(", gesso, networks")]


def ratio(item, key, own):
    """Of the other side's time to ours: to what ours was in the same minutes, where that is known."""
    beside = item.get("beside", {}).get(key)
    return item[key] / (sum(beside) / len(beside) if beside else own)


def races(items):
    """Lines of the race: a measure of a model, Gesso's value, and each other way's with its ratio."""
    for model in models_of(items):
        own = figures(items, f"{model}, gesso")
        for key, what, factor, unit in MEASURES:
            if key not in own:
                continue
            line = f"{model:9} {what:22} {own[key] * factor:9.3f} {unit:4}"
            for way in WAYS:
                item = items.get(f"{model}, diffusers, {way}", {})
                other = item.get(key)
                line += f" {way:>15} "
                line += f"{other * factor:9.3f} {ratio(item, key, own[key]):6.2f}" if other else f"{'-':>16}"
            yield line
    for model in models_of(items):
        networks = items[f"{model}, gesso, networks"]
        if "capability 9.0" in networks.get("device", "") and not networks.get("step", {}).get("warpgroups", 1):
            yield f"{model}: without products of warpgroups, which are turned off or did not come out right on this card"
    for name, item in items.items():
        if item.get("cudagraph_skips"):
            yield f"{name}: torch did not record its kernels ({item['cudagraph_skips']} times), so this is no hard race"
    if models_of(items):
        yield ("diffusers' step makes time embeddings and the text's keys and values, Gesso makes them once a picture; what "
               "is compiled is the U-Net alone")


def judge(what, value, unit, bound, stretch, at_least):
    """A line that says whether something that was aimed at is met."""
    line = f"{what:36} {value:9.4g} {unit:7}"
    for name, limit in (("", bound), ("stretch ", stretch)):
        if limit is not None:
            met = value >= limit if at_least else value <= limit
            line += f" {name}{'at least' if at_least else 'at most'} {limit:.4g}: {'met' if met else 'not met'}"
    return line


def targets(items):
    """Lines of parity and the race: what was aimed at, and whether it is met."""
    for target in TARGETS:
        value = items.get(target.item, {})
        for key in target.keys:
            value = value.get(key, {})
        # An empty place is none; 0 is a value.
        if value != {}:
            yield judge(target.what, value * target.factor, target.unit, target.bound, target.stretch, target.at_least)
    for model in models_of(items):
        step = items[f"{model}, gesso, networks"].get("step", {})
        if not step.get("seconds"):
            continue
        for way in WAYS[2:]:
            item = items.get(f"{model}, diffusers, {way}", {})
            if item.get("step_seconds"):
                yield judge(f"{model}, step against {way}", ratio(item, "step_seconds", step["seconds"]), "times", 1, 2,
                            True)
        yield judge(f"{model}, step on the tensor cores", step["flops"] / step["seconds"] / 1e12, "TFLOP/s", None,
                    PEAK / 3 / 1e12, True)


def pairs(items):
    """Lines of stage d: the step alone."""
    for name, item in items.items():
        own = item.get("step", {}).get("seconds")
        if not name.endswith(", gesso") or not own:
            continue
        what = name[: -len(", gesso")]
        other = items.get(f"{what}, diffusers, channels-last", {}).get("step_seconds")
        ratio = f"{other * 1e3:9.3f} {other / own:6.2f}" if other else f"{'-':>16}"
        yield f"{what:32} {own * 1e3:9.3f} ms    channels-last {ratio}"


def lacks(items):
    """Lines of what the machine lacks, each said once."""
    yield from dict.fromkeys(item.get("why", "") for item in items.values() if item["status"] == "not here")


def without_warpgroups(items):
    """Lines of stage f: what the products of warpgroups gain, beside a step of stage c."""
    for name, item in items.items():
        other = item.get("step", {}).get("seconds")
        if name.endswith(", without products of warpgroups") and other:
            model = name.split(",")[0]
            own = items.get(f"{model}, gesso, networks", {}).get("step", {}).get("seconds")
            ratio_text = f", with them {own * 1e3:.3f} ms: {other / own:.2f}" if own else ""
            yield f"{model:9} step without products of warpgroups {other * 1e3:.3f} ms{ratio_text}"


def slowest(items):
    """Lines of stage f: where the time goes, by kind and shape."""
    for name, item in items.items():
        for part in ("step", "decode"):
            sums = {}
            for op in item.get(part, {}).get("operations", ()):
                key = (op["kind"], op["input"], op["output"], op.get("kernel", ""))
                entry = sums.setdefault(key, [0, 0.0, 0.0, 0.0])
                for i, value in enumerate((1, op["seconds"], op["flops"], op["bytes"])):
                    entry[i] += value
            for key, (times, seconds, flops, moved) in sorted(sums.items(), key=lambda pair: -pair[1][1])[:10]:
                rate = f"{flops / seconds / 1e12:7.1f} TFLOP/s {moved / seconds / 1e9:7.0f} GB/s" if seconds else ""
                yield (f"{name.split(',')[0]:9} {part:6} {times:3} x {key[0]:12} {key[3]!s:2} {key[1]} -> {key[2]}: "
                       f"{seconds * 1e3:.3f} ms {rate}")


def text(records):
    """`records`: a stage's letter -> what its JSON holds, {} where there is none."""
    lines = []
    for letter, record in records.items():
        if not record:
            continue
        statuses = [item["status"] for item in record["items"].values()]
        counts = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
        lines.append(f"{letter}  {record['title']}: {record['status']}" + (f" ({counts})" if counts else ""))
    made = {letter: record.get("items", {}) for letter, record in records.items()}
    raced = {**made.get("c", {}), **made.get("g", {})}
    everything = {(letter, name): item for letter, items in made.items() for name, item in items.items()}
    for heading, function, items in (
            ("What is not here", lacks, everything),
            ("Gesso, and diffusers with its ratio (above 1: Gesso is better)", races, raced),
            ("Targets, for an H100 or better and whole models", targets, {**made.get("b", {}), **raced}),
            ("A step of other models and sizes", pairs, made.get("d", {})),
            ("What warpgroups gain", without_warpgroups, {**raced, **made.get("f", {})}),
            ("Operations that take longest", slowest, made.get("f", {}))):
        found = list(function(items))
        if found:
            lines += ["", heading, *found]
    passed = sum(record.get("status") == "passed" for record in records.values())
    failed = sum(bool(record) and record["status"] != "passed" for record in records.values())
    return "\n".join([*lines, "", f"{passed} stages passed, {failed} did not", ""])
