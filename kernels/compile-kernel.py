#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0

"""compile-kernel.py IMAGE RESOURCES COMMAND...

Runs nvcc, and keeps in RESOURCES what each kernel takes on each architecture: name, architecture, registers, bytes of
static shared memory, bytes of spills; one a line. A kernel that spills registers is an error.
"""

import re
import subprocess
import sys

ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
SPILLS = re.compile(r'(\d+) bytes spill stores, (\d+) bytes spill loads')
USED = re.compile(r'Used (\d+) registers')
SHARED = re.compile(r'(\d+) bytes smem')


def main():
    image, resources, *command = sys.argv[1:]
    done = subprocess.run([*command, '-Xptxas', '-v', '-o', image], stderr=subprocess.PIPE, text=True, check=False)
    name, spills, lines, failed = None, 0, [], done.returncode != 0
    for line in done.stderr.splitlines():
        entry, spilt, used = ENTRY.search(line), SPILLS.search(line), USED.search(line)
        if entry:
            name, spills = entry.groups(), 0
        elif spilt:
            spills = int(spilt[1]) + int(spilt[2])
        elif used and name:
            shared = SHARED.search(line)
            lines.append(f'{name[0]} {name[1]} {used[1]} {shared[1] if shared else 0} {spills}\n')
            if spills:
                print(f'{name[0]} spills {spills} bytes of registers on {name[1]}: give it fewer values to keep, or '
                      'more registers by smaller launch bounds', file=sys.stderr)
                failed = True
            name = None
    if failed or not lines:
        sys.stderr.write(done.stderr)
        return 1
    with open(resources, 'w', encoding='utf-8') as file:
        file.writelines(lines)
    return 0


sys.exit(main())
