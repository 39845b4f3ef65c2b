# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Other files in the place of some, for one command alone."""

import os
import subprocess
from pathlib import Path


def namespace():
    """What runs a command where what it mounts is its own; None where that cannot be had."""
    command = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"]
    # Below another root nothing can be said about "/", and need not be said in a namespace that shares nothing.
    inside = [*command, "--propagation", "unchanged"]
    shared = " shared:" in Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    for wanted in (command, *([] if shared else [inside])):
        if subprocess.run([*wanted, "true"], capture_output=True, check=False).returncode == 0:
            return wanted
    return None


def covering(pairs):
    """A command that runs another one with each second path of the pairs covered by the first; None as above."""
    prefix = namespace()
    if not prefix:
        return None
    mounts = "".join(f'mount --bind "${2 * i + 1}" "${2 * i + 2}" && ' for i in range(len(pairs)))
    paths = [str(path) for pair in pairs for path in pair]
    return [*prefix, "sh", "-c", f'{mounts}shift {len(paths)} && exec "$@"', "sh", *paths]
