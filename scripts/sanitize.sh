#!/usr/bin/env bash
# The C++ tests under sanitizers, for a nightly job: the address and undefined-behaviour sanitizers, then the thread
# sanitizer. Both with clang: its OpenMP library tells the thread sanitizer by libarcher what barriers order (with g++
# every barrier would be a false alarm), and it compiles the kernels under the sanitizers several times faster.
# usage: scripts/sanitize.sh [address|thread]      both by default
# Needs scripts/setup.sh first, and Debian's packages clang and libomp-dev (elsewhere the like).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="$PWD/.venv/bin/python"
export PATH="$PWD/.venv/bin:$PATH"

# check NAME SANITIZERS: build into build/sanitize-NAME and run ctest there.
check() {
  local folder="build/sanitize-$1" sanitizers="$2"
  cmake -S . -B "$folder" -G Ninja -DTLMLP_SANITIZE="$sanitizers" -DTLMLP_TESTS=ON -DTLMLP_TORCH=OFF -DTLMLP_PYTHON=OFF \
    -DTLMLP_LAMMPS=OFF -DTLMLP_OPENMM=OFF -DPython_EXECUTABLE="$python" -DCMAKE_CXX_COMPILER="$clang" > "$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
  cmake --build "$folder"
  ctest --test-dir "$folder" --output-on-failure --timeout 1200
}

mkdir -p build
clang="${CLANG:-clang++}"
which="${1:-both}"
case "$which" in address | thread | both) ;; *) echo "usage: scripts/sanitize.sh [address|thread]" >&2; exit 2 ;; esac
command -v "$clang" > /dev/null || { echo "error: no $clang found; install clang, or set CLANG" >&2; exit 2; }
if [[ "$which" != thread ]]; then
  # OpenMP's and vesin's libraries keep memory to the end.
  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 check address address,undefined
fi
if [[ "$which" != address ]]; then
  archer="$(find /usr/lib/llvm-*/lib -name libarcher.so 2> /dev/null | sort -V | tail -n 1 || true)"
  [[ -n "$archer" ]] || { echo "error: no libarcher.so found; install libomp-dev" >&2; exit 2; }
  OMP_TOOL_LIBRARIES="$archer" TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1" check thread thread
fi
