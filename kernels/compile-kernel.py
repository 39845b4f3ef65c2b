#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0

"""compile-kernel.py IMAGE RESOURCES DEPENDENCIES COMMAND...

Runs nvcc, and keeps in RESOURCES what each kernel takes on each architecture: name, architecture, registers, bytes of
static shared memory, bytes of spills; one a line. In DEPENDENCIES it leaves the headers that were read, as a makefile
has them. A kernel that spills registers is an error, and so is one with a stack: values by number (an array whose loop
was not unrolled, say) lie there without a spill, and are as slow. So is what ptxas itself calls a potential loss of
performance: products of warpgroups that wait for each other.
"""

import re
import subprocess
import sys

ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
FRAME = re.compile(r'(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads')
USED = re.compile(r'Used (\d+) registers')
SHARED = re.compile(r'(\d+) bytes smem')
LOSS = 'Potential Performance Loss'


def main():
    image, resources, dependencies, *command = sys.argv[1:]
    done = subprocess.run([*command, '-MD', '-MF', dependencies, '-Xptxas', '-v', '-o', image], stderr=subprocess.PIPE,
                          text=True, check=False)
    name, stack, spills, lines, failed = None, 0, 0, [], done.returncode != 0
    for line in done.stderr.splitlines():
        entry, frame, used = ENTRY.search(line), FRAME.search(line), USED.search(line)
        if LOSS in line:
            print(f'the compiler knows of a loss: {line}', file=sys.stderr)
            failed = True
        elif entry:
            name, stack, spills = entry.groups(), 0, 0
        elif frame and name:
            stack, spills = int(frame[1]), int(frame[2]) + int(frame[3])
        elif used and name:
            shared = SHARED.search(line)
            lines.append(f'{name[0]} {name[1]} {used[1]} {shared[1] if shared else 0} {spills}\n')
            if spills:
                print(f'{name[0]} spills {spills} bytes of registers on {name[1]}: give it fewer values to keep, or '
                      'more registers by smaller launch bounds', file=sys.stderr)
                failed = True
            elif stack:
                print(f'{name[0]} has {stack} bytes of stack on {name[1]}: index its arrays by constants, and unroll the '
                      'loops around them', file=sys.stderr)
                failed = True
            name = None
    if failed or not lines:
        sys.stderr.write(done.stderr)
        return 1
    with open(resources, 'w', encoding='utf-8') as file:
        file.writelines(lines)
    return 0


sys.exit(main())
