#!/usr/bin/env bash
# clang-tidy with the list of .clang-tidy over the engine's sources; minutes, so no part of scripts/test.sh.
# usage: scripts/tidy.sh [FILE ...]     default: all of csrc/core and csrc/cuda that the core's tests compile
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -x .venv/bin/clang-tidy ]] || scripts/setup.sh --tests
export PATH="$PWD/.venv/bin:$PATH"
cmake --preset core > /dev/null
if (( $# == 0 )); then
  mapfile -t files < <(git ls-files 'csrc/core/src/*.cpp' 'csrc/cuda/*.cpp' | grep -v -e kernels/ -e cuda_device)
  set -- "${files[@]}"
fi
printf '%s\0' "$@" | xargs -0 -n 4 -P "$(nproc)" clang-tidy -p build/core-tests --quiet --warnings-as-errors='*' \
  --extra-arg=-idirafter --extra-arg="$("${CXX:-c++}" -print-file-name=include)" # omp.h of the compiler
