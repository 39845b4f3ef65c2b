#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The trial of the trial: test-gpu-trial.py EMULATED-DRIVER NAME=PROGRAM... packs what tools/gpu-trial packs, with the
look-alike of the driver in place of the real one, and starts it in an empty environment: every stage in miniature, then
each way in which a machine may disappoint. TAP on standard output.
"""

import contextlib
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

TOP = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tools" / "lib"), str(TOP / "tools" / "trial")]

import pack_trial  # noqa: E402
import peer  # noqa: E402
import stages  # noqa: E402
import table  # noqa: E402
import tap  # noqa: E402
import trial  # noqa: E402

# Stands in for a tool that no machine without a card has. SLOW: the tool of it that never ends; the others do at once.
SANITIZER = """#!/bin/sh
[ "$2" != "$SLOW" ] || exec sleep 1000
[ -z "$SLOW" ] || exit 0
while [ "${1#--}" != "$1" ]; do shift 2; done
exec "$@"
"""


def wait_until(holds, seconds=60):
    """Whether it does within that time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Machine:
    """A place with Python, a driver and nothing else."""

    def __init__(self, folder, driver):
        self.folder = folder
        self.carried = folder / "carried"
        self.tools = folder / "tools"
        self.driver = driver
        self.tools.mkdir()
        (self.tools / "compute-sanitizer").write_text(SANITIZER, encoding="utf-8")
        (self.tools / "compute-sanitizer").chmod(0o755)

    def start(self, results, *arguments, **environment):
        command = [str(self.carried / "run"), "--miniature", "--results", str(self.folder / results),
                   "--scratch", str(self.folder / "scratch"), "--peer-device", "cpu", *arguments]
        settings = {"PATH": f"{self.tools}:/usr/bin:/bin", "GESSO_CUDA_DRIVER": str(self.driver),
                    "GESSO_CUDA_PATIENCE": "600", "GESSO_PYTHON": sys.executable,
                    # Times of the look-alike mean nothing, and what the machine of the test has is not carried.
                    "GESSO_CUDA_TUNING": "off", "GESSO_CUBLASLT": "none",
                    "TMPDIR": str(self.folder), "OUT": str(self.copies(results)), **environment}
        return subprocess.Popen(command, cwd="/", env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def run(self, results, *arguments, **environment):
        process = self.start(results, *arguments, **environment)
        said = process.communicate()[0]
        return process.returncode, said, self.read(results)

    def copies(self, results):
        return self.folder / f"{results}-copies"

    def copied(self, results):
        with contextlib.suppress(OSError):
            return json.loads((self.copies(results) / "trial.json").read_text(encoding="utf-8"))
        return {}

    def processes(self):
        """Those that run in one of its folders."""
        for path in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if path.resolve().is_relative_to(self.folder):
                    yield path

    def read(self, results):
        """Stage -> what its JSON holds, of those that there are."""
        found = {}
        for path in sorted((self.folder / results).glob("?.json")):
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def wait_for(self, results, letter, status):
        """Until an item of a stage has this status; False after a minute."""
        def has_it():
            with contextlib.suppress(OSError, ValueError):
                items = self.read(results).get(letter, {}).get("items", {})
                return any(item["status"] == status for item in items.values())
            return False

        return wait_until(has_it)


class Report(tap.Report):
    def check(self, name, right, *said):
        self.case(right, name, "\n".join("\n".join(map(str, said)).splitlines()[-60:]))


def statuses(records):
    return {letter: record["status"] for letter, record in records.items()}


def lacking_diffusers(folder):
    """Where a Python finds torch, and a diffusers that cannot be used: it lacks a package, which shows late, and
    another is too old."""
    for name, source in (("torch", ""), ("diffusers", """
def __getattr__(name):
    if name[0] == "_":
        raise AttributeError(name)
    try:
        import never_made
    except ImportError as error:
        raise RuntimeError("Failed to import") from ImportError(f"{error}\\nTry: pip install transformers")
""")):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(source, encoding="utf-8")
    for name, version, asked in (("torch", "2.0", ()), ("packaging", "1.0", ()), ("made_early", "1.0", ()),
                                 ("diffusers", "9.9", ("never-made!=1.1", "made-early>=2.0", "torch; extra == 'all'"))):
        known = folder / f"{name}-{version}.dist-info"
        known.mkdir()
        lines = (f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {what}" for what in asked), "")
        (known / "METADATA").write_text("\n".join(lines), encoding="utf-8")
    return folder


def check_stages(machine, report):
    settings = {**measured(machine, "tuning"), "PYTHONPATH": str(lacking_diffusers(machine.folder / "lacking"))}
    code, said, records = machine.run("all", **settings)
    wrong = {name: item for record in records.values() for name, item in record["items"].items()
             if item["status"] not in ("passed", "not here")}
    report.check("all-stages", code == 0 and list(records) == list(stages.STAGES) and not wrong and
                 set(statuses(records).values()) == {"passed"}, said, statuses(records), wrong)
    items = {letter: record.get("items", {}) for letter, record in records.items()}
    report.check("measured", len(list((machine.folder / "tuning").glob("*-cublaslt-*.tuning"))) == 1,
                 *machine.folder.rglob("*.tuning"))
    step = items.get("c", {}).get("v2-small, gesso, networks", {}).get("step", {})
    picture = items.get("c", {}).get("v2-small, gesso, picture", {})
    opening = items.get("c", {}).get("v2-small, gesso, opening", {})
    report.check("times", step.get("seconds", 0) > 0 and picture.get("picture_seconds", 0) > 0 and
                 picture.get("open_and_first_step_seconds", 0) > 0 and picture.get("memory_bytes", 0) > 0 and
                 all(answer.get("process_open_and_first_step_seconds", 0) > 0 for answer in
                     (opening, opening.get("before", {}))), items.get("c"))
    likeness = items.get("b", {}).get("pictures, v2-small-1-step", {})
    report.check("parity", min(likeness.get("ratios", {}).values(), default=0) > 35 and
                 0 < max(likeness.get("relative_errors", {}).values(), default=0) < 5e-3 and
                 {"networks, v2-tiny", "networks, starter", "networks, products measured, v2-tiny"} < items["b"].keys() and
                 len(items["b"]["networks, starter"].get("relative_errors", ())) > 5, items.get("b"))
    profiled = items.get("f", {}).get("v2-small, each operation", {})
    report.check("operations", len(profiled.get("step", {}).get("operations", ())) > 20, profiled)
    said = (machine.folder / "all" / "table.txt").read_text(encoding="utf-8")
    report.check("table", "step with guidance" in said and "7 stages passed, 0 did not" in said, said)
    # Without packaging nobody can tell what is too old.
    too_old = ", made-early>=2.0" if importlib.util.find_spec("packaging") else ""
    whys = {item["why"] for item in items["c"].values() if item["status"] == "not here"}
    report.check("names-what-is-lacking", whys == {
        f"No module named 'never_made'. Lacking: never-made!=1.1{too_old}. {sys.executable} -m pip install torch "
        "diffusers==9.9 brings it; or let GESSO_PYTHON name a Python that has it"} and
                 said.count("never-made!=1.1") == 1, whys, said)
    log = (machine.folder / "all" / "log.txt").read_text(encoding="utf-8")
    copies = {path.name: path.read_text(encoding="utf-8") for path in machine.copies("all").glob("*.txt")}
    report.check("copies", machine.copied("all") == records and copies == {"table.txt": said, "log.txt": log},
                 machine.copied("all"), copies)
    asked = log.count("peer.py")
    report.check("asks-diffusers", asked == len([name for item in items.values() for name in item if "diffusers" in
                                                 name]) and log.count("--device cpu --way") == asked, asked, items)

    code, said, again = machine.run("all", **settings)
    log = (machine.folder / "all" / "log.txt").read_text(encoding="utf-8")
    report.check("nothing-twice", code == 0 and all(again[letter]["items"][name] == item for letter, record in
                                                    records.items() for name, item in record["items"].items()
                                                    if item["status"] == "passed"), said)
    report.check("what-was-not-there-again", log.count("peer.py") == 2 * asked, log.count("peer.py"), asked)


def check_packing(folder, report):
    """In the tree that it is packed from, a folder links to what the tree has; elsewhere it has copies."""
    tree, inside, outside = folder / "tree", folder / "tree" / "build" / "trial", folder / "outside"
    (tree / "data").mkdir(parents=True)
    (tree / "data" / "file").write_text("of the tree", encoding="utf-8")
    for _ in range(2):
        for place in (inside, outside):
            pack_trial.place("data", place, tree)
    moved = folder / "moved"
    tree.rename(moved)
    report.check("linked-in-the-tree", (moved / "build" / "trial" / "data").is_symlink() and
                 (moved / "build" / "trial" / "data" / "file").exists() and not (outside / "data").is_symlink() and
                 (outside / "data" / "file").exists(), *folder.rglob("*"))


def check_size(folder, report):
    """Who packs more than may travel is told, and what to do about it."""
    folder.mkdir()
    (folder / "file").write_bytes(bytes(2**20))
    told = []
    with mock.patch.object(pack_trial, "MOST", 1), contextlib.redirect_stdout(io.StringIO()) as said:
        for size in (2**20, 2**20 + 2**19):
            os.truncate(folder / "file", size)
            pack_trial.tell_size(folder)
        told = said.getvalue().splitlines()
    report.check("tells-what-is-too-much", told[0] == "1.0 MiB of 1" and
                 told[1].startswith("1.5 MiB of 1, too much: name fewer architectures"), *told)


def check_peer(report):
    """The other side's median is of as many calls in a row as Gesso's, and its memory is what pictures take."""
    said = []
    side = SimpleNamespace(wait=lambda: said.append("wait"), device="cpu")
    peer.Side.median(side, lambda: said.append("call"), 2, 3)
    report.check("repeats", said == ["call"] * 2 + ["wait"] + (["call"] * 3 + ["wait"]) * 2, said)
    said = []
    torch = SimpleNamespace(cuda=SimpleNamespace(
        empty_cache=lambda: None, reset_peak_memory_stats=lambda: said.append("reset"), max_memory_reserved=lambda: 3,
        max_memory_allocated=lambda: 2))
    side = SimpleNamespace(latents=[0], step=lambda: "step", decode=lambda _: "decode", picture=lambda: "picture",
                           median=lambda function, *_: said.append(function()) or 0.5)
    options = SimpleNamespace(rounds=2, repeats=3, device="cuda", only_step=False)
    def measured():
        found = {"torch": "2"}
        with contextlib.redirect_stdout(io.StringIO()) as told:
            peer.measure(torch, side, options, found)
        return found, told.getvalue().splitlines()

    found, told = measured()
    report.check("every-figure", said == ["step", "decode", "reset", "picture"] and found == {
        "torch": "2", "step_seconds": 0.5, "decode_seconds": 0.5, "picture_seconds": 0.5, "memory_bytes": 3,
        "memory_allocated_bytes": 2}, said, found)
    report.check("says-what-it-has", list(map(json.loads, told)) == [
        {"torch": "2", "step_seconds": 0.5}, {"torch": "2", "step_seconds": 0.5, "decode_seconds": 0.5}], told)
    options.only_step = True
    report.check("only-the-step", measured() == ({"torch": "2", "step_seconds": 0.5}, []))
    with mock.patch.object(peer, "OLDEST_PYTHON", (99, 1)):
        said = peer.explain(SyntaxError("in diffusers"))
    report.check("names-the-python", said.startswith("in diffusers. This is Python 3.") and "99.1 or newer" in said,
                 said)
    report.check("one-compiled-way-after-the-other", [f"{model}, diffusers, {way}" for way in peer.MODES for model in
                                                      stages.PARENTS] == [name for name, _ in
                                                                          stages.compiled_race(None)])


def check_answers(report):
    """What is read off what programs say."""
    report.check("last-object", trial.last_object('{"a": 1}\n{"b": 2}\nGoodbye.\n') == {"b": 2} and
                 trial.last_object("") == {} == trial.last_object("{cut"))
    said = """# unet-sd14: relative error 0.00214, worst value 0.01 (allowed 0.005, 0.1)
ok 1 /full-size/unet-sd14/f16
# unet-sd14: relative error 0.02, worst value 0.1 (allowed 0.04, 0.8)
not ok /full-size/unet-sd14/bf16 - an assertion
# sd14: 41.2 dB
ok 3 /cuda/pictures/sd14
# U-Net at 501: relative 0.00125, worst 0.1 of 3 at 17
ok 4 /cuda/networks/sd14
"""
    found = {"relative_errors": {"/full-size/unet-sd14/f16: unet-sd14": 0.00214,
                                 "/full-size/unet-sd14/bf16: unet-sd14": 0.02,
                                 "/cuda/networks/sd14: U-Net at 501": 0.00125},
             "ratios": {"/cuda/pictures/sd14: sd14": 41.2}}
    report.check("told", trial.told(said) == found, trial.told(said))
    wrong = SimpleNamespace(run=lambda *_: ("failed", "", "a ok\n" + 50 * "b 2.00 of what is allowed WRONG\n"),
                            command=lambda *_: [], environment=dict)
    answer = trial.Trial.run_program(wrong, "prove-kernels")
    report.check("what-is-wrong", answer["status"] == "failed" and
                 answer["wrong"] == trial.MOST_WRONG * ["b 2.00 of what is allowed WRONG"], answer)
    names_none = SimpleNamespace(run=lambda *_: ("passed", "", "TAP version 14\n# random seed: 7\n1..0\n"),
                                 command=lambda *_: [], environment=dict)
    report.check("no-case", trial.Trial.run_program(names_none, "cuda-networks", "-p", "/none")["status"] == "failed")
    kept = {"a": {"status": "cut off"}, "b": {"status": "failed"}, "c": {"status": "running"}}
    report.check("what-took-all-the-time-comes-last",
                 trial.in_turn([("a", 1), ("b", 2), ("c", 3), ("d", 4)], kept) == [("b", 2), ("d", 4), ("a", 1), ("c", 3)])
    report.check("verdicts", [trial.verdict(statuses, False) for statuses in (
        ["passed"], ["passed", "not here"], ["failed", "not here"], ["failed", "cut off"])] ==
                 ["passed", "incomplete", "failed", "cut off"] and trial.verdict(["not here"], True) == "passed")


def check_cases(report):
    """Each case, or group of them, is an item of its own."""
    listed = "TAP version 14\n1..3\n# Start of cuda tests\n# /cuda/linear/plain\n# /cuda/linear/a b\n# /cuda/norm/few\n"
    machine = SimpleNamespace(miniature=False, run=lambda *_: ("passed", listed, listed), command=lambda *_: [],
                              environment=dict, run_program=lambda *_: None)
    machine.cases = lambda *arguments: trial.Trial.cases(machine, *arguments)
    items = list(stages.each_case(machine, "operations", "cuda-operations", 2, ("/cuda/norm",)))
    report.check("each-group", [name for name, _ in items] == ["operations, linear", "operations, norm"] and
                 [item.args[-1] for _, item in items] == ["/cuda/linear", "/cuda/norm"], items)
    machine.run = lambda *_: ("cut off", "", "no time was left")
    [(name, answer)] = stages.each_case(machine, "operations", "cuda-operations", 2, ())
    report.check("no-list", (name, answer()) == ("operations", {"status": "cut off", "tail": "no time was left",
                                                                "unlisted": True}))
    machine.run = lambda *_: ("passed", listed, listed)
    machine.miniature = True
    report.check("miniature-group", [name for name, _ in stages.each_case(
        machine, "operations", "cuda-operations", 2, ("/cuda/norm",))] == ["operations, norm"])


def check_trying_warpgroups(folder, report):
    """Kernels that end a program, or never end, are left out of all that follows, at later starts too; if others are at
    fault, or it was but slow, none."""
    folder.mkdir()
    without = {"GESSO_CUDA_WARPGROUPS": "off"}
    for statuses_of, left_out in ((["passed"], False), (["failed", "passed", "failed"], True),
                                  (["cut off", "passed", "cut off"], True), (["cut off", "passed", "passed"], False),
                                  (["failed", "failed"], False)):
        answers, asked = iter(statuses_of), []

        def machine():
            return SimpleNamespace(
                settings={}, has_warpgroups=True, miniature=True, scratch=folder, packed={"packed": str(statuses_of)},
                models=Path("models"), environment=lambda: {"GESSO_CUDA_PATIENCE": "7"}, command=lambda *_: ["network"],
                run=lambda _, environment=None, most=None: (asked.append((environment, most)) or next(answers), "", "fault"))

        first, later = machine(), machine()
        found = trial.Trial.try_warpgroups(first)
        if left_out:
            report.check("later-start", trial.Trial.try_warpgroups(later) == found and later.settings == without, asked)
        environments = [environment and "off" in environment.values() for environment, _ in asked]
        report.check(f"warpgroups-{'-'.join(statuses_of).replace(' ', '-')}",
                     ("warpgroups" in found) == left_out != first.has_warpgroups and
                     first.settings == (without if left_out else {}) and
                     all(most == 7 + trial.START_SECONDS for _, most in asked) and
                     environments == [None, True, None][:len(statuses_of)], found, asked)


def check_models(folder, report):
    """Those of full size are made once for what was carried, and again for what is carried next."""
    made = []
    machine = SimpleNamespace(miniature=False, scratch=folder / "made-models", packed={"packed": "first"},
                              command=lambda *_: [], run=lambda *_: (made.append(machine.packed), ("passed", "", ""))[1])
    folders = {trial.Trial.model(machine, "sd14") for _ in range(2)}
    machine.packed = {"packed": "second"}
    folders.add(trial.Trial.model(machine, "sd14"))
    report.check("models-are-made-for-what-is-carried", len(folders) == 1 and made == [{"packed": "first"},
                                                                                       {"packed": "second"}], made)


def check_beside(report):
    """A compiled way is asked for all that the others are, between two of Gesso's steps; where one side has no answer,
    that is the answer."""
    times, asked = iter([0.01, 0.02, 0.01]), []

    def ours(program, *_, **__):
        asked.append(program)
        seconds = next(times, None)
        if not seconds:
            return {"status": "failed"}
        return {"status": "passed", "step": {"seconds": seconds}, "decode": {"seconds": 2 * seconds}}

    def theirs(_, *arguments, most=0):
        asked.append("diffusers")
        return {"status": "passed", "step_seconds": 0.03, **({} if "--only-step" in arguments else whole)}

    whole = {"decode_seconds": 0.04, "picture_seconds": 0.8, "memory_bytes": 3 * 10**9}

    machine = SimpleNamespace(miniature=True, model=lambda name: name, run_data=ours, peer=theirs)
    answer = stages.beside(machine, "sd14", "compiled")
    report.check("compiled-between-two", answer == {
        "status": "passed", "step_seconds": 0.03, **whole,
        "beside": {"step_seconds": [0.01, 0.02], "decode_seconds": [0.02, 0.04]}} and
                 asked == ["trial-networks", "diffusers", "trial-networks"], answer, asked)
    times = iter([0.01])
    answer = stages.beside(machine, "sd14", "compiled")
    report.check("compiled-and-a-lost-card", answer["status"] == "failed" and answer["step_seconds"] == 0.03 and
                 answer["beside"]["step_seconds"] == [0.01], answer)
    times, cut = iter([0.01]), {"status": "cut off", "step_seconds": 0.03}
    machine.peer = lambda *_, **__: dict(cut)
    report.check("compiled-and-cut-off", stages.beside(machine, "sd14", "compiled") == {
        **cut, "beside": {"step_seconds": [0.01], "decode_seconds": [0.02]}})
    machine.run_data = lambda *_, **__: {"status": "out of memory"}
    report.check("compiled-without-ours", stages.beside(machine, "sd14", "compiled") == {"status": "out of memory"})


def check_table(report):
    """Ratios and targets, of times that no machine has measured."""
    items = {"v2-small, gesso, networks": {"status": "passed", "step": {"seconds": 0.008, "flops": 3.2e12},
                                           "decode": {"seconds": 0.02}},
             "v2-small, gesso, picture": {"status": "passed", "picture_seconds": 0.2, "memory_bytes": 2 * 10**9,
                                          "open_and_first_step_seconds": 0.7},
             "v2-small, gesso, picture in 1.5 GB": {"status": "passed", "memory_bytes": 1_600_000_000},
             "v2-small, gesso, opening": {"status": "passed", "process_open_and_first_step_seconds": 0.9},
             "v2-small, diffusers, eager": {"status": "passed", "step_seconds": 0.032, "picture_seconds": 0.9}}
    # Beside it Gesso's networks took other times.
    compiled = {"v2-small, diffusers, compiled": {
        "status": "passed", "step_seconds": 0.012, "decode_seconds": 0.03, "picture_seconds": 0.3,
        "memory_bytes": 3 * 10**9, "beside": {"step_seconds": [0.005, 0.007], "decode_seconds": [0.01, 0.014]}}}
    absent = {name: {"status": "not here", "why": "there is no torch"} for name in ("first", "second")}
    parity = {"full size, unet-v2-small": {"status": "passed", "relative_errors": {
        "/full-size/unet-v2-small/f16: unet-v2-small": 0.002, "/full-size/unet-v2-small/bf16: unet-v2-small": 0.02}},
              "full size, picture of sd14": {"status": "passed", "psnr": 29.0}}
    said = table.text({letter: {"title": letter, "status": "passed", "items": found} for letter, found in
                       (("b", parity), ("c", items), ("d", absent), ("g", compiled))})
    lines = [" ".join(line.split()) for line in said.splitlines()]
    begin = lines.index("Gesso, and diffusers with its ratio (above 1: Gesso is better)") + 1
    report.check("ratios", lines[begin:begin + 4] == [
        "v2-small step with guidance 8.000 ms eager 32.000 4.00 channels-last - reduce-overhead - compiled 12.000 2.00",
        "v2-small decoding 20.000 ms eager - channels-last - reduce-overhead - compiled 30.000 2.50",
        "v2-small 25 steps, end to end 200.000 ms eager 900.000 4.50 channels-last - reduce-overhead - compiled "
        "300.000 1.50",
        "v2-small memory, context apart 2.000 GB eager - channels-last - reduce-overhead - compiled 3.000 1.50"], said)
    unused = {"sd14, gesso, networks": {"status": "passed", "device": "H200, compute capability 9.0, CUDA 13.0",
                                        "step": {"seconds": 0.008, "flops": 3.2e12, "warpgroups": 0}}}
    report.check("says-what-is-not-used", ["sd14: without products of warpgroups" in "\n".join(table.races(
        {name: {**item, "step": {**item["step"], "warpgroups": used}} for name, item in unused.items()})) for used in (0, 1)]
                 == [True, False])
    skipped = {"sd14, gesso, networks": unused["sd14, gesso, networks"],
               "sd14, diffusers, compiled": {"status": "passed", "cudagraph_skips": 3}}
    report.check("says-who-did-not-race", "compiled: torch did not record its kernels (3 times)" in
                 "\n".join(table.races(skipped)))
    report.check("says-once-what-is-lacking", lines.count("there is no torch") == 1 and
                 "What is not here" in lines, said)
    report.check("targets", lines[lines.index("Targets, for an H100 or better and whole models") + 1:-2] == [
        "v2-small, 25 steps, end to end 200 ms at most 250: met stretch at most 150: not met",
        "v2-small, memory, context apart 2 GB at most 2.4: met",
        "v2-small, with --max-memory 1.6 GB at most 1.5: not met",
        "v2-small, start to first step 900 ms at most 1000: met",
        "unet-v2-small, relative error 0.002 at most 0.005: met",
        "sd14, picture beside the CPU's 29 dB at least 30: not met",
        "v2-small, step against compiled 2 times at least 1: met stretch at least 2: met",
        "v2-small, step on the tensor cores 400 TFLOP/s stretch at least 329.7: met"], said)


def check_libraries(machine, report):
    """Every library that a program is linked with is found among those that are carried, and nowhere else."""
    with tempfile.TemporaryDirectory(dir=machine.folder) as name:
        subprocess.run(["tar", "-xf", machine.carried / "carried.tar.xz", "-C", name], check=True)
        folder = Path(name).resolve()
        loader = next((folder / "lib").glob("ld-linux*"))
        strangers, n = [], 0
        for program in sorted((folder / "bin").iterdir()):
            said = subprocess.run([loader, "--library-path", folder / "lib", "--list", program], env={},
                                  capture_output=True, text=True)
            lines = [line for line in said.stdout.splitlines() if "=>" in line]
            n += len(lines)
            strangers += [line for line in lines if str(folder) not in line.split("=>")[1]] + said.stderr.splitlines()
        report.check("carries-every-library", n > 5 and not strangers, *strangers)


def measured(machine, name):
    """Settings as on a card: products are measured, also those of cuBLASLt, which lies in a folder of the caller's."""
    libraries = machine.folder / "cublas"
    libraries.mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (libraries / "libcublasLt.so.13").symlink_to(machine.driver)
    return {"GESSO_CUDA_TUNING": str(machine.folder / name), "GESSO_CUBLASLT": "libcublasLt.so.13",
            "LD_LIBRARY_PATH": str(libraries)}


def check_warpgroups(machine, report):
    """Where there are products of warpgroups, steps are timed without them as well, measured apart."""
    code, said, records = machine.run("warpgroups", "--stages", "f", **measured(machine, "tuning-90"),
                                      GESSO_EMULATION_CAPABILITY="9.0")
    # Measured apart: with them and without.
    kept = sorted(path.stem.endswith("-without-warpgroups") for path in (machine.folder / "tuning-90").glob("*.tuning"))
    report.check("without-warpgroups", code == 0 and kept == [False, True] and "v2-small, without products of warpgroups" in
                 records["f"]["items"] and "step without products of warpgroups" in said, said, kept, records)


def check_failures(machine, report):
    for name, status, settings in (
            ("no-card", "no device", {"GESSO_EMULATION_DEVICES": "0"}),
            ("no-driver", "no device", {"GESSO_CUDA_DRIVER": "/nowhere/libcuda.so.1"}),
            ("old-card", "no device", {"GESSO_EMULATION_CAPABILITY": "7.5"}),
            ("old-driver", "old driver", {"GESSO_EMULATION_DRIVER_VERSION": "11000"})):
        code, said, records = machine.run(name, "--stages", "ac", **settings)
        report.check(name, code == 1 and statuses(records) == {"a": status, "c": status} and
                     records["a"]["device"]["error"]["message"] in said, said, records)
    # Found where the caller's libraries are, as any other program would find it.
    code, said, records = machine.run("elsewhere", "--stages", "f", GESSO_CUDA_DRIVER=machine.driver.name,
                                      LD_LIBRARY_PATH=str(machine.driver.parent))
    report.check("libraries-of-the-caller", code == 0, said, records)
    code, said, records = machine.run("small", "--stages", "c", GESSO_EMULATION_MEMORY="0")
    picture = records["c"]["items"]["v2-small, gesso, picture"]
    report.check("out-of-memory", code == 1 and records["c"]["status"] == picture["status"] == "out of memory" and
                 picture["error"]["code"] == "OUT_OF_MEMORY", said, records)
    code, said, records = machine.run("failing", "--stages", "f", GESSO_EMULATION_FAIL="400",
                                      GESSO_EMULATION_FAIL_FOR_GOOD="1")
    profiled = records["f"]["items"]["v2-small, each operation"]
    report.check("lost-card", code == 1 and profiled["status"] == "failed" and profiled["error"]["code"] == "DEVICE",
                 said, records)
    before = records["f"]["items"]
    kept = machine.run("failing", "--stages", "f")[2]["f"]["items"]
    code, said, records = machine.run("failing", "--stages", "f", "--retry")
    report.check("retry", kept == before and code == 0 and records["f"]["status"] == "passed", said, before, kept,
                 records)


def check_half_a_device(machine, report):
    """Kernels are proved also where the engine does not start, whatever the reason. Spoils what is carried."""
    with tarfile.open(machine.carried / "carried.tar.xz", "a") as archive:
        archive.add(os.path.realpath("/bin/false"), "bin/trial-picture")
    process = machine.start("half", "--stages", "a")
    proved = machine.wait_for("half", "a", "passed")
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[0]
    record = machine.read("half").get("a", {})
    report.check("half-a-device", proved and record["device"]["status"] == "failed", said, record)


def check_damaged(machine, report):
    """Spoils what is carried."""
    before = machine.read("told")["a"]["items"]
    with open(machine.carried / "carried.tar.xz", "r+b") as file:
        file.truncate(1000)
    code, said, records = machine.run("told", "--stages", "ab")
    report.check("damaged", code == 1 and statuses(records) == {"a": "not unpacked", "b": "not unpacked"} and
                 records["a"]["device"]["error"]["message"] in said, said, records)
    report.check("what-was-found-before-stays", before and records["a"]["items"] == before, before, records)


def check_cut_off(machine, report):
    """A stage that runs out of time, one that is told to end, one that is killed: each goes on where it was."""
    code, said, records = machine.run("late", "--stages", "a", "--seconds", "0.3")
    report.check("out-of-time", code == 1 and records["a"]["status"] == "cut off", said, records)
    code, said, records = machine.run("all-late", "--stages", "ab", "--total", "0.3")
    report.check("out-of-time-as-a-whole", code == 1 and statuses(records) == {"a": "cut off", "b": "cut off"}, said,
                 records)
    code, said, records = machine.run("slow", "--stages", "e", "--seconds", "4", SLOW="memcheck")
    found = {name: item["status"] for name, item in records["e"]["items"].items()}
    report.check("one-takes-too-long", code == 1 and found == {"memcheck": "cut off", "synccheck": "passed",
                                                               "initcheck": "passed", "racecheck": "passed"}, said,
                 found)

    process = machine.start("told", "--stages", "a")
    begun = machine.wait_for("told", "a", "passed") and machine.wait_for("told", "a", "running")
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[0]
    record = machine.read("told")["a"]
    report.check("told-to-end", begun and process.returncode == 130 and record["status"] == "cut off", said, record)

    process = machine.start("killed", "--stages", "e", SLOW="memcheck")
    # Only what it starts runs in one of its folders.
    begun = machine.wait_for("killed", "e", "running") and wait_until(lambda: any(machine.processes()))
    process.kill()
    process.communicate()
    kept, copied = machine.read("killed"), machine.copied("killed")
    report.check("killed", begun and kept["e"]["status"] == "running" and copied.get("e") == kept["e"], kept, copied)
    report.check("nothing-left-on-the-card", wait_until(lambda: not any(machine.processes())), *machine.processes())

    kept = {name: item for name, item in record["items"].items() if item["status"] == "passed"}
    code, said, records = machine.run("told", "--stages", "a")
    items = records["a"]["items"]
    report.check("goes-on", code == 0 and records["a"]["status"] == "passed" and kept and
                 all(items[name] == item for name, item in kept.items()), said, records)


def main():
    driver = Path(sys.argv[1])
    programs = {name: Path(program) for name, program in (argument.split("=", 1) for argument in sys.argv[2:])}
    report = Report()
    with tempfile.TemporaryDirectory(prefix="gesso-gpu-trial-", ignore_cleanup_errors=True) as name:
        machine = Machine(Path(name).resolve(), driver)
        pack_trial.pack(machine.carried, programs, [driver], fast=True)
        check_packing(machine.folder / "packing", report)
        check_size(machine.folder / "size", report)
        check_peer(report)
        check_answers(report)
        check_cases(report)
        check_trying_warpgroups(machine.folder / "trying", report)
        check_models(machine.folder, report)
        check_beside(report)
        check_table(report)
        check_libraries(machine, report)
        check_stages(machine, report)
        check_warpgroups(machine, report)
        check_failures(machine, report)
        check_cut_off(machine, report)
        check_half_a_device(machine, report)
        check_damaged(machine, report)
    return report.end()


if __name__ == "__main__":
    os.environ.pop("GESSO_FULL", None)
    sys.exit(main())
