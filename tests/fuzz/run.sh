#!/bin/sh
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs one fuzz target from its seeds, which stay as they are.
# usage: run.sh PROGRAM CORPUS MAX_LEN DICTIONARY [CORPUS...]      (DICTIONARY may be empty)
set -eu

program=$1
corpus=$2
max_len=$3
dictionary=$4
shift 4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in "$corpus" "$@"; do
  for seed in "$folder"/*; do
    cp "$seed" "$work/$(basename "$folder")-$(basename "$seed")"
  done
done

# libFuzzer would end a crash with 77, which Meson takes for "skipped".
# No reader has a reason to ask for more than a few megabytes for files this small.
"$program" -runs="${GESSO_FUZZ_RUNS:-20000}" -seed=1 -max_len="$max_len" -timeout=5 -rss_limit_mb=512 \
  -malloc_limit_mb=32 -error_exitcode=1 -print_final_stats=1 -artifact_prefix="$(basename "$program")-" \
  ${dictionary:+-dict="$dictionary"} "$work"
