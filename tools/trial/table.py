# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a trial as text: what passed, and ratios of Gesso's times and memory to diffusers'."""

# Key of an answer, what it is, factor, unit.
MEASURES = (
    ("step_seconds", "step with guidance", 1e3, "ms"),
    ("decode_seconds", "decoding", 1e3, "ms"),
    ("picture_seconds", "25 steps, end to end", 1e3, "ms"),
    ("memory_bytes", "memory, context apart", 2**-30, "GiB"),
)


def figures(items, prefix):
    """What Gesso's items of a model say, under the keys that the other side uses."""
    networks, picture = items.get(f"{prefix}, networks", {}), items.get(f"{prefix}, picture", {})
    found = {
        "step_seconds": networks.get("step", {}).get("seconds"),
        "decode_seconds": networks.get("decode", {}).get("seconds"),
        "picture_seconds": picture.get("picture_seconds"),
        "memory_bytes": picture.get("memory_bytes"),
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
            ("A step of other models and sizes", pairs, made[1]),
            ("Operations that take longest", slowest, made[2])):
        found = list(function(items)) if items else []
        if found:
            lines += ["", heading, *found]
    passed = sum(record.get("status") == "passed" for record in records.values())
    failed = sum(bool(record) and record["status"] != "passed" for record in records.values())
    return "\n".join([*lines, "", f"{passed} stages passed, {failed} did not", ""])
