#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Puts a finished model into the repository with a card of its own: publish.py FIGURES.json SHEET.png DESTINATION

FIGURES is what `evaluate.py --json` wrote for the folders of train-starter: parent, small, retrained, distilled and
outlines, or with --partial some of them; the last of these is what is copied.
"""

import argparse
import json
import pathlib
import shutil
import sys

from PIL import Image

import drawing
import folder as folders
import training
import wording

LIMIT = 20e6
SHIPPED = "shipped"
# The rows that the card's text needs to be understood: what the student comes from, and what each step gained.
PROMISED = ["parent", "small", "retrained", "distilled", SHIPPED]
# With fewer captions, chance alone moves a share by more than two points.
ENOUGH = 500
ROWS = {"parent": "parent", "small": "blocks removed", "retrained": "retrained without distillation",
        "distilled": "retrained with distillation",
        SHIPPED: "the same, trained on without a teacher, its decoder taught what it draws (shipped)"}
COLUMNS = {"noise": "noise loss", "colour": "object's colour", "background": "background", "shape": "shape",
           "position": "position", "size": "size", "pattern": "pattern", "pattern as said": "its direction and width",
           "pattern colours": "its colours", "pattern behind": "pattern behind an object", "pair": "two objects both right",
           "pair sizes": "sizes of both", "everything": "everything", "unknown words": "everything, unknown words added",
           "other words": "everything, in other words",
           "attention": "attention of shapes", "attention of colours": "attention of colours", "captions": "captions"}
# Figures that files of before do not have, with what is said of them below the table.
NEW = {"size": "", "pattern as said": "", "pattern behind": "", "pair sizes": "",
       "everything": "Everything: the share of pictures in which all is right that is asked to the left of it.",
       "attention of colours": "",
       "unknown words": "Unknown words added: the same for so many of these captions with words in them that mean "
       "nothing, and for those captions without.",
       "other words": "In other words: the same for so many of these captions in words that the shipped model, and of the others the text "
       "encoder alone, has heard in training, and for those captions as they are."}
# What the shipped model is to have right.
GOALS = {"colour": 0.95, "background": 0.95, "shape": 0.85, "position": 0.9, "pattern": 0.8, "pair": 0.6}
# Figures of captions that were drawn again, and how evaluate.py calls these captions.
AGAIN = {"unknown words": "unknown", "other words": "reworded"}
FEW = r" \*"
FORMATS = {"noise": "{:.4f}", "attention": "{:.2f}", "attention of colours": "{:.2f}", "captions": "{}"}


def listed(words):
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def captions_of(key, values):
    """Of how many captions a figure is; older files do not say it of each."""
    if key == "noise":
        return ENOUGH
    if key in AGAIN:
        return values[f"{AGAIN[key]} captions"]
    of = values.get("measured", {}).get("attention") if key.startswith("attention") else None
    return values.get("captions", 0) if of is None else of


def cell(key, values):
    if key not in values:
        return "not measured"
    text = FORMATS.get(key, "{:.1%}").format(values[key])
    if key in AGAIN:
        text += f" (of {values[f'{AGAIN[key]} captions']}; {values[f'without {key}']:.1%} without)"
    return text if captions_of(key, values) >= ENOUGH else text + FEW


def table(figures):
    """The table, and what it takes to read it. Columns of which older files hold nothing are left out."""
    columns = [key for key in COLUMNS if key not in NEW or any(key in values for _, values in figures.values())]
    lines = ["| | U-Net | " + " | ".join(COLUMNS[key] for key in columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for step, name in ROWS.items():
        if step not in figures:
            continue
        path, values = figures[step]
        count = training.parameter_count(folders.load_unet(path)) / 1e6
        cells = [cell(key, values) for key in columns]
        lines.append(f"| {name} | {count:.2f} M | " + " | ".join(cells) + " |")
    lines += ["", *(f"- {note}" for key, note in NEW.items() if note and key in columns)]
    if any(FEW in line for line in lines):
        lines += ["", f"{FEW.strip()} Measured on fewer than {ENOUGH} captions: some points of it may be chance."]
    return "\n".join(lines).rstrip()


def goals(values):
    """What the shipped model was to have right, and what of it it has."""
    wanted = listed(f"{COLUMNS[key]} {goal:.0%}" for key, goal in GOALS.items())
    missed = [f"{COLUMNS[key]} ({values.get(key, 0):.1%})" for key, goal in GOALS.items() if values.get(key, 0) < goal]
    met = "All are met." if not missed else f"Not met: {listed(missed)}."
    return f"{wanted[0].upper()}{wanted[1:]}. {met}"


def check_weights(path, values):
    """Ends the program where the figures are not of what lies in the folder now."""
    stated = values.get("measured", {}).get("weights")
    if stated and stated != folders.Model(path).fingerprint():
        sys.exit(f"{path} has other weights than those that were measured: measure it again with evaluate.py")


def by_step(figures):
    """{step of train-starter: (folder, figures)} from {folder: figures}, which may hold other models as well."""
    found = {}
    for path, values in figures.items():
        folder = pathlib.Path(path)
        step = folder.parent.name if folder.name == "model" else folder.name
        if step not in ROWS:
            print(f"{path} is left aside: it is none of train-starter's steps, STEP or STEP/model: {', '.join(ROWS)}")
            continue
        if step in found:
            sys.exit(f"{found[step][0]} and {path} are both the step {step}: take the figures of one of them out")
        check_weights(path, values)
        found[step] = path, values
    return found


def card(figures, megabytes):
    template = pathlib.Path(__file__).with_name("card.md").read_text()
    words = {"COLOURS": listed(drawing.COLOURS), "SHAPES": listed(wording.SHAPE_WORDS),
             "PATTERNS": listed(wording.PATTERN_WORDS), "FIGURES": table(figures), "MEGABYTES": f"{megabytes:.1f}",
             "GOALS": goals(figures[SHIPPED][1])}
    for name, text in words.items():
        template = template.replace(f"@{name}@", text)
    return template


def size_of(folder):
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def forget_origin(folder):
    """Takes out of the configurations where their weights lay on the machine that made them."""
    for path in folder.glob("*/config.json"):
        config = json.loads(path.read_text())
        if config.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(config, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=pathlib.Path)
    parser.add_argument("sheet", type=pathlib.Path)
    parser.add_argument("destination", type=pathlib.Path)
    parser.add_argument("--partial", action="store_true", help="publish although figures of some steps are missing")
    arguments = parser.parse_args()
    figures = by_step(json.loads(arguments.figures.read_text()))
    if SHIPPED not in figures:
        sys.exit(f"{arguments.figures} has no figures of {SHIPPED}, which is what is published")
    missing = [step for step in PROMISED if step not in figures]
    if missing and not arguments.partial:
        sys.exit(f"{arguments.figures} has no figures of {listed(missing)}, which the card speaks of: measure "
                 "them with evaluate.py, or give --partial")
    source = pathlib.Path(figures[SHIPPED][0])
    new = arguments.destination.with_name(arguments.destination.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(source, new)
    forget_origin(new)
    # The palette of a contact sheet is small anyway, and so is the file then.
    with Image.open(arguments.sheet) as sheet:
        sheet.quantize(256).save(new / "pictures.png", optimize=True)
    size = size_of(new)
    (new / "README.md").write_text(card(figures, size / 1e6))
    size = size_of(new)
    if size > LIMIT:
        shutil.rmtree(new)
        sys.exit(f"{source} and its card have {size / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f}: nothing was published; "
                 "make the networks in starter.py smaller")
    shutil.rmtree(arguments.destination, ignore_errors=True)
    new.rename(arguments.destination)


if __name__ == "__main__":
    main()
