#!/usr/bin/env bash
# Fuzz the readers of files from anywhere: model files, archives and JSON by libFuzzer under the address and
# undefined-behaviour sanitizers, extended XYZ by seeded mutations in Python.
# usage: scripts/fuzz.sh [SECONDS [EXECUTIONS]]   20 s by default, for each of the four, side by side
#        scripts/fuzz.sh 3600                     the long run: an hour for each
#        scripts/fuzz.sh 36000 1000000            the three of libFuzzer end after a million executions each, if that is sooner
# Needs clang with libFuzzer for these three; where it is missing they are left out, and that is said.
# An input that fails is kept in build/fuzz, with the command that runs it again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds="${1:-20}"
executions="${2:--1}"
clang="${CLANG:-clang++}"
work="$PWD/build/fuzz"
mkdir -p "$work"

core=(checksum golden_images json model_file packing safetensors weights zip)
sources=("${core[@]/#/csrc/core/src/}")
sources=("${sources[@]/%/.cpp}")
objects=("${core[@]/#/$work/}")
objects=("${objects[@]/%/.o}")
flags=(-std=c++20 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -Icsrc/core/include -Icsrc/core/src)

# The core's files are compiled once, then linked with each reader's program.
build() {
  local name file job running=()
  for file in "${sources[@]}" tests/fuzz/fuzz_{archive,model,json}.cpp; do
    "$clang" "${flags[@]}" -fsanitize=fuzzer-no-link,address,undefined -c "$file" -o "$work/$(basename "$file" .cpp).o" &
    running+=($!)
    if (( ${#running[@]} == $(nproc) )); then
      wait "${running[0]}"
      running=("${running[@]:1}")
    fi
  done
  for job in "${running[@]}"; do wait "$job"; done
  for name in archive model json; do
    "$clang" -fsanitize=fuzzer,address,undefined "$work/fuzz_$name.o" "${objects[@]}" -o "$work/fuzz_$name"
  done
}

# The seeds of fuzz_model are what make_corpus writes today, beside those of format 1.0 that it wrote before.
check_seeds() {
  local seeds="tests/fuzz/corpus/model" file
  "$clang" "${flags[@]}" -fsanitize=fuzzer-no-link,address,undefined tests/fuzz/make_corpus.cpp "${objects[@]}" -o "$work/make_corpus"
  rm -rf "$work/seeds" && mkdir "$work/seeds" && "$work/make_corpus" "$work/seeds"
  for file in "$work"/seeds/*; do
    cmp -s "$file" "$seeds/$(basename "$file")" || {
      echo "error: $seeds/$(basename "$file") is not what make_corpus writes; take it from build/fuzz/seeds" >&2
      return 1
    }
  done
}

# libfuzzer NAME MAX_LENGTH: new inputs go to build/fuzz, the kept corpus stays as it is.
libfuzzer() {
  mkdir -p "$work/corpus-$1"
  "$work/fuzz_$1" "$work/corpus-$1" "tests/fuzz/corpus/$1" -dict=tests/fuzz/json.dict -max_len="$2" -max_total_time="$seconds" -runs="$executions" \
    -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="$work/$1-" > "$work/$1.log" 2>&1 || {
    tail -n 60 "$work/$1.log" >&2
    echo "error: fuzz_$1 failed; run it again with: build/fuzz/fuzz_$1 build/fuzz/$1-..." >&2
    return 1
  }
  echo "fuzz $1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$1.log") executions without a fault, $(sed -n \
    's/^stat::peak_rss_mb: *//p' "$work/$1.log") MB at most"
}

jobs=()
python="${PYTHON:-.venv/bin/python}"
[[ -x "$python" ]] || python=python3
"$python" tests/fuzz/fuzz_extxyz.py "$seconds" &
jobs+=($!)
if echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char *, unsigned long) { return 0; }' |
  "$clang" -fsanitize=fuzzer,address,undefined -x c++ - -o "$work/probe" 2> /dev/null; then
  build
  check_seeds &
  jobs+=($!)
  for target in "archive 4096" "model 30000" "json 4096"; do
    read -r name length <<< "$target"
    libfuzzer "$name" "$length" &
    jobs+=($!)
  done
else
  echo "SKIPPED fuzzing of model files, archives and JSON: $clang with libFuzzer is not here (Debian: apt install clang)"
fi
status=0
for job in "${jobs[@]}"; do
  wait "$job" || status=1
done
exit "$status"
