# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds and dictionaries of the fuzz targets config, safetensors, torch-pickle and torch-zip. Seeds with
long names are inputs that once failed; they were kept as found.

usage: python3 make-corpus.py
"""

import io
import json
import pathlib
import re
import struct
import zipfile

HERE = pathlib.Path(__file__).parent
MODEL_TESTS = HERE.parent / "unit" / "model" / "data"
CONFIG_KEYS = HERE.parent.parent / "engine" / "model" / "config-keys.c"

TEXT = {
    "architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "hidden_act": "quick_gelu", "hidden_size": 768,
    "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 77, "num_attention_heads": 12,
    "num_hidden_layers": 12, "vocab_size": 49408,
}
UNET = {
    "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.8.0.dev0", "act_fn": "silu",
    "attention_head_dim": [5, 10, 20], "block_out_channels": [320, 640, 1280], "center_input_sample": False,
    "cross_attention_dim": 1024, "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "downsample_padding": 1, "flip_sin_to_cos": True, "freq_shift": 0, "in_channels": 4, "layers_per_block": 1,
    "mid_block_scale_factor": 1, "mid_block_type": None, "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 4,
    "sample_size": 64, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "use_linear_projection": True,
}
VAE = {
    "_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [128, 256],
    "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "in_channels": 3, "latent_channels": 4,
    "layers_per_block": 2, "norm_num_groups": 32, "out_channels": 3, "sample_size": 512, "scaling_factor": 0.18215,
    "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"],
}
SCHEDULER = {
    "_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
    "lambda_min_clipped": float("-inf"), "num_train_timesteps": 1000, "set_alpha_to_one": False,
    "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None,
}
INDEX = {
    "_class_name": "StableDiffusionPipeline", "feature_extractor": [None, None], "safety_checker": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def write(target, name, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def write_dictionary(target, words):
    lines = ["# SPDX-FileCopyrightText: The Gesso authors", "# SPDX-License-Identifier: Apache-2.0"]
    for word in words:
        lines.append('"' + "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else "\\x%02x" % ord(c) for c in word) + '"')
    (HERE / (target + ".dict")).write_text("\n".join(lines) + "\n")


def safetensors(header, size):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def configs():
    parts = [("text", TEXT), ("unet", UNET), ("vae", VAE), ("scheduler", SCHEDULER), ("index", INDEX)]
    for number, (name, config) in enumerate(parts):
        write("config", name + ".bin", bytes([number]) + json.dumps(config).encode())
    write("config", "unet-empty.bin", b"\x01{}")
    write("config", "shards.bin", b"\x05" + json.dumps({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}).encode())
    write("config", "trained-betas.bin", b"\x03" + json.dumps({"num_train_timesteps": 2, "trained_betas": [0.1, 0.2]}).encode())
    names = re.findall(r'^  [A-Z_]+ \("(\w+)"', CONFIG_KEYS.read_text(), re.M)
    values = ["CrossAttnDownBlock2D", "DownBlock2D", "UpBlock2D", "silu", "gelu", "v_prediction", "linear"]
    write_dictionary("config", ['"%s":' % name for name in sorted(set(names))] + ['"%s"' % value for value in values]
                     + ["null", "true", "false", "-Infinity", "1e999", "[[[[[[", "99999999999999999999"])


def weights():
    entry = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    write("safetensors", "one.safetensors", safetensors({"__metadata__": {"format": "pt"}, "w": entry}, 16))
    write("safetensors", "types.safetensors", safetensors({
        "a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
        "b": {"dtype": "BF16", "shape": [], "data_offsets": [4, 6]},
        "position_ids": {"dtype": "I64", "shape": [1, 2], "data_offsets": [6, 22]},
        "empty": {"dtype": "F32", "shape": [0, 4], "data_offsets": [22, 22]}}, 22))
    write("safetensors", "none.safetensors", safetensors({}, 0))
    write_dictionary("safetensors", ['"dtype":', '"shape":', '"data_offsets":', '"F32"', '"BF16"', '"I64"',
                                     "9223372036854775807", "4294967296", "__metadata__"])


def torch_files():
    for name in ["state-dict", "plain-dict-protocol-4", "os-system", "list"]:
        with zipfile.ZipFile(MODEL_TESTS / (name + ".bin")) as archive:
            entry = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            write("torch-pickle", name + ".pkl", archive.read(entry))
    write_dictionary("torch-pickle", [
        "ccollections\nOrderedDict\n", "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch._utils\n_rebuild_parameter\n",
        "ctorch\nFloatStorage\n", "ctorch\nLongStorage\n", "X\7\0\0\0storage", "X\1\0\0\0w", ")R", "tQ", "tR", "\x80\x02"])
    small = io.BytesIO()
    with zipfile.ZipFile(small, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
        archive.writestr("a/byteorder", b"little")
        with archive.open("a/data/0", "w", force_zip64=True) as file:
            file.write(bytes(8))
    write("torch-zip", "small.bin", small.getvalue())
    write("torch-zip", "strided.bin", (MODEL_TESTS / "strided.bin").read_bytes())


configs()
weights()
torch_files()
