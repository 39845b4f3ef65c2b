#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""That make-full-model writes folders as diffusers does: test-made-folders.py MAKE-FULL-MODEL. Each tensor has the rank
that tensors of its kind have in its miniature, which diffusers wrote, and U-Nets have all of that and nothing more. TAP on
standard output.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

import tap  # noqa: E402

DATA = TESTS / "reference" / "data"
# What older versions of transformers wrote into a file beside the weights.
NO_WEIGHTS = {"text_model.embeddings.position_ids"}


def tensors(path):
    """{name: shape} of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__" and name not in NO_WEIGHTS}


def kind(name):
    """What a tensor is, wherever it is: "conv_shortcut.weight"."""
    return ".".join([part for part in name.split(".") if not part.isdecimal()][-2:])


def ranks(shapes):
    return {kind(name): len(shape) for name, shape in shapes.items()}


def main():
    maker, report, vaes, compared = sys.argv[1], tap.Report(), {}, set()
    for path in DATA.glob("models/*/vae/*.safetensors"):
        vaes |= ranks(tensors(path))
    for configs in sorted((DATA / "full").iterdir()):
        if not (configs / "unet").is_dir() or not (DATA / "models" / configs.name).is_dir():
            continue
        with tempfile.TemporaryDirectory(prefix="gesso-made-") as folder:
            done = subprocess.run([maker, configs.name, folder, "--empty"], capture_output=True, encoding="utf-8", check=False)
            report.case(done.returncode == 0, f"{configs.name}-is-made", done.stderr)
            written = {path.parent.name: tensors(path) for path in (DATA / "models" / configs.name).glob("*/*.safetensors")}
            for path in sorted(Path(folder).glob("*/*.safetensors")):
                made, part = tensors(path), path.parent.name
                if part not in written:
                    continue
                compared.add(part)
                # Miniatures' VAEs lack a shortcut, which their U-Nets have, or call attentions' weights by older names.
                known = ranks(written.get("unet", {})) | (vaes if part == "vae" else {}) | ranks(written[part])
                wrong = [f"{name}: {rank}, diffusers {known.get(name)}" for name, rank in ranks(made).items()
                         if known.get(name) != rank]
                if part == "unet":
                    wrong += sorted(made.keys() ^ written[part].keys())
                report.case(made and not wrong, f"{configs.name}-{part}", "\n".join(wrong))
    report.case(compared == {"unet", "vae", "text_encoder"}, "each-part-was-compared", str(compared))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
