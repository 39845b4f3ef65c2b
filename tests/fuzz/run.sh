#!/bin/sh
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs one fuzz target from its seeds, which stay as they are; an input that fails is kept in the folder artifacts.
# usage: run.sh PROGRAM CORPUS MAX_LEN DICTIONARY [CORPUS...]      (DICTIONARY may be empty)
# GESSO_FUZZ_RUNS and GESSO_FUZZ_SECONDS bound it; GESSO_FUZZ_SEED=0 takes another way every time.
set -eu

program=$1
corpus=$2
max_len=$3
dictionary=$4
shift 4

# Files that come and go by the thousand: in memory where there is such a place, since disks take most of the time.
memory=/dev/shm
[ -w "$memory" ] || memory=${TMPDIR:-/tmp}
work=$(mktemp -d -p "$memory")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
for folder in "$corpus" "$@"; do
  for seed in "$folder"/*; do
    cp "$seed" "$work/$(basename "$folder")-$(basename "$seed")"
  done
done
mkdir -p artifacts

# libFuzzer would end a crash with 77, which Meson takes for "skipped".
# No reader has a reason to ask for more than a few megabytes for files this small.
"$program" -runs="${GESSO_FUZZ_RUNS:-20000}" -max_total_time="${GESSO_FUZZ_SECONDS:-0}" -seed="${GESSO_FUZZ_SEED:-1}" \
  -max_len="$max_len" -timeout=10 -rss_limit_mb=512 -malloc_limit_mb=32 -error_exitcode=1 -timeout_exitcode=1 \
  -print_final_stats=1 -artifact_prefix="artifacts/$(basename "$program")-" ${dictionary:+-dict="$dictionary"} "$work"
