# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Tries Gesso's CUDA backend on a card, stage by stage, and keeps what came of it as JSON.

Each stage takes at most its own time or --seconds, all of them --total. What was cut off, by its time or by anything
else, goes on where it stopped when it is asked for again; what has an answer is not asked twice (but for --retry and
--again). RESULTS/STAGE.json is there from the stage's first second on, whatever happens; RESULTS/table.txt has the
figures, RESULTS/log.txt what every program said. COPIES has it all in three files, as new: RESULTS is to stay where it
is from one start to the next, and COPIES may be a folder that is sent back and emptied.
"""

import argparse
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from functools import partial
from pathlib import Path

import stages
import table

HERE = Path(__file__).resolve().parent
# Where the driver's libraries may lie, behind the folders that the caller names.
DRIVERS = ("/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/usr/lib/x86_64-linux-gnu",
           "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib", "/usr/local/cuda/compat")
CUBLAS = "libcublasLt.so.*"
# What is answered once and for all; the rest is asked again.
ANSWERS = ("passed", "failed", "out of memory")
# Where there is nothing to ask.
HOPELESS = ("no device", "old driver", "not unpacked")
TAIL = 3000
# Lines of what was wrong that are kept of a program.
MOST_WRONG = 40
# Seconds that one program may take, where nothing else is said: one that hangs leaves time for the others.
ITEM_SECONDS = 240
# Seconds after which a card that does not answer is given up, if the caller names no others; and that a program may take
# to start for the first time.
CARD_PATIENCE, START_SECONDS = 30, 60
# Seconds that a killed program has to be gone.
PATIENCE = 10
NUMBER = r"(-?(?:inf|nan|\d[\d.]*(?:e[-+]\d+)?))"
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class CutOff(BaseException):
    """Whoever started this wants it to end."""


def write(path, text):
    """Replaces a file in one go."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def read_object(path):
    """The JSON object in a file, {} where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def why(text):
    """What a failure's message says of its kind."""
    if re.search(r"CUDA_ERROR_OUT_OF_MEMORY|OUT_OF_MEMORY|out of memory", text):
        return "out of memory"
    if re.search(r"driver is too old|driver has no \"|version is insufficient", text):
        return "old driver"
    if re.search(r"is no NVIDIA driver|no NVIDIA driver on|finds no card|No CUDA GPUs|has compute capability", text):
        return "no device"
    return "failed"


def last_object(output):
    """The JSON object that a program ended with, {} where there is none; libraries may have a word after it."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        return {}


def told(said):
    """Relative errors, and ratios in dB, that a test's cases told of: "CASE: what was compared" -> value."""
    errors, ratios, waiting = {}, {}, []
    for line in said.splitlines():
        error = re.match(rf"# (.+): relative(?: error)? {NUMBER},", line)
        ratio = re.match(rf"# (.+): {NUMBER} dB$", line)
        case = re.match(r"(?:not )?ok (?:\d+ )?(/\S+)", line)
        if error:
            waiting.append((errors, error[1], float(error[2])))
        elif ratio:
            waiting.append((ratios, ratio[1], float(ratio[2])))
        elif case:
            for kind, what, value in waiting:
                kind[f"{case[1]}: {what}"] = value
            waiting = []
    return {**({"relative_errors": errors} if errors else {}), **({"ratios": ratios} if ratios else {})}


def verdict(statuses, miniature):
    """A stage's status, by those of its items."""
    if "cut off" in statuses:
        return "cut off"
    wrong = [status for status in statuses if status not in ("passed", "not here")]
    if wrong:
        return wrong[0]
    # A trial of the trial has nothing to race against.
    return "incomplete" if "not here" in statuses and not miniature else "passed"


def in_turn(items, kept):
    """What took all the time at the last start, or was under way when that was killed, comes last: it may do so again."""
    return sorted(items, key=lambda item: kept.get(item[0], {}).get("status") in ("cut off", "running"))


def end_with(parent):
    """In a child that is about to become a program: a trial that is killed leaves nothing on the card."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Nobody tells of a death before this.
    if os.getppid() != parent:
        os._exit(1)


class Trial:
    def __init__(self, options):
        self.options = options
        self.miniature = options.miniature
        self.source = HERE / "tests" / "reference"
        self.models = self.source / "data" / "models"
        self.packed = json.loads((HERE / "carried.json").read_text(encoding="utf-8"))
        self.scratch = Path(options.scratch).resolve()
        self.results = Path(options.results or self.scratch / "results").resolve()
        self.copies = Path(options.copies).resolve()
        for folder in (self.scratch, self.results):
            folder.mkdir(parents=True, exist_ok=True)
        self.unpacked = None
        self.has_warpgroups = False
        # Whether what is asked now took all of its time before: then it has all that is left.
        self.was_cut_off = False
        # What programs find in the environment besides, whatever the caller says.
        self.settings = {}
        self.waiting = 1
        self.child = None
        self.end = time.monotonic() + options.total
        self.deadline = 0.0

    # --- what was carried ---

    def unpack(self):
        """The libraries and wheels, into a folder that goes at the end."""
        self.unpacked = Path(tempfile.mkdtemp(prefix="gesso-trial-"))
        (self.unpacked / "nothing").mkdir()
        # As it was packed here; newer Pythons want that said.
        trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        with tarfile.open(HERE / "carried.tar.xz") as archive:
            archive.extractall(self.unpacked, **trusted)
        for wheel in sorted(HERE.glob("wheels/*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(self.unpacked / "site")

    def clean(self):
        if self.unpacked:
            shutil.rmtree(self.unpacked, ignore_errors=True)

    @staticmethod
    def toolkit():
        """Folders with cuBLASLt: the toolkit's, and those that come with torch."""
        places = [Path("/usr/local/cuda/lib64"), *(lib for path in sys.path if path for lib in
                                                   sorted(Path(path).glob("nvidia/*/lib")))]
        return [str(place) for place in places if any(place.glob(CUBLAS))]

    def command(self, program, *arguments):
        """A carried program, under the loader that was carried with it."""
        lib = self.unpacked / "lib"
        loader = sorted(lib.glob("ld-linux*.so.*"))[0]
        named = filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
        return [str(loader), "--library-path", ":".join([str(lib), *named, *DRIVERS, *self.toolkit()]),
                str(self.unpacked / "bin" / program), *map(str, arguments)]

    def environment(self):
        # What the programs find their data by, and nothing of the caller's or the machine's that would reach into them:
        # command () says where libraries are, and GIO's modules there are for another GLib.
        extra = {"G_TEST_SRCDIR": str(self.source), "LC_ALL": "C.UTF-8", "XDG_CACHE_HOME": str(self.scratch / "cache"),
                 "GIO_MODULE_DIR": str(self.unpacked / "nothing"),
                 "GESSO_CUDA_PATIENCE": os.environ.get("GESSO_CUDA_PATIENCE", str(CARD_PATIENCE)), **self.settings}
        removed = ("LD_LIBRARY_PATH", "LD_PRELOAD", "GIO_EXTRA_MODULES", "GESSO_FULL")
        return {**{k: v for k, v in os.environ.items() if k not in removed}, **extra}

    # --- running something ---

    def left(self):
        return self.deadline - time.monotonic()

    def run(self, command, environment=None, most=ITEM_SECONDS):
        """(status, standard output, all that was said): passed, failed, cut off, or why(). `most`: seconds that it may
        take, if so many are left; None: all that are."""
        limit = min(self.left(), self.left() if most is None or self.was_cut_off else most)
        if limit <= 0:
            return "cut off", "", "no time was left"
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=said,
                                          env=environment or self.environment(), cwd=self.scratch,
                                          start_new_session=True, preexec_fn=partial(end_with, os.getpid()))
            try:
                status = "passed" if self.child.wait(limit) == 0 else "failed"
            except subprocess.TimeoutExpired:
                status = "cut off"
            finally:
                self.end_child()
            out.seek(0)
            said.seek(0)
            output = out.read().decode(errors="replace")
            everything = output + said.read().decode(errors="replace")
        self.log(f"$ {' '.join(map(str, command))}\n{everything}\n[{status}]\n")
        return (why(everything) if status == "failed" else status), output, everything

    def end_child(self):
        if self.child and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            # What waits for a card that is stuck does not even die.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(PATIENCE)
        self.child = None

    def log(self, text):
        with open(self.results / "log.txt", "a", encoding="utf-8") as file:
            file.write(text)

    def run_program(self, program, *arguments, before=(), everything=False, measured=False, settings=None,
                    most=ITEM_SECONDS):
        """A program that says what it found in words; `everything`: also the cases that a short run leaves out;
        `measured`: by products that were measured, where the same would not be the same to the bit otherwise."""
        full = {**({"GESSO_FULL": "1"} if everything else {}), **(settings or {})}
        if not measured:
            full["GESSO_CUDA_TUNING"] = "off"
        status, _, said = self.run([*before, *self.command(program, *arguments)], {**self.environment(), **full}, most)
        if status == "passed" and said.startswith("TAP") and not re.search(r"^ok ", said, re.MULTILINE):
            # Its cases were named, and there are none of that name.
            status = "failed"
        answer = {"status": status, **told(said)}
        counts = re.findall(r"^\d+ proofs, .*$", said, re.MULTILINE)
        if counts:
            answer["summary"] = counts[-1]
        wrong = [line for line in said.splitlines() if " WRONG" in line]
        if wrong:
            answer["wrong"] = wrong[:MOST_WRONG]
        if status != "passed":
            answer["tail"] = said[-TAIL:]
        return answer

    def cases(self, program, depth, everything=False):
        """The names of a program's cases, each cut off after so many parts and named once."""
        full = {"GESSO_FULL": "1"} if everything else {}
        status, output, said = self.run(self.command(program, "-l"), {**self.environment(), **full})
        if status != "passed":
            raise stages.Failure(status, said[-TAIL:])
        names = re.findall(r"^(?:# )?(/.+)$", output, re.MULTILINE)
        return list(dict.fromkeys("/".join(name.split("/")[:depth + 1]) for name in names))

    def run_json(self, command, environment=None, most=ITEM_SECONDS):
        """A program that ends with a JSON object; one that is cut off may have said some before."""
        status, output, said = self.run(command, environment, most)
        found = last_object(output)
        error = found.pop("error", None)
        if error:
            return {"status": why(f"{error['code']} {error['message']}"), "error": error, **found}
        answer = {"status": status, **found}
        if status != "passed":
            answer["tail"] = said[-TAIL:]
        return answer

    def run_data(self, program, *arguments, settings=None):
        return self.run_json(self.command(program, *arguments), {**self.environment(), **(settings or {})})

    # --- what stages need ---

    def model(self, name):
        """The folder of a full-size model, made here from the formula; in miniature, that of the smallest one."""
        if self.miniature:
            return self.models / stages.SMALLEST
        folder, packed = self.scratch / name, json.dumps(self.packed)
        made = folder / "made"
        if not made.exists() or made.read_text(encoding="utf-8") != packed:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            status, _, said = self.run(self.command("make-full-model", name, folder))
            if status != "passed":
                raise stages.Failure(status, said[-TAIL:])
            made.write_text(packed, encoding="utf-8")
        return folder

    def peer(self, model, *arguments, most=ITEM_SECONDS):
        """diffusers on the same folder, by the Python that runs this."""
        # What is installed comes first; what was carried fills in. What torch compiles is kept for the next time.
        environment = {**os.environ, "GESSO_TRIAL_SITE": str(self.unpacked / "site"),
                       "TORCHINDUCTOR_CACHE_DIR": str(self.scratch / "inductor")}
        return self.run_json([sys.executable, "-B", str(HERE / "peer.py"), str(model), "--device",
                              self.options.peer_device, *map(str, arguments)], environment, most)

    # --- stages ---

    def device(self):
        """Which card there is: {"status", "devices" or "error"}; also where what was carried cannot be unpacked."""
        try:
            self.unpack()
        except Exception as error:  # whatever ails it, a disk that is full or a Python without lzma: the JSON says so
            return {"status": "not unpacked", "card": "", "error": {"code": "IO", "message": repr(error)}}
        self.deadline = min(time.monotonic() + 120, self.end)
        found = self.run_data("trial-picture", "device", self.models / stages.SMALLEST)
        card = re.search(r"^.*compute capability [0-9.]*", found.get("devices", ""), re.MULTILINE)
        self.has_warpgroups = bool(card) and card[0].endswith(" 9.0")
        return {**found, "card": card[0] if card else "", **(self.try_warpgroups() if self.has_warpgroups else {})}

    def try_warpgroups(self):
        """Products of warpgroups whose sums are wrong are found by the engine itself; such as end the program, or stop
        the card, would end every program here. Then all go without them, now and at later starts, which is said."""
        without = {"GESSO_CUDA_WARPGROUPS": "off"}
        # Whoever loads a network proves them first; what is asked beside tells whether they are what ends it.
        command = self.command("trial-networks", "times", self.models / stages.SMALLEST, "--size",
                               16 if self.miniature else 64, "--rounds", 1, "--repeats", 1)
        verdict_file = self.scratch / "warpgroups.json"
        known = read_object(verdict_file)
        if known.get("packed") != self.packed:
            known = {}
            most = START_SECONDS + int(self.environment()["GESSO_CUDA_PATIENCE"])
            status, _, said = self.run(command, most=most)
            # A first start may be slow, and be cut off for that.
            if (status != "passed" and self.run(command, {**self.environment(), **without}, most)[0] == "passed"
                    and self.run(command, most=most)[0] != "passed"):
                known = {"packed": self.packed, "why": f"left out, since with them a network {status}: {said[-TAIL:]}"}
                write(verdict_file, json.dumps(known))
        if not known:
            return {}
        self.settings.update(without)
        self.has_warpgroups = False
        return {"warpgroups": known["why"]}

    def read(self, letter):
        return read_object(self.results / f"{letter}.json")

    def publish(self):
        """The figures so far as text; and everything in the folder for copies, if that can be written."""
        records = {letter: self.read(letter) for letter in stages.STAGES}
        text = table.text(records)
        write(self.results / "table.txt", text)
        with contextlib.suppress(OSError):
            self.copies.mkdir(parents=True, exist_ok=True)
            write(self.copies / "trial.json", json.dumps(records, indent=1) + "\n")
            for name in ("table.txt", "log.txt"):
                shutil.copyfile(self.results / name, self.copies / name)
        return text

    def run_stage(self, letter, device):
        title, items, most = stages.STAGES[letter]
        found = self.read(letter)
        settings = {name: value for name, value in sorted({**os.environ, **self.settings}.items())
                    if name.startswith("GESSO_CU")}
        asked = {"card": device["card"], "miniature": self.miniature, "settings": settings, **self.packed}
        same = found.get("asked") == asked and not self.options.again
        kept = found.get("items", {}) if same else {}
        record = {"stage": letter, "title": title, "status": "running", "device": device, "asked": asked,
                  "seconds": found.get("seconds", 0.0) if same else 0.0, "items": kept}
        answers = ("passed",) if self.options.retry else ANSWERS
        begin, before = time.monotonic(), record["seconds"]
        self.deadline = min(begin + (self.options.seconds or most), self.end)

        def save(status):
            record["status"] = status
            record["seconds"] = round(before + time.monotonic() - begin, 1)
            # A full disk is no reason to end.
            with contextlib.suppress(OSError):
                write(self.results / f"{letter}.json", json.dumps(record, indent=1) + "\n")
                self.publish()

        if device["status"] in HOPELESS:
            # What was found before stays, and is gone on from when there is a card again.
            record.update(items=found.get("items", {}), asked=found.get("asked", asked), seconds=found.get("seconds", 0.0))
            before = record["seconds"]
            save(device["status"])
            return record
        try:
            if self.left() <= 0 and same and found.get("status") == "passed":
                return found
            asked_now = in_turn(items(self), kept)
            # What stood in the place of cases that could not be listed then.
            for name in [name for name, item in kept.items() if item.get("unlisted") and name not in dict(asked_now)]:
                del kept[name]
            open_items = [item for item in asked_now if kept.get(item[0], {}).get("status") not in answers]
            for number, (name, item) in enumerate(open_items):
                self.waiting = len(open_items) - number
                before_now = kept.get(name, {})
                self.was_cut_off = before_now.get("status") == "cut off"
                kept[name] = {**before_now, "status": "running"}
                save("running")
                started = time.monotonic()
                answer = self.answer(item)
                # What is cut off once more keeps what was measured before.
                kept[name] = {**(before_now if answer["status"] == "cut off" else {}), **answer,
                              "took": round(time.monotonic() - started, 1)}
                print(f"{letter} {name}: {kept[name]['status']} ({kept[name]['took']} s)", flush=True)
                if kept[name]["status"] == "cut off" and self.left() <= 0:
                    break
        except CutOff:
            for item in kept.values():
                if item["status"] == "running":
                    item["status"] = "cut off"
            save("cut off")
            raise
        save(verdict([item["status"] for item in kept.values()], self.miniature))
        return record

    @staticmethod
    def answer(item):
        try:
            return item()
        except stages.Failure as failure:
            return {"status": failure.status, "tail": failure.text}
        except (OSError, subprocess.SubprocessError, LookupError, ValueError) as error:
            return {"status": "failed", "tail": repr(error)}


def cut_off(_number, _frame):
    raise CutOff


def main():
    parser = argparse.ArgumentParser(prog="run", description=__doc__.split("\n\n", maxsplit=1)[0],
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="\n".join(f"{letter}  {title} ({most} s)" for letter, (title, _, most) in
                                                      stages.STAGES.items()) + "\n\nAnother card, other settings "
                                     "(GESSO_CU...) or another folder begin a stage anew.")
    parser.add_argument("--stages", default=stages.ORDER,
                        help="which, as letters in the order in which they are asked (default: %(default)s)")
    parser.add_argument("--scratch", default=f"{tempfile.gettempdir()}/gesso-trial-{os.getuid()}",
                        help="folder for full-size models, some 2 GB each; they are kept")
    parser.add_argument("--results", help="folder for the JSON; SCRATCH/results by default")
    parser.add_argument("--copies", default=os.environ.get("OUT") or str(HERE / "results"),
                        help="folder for trial.json (all stages), table.txt and log.txt; $OUT, or else results beside "
                        "this program")
    parser.add_argument("--seconds", type=float, help="most of a stage; its own by default")
    parser.add_argument("--total", type=float, default=570.0, help="most of all stages; 570 by default")
    parser.add_argument("--retry", action="store_true", help="ask again what did not pass")
    parser.add_argument("--again", action="store_true", help="ask again what has an answer")
    parser.add_argument("--peer-device", default="cuda", help="what diffusers computes on; cpu to try it")
    parser.add_argument("--miniature", action="store_true", help="small models only: a trial of the trial")
    options = parser.parse_args()
    if set(options.stages) - set(stages.STAGES):
        parser.error(f"stages are {''.join(stages.STAGES)}")

    trial = Trial(options)
    signal.signal(signal.SIGTERM, cut_off)
    signal.signal(signal.SIGINT, cut_off)
    records = []
    try:
        device = trial.device()
        if device["status"] != "passed":
            print(f"{device['status']}: {device.get('error', {}).get('message') or device.get('tail', '')}", flush=True)
        if "warpgroups" in device:
            print(f"products of warpgroups: {device['warpgroups']}", flush=True)
        records = [trial.run_stage(letter, device) for letter in options.stages]
    except CutOff:
        print("cut off; start it again to go on", flush=True)
        return 130
    finally:
        trial.end_child()
        trial.clean()
        print(f"{trial.publish()}\nAll of it: {trial.results}, {trial.copies}", flush=True)
    return 0 if all(record["status"] == "passed" for record in records) else 1


if __name__ == "__main__":
    sys.exit(main())
