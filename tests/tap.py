# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Cases of a test as Meson and tools/check read them (TAP). For all test programs in Python:

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import tap
"""

import time
import traceback


class Skip(Exception):
    """Raised by a case that cannot run here; says why."""


class Report:
    """Counts cases and prints each."""

    def __init__(self):
        self.n_cases = 0
        self.n_failed = 0

    def case(self, passed, name, detail=""):
        """`detail`: what there is to say where it failed."""
        self.n_cases += 1
        self.n_failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.n_cases} - {name}", flush=True)
        if not passed:
            self.note(detail)

    def told(self, passed, name, detail):
        """A case whose detail is worth reading where it passed, too."""
        self.note(detail)
        self.case(passed, name)

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def end(self):
        """The plan; returns the exit status."""
        print(f"1..{self.n_cases}", flush=True)
        return 1 if self.n_failed or not self.n_cases else 0


def run_cases(cases, wanted=()):
    """Calls functions, each a case named after it; all, or those whose name holds a word of `wanted`. Returns the exit
    status."""
    report = Report()
    for case in cases:
        name = case.__name__.removeprefix("test_").replace("_", " ")
        if wanted and not any(word in name for word in wanted):
            continue
        start = time.monotonic()
        try:
            case()
        except Skip as reason:
            report.case(True, f"{name} # SKIP {reason}")
        except Exception:  # noqa: BLE001: whatever it is, the other cases are to run
            report.case(False, name, traceback.format_exc())
        else:
            report.case(True, f"{name} ({time.monotonic() - start:.1f} s)")
    return report.end()


def cases_of(module):
    """The functions test_... of a module, in their order."""
    return [value for name, value in vars(module).items() if name.startswith("test_") and callable(value)]
