# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a trial as text: what passed, and ratios of Gesso's times and memory to diffusers'."""

# Key of an answer, what it is, factor, unit.
MEASURES = (
    ("step_seconds", "step with guidance", 1e3, "ms"),
    ("decode_seconds", "decoding", 1e3, "ms"),
    ("picture_seconds", "25 steps, end to end", 1e3, "ms"),
    ("memory_bytes", "memory, context apart", 2**-30, "GiB"),
    ("open_and_first_step_seconds", "opening, first step", 1e3, "ms"),
)
# What is aimed at on an H100 or better: model, key, the most it may be, in the measure's unit.
LIMITS = (
    ("v2-small", "picture_seconds", 250), ("v2-small", "memory_bytes", 2.4e9 * 2**-30),
    ("v2-small", "open_and_first_step_seconds", 1000), ("sd14", "open_and_first_step_seconds", 1000),
)


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


def races(items):
    """Lines of stage c: a measure of a model, Gesso's value, and each other way's with its ratio."""
    for model in dict.fromkeys(name.split(",")[0] for name in items):
        own = figures(items, f"{model}, gesso")
        for key, what, factor, unit in MEASURES:
            if key not in own:
                continue
            line = f"{model:9} {what:22} {own[key] * factor:9.3f} {unit:4}"
            for way in ("eager", "channels-last", "compiled"):
                other = items.get(f"{model}, diffusers, {way}", {}).get(key)
                line += f" {way:>14} "
                line += f"{other * factor:9.3f} {other / own[key]:6.2f}" if other else f"{'-':>16}"
            yield line


def targets(items):
    """Lines of stage c: what was aimed at, and whether it is met."""
    for model, key, most in LIMITS:
        own = figures(items, f"{model}, gesso")
        _, what, factor, unit = next(measure for measure in MEASURES if measure[0] == key)
        if key in own:
            value = own[key] * factor
            yield (f"{model:9} {what:22} {value:9.3f} {unit:4} at most {most:9.3f}: "
                   f"{'met' if value <= most else 'not met'}")
    for model in dict.fromkeys(name.split(",")[0] for name in items):
        own = figures(items, f"{model}, gesso").get("step_seconds")
        other = items.get(f"{model}, diffusers, compiled", {}).get("step_seconds")
        if own and other:
            yield (f"{model:9} {'step with guidance':22} {other / own:9.2f} times torch.compile's speed, above 1: "
                   f"{'met' if other > own else 'not met'}")


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
    made = records.get("c", {}).get("items"), records.get("d", {}).get("items"), records.get("f", {}).get("items")
    for heading, function, items in (
            ("Gesso, and diffusers with its ratio (above 1: Gesso is better)", races, made[0]),
            ("Targets, for an H100 or better and whole models", targets, made[0]),
            ("A step of other models and sizes", pairs, made[1]),
            ("Operations that take longest", slowest, made[2])):
        found = list(function(items)) if items else []
        if found:
            lines += ["", heading, *found]
    passed = sum(record.get("status") == "passed" for record in records.values())
    failed = sum(bool(record) and record["status"] != "passed" for record in records.values())
    return "\n".join([*lines, "", f"{passed} stages passed, {failed} did not", ""])
