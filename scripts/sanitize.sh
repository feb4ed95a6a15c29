#!/usr/bin/env bash
# The C++ tests under sanitizers, for a nightly job (about ten minutes on two cores): the address and undefined-behaviour
# sanitizers with the compiler of the other builds, then the thread sanitizer with clang, whose OpenMP library tells it
# by libarcher what barriers order (with g++ every barrier would be a false alarm).
# usage: scripts/sanitize.sh [address|thread]      both by default
# Needs scripts/setup.sh first; for the thread sanitizer Debian's packages clang and libomp-dev.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="$PWD/.venv/bin/python"
export PATH="$PWD/.venv/bin:$PATH"

# check NAME SANITIZERS [CMake argument ...]: build into build/sanitize-NAME and run ctest there.
check() {
  local folder="build/sanitize-$1" sanitizers="$2"
  shift 2
  cmake -S . -B "$folder" -G Ninja -DTLMLP_SANITIZE="$sanitizers" -DTLMLP_TESTS=ON -DTLMLP_TORCH=OFF -DTLMLP_PYTHON=OFF \
    -DTLMLP_LAMMPS=OFF -DTLMLP_OPENMM=OFF -DPython_EXECUTABLE="$python" "$@" > "$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
  cmake --build "$folder"
  ctest --test-dir "$folder" --output-on-failure --timeout 1200
}

mkdir -p build
case "${1:-both}" in address | thread | both) ;; *) echo "usage: scripts/sanitize.sh [address|thread]" >&2; exit 2 ;; esac
if [[ "${1:-both}" != thread ]]; then
  # libgomp and vesin keep memory to the end.
  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 check address address,undefined
fi
if [[ "${1:-both}" != address ]]; then
  clang="${CLANG:-clang++}"
  archer="$(find /usr/lib/llvm-*/lib -name libarcher.so 2> /dev/null | sort -V | tail -n 1 || true)"
  if ! command -v "$clang" > /dev/null || [[ -z "$archer" ]]; then
    echo "SKIPPED the thread sanitizer: it needs clang and libarcher (Debian: apt install clang libomp-dev)"
    exit 0
  fi
  OMP_TOOL_LIBRARIES="$archer" TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1" \
    check thread thread -DCMAKE_CXX_COMPILER="$clang"
fi
