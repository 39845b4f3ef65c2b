#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""with-display.py PROGRAM ARGS: runs a program under an X server of its own, with settings and caches of its own."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile

SERVER_SECONDS = 30


def start_server(screen):
    """The server and the number of the display it has chosen."""
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", screen, "-dpi", "96", "-nolisten", "tcp"],
        pass_fds=[write_end],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        ready, _, _ = select.select([pipe], [], [], SERVER_SECONDS)
        display = pipe.readline().strip() if ready else ""
    return server, display


def environment(display, home):
    """Neither the caller's settings nor a session's services."""
    env = dict(os.environ, DISPLAY=f":{display}", NO_AT_BRIDGE="1", GDK_BACKEND="x11", GSETTINGS_BACKEND="memory")
    for name in ("CONFIG", "CACHE", "DATA"):
        env[f"XDG_{name}_HOME"] = os.path.join(home, name.lower())
        os.mkdir(env[f"XDG_{name}_HOME"])
    for name in ("WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "GTK_MODULES"):
        env.pop(name, None)
    return env


def main():
    if len(sys.argv) < 2 or not shutil.which(sys.argv[1]):
        sys.exit(__doc__)
    if not shutil.which("Xvfb"):
        print("1..0 # SKIP Xvfb is not installed")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    server, display = start_server(os.environ.get("GESSO_TEST_SCREEN", "1600x1200x24"))
    try:
        if not display:
            print("Bail out! Xvfb did not start")
            return 1
        with tempfile.TemporaryDirectory(prefix="gesso-test-") as home:
            return subprocess.run(sys.argv[1:], env=environment(display, home), check=False).returncode
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
