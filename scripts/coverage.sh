#!/usr/bin/env bash
# Which lines the tests run: of Python by coverage.py, of the C++ engine by gcov. Two tables; minutes.
# usage: scripts/coverage.sh [python|cpp] [pytest arguments]      both unless one is named
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --tests
export PATH="$PWD/.venv/bin:$PATH" OMP_NUM_THREADS=1
part="${1:-both}"
(( $# == 0 )) || shift

if [[ "$part" == both || "$part" == cpp ]]; then
  cmake --preset coverage > /dev/null
  cmake --build --preset coverage
  ctest --preset coverage --exclude-regex 'installed_package|device_barriers'
  gcovr --root . --filter 'csrc/' build/coverage --gcov-ignore-parse-errors=negative_hits.warn --txt-summary
fi
if [[ "$part" == both || "$part" == python ]]; then
  (( $# > 0 )) || set -- -n 2 --dist loadfile tests/python
  python -m pytest -q --cov=tlmlp --cov-report=term:skip-covered "$@"
fi
