# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds and dictionaries of the fuzz targets tokenizer and prompt, out of what the unit tests read.

usage: python3 make-tokenizer-corpus.py
"""

import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).parent
TESTS = HERE.parent / "unit" / "tokenizer"
LETTERS = {"tokenizer_config.json": "k", "special_tokens_map.json": "s", "added_tokens.json": "a"}

sys.dont_write_bytecode = True
sys.path.insert(0, str(TESTS))
from prompts import EMOJI, LENGTHS, MARKS, PLAIN, SCRIPTS, SPACES, SPECIAL  # noqa: E402

SMALL = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2, "b": 3, "b</w>": 4, "ab</w>": 5, "\u0120": 6}
WHOLE = {
    "version": "1.0", "truncation": {"direction": "Right", "max_length": 77}, "padding": {"direction": "Right"},
    "added_tokens": [
        {"id": 1, "content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
    ],
    "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "invert": True}, {"type": "ByteLevel"}]},
    "post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", 1], "trim_offsets": False},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": SMALL, "merges": [["a", "b</w>"]]},
}


def write(target, name, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def write_dictionary(target, words):
    lines = ["# SPDX-FileCopyrightText: The Gesso authors", "# SPDX-License-Identifier: Apache-2.0"]
    for word in words:
        lines.append('"' + "".join(chr(b) if b < 128 and chr(b).isalnum() else f"\\x{b:02x}" for b in word.encode()) + '"')
    (HERE / f"{target}.dict").write_text("\n".join(lines) + "\n")


def files(**texts):
    return "".join(f"@{letter}\n{text}\n" for letter, text in texts.items()).encode()


def main():
    for target in "tokenizer", "prompt":
        shutil.rmtree(HERE / "corpus" / target, ignore_errors=True)
    for rule in sorted((TESTS / "data" / "rules").iterdir()):
        texts = {LETTERS[f.name]: f.read_text().strip() for f in sorted(rule.iterdir()) if f.name in LETTERS}
        write("tokenizer", "rule-" + rule.name, files(**texts))
    whole = json.dumps(WHOLE)
    older = json.loads(whole)
    older["model"] = {"merges": ["a b</w>"], "vocab": SMALL}
    write("tokenizer", "whole", files(t=whole))
    write("tokenizer", "older", files(t=json.dumps(older), k='{"model_max_length": 8}'))
    write("tokenizer", "vocab", files(v=json.dumps(SMALL), m="#version: 0.2\na b</w>"))
    write("tokenizer", "escapes", files(v='{"\\u0120\\ud83d\\ude00\\n\\"": 0, "<|endoftext|>": 1e0}', m=""))
    keys = [
        "@k\n", "@s\n", "@a\n", "@t\n", "@v\n", "@m\n", "#version", "__type", "AddedToken", "content", "normalized",
        "special", "single_word", "lstrip", "rstrip", "bos_token", "eos_token", "unk_token", "pad_token", "x_token",
        "extra_special_tokens", "additional_special_tokens", "added_tokens_decoder", "model_max_length", "max_len",
        "padding_side", "truncation_side", "split_special_tokens", "added_tokens", "model", "vocab", "merges", "type",
        "normalizers", "pretokenizers", "processors", "direction", "<|startoftext|>", "<|endoftext|>", "</w>", "true",
        "false", "null", "\\u0120", "\\ud83d\\ude00",
    ]
    write_dictionary("tokenizer", keys)

    prompts = PLAIN + SPACES[::4] + SPECIAL + SCRIPTS + EMOJI + MARKS[::6]
    prompts += [p for p in LENGTHS if len(p.encode()) < 500]
    for i, prompt in enumerate(prompts):
        write("prompt", f"{i:03}", bytes([i % 3]) + prompt.encode())
    words = [
        "<|startoftext|>", "<|endoftext|>", "<|ENDOFTEXT|>", "<strip>", "<word>", "<s", "caf\u00e9", "gro\u00dfes haus",
        "'ll", "'re", "\u0301", "\u0323", "\u0345", "\u0130", "\u1100\u1161", "\u11a8", "\u3000", "\u0085", "\ufb2a",
        "\u0f71\u0f72", "\U0001f600", "\u2167", "\U000e0041",
    ]
    write_dictionary("prompt", words)


main()
