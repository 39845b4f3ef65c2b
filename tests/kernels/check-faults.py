#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0

"""The tests' own test: applies each deliberate fault of faults/ to a copy of the kernels and sees that the proofs
catch it, in the way that the patch's head says: by wrong results (plain), AddressSanitizer (asan) or the race
detector (races). The same kernels without a fault must pass in the same way, so that what merely could not be built
or started does not count as caught.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import tap  # noqa: E402

FLAGS = {
    'plain': ['-O2'],
    'asan': ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'],
    'races': ['-O2', '-fsanitize=thread'],
}
# What says that the process was there and found something; a start that failed prints none of it.
SIGNS = {
    'plain': re.compile(r' WRONG$|^emulation: ', re.M),
    'asan': re.compile(r'ERROR: AddressSanitizer|runtime error:'),
    'races': re.compile(r'^emulation: RACE', re.M),
}


class Fault:
    def __init__(self, path):
        text = path.read_text()
        self.name, self.path = path.stem, path
        self.source, self.proof, self.variant = (
            re.search(rf'^{key}: (.+)$', text, re.M)[1] for key in ('source', 'proof', 'caught by'))


def build(options, folder, source, variant):
    """A driver whose kernels of `source` are those of `folder`: what is registered last is found first."""
    driver = pathlib.Path(options.races if variant == 'races' else options.driver)
    library = folder / f'libfault-{variant}.so'
    wrapper = folder / 'fault.cpp'
    wrapper.write_text(f'#define GESSO_TYPE_F16\n#include "{source}.cu"\n')
    command = [*options.cxx.split(), '-std=c++17', '-g1', '-fPIC', '-Wno-unknown-pragmas', *FLAGS[variant],
               *options.include.split(), f'-I{folder}/kernels', f'-I{options.root}/tests/kernels',
               '-c', str(wrapper), '-o', str(folder / 'fault.o')]
    subprocess.run(command, check=True)
    link = [] if variant == 'races' else FLAGS[variant]
    subprocess.run([*options.cxx.split(), '-shared', *link, str(folder / 'fault.o'), str(driver),
                    f'-Wl,-rpath,{driver.parent}', '-o', str(library)], check=True)
    return library


def run(options, library, proof, variant):
    # As the card that has all kinds of kernels.
    environment = dict(os.environ, GESSO_CUDA_DRIVER=str(library), GESSO_CUBLASLT='none', GESSO_EMULATION_CAPABILITY='9.0')
    if variant == 'races':
        environment['GESSO_EMULATION_RACES'] = '1'
    if variant == 'asan':
        environment['ASAN_OPTIONS'] = 'detect_leaks=0'
        environment['LD_PRELOAD'] = subprocess.run([*options.cxx.split(), '-print-file-name=libasan.so'], check=True,
                                                   capture_output=True, text=True).stdout.strip()
    process = subprocess.run([options.prove, '--quick', proof], env=environment, capture_output=True, text=True,
                             timeout=600, check=False)
    return process.returncode, process.stdout + process.stderr


def try_one(options, source, proof, variant, patch):
    """The exit status and what was printed, with `patch` applied or (None) as it is."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copytree(options.root / 'kernels', folder / 'kernels')
        if patch:
            subprocess.run(['git', 'apply', '-p1', str(patch)], cwd=folder, check=True)
        return run(options, build(options, folder, source, variant), proof, variant)


def judge(options, job):
    source, proof, variant, fault = job
    status, output = try_one(options, source, proof, variant, fault.path if fault else None)
    last = output.strip().splitlines()[-1:] or ['']
    if not fault:
        return status == 0, f'{source} without a fault, {variant}', last[0]
    sign = SIGNS[variant].search(output)
    line = sign and output[output.rfind('\n', 0, sign.start() + 1) + 1:].split('\n')[0]
    return status != 0 and bool(sign), f'{fault.name}, {variant}', line or last[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ('cxx', 'include', 'prove', 'driver', 'races'):
        parser.add_argument(f'--{name}', required=True)
    parser.add_argument('--root', type=pathlib.Path, required=True)
    parser.add_argument('names', nargs='*', help='faults to try; all by default')
    options = parser.parse_args()

    faults = [Fault(path) for path in sorted((options.root / 'tests/kernels/faults').glob('*.patch'))
              if not options.names or path.stem in options.names]
    jobs = [(*key, None) for key in sorted({(fault.source, fault.proof, fault.variant) for fault in faults})]
    jobs += [(fault.source, fault.proof, fault.variant, fault) for fault in faults]
    report = tap.Report()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for right, name, line in pool.map(lambda job: judge(options, job), jobs):
            report.told(right, name, line[:200])
    return report.end()


sys.exit(main())
